"""Where entries stand: diagonals, concatenation, slices and what brings a slice's gradient back to its place."""

from __future__ import annotations

from typing import Any

import sympy

from ...sizes import Shape, Size, Slice, Solver
from ..entry import (
    Code,
    Look,
    Operation,
    Options,
    Pull,
    Sample,
    ShapeClash,
    SizePrinter,
    Torch,
    call,
    size_expr,
    size_from_expr,
)
from .opaque import Structured, need, same


class diag(Structured):
    pass


def _diag_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    (size,) = need(shapes[0], 1, "diag", "diag(v) makes a matrix of a vector")
    return (size, size)


class diagonal(Structured):
    pass


def _diagonal_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    rows, columns = need(shapes[0], 2, "diagonal")
    same(solver, rows, columns, "diagonal takes a square matrix")
    return (rows,)


DIAG = Operation(
    diag, "the diagonal matrix of a vector", call("diag"), shape=_diag_shape,
    adjoint=lambda pull: (diagonal(pull.delta),), linear=True,
    numpy="({0}[..., None] * np.eye({0}.shape[-1], dtype={0}.dtype))", torch=Torch("torch.diag_embed"),
    samples=(
        Sample("diag({0})", "n", "S"), Sample("{0} @ diag({1})", "Sn", "S"), Sample("diag({0}) @ {1}", "nn", "n"),
    ),
)  # fmt: skip
DIAGONAL = Operation(
    diagonal, "the diagonal of a matrix", call("diagonal"), shape=_diagonal_shape,
    adjoint=lambda pull: (diag(pull.delta),), linear=True, written=False,
    numpy="np.diagonal({0}, axis1=-2, axis2=-1)",
    torch=Torch("torch.diagonal({0.text}, dim1=-2, dim2=-1)", view=True),
)  # fmt: skip


class stack(Structured):
    pass


def _stack_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    size = Size.number(0)
    for shape in shapes:
        size = size + need(shape, 1, "[a, b]", "concatenation joins vectors")[0]
    return (size,)


def _stack_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    pieces: list[sympy.Expr] = []
    start = Size.number(0)
    for (size,) in pull.shapes:
        pieces.append(part(pull.delta, sympy.Tuple(size_expr(start), size_expr(start + size))))
        start = start + size
    return tuple(pieces)


def _stack_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    lead = next((f"*{code.tight}.shape[:-1], " for code in codes if code.batched), "")
    parts = [
        f"np.broadcast_to({code.text}, ({lead}*{code.tight}.shape))" if lead and not code.batched else code.text
        for code in codes
    ]
    return f"np.concatenate([{', '.join(parts)}], axis=-1)"


def _stack_torch(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    lead = next((code.tight for code in codes if code.batched), "")
    pieces = [
        f"{code.tight}.expand(*{lead}.shape[:-1], -1)" if lead and not code.batched else code.text for code in codes
    ]
    return f"torch.cat([{', '.join(pieces)}], dim=-1)"


CONCATENATE = Operation(
    stack, "[a, b], one after the other", Look("stack"), name="concatenate", shape=_stack_shape,
    adjoint=_stack_adjoint, numpy=_stack_numpy, torch=Torch(_stack_torch), variadic=True, linear=True,
    samples=(
        Sample("{C} @ [{0}, {1}]", "nm", "n"), Sample("[{0}, {1}][:n]", "nm", "n"), Sample("[{0}, {1}][m:]", "mn", "n"),
        Sample("[{0}, {1}, {0}][n:2*n]", "nn", "n"), Sample("[{0}, {1}, {0}][m:m + n]", "nm", "n"),
    ),
)  # fmt: skip


class part(Structured):
    """part(v, (lower, upper)) or part(v, (index,)): one tuple an axis."""


def _part_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    (whole,) = shapes
    if len(options) > len(whole):
        raise ShapeClash(
            f"{len(options)} subscripts for {('a scalar', 'a vector', 'a matrix')[len(whole)]}",
            "one subscript an axis: v[0], S[0, 1]; T and the batch are no axes of a cell",
        )
    result: list[Size] = []
    for axis, size in enumerate(whole):
        if axis >= len(options):
            result.append(size)
            continue
        bounds = options[axis]
        assert isinstance(bounds, Slice)
        if bounds.index is None:
            lower, upper = slice_bounds(bounds, size)
            length = upper - lower
            if length.is_number and length.constant < 1:
                raise ShapeClash("the slice is empty", "the upper bound lies above the lower one: a[:n], a[n:2*n]")
            result.append(length)
    return tuple(result)


def slice_bounds(bounds: Slice, size: Size) -> tuple[Size, Size]:
    """Bounds counted from the front; what is negative in a subscript counts from the end, as in Python."""

    def from_front(bound: Size | None, default: Size) -> Size:
        if bound is None:
            return default
        return size + bound if _negative(bound) else bound

    return from_front(bounds.lower, Size.number(0)), from_front(bounds.upper, size)


def slice_index(index: Size, size: Size) -> Size:
    return size + index if _negative(index) else index


def _negative(size: Size) -> bool:
    return all(k <= 0 for _, k in size.coefficients) and size.constant <= 0 and size != Size()


def build_part(whole_shape: Shape, options: Options) -> tuple[sympy.Tuple, ...]:
    """The trailing arguments of a `part` head: explicit bounds, one tuple an axis."""
    axes: list[sympy.Tuple] = []
    for bounds, size in zip(options, whole_shape, strict=False):
        assert isinstance(bounds, Slice)
        if bounds.index is not None:
            axes.append(sympy.Tuple(size_expr(slice_index(bounds.index, size))))
        else:
            axes.append(sympy.Tuple(*(size_expr(bound) for bound in slice_bounds(bounds, size))))
    return tuple(axes)


def _part_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    whole = sympy.Tuple(*(size_expr(size) for size in pull.shapes[0]))
    return (embed(pull.delta, *pull.options, whole),)


def _subscript(axes: tuple[sympy.Basic, ...], rank: int, sizes: SizePrinter) -> str:
    pieces: list[str] = []
    for axis in axes:
        bounds = [sizes(bound) for bound in axis.args]
        pieces.append(bounds[0] if len(bounds) == 1 else f"{'' if bounds[0] == '0' else bounds[0]}:{bounds[1]}")
    pieces += [":"] * (rank - len(pieces))
    return "..., " + ", ".join(pieces)


def _part_code(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return f"{codes[0].tight}[{_subscript(options, codes[0].rank, sizes)}]"


SLICE = Operation(
    part, "a[lower:upper]", Look("part"), name="slice", shape=_part_shape, adjoint=_part_adjoint,
    numpy=_part_code, torch=Torch(_part_code, view=True), linear=True,
    samples=(
        Sample("{0}[0]", "n", "s"), Sample("{0}[-1]", "m", "s"), Sample("{0}[0, n - 1]", "S", "s"),
        Sample("{0}[:, 0]", "S", "n"), Sample("{0}[-1]", "S", "n"),
    ),
)  # fmt: skip


class embed(Structured):
    """embed(v, (lower, upper), ..., shape): zeros of that shape with v in the place that `part` reads."""


def embed_shape(solver: Solver, shapes: tuple[Shape, ...], options: Any) -> Shape:
    return tuple(size_from_expr(size) for size in options[-1])


def _embed_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    return (part(pull.delta, *pull.options[:-1]),)


_NUMPY_EMBED = '''\
def embed(piece, shape, place):
    """Zeros of the shape with the piece in its place: the adjoint of a slice."""
    full = np.zeros(shape, dtype=piece.dtype)
    full[place] = piece
    return full
'''


def _embed_numpy(codes: tuple[Code, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    (piece,) = codes
    shape = [sizes(size) for size in options[-1].args]
    lead = f"*{piece.tight}.shape[:{-piece.rank or ''}]" if piece.batched else ""
    full = ", ".join([lead, *shape] if lead else shape)
    subscript = _subscript(options[:-1], len(shape), sizes)
    return f"embed({piece.text}, ({full}{',' if len(shape) == 1 and not lead else ''}), np.s_[{subscript}])"


def _embed_torch(codes: tuple[Code, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    """Zeros around the piece; an axis that the slice dropped comes back first."""
    *axes, full = options
    subscript: list[str] = []
    padding: list[str] = []
    for k, size in enumerate(full.args):
        whole = size_from_expr(size)
        lower, upper = Size(), whole
        if k < len(axes):
            bounds = [size_from_expr(bound) for bound in axes[k].args]
            lower, upper = bounds if len(bounds) == 2 else (bounds[0], bounds[0] + Size.number(1))
        subscript.append("None" if k < len(axes) and len(axes[k].args) == 1 else ":")
        padding = [sizes(lower), sizes(whole - upper), *padding]  # the last axis is named first
    (piece,) = codes
    while padding[-2:] == ["0", "0"]:
        padding = padding[:-2]
    text = f"{piece.tight}[..., {', '.join(subscript)}]" if "None" in subscript else piece.text
    return f"torch.nn.functional.pad({text}, ({', '.join(padding)}))" if padding else text


EMBED = Operation(
    embed, "zeros with a in its place", call("embed"), shape=embed_shape, adjoint=_embed_adjoint, linear=True,
    numpy=_embed_numpy, helper=_NUMPY_EMBED, torch=Torch(_embed_torch, view=True), written=False,
)  # fmt: skip
