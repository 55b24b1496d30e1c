"""The elementwise functions: each with its head, its derivative in the shortest honest form, and its row.

The heads are our own classes rather than SymPy's `tanh`, `exp` and so on because SymPy rewrites those as it builds
(`exp(a)*exp(b)` becomes `exp(a + b)`), which changes what a stabilised formula computes and how it reads.
Subgradients at kinks are PyTorch's.

`elementwise`  what all heads are
`activations`  σ and its like
`smooth`       exp, log, sin and what else is smooth everywhere
`kinks`        what decides, jumps or bends
`derived`      what derivatives are made of: indicators, the normal distribution, a quotient
"""

from .activations import (
    elu,
    gelu,
    gelu_tanh,
    hard_sigmoid,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from .derived import (
    above,
    at_least,
    inside,
    normal_cdf,
    normal_pdf,
    prefers,
    safe_ratio,
    strictly_inside,
)
from .elementwise import Elementwise
from .kinks import absolute, clip, floor, maximum, minimum, mod, sign, stop_gradient, where
from .smooth import cos, exp, log, sin, sqrt

__all__ = [
    "Elementwise", "above", "absolute", "at_least", "clip", "cos", "elu", "exp", "floor", "gelu", "gelu_tanh",
    "hard_sigmoid", "inside", "leaky_relu", "log", "maximum", "minimum", "mod", "normal_cdf", "normal_pdf", "prefers",
    "relu", "safe_ratio", "sigmoid", "sign", "silu", "sin", "softplus", "sqrt", "stop_gradient", "strictly_inside",
    "tanh", "where",
]  # fmt: skip
