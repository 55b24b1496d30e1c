"""Functions that decide: they jump or bend somewhere, and have PyTorch's subgradient there."""

from __future__ import annotations

from typing import Any

import sympy

from ..entry import C, Code, Look, Operation, Option, Sample, SizePrinter, Torch, Writer, call
from .derived import inside, prefers
from .elementwise import Elementwise

_PAIR = ("a", "b")


class absolute(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sign(a),)


ABS = Operation(
    absolute, "absolute value", Look("abs"), name="abs", kink="abs′(0) = 0",
    ufunc="np.abs", torch=Torch("torch.abs"), c=C("FABS"), exact=True, real_only=True,
)  # fmt: skip


class sign(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero,)


SIGN = Operation(
    sign, "−1, 0 or 1; its derivative is zero", call("sign"), kink="sign′ = 0",
    ufunc="np.sign", torch=Torch("torch.sign"), c=C(value="a > 0 ? 1 : a < 0 ? -1 : a"),
    exact=True, real_only=True, small="told",
)  # fmt: skip


class floor(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero,)


FLOOR = Operation(
    floor, "the largest whole number that is not above a", call("floor"), kink="floor′ = 0",
    ufunc="np.floor", torch=Torch("torch.floor"), c=C("FLOOR"), exact=True, real_only=True,
)  # fmt: skip


class mod(Elementwise):
    """a − b ⌊a/b⌋: what is left of a beyond the last whole multiple of b."""

    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (sympy.S.One, -floor(a / b))


MOD = Operation(
    mod, "a − b floor(a / b), the rest of a beyond whole multiples of b", call("mod"), operands=_PAIR,
    kink="∂mod/∂a = 1, ∂mod/∂b = −floor(a / b)", real_only=True,
    numpy="np.mod", torch=Torch("torch.remainder"), c=C(value="a - b * FLOOR(a / b)", calls=("FLOOR",)),
    samples=(
        Sample("mod({0}, 0.75)"), Sample("mod({0}, 1 + square({1}))"), Sample("mod({0}, 1.5 + square({1}))", "Ss", "S"),
    ),
)  # fmt: skip


def _extreme(name: str, bound: str) -> Writer:
    """`torch.maximum` of two tensors; a clamp beside a number."""

    def write(codes: tuple[Code, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
        a, b = codes
        if b.number:
            return f"torch.clamp({a.text}, {bound}={b.text})"
        return f"torch.clamp({b.text}, {bound}={a.text})" if a.number else f"torch.{name}({a.text}, {b.text})"

    return write


class maximum(Elementwise):
    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (prefers(a, b), prefers(b, a))


MAXIMUM = Operation(
    maximum, "the larger of two", call("max", r"\max"), operands=_PAIR, kink="half to each side at a tie",
    ufunc="np.maximum", torch=Torch(_extreme("maximum", "min"), tensors=()), exact=True,
    c=C(value="a > b || a != a ? a : b", remark="The larger of two; not a number where either is not."),
    samples=(Sample("maximum({0}, {1})"), Sample("maximum({0}, {1})", "ns", "n"), Sample("maximum(0.2, {0})")),
)  # fmt: skip


class minimum(Elementwise):
    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (prefers(b, a), prefers(a, b))


MINIMUM = Operation(
    minimum, "the smaller of two", call("min", r"\min"), operands=_PAIR, kink="half to each side at a tie",
    ufunc="np.minimum", torch=Torch(_extreme("minimum", "max"), tensors=()), exact=True,
    c=C(value="a < b || a != a ? a : b", remark="The smaller of two; not a number where either is not."),
    samples=(Sample("minimum({0}, {1})"), Sample("minimum(0.2, {0})")),
)  # fmt: skip


class clip(Elementwise):
    def derivative(self, a: Any, lower: Any, upper: Any) -> tuple[Any, ...]:
        return (inside(a, lower, upper), sympy.S.Zero, sympy.S.Zero)


CLIP = Operation(
    clip, "a held between two constants", call("clip"), options=(Option("lower"), Option("upper")),
    kink="clip′ = 1 at the bounds", numpy="np.clip", torch=Torch("torch.clamp"), exact=True,
    c=C(value="a < lower ? lower : a > upper ? upper : a"),
    samples=(Sample("clip({0}, -0.8, 0.9)"), Sample("clip({0}, lower=-1, upper=0.25)")),
)  # fmt: skip

_NUMPY_WHERE = '''\
def where(condition, a, b):
    """a where the condition is 1, b elsewhere, in the type of all three."""
    return np.where(condition > 0, a, b).astype(np.result_type(condition, a, b), copy=False)
'''
_TORCH_WHERE = '''\
def where(condition, a, b):
    """a where the condition is 1, b elsewhere; either may be a number."""
    a, b = (torch.as_tensor(v, dtype=condition.dtype, device=condition.device) for v in (a, b))
    return torch.where(condition > 0, a, b)
'''


class where(Elementwise):
    """`where(condition, a, b)`; the condition is an indicator, 0 or 1."""

    def derivative(self, condition: Any, a: Any, b: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero, condition, 1 - condition)


WHERE = Operation(
    where, "a where the condition holds, b elsewhere", call("where"), operands=("condition", "a", "b"), exact=True,
    numpy="where", helper=_NUMPY_WHERE, torch=Torch("where", _TORCH_WHERE), c=C(value="condition > 0 ? a : b"),
    samples=(
        Sample("where({0} > {1}, {2}, tanh({0}))"), Sample("where({0} <= 0.1, {1}, 0.3)"),
        Sample("where({0} > {1}, {0} * {0}, {1})", "ns", "n"), Sample("where({0} < 0, 2, 3) * {0}"),
    ),
)  # fmt: skip


class stop_gradient(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero,)


STOP_GRADIENT = Operation(
    stop_gradient, "a, held constant by the gradient", call("sg"), exact=True,
    numpy="{0}", torch=Torch("{0.tight}.detach()", view=True), c=C(),
    samples=(
        Sample("stop_gradient({0})"), Sample("stop_gradient({0}) * {1}"), Sample("stop_gradient({R} @ {0})", "n", "n"),
    ),
)  # fmt: skip
