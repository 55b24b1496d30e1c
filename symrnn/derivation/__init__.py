"""Backward equations.

`derive`      the sweep over one step, the recurrence over time, the gradients
`sweep`       how one equation passes its adjoint on
`differentiate`  the elementwise rules
`derivation`  the result
"""

from .derivation import Derivation
from .derive import derive

__all__ = ["Derivation", "derive"]
