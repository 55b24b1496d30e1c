"""What derivatives are made of: indicators, of which a cell may write two, the normal distribution, and a quotient."""

from __future__ import annotations

from typing import Any

import sympy

from ..entry import C, Look, Operation, Option, Sample, Torch, call
from .elementwise import Elementwise

_PAIR = ("a", "b")
_BOUNDS = (Option("lower"), Option("upper"))

_NUMPY_ABOVE = '''\
def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of the operands."""
    return (a > b).astype(np.result_type(a, b))
'''
_TORCH_ABOVE = '''\
def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of a."""
    return (a > b).to(a.dtype)
'''


class above(Elementwise):
    """[a > b]: 1 where a > b, 0 elsewhere; its own derivative is zero."""

    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero, sympy.S.Zero)


GREATER = Operation(
    above, "1 where a > b", Look("indicator", ">", ">"), name="greater", operands=_PAIR, exact=True,
    numpy="above", helper=_NUMPY_ABOVE, torch=Torch("above", _TORCH_ABOVE), c=C(value="a > b ? 1 : 0"),
    samples=(Sample("({0} > 0.1) * {1}"), Sample("(0.1 > {0}) * {1}", "sn", "n")),
)  # fmt: skip

_NUMPY_AT_LEAST = '''\
def at_least(a, b):
    """1 where a >= b, 0 elsewhere, in the type of the operands."""
    return (a >= b).astype(np.result_type(a, b))
'''
_TORCH_AT_LEAST = '''\
def at_least(a, b):
    """1 where a >= b, 0 elsewhere, in the type of a."""
    return (a >= b).to(a.dtype)
'''


class at_least(above):
    """[a ≥ b]."""


GREATER_EQUAL = Operation(
    at_least, "1 where a ≥ b", Look("indicator", "≥", r"\ge"), name="greater_equal", operands=_PAIR, exact=True,
    numpy="at_least", helper=_NUMPY_AT_LEAST, torch=Torch("at_least", _TORCH_AT_LEAST), c=C(value="a >= b ? 1 : 0"),
    samples=(Sample("({0} >= 0.1) * {1}"), Sample("({0} <= {1}) * {0}", "ns", "n")),
)  # fmt: skip

_NUMPY_PREFERS = '''\
def prefers(a, b):
    """1 where a > b, 1/2 at a tie, 0 elsewhere."""
    return 0.5 * (np.sign(a - b) + 1)
'''
_TORCH_PREFERS = '''\
def prefers(a, b):
    """1 where a > b, 1/2 at a tie, 0 elsewhere."""
    return 0.5 * (torch.sign(a - b) + 1)
'''


class prefers(above):
    """[a > b] with one half at a tie, as the derivative of `maximum` has it."""


PREFERS = Operation(
    prefers, "1 where a > b, 1/2 at a tie", Look("indicator", ">", ">"), operands=_PAIR, written=False,
    numpy="prefers", helper=_NUMPY_PREFERS, torch=Torch("prefers", _TORCH_PREFERS, tensors=()),
    c=C(value="a > b ? 1 : a < b ? 0 : REAL(0.5)", calls=("REAL",), remark="1 where a > b, 1/2 at a tie, 0 elsewhere."),
    exact=True, real_only=True,
)  # fmt: skip

_NUMPY_INSIDE = '''\
def inside(a, lower, upper):
    """1 within the bounds, 0 outside."""
    return ((lower <= a) & (a <= upper)).astype(a.dtype)
'''
_TORCH_INSIDE = '''\
def inside(a, lower, upper):
    """1 within the bounds, 0 outside."""
    return ((lower <= a) & (a <= upper)).to(a.dtype)
'''
_NUMPY_STRICTLY_INSIDE = '''\
def strictly_inside(a, lower, upper):
    """1 strictly within the bounds, 0 elsewhere."""
    return ((lower < a) & (a < upper)).astype(a.dtype)
'''
_TORCH_STRICTLY_INSIDE = '''\
def strictly_inside(a, lower, upper):
    """1 strictly within the bounds, 0 elsewhere."""
    return ((lower < a) & (a < upper)).to(a.dtype)
'''


class strictly_inside(Elementwise):
    """[lower < a < upper]."""

    def derivative(self, a: Any, lower: Any, upper: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero,) * 3


class inside(strictly_inside):
    """[lower ≤ a ≤ upper]."""


INSIDE = Operation(
    inside, "1 within the bounds", Look("indicator", "≤", r"\le"), options=_BOUNDS, written=False, exact=True,
    numpy="inside", helper=_NUMPY_INSIDE, torch=Torch("inside", _TORCH_INSIDE),
    c=C(value="lower <= a && a <= upper ? 1 : 0"),
)  # fmt: skip
STRICTLY_INSIDE = Operation(
    strictly_inside, "1 strictly within the bounds", Look("indicator", "<", "<"), options=_BOUNDS, written=False,
    numpy="strictly_inside", helper=_NUMPY_STRICTLY_INSIDE, torch=Torch("strictly_inside", _TORCH_STRICTLY_INSIDE),
    c=C(value="lower < a && a < upper ? 1 : 0"), exact=True,
)  # fmt: skip

NUMPY_NORMAL_CDF = '''\
def normal_cdf(a):
    """Distribution function of the standard normal."""
    erfc = np.vectorize(math.erfc, otypes=[a.dtype])
    return 0.5 * erfc(-a / math.sqrt(2))
'''


class normal_cdf(Elementwise):
    """Φ, the distribution function of the standard normal."""

    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (normal_pdf(a),)


NORMAL_CDF = Operation(
    normal_cdf, "Φ, the normal distribution function", call("Φ", r"\Phi"), written=False,
    numpy="normal_cdf", helper=NUMPY_NORMAL_CDF, torch=Torch("torch.special.ndtr"),
    c=C(
        value="REAL(0.5) * ERFC(-a * REAL(0.7071067811865476))", calls=("REAL", "ERFC"),
        remark="The distribution function of the standard normal.",
    ),
    rounds=("normal_cdf", 0.5), real_only=True, small="lifted",
)  # fmt: skip


class normal_pdf(Elementwise):
    """φ, the density of the standard normal."""

    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (-a * self,)


NORMAL_PDF = Operation(
    normal_pdf, "φ, the normal density", call("φ", r"\varphi"), written=False, small="lifted",
    numpy="np.exp(-0.5 * {0} ** 2) / math.sqrt(2 * math.pi)",
    torch=Torch("torch.exp(-0.5 * {0.tight} ** 2) / math.sqrt(2 * math.pi)", product=True),
    c=C(
        value="EXP(-a * a / 2) * REAL(0.3989422804014327)", calls=("EXP", "REAL"),
        remark="The density of the standard normal.",
    ),
)  # fmt: skip

_NUMPY_SAFE_RATIO = '''\
def safe_ratio(a, b):
    """a / b, and 0 where b = 0."""
    return np.where(b == 0, 0, a / np.where(b == 0, 1, b))
'''
_TORCH_SAFE_RATIO = '''\
def safe_ratio(a, b):
    """a / b, and 0 where b = 0."""
    return torch.where(b == 0, torch.zeros_like(b), a / torch.where(b == 0, torch.ones_like(b), b))
'''


class safe_ratio(Elementwise):
    """a / b, and 0 where b = 0: the gradient of a norm, with PyTorch's subgradient at the origin."""

    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (safe_ratio(1, b), -safe_ratio(self, b))


SAFE_RATIO = Operation(
    safe_ratio, "a / b, and 0 where b = 0", Look("fraction"), operands=_PAIR, written=False, small="told",
    numpy="safe_ratio", helper=_NUMPY_SAFE_RATIO, torch=Torch("safe_ratio", _TORCH_SAFE_RATIO, tensors=(1,)),
    c=C(value="b < 0 || b > 0 ? a / b : 0", remark="a / b, and 0 where b = 0."),
)  # fmt: skip
