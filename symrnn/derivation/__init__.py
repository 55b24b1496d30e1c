"""Backward equations.

`derive`      the sweep over one step, the recurrence over time, the gradients
`sweep`       how one equation passes its adjoint on
`differentiate`  the elementwise rules
`derivation`  the result
`network`     of a network: those of its blocks, and who reads what
`moments`     a value as a formula may speak of it besides: of another step, of a step without its past
`analysis`    liveness, what is broadcast, which sizes are used: asked by every emitter
"""

from .derivation import Derivation
from .derive import derive
from .network import NetworkDerivation

__all__ = ["Derivation", "NetworkDerivation", "derive"]
