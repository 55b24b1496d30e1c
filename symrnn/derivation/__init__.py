"""Backward equations.

`derive`      the sweep over one step, the recurrence over time, the gradients
`sweep`       how one equation passes its adjoint on
`differentiate`  the elementwise rules
`derivation`  the result
`push`        the rate of an expression: forward mode
`ahead`       the rates of a derivation: Jacobian–vector and Hessian–vector products
`influence`   what a state owes to a parameter, carried forward: RTRL
`eligibility` the same along the diagonal alone: eligibility traces
`network`     of a network: those of its blocks, and who reads what
`moments`     a value as a formula may speak of it besides: of another step, of a step without its past
`analysis`    liveness, what is broadcast, which sizes are used: asked by every emitter
"""

from ..contents import TYPE_CHECKING, contents
from .derivation import Derivation as Derivation
from .derive import derive as derive

if TYPE_CHECKING:
    from .ahead import HessianProduct as HessianProduct
    from .ahead import Tangent as Tangent
    from .ahead import hessian_product as hessian_product
    from .ahead import tangent as tangent
    from .eligibility import Traces as Traces
    from .eligibility import traces as traces
    from .influence import Influence as Influence
    from .influence import rtrl as rtrl
    from .network import NetworkDerivation as NetworkDerivation
else:
    __getattr__, __dir__ = contents()
