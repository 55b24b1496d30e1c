"""Derivatives that run forward in time, as numbers: rates, Hessian products, influences of parameters, traces.

`sequence`   arrays of a call, checked; what a step's equations are run over
`rates`      Jacobian–vector products, and products of the Hessian
`online`     gradients without a way back: RTRL and eligibility traces
"""

from .online import InfluenceKernel, Online, TraceKernel
from .rates import HessianKernel, Rates, TangentKernel

__all__ = ["HessianKernel", "InfluenceKernel", "Online", "Rates", "TangentKernel", "TraceKernel"]
