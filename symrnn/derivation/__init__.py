"""Backward equations.

`derive`      the sweep over one step, the recurrence over time, the gradients
`sweep`       how one equation passes its adjoint on
`differentiate`  the elementwise rules
`derivation`  the result
`push`        the rate of an expression: forward mode
`tangent`     the rates of a derivation: Jacobian–vector and Hessian–vector products
`influence`   what a state owes to a parameter, carried forward: RTRL
`traces`      the same along the diagonal alone: eligibility traces
`network`     of a network: those of its blocks, and who reads what
`moments`     a value as a formula may speak of it besides: of another step, of a step without its past
`analysis`    liveness, what is broadcast, which sizes are used: asked by every emitter
"""

from .derivation import Derivation
from .derive import derive
from .influence import Influence, rtrl
from .network import NetworkDerivation
from .tangent import HessianProduct, Tangent, hessian_product, tangent
from .traces import Traces, traces

__all__ = [
    "Derivation", "HessianProduct", "Influence", "NetworkDerivation", "Tangent", "Traces", "derive", "hessian_product",
    "rtrl", "tangent", "traces",
]  # fmt: skip
