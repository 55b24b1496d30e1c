"""The products of matrices and vectors, and the transpose."""

from __future__ import annotations

from typing import Any

import sympy

from ...sizes import Shape, Solver
from ..entry import Code, Look, Operation, Options, Pull, Sample, ShapeClash, SizePrinter, Torch, Writer
from .opaque import Structured, einsum, einsum_writer, need, same

_PAIR = ("a", "b")


class matmul(Structured):
    pass


def _matmul_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    left, right = shapes
    if not left or not right:
        raise ShapeClash("`@` is the matrix product and one side is a scalar", "use `*` to multiply by a scalar")
    same(
        solver,
        left[-1],
        right[0],
        "the inner sizes of the matrix product differ",
        "the columns of the left side must be as many as the rows of the right side",
    )
    return left[:-1] + right[1:]


def _matmul_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    (a, b), delta = pull.operands, pull.delta
    match len(pull.shapes[0]), len(pull.shapes[1]):
        case 2, 1:
            return outer(delta, b), matmul(transpose(a), delta)
        case 1, 2:
            return matmul(b, delta), outer(a, delta)
        case 2, 2:
            return matmul(delta, transpose(b)), matmul(transpose(a), delta)
        case _:
            return delta * b, delta * a


def _turned(code: Code) -> str:
    return code.tight[:-2] if code.text.endswith(".T") and not code.loose else f"{code.tight}.T"


def _matmul_writer(library: str) -> Writer:
    """`@` where one side is a matrix without an axis of samples, a sum of products elsewhere."""

    def write(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
        a, b = codes
        match a.rank, b.rank:
            case 2, 2:
                return f"{a.tight} @ {b.tight}"
            case 2, 1 if not a.batched:
                return f"{b.tight} @ {_turned(a)}" if b.batched else f"{a.tight} @ {b.tight}"
            case 1, 2 if not b.batched:
                return f"{a.tight} @ {b.tight}"
            case 2, 1:
                return einsum(library, "ij,j->i", codes)
            case 1, 2:
                return einsum(library, "i,ij->j", codes)
            case _:
                return einsum(library, "i,i->", codes)

    return write


MATMUL = Operation(
    matmul, "matrix product", Look("product"), operands=_PAIR, shape=_matmul_shape, adjoint=_matmul_adjoint,
    numpy=_matmul_writer("np"), torch=Torch(_matmul_writer("torch"), product=True), linear=True,
    samples=(
        Sample("{W} @ {0}", "m", "n"), Sample("{R} @ {0}", "n", "n"), Sample("{0} @ {R}", "n", "n"),
        Sample("{0} @ {W}", "n", "m"), Sample("{W} @ {0} + {b}", "m", "n"),
        Sample("{W} @ {0} + {R} @ {1} + {b}", "mn", "n"), Sample("{0} @ {1}", "Sn", "n"),
        Sample("{0} @ {1}", "nS", "n"), Sample("{0} @ {1}", "Vm", "n"), Sample("{0} @ {1}", "mm", "s"),
        Sample("{w} @ {0}", "m", "s"), Sample("{0} @ {R}", "S", "S"), Sample("{R} @ {0}", "S", "S"),
        Sample("0.5 * {0} @ {1}", "SS", "S"), Sample("{0} @ {1}", "SV", "V"), Sample("{R} @ {0}", "V", "V"),
    ),
)  # fmt: skip


class transpose(Structured):
    @classmethod
    def eval(cls, a: Any) -> Any:
        if isinstance(a, transpose):
            return a.args[0]
        if isinstance(a, outer):
            return outer(a.args[1], a.args[0])
        return None


def _transpose_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    (a,) = shapes
    if len(a) != 2:
        raise ShapeClash(
            "`.T` is for matrices",
            "for vectors write `dot(a, b)` for aᵀb and `outer(a, b)` for abᵀ; vectors have no rows",
        )
    return (a[1], a[0])


def _transpose_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    (a,) = codes
    return f"np.swapaxes({a.text}, -1, -2)" if a.batched else f"{a.tight}.T"


def _transpose_torch(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return f"{codes[0].tight}.{'mT' if codes[0].batched else 'T'}"


TRANSPOSE = Operation(
    transpose, "transpose", Look("transpose"), shape=_transpose_shape, adjoint=lambda pull: (transpose(pull.delta),),
    numpy=_transpose_numpy, torch=Torch(_transpose_torch, view=True), linear=True,
    samples=(
        Sample("{0}.T", "S", "S"), Sample("{R}.T @ {0}", "n", "n"), Sample("{0}.T @ {1}", "Sn", "n"),
        Sample("{W}.T @ {0}", "n", "m"), Sample("{0}.T @ {1}", "Vn", "m"), Sample("{R}.T @ {0}", "S", "S"),
    ),
)  # fmt: skip


class outer(Structured):
    pass


def _outer_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    return need(shapes[0], 1, "outer") + need(shapes[1], 1, "outer")


def _outer_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    a, b = pull.operands
    return matmul(pull.delta, b), matmul(transpose(pull.delta), a)


OUTER = Operation(
    outer, "a bᵀ", Look("outer"), operands=_PAIR, shape=_outer_shape, adjoint=_outer_adjoint,
    numpy=einsum_writer("np", "i,j->ij"), torch=Torch(einsum_writer("torch", "i,j->ij")), linear=True,
    samples=(
        Sample("outer({0}, {1})", "nn", "S"), Sample("outer({0}, {1})", "nm", "V"),
        Sample("outer({0}, {1}) @ {2}", "nnn", "n"),
    ),
)  # fmt: skip


class dot(Structured):
    pass


def _dot_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    left, right = shapes
    if not left or len(left) != len(right) or not solver.unify_shapes(left, right):
        raise ShapeClash("dot takes two arrays of the same shape", "for a matrix and a vector write `W @ v`")
    return ()


def _dot_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    a, b = pull.operands
    return pull.delta * b, pull.delta * a


DOT = Operation(
    dot, "aᵀ b, the sum of the products", Look("dot"), operands=_PAIR, shape=_dot_shape, adjoint=_dot_adjoint,
    numpy=einsum_writer("np", "i,i->", "ij,ij->"), torch=Torch(einsum_writer("torch", "i,i->", "ij,ij->")), linear=True,
    samples=(Sample("dot({0}, {1})", "nn", "s"), Sample("dot({0}, {1})", "SS", "s")),
)  # fmt: skip
