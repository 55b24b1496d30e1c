"""Losses: what scores cost beside targets; the adjoint of the scores is what they say less what is true."""

from __future__ import annotations

from typing import Any

import sympy

from ...sizes import Shape, Solver
from ..entry import C, Code, Operation, Options, Pull, Sample, ShapeClash, SizePrinter, Torch, Writer, call
from ..functions import sigmoid
from .opaque import Structured, need
from .reductions import softmax

_PAIR = ("z", "y")


def _same_shape(what: str, of_numbers: str, *, ranks: tuple[int, ...]) -> Any:
    """The rule of a loss: scores and targets of one shape make one number."""

    def rule(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
        scores, targets = shapes
        if not scores and not targets:
            raise ShapeClash(f"{what} takes vectors", f"of single numbers: write {of_numbers}")
        if len(scores) not in ranks:
            need(scores, ranks[0], what)
        if not solver.unify_shapes(scores, targets):
            raise ShapeClash(f"{what} takes scores and targets of one shape", "each score has its target: V @ h + c, y")
        return ()

    return rule


class cross_entropy(Structured):
    pass


_NUMPY_CROSS_ENTROPY = """\
def cross_entropy(z, y):
    top = z.max(axis=-1, keepdims=True)
    return np.log(np.exp(z - top).sum(axis=-1)) + top[..., 0] - (y * z).sum(axis=-1)
"""
_C_CROSS_ENTROPY = """\
/* log sum of exp(z), less y' z. */
static real cross_entropy(const real *z, const real *y, size_t count)
{
    return logsumexp(z, count) - dot(y, z, count);
}
"""

CROSS_ENTROPY = Operation(
    cross_entropy, "log Σ exp(z) − Σ y z, for y that sum to 1 the cross-entropy −Σ y log softmax(z)",
    call("cross_entropy", r"\operatorname{CE}"), operands=_PAIR,
    shape=_same_shape("cross_entropy", "softplus(z) - y * z, the cross-entropy of one yes or no", ranks=(1,)),
    adjoint=lambda pull: (pull.delta * (softmax(pull.operands[0]) - pull.operands[1]), -pull.delta * pull.operands[0]),
    numpy="cross_entropy", helper=_NUMPY_CROSS_ENTROPY,
    torch=Torch("(torch.logsumexp({0.text}, dim=-1) - ({1.tight} * {0.tight}).sum(dim=-1))", tensors=(0, 1)),
    c=C(source=_C_CROSS_ENTROPY, calls=("logsumexp", "dot")),
    samples=(Sample("cross_entropy({0}, {1})", "nn", "s"), Sample("{0} * cross_entropy({1}, softmax({0}))", "nn", "n")),
)  # fmt: skip


class binary_cross_entropy(Structured):
    pass


_NUMPY_BINARY = """\
def binary_cross_entropy(z, y, axes):
    return (np.logaddexp(z, 0) - y * z).sum(axis=axes)
"""
_C_BINARY = """\
static real binary_cross_entropy(const real *z, const real *y, size_t count)
{
    real sum = 0;
    for (size_t i = 0; i < count; i++) sum += softplus(z[i]) - y[i] * z[i];
    return sum;
}
"""


def _axes(code: Code) -> str:
    return "-1" if code.rank == 1 else "(-2, -1)"


def _over(form: str) -> Writer:
    """A template over two operands and the axes of their entries."""

    def write(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
        return form.format(*codes, axes=_axes(codes[0]))

    return write


BINARY_CROSS_ENTROPY = Operation(
    binary_cross_entropy, "Σ (softplus(z) − y z), the cross-entropy −Σ (y log σ(z) + (1 − y) log(1 − σ(z)))",
    call("binary_cross_entropy", r"\operatorname{BCE}"), operands=_PAIR,
    shape=_same_shape("binary_cross_entropy", "softplus(z) - y * z", ranks=(1, 2)),
    adjoint=lambda pull: (pull.delta * (sigmoid(pull.operands[0]) - pull.operands[1]), -pull.delta * pull.operands[0]),
    numpy=_over("binary_cross_entropy({0.text}, {1.text}, {axes})"), helper=_NUMPY_BINARY,
    torch=Torch(
        _over("(torch.nn.functional.softplus({0.text}) - {1.tight} * {0.tight}).sum(dim={axes})"), tensors=(0, 1)
    ),
    c=C(source=_C_BINARY, calls=("softplus",)),
    samples=(
        Sample("binary_cross_entropy({0}, {1})", "nn", "s"), Sample("binary_cross_entropy({0}, {0})", "S", "s"),
        Sample("{0} * binary_cross_entropy({1}, sigmoid({0}))", "nn", "n"),
    ),
)  # fmt: skip


class squared_error(Structured):
    pass


_NUMPY_SQUARED = """\
def squared_error(z, y, axes):
    return 0.5 * np.square(z - y).sum(axis=axes)
"""
_C_SQUARED = """\
static real squared_error(const real *z, const real *y, size_t count)
{
    real sum = 0;
    for (size_t i = 0; i < count; i++) sum += (z[i] - y[i]) * (z[i] - y[i]);
    return REAL(0.5) * sum;
}
"""


def _squared_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    z, y = pull.operands
    return pull.delta * (z - y), pull.delta * (y - z)


SQUARED_ERROR = Operation(
    squared_error, "½ Σ (z − y)²", call("squared_error", r"\operatorname{SE}"), operands=_PAIR,
    shape=_same_shape("squared_error", "(z - y) ** 2 / 2", ranks=(1, 2)), adjoint=_squared_adjoint,
    numpy=_over("squared_error({0.text}, {1.text}, {axes})"), helper=_NUMPY_SQUARED,
    torch=Torch(_over("0.5 * torch.square({0.tight} - {1.tight}).sum(dim={axes})"), tensors=(0, 1), product=True),
    c=C(source=_C_SQUARED, calls=("REAL",)),
    samples=(
        Sample("squared_error({0}, {1})", "nn", "s"), Sample("squared_error({0}, {1})", "SS", "s"),
        Sample("{0} * squared_error({1}, tanh({0}))", "nn", "n"),
    ),
)  # fmt: skip
