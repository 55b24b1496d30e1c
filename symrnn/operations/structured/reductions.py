"""Sums over the entries, and softmax, which divides by one."""

from __future__ import annotations

from typing import Any

import sympy

from ...sizes import Shape, Solver
from ..entry import (
    C,
    Code,
    Look,
    Operation,
    Options,
    Pull,
    Sample,
    ShapeClash,
    SizePrinter,
    Torch,
    Writer,
    call,
    size_expr,
)
from ..functions import exp, safe_ratio
from .opaque import Structured, need
from .places import diag, diagonal
from .products import dot, matmul, transpose


def _reduction_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    if not shapes[0]:
        raise ShapeClash("a scalar has nothing to sum over", "leave the reduction out")
    return ()


def _axes(code: Code, word: str = "axis") -> str:
    return f"{word}=-1" if code.rank == 1 else f"{word}=(-2, -1)"


def _method(name: str, word: str) -> Writer:
    """`a.sum(axis=-1)`: NumPy says axis, torch says dim."""

    def write(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
        return f"{codes[0].tight}.{name}({_axes(codes[0], word)})"

    return write


class total(Structured):
    pass


SUM = Operation(
    total, "sum of all entries", call("sum"), name="sum", shape=_reduction_shape, adjoint=lambda pull: (pull.delta,),
    numpy=_method("sum", "axis"), torch=Torch(_method("sum", "dim")), linear=True,
    samples=(Sample("sum({0})", "n", "s"), Sample("sum({0})", "S", "s"), Sample("{0} * sum({1})", "nm", "n")),
)  # fmt: skip


class mean(Structured):
    pass


def _mean_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    return (pull.delta / sympy.Mul(*(size_expr(size) for size in pull.shapes[0])),)


MEAN = Operation(
    mean, "mean of all entries", call("mean"), shape=_reduction_shape, adjoint=_mean_adjoint,
    numpy=_method("mean", "axis"), torch=Torch(_method("mean", "dim")), linear=True,
    samples=(
        Sample("mean({0})", "n", "s"), Sample("mean({0})", "m", "s"), Sample("mean({0})", "S", "s"),
        Sample("{0} - mean({0})", "n", "n"), Sample("{0} / sqrt(mean(square({0})) + 0.1)", "n", "n"),
    ),
)  # fmt: skip


_NUMPY_SOFTMAX = """\
def softmax(a):
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
_C_SOFTMAX = """\
/* out = exp(a) / sum of exp(a), shifted by the largest entry so that nothing overflows. */
static void softmax(real *out, const real *a, size_t count)
{
    const real top = largest(a, count);
    real sum = 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = EXP(a[i] - top);
        sum += out[i];
    }
    for (size_t i = 0; i < count; i++) out[i] /= sum;
}
"""


class softmax(Structured):
    pass


def _softmax_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    if not shapes[0]:
        raise ShapeClash("softmax takes a vector, or a matrix row by row", "write sigmoid(a) for a scalar")
    return shapes[0]


def _softmax_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    if len(pull.shapes[0]) == 1:
        return (pull.out * (pull.delta - dot(pull.delta, pull.out)),)
    # Row by row: what each row's dot product with δ takes off it, as a diagonal factor from the left.
    shares = diagonal(matmul(pull.delta, transpose(pull.out)))
    return (pull.out * pull.delta - matmul(diag(shares), pull.out),)


SOFTMAX = Operation(
    softmax, "exp(a) / Σ exp(a), of a matrix row by row", call("softmax"), shape=_softmax_shape,
    adjoint=_softmax_adjoint, activation=True, by_rows=True,
    numpy="softmax", helper=_NUMPY_SOFTMAX, torch=Torch("torch.softmax({0.text}, dim=-1)"),
    c=C(source=_C_SOFTMAX, calls=("largest", "EXP")),
    samples=(
        Sample("softmax({0})", "n", "n"), Sample("softmax({0})", "S", "S"), Sample("softmax(-{0})", "n", "n"),
        Sample("{0} * softmax(-{1})", "nn", "n"), Sample("{0} + softmax(-{b})", "n", "n"),
        Sample("{0} * softmax({R} @ {0})", "n", "n"), Sample("softmax({0} @ {R}) @ diag({1})", "Sn", "S"),
        Sample("softmax({C}) @ [{0}, {1}]", "nm", "n"),
    ),
)  # fmt: skip

_NUMPY_LOGSUMEXP = """\
def logsumexp(a):
    top = a.max(axis=-1, keepdims=True)
    return np.log(np.exp(a - top).sum(axis=-1)) + top[..., 0]
"""
_C_LOGSUMEXP = """\
static real logsumexp(const real *a, size_t count)
{
    const real top = largest(a, count);
    real sum = 0;
    for (size_t i = 0; i < count; i++) sum += EXP(a[i] - top);
    return LOG(sum) + top;
}
"""


class logsumexp(Structured):
    pass


def _logsumexp_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    need(shapes[0], 1, "logsumexp")
    return ()


def _logsumexp_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    return (pull.delta * exp(pull.operands[0] - pull.out),)


LOGSUMEXP = Operation(
    logsumexp, "log Σ exp(a)", call("logsumexp"), shape=_logsumexp_shape, adjoint=_logsumexp_adjoint,
    numpy="logsumexp", helper=_NUMPY_LOGSUMEXP, torch=Torch("torch.logsumexp({0.text}, dim=-1)"),
    c=C(source=_C_LOGSUMEXP, calls=("largest", "EXP", "LOG")),
    samples=(
        Sample("logsumexp({0})", "n", "s"), Sample("logsumexp(-{0})", "n", "s"),
        Sample("{0} - logsumexp(3 * {0})", "n", "n"),
    ),
)  # fmt: skip


class norm(Structured):
    pass


def _norm_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    return (pull.delta * safe_ratio(pull.operands[0], pull.out),)


def _norm_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return f"np.sqrt(np.square({codes[0].text}).sum({_axes(codes[0])}))"


def _norm_torch(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return f"torch.linalg.vector_norm({codes[0].text}, {_axes(codes[0], 'dim')})"


NORM = Operation(
    norm, "Euclidean length", Look("norm"), shape=_reduction_shape, adjoint=_norm_adjoint,
    numpy=_norm_numpy, torch=Torch(_norm_torch), kink="0 at the origin", small="told",
    samples=(
        Sample("norm({0})", "n", "s"), Sample("norm({0})", "S", "s"), Sample("norm(-{0})", "S", "s"),
        Sample("{0} / (1 + norm({0}))", "n", "n"),
    ),
)  # fmt: skip
