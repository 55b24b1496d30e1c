"""Operations that move numbers between entries: products, sums over the features, concatenation, slices.

Each has a SymPy head that SymPy leaves alone, a shape rule, an adjoint rule and a NumPy form. In the adjoint rules
`delta` is the adjoint of the output: for y = W x with δ = ∂L/∂y, ∂L/∂W = δ xᵀ and ∂L/∂x = Wᵀ δ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from ..sizes import Shape, Size, Slice, Solver
from .entry import Code, Options, Pull, ShapeClash, size_expr, size_from_expr
from .functions import exp, safe_ratio


class Structured(sympy.Function):
    """A head that is opaque to scalar algebra, and an ordinary factor in it: SymPy would ask the operands whether they
    commute, and a tuple of bounds does not say."""

    is_commutative = True

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        raise AssertionError(f"{type(self).__name__} has an adjoint rule, not a derivative")


class matmul(Structured):
    pass


class transpose(Structured):
    @classmethod
    def eval(cls, a: Any) -> Any:
        if isinstance(a, transpose):
            return a.args[0]
        if isinstance(a, outer):
            return outer(a.args[1], a.args[0])
        return None


class outer(Structured):
    pass


class dot(Structured):
    pass


class total(Structured):
    pass


class mean(Structured):
    pass


class softmax(Structured):
    pass


class logsumexp(Structured):
    pass


class norm(Structured):
    pass


class diag(Structured):
    pass


class diagonal(Structured):
    pass


class stack(Structured):
    pass


class part(Structured):
    """part(v, (lower, upper)) or part(v, (index,)): one tuple an axis."""


class embed(Structured):
    """embed(v, (lower, upper), ..., shape): zeros of that shape with v in the place that `part` reads."""


# Shapes ------------------------------------------------------------------------------------------------------


def _need(shape: Shape, rank: int, what: str, mend: str = "") -> Shape:
    if len(shape) != rank:
        kind = ("scalar", "vector", "matrix")[rank]
        raise ShapeClash(f"{what} takes a {kind}", mend or f"where it is a {kind}, annotate the name: `v: {kind}`")
    return shape


def _same(solver: Solver, left: Size, right: Size, reason: str, mend: str = "") -> None:
    if not solver.unify(left, right):
        raise ShapeClash(reason, mend)


def matmul_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    left, right = shapes
    if not left or not right:
        raise ShapeClash("`@` is the matrix product and one side is a scalar", "use `*` to multiply by a scalar")
    _same(
        solver,
        left[-1],
        right[0],
        "the inner sizes of the matrix product differ",
        "the columns of the left side must be as many as the rows of the right side",
    )
    return left[:-1] + right[1:]


def transpose_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    (a,) = shapes
    if len(a) != 2:
        raise ShapeClash(
            "`.T` is for matrices",
            "for vectors write `dot(a, b)` for aᵀb and `outer(a, b)` for abᵀ; vectors have no rows",
        )
    return (a[1], a[0])


def outer_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    return _need(shapes[0], 1, "outer") + _need(shapes[1], 1, "outer")


def dot_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    left, right = shapes
    if not left or len(left) != len(right) or not solver.unify_shapes(left, right):
        raise ShapeClash("dot takes two arrays of the same shape", "for a matrix and a vector write `W @ v`")
    return ()


def reduction_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    if not shapes[0]:
        raise ShapeClash("a scalar has nothing to sum over", "leave the reduction out")
    return ()


def vector_to_scalar(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    _need(shapes[0], 1, "logsumexp")
    return ()


def softmax_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    if not shapes[0]:
        raise ShapeClash("softmax takes a vector, or a matrix row by row", "write sigmoid(a) for a scalar")
    return shapes[0]


def diag_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    (size,) = _need(shapes[0], 1, "diag", "diag(v) makes a matrix of a vector")
    return (size, size)


def diagonal_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    rows, columns = _need(shapes[0], 2, "diagonal")
    _same(solver, rows, columns, "diagonal takes a square matrix")
    return (rows,)


def stack_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
    size = Size.number(0)
    for shape in shapes:
        size = size + _need(shape, 1, "[a, b]", "concatenation joins vectors")[0]
    return (size,)


def part_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options) -> Shape:
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


def embed_shape(solver: Solver, shapes: tuple[Shape, ...], options: Any) -> Shape:
    return tuple(size_from_expr(size) for size in options[-1])


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


# Adjoints ----------------------------------------------------------------------------------------------------


def matmul_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
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


def outer_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    a, b = pull.operands
    return matmul(pull.delta, b), matmul(transpose(pull.delta), a)


def dot_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    a, b = pull.operands
    return pull.delta * b, pull.delta * a


def mean_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    return (pull.delta / sympy.Mul(*(size_expr(size) for size in pull.shapes[0])),)


def softmax_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    if len(pull.shapes[0]) == 1:
        return (pull.out * (pull.delta - dot(pull.delta, pull.out)),)
    # Row by row: what each row's dot product with δ takes off it, as a diagonal factor from the left.
    shares = diagonal(matmul(pull.delta, transpose(pull.out)))
    return (pull.out * pull.delta - matmul(diag(shares), pull.out),)


def stack_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    pieces: list[sympy.Expr] = []
    start = Size.number(0)
    for (size,) in pull.shapes:
        pieces.append(part(pull.delta, sympy.Tuple(size_expr(start), size_expr(start + size))))
        start = start + size
    return tuple(pieces)


def part_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    whole = sympy.Tuple(*(size_expr(size) for size in pull.shapes[0]))
    return (embed(pull.delta, *pull.options, whole),)


def embed_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    return (part(pull.delta, *pull.options[:-1]),)


# NumPy -------------------------------------------------------------------------------------------------------

SizePrinter = Callable[[sympy.Basic], str]


def _einsum(subscripts: str, codes: tuple[Code, ...]) -> str:
    inputs, output = subscripts.split("->")
    letters = ["..." * code.batched + letter for code, letter in zip(codes, inputs.split(","), strict=True)]
    result = "..." * any(code.batched for code in codes) + output
    return f'np.einsum("{",".join(letters)}->{result}", {", ".join(code.text for code in codes)})'


def _turned(code: Code) -> str:
    return code.tight[:-2] if code.text.endswith(".T") and not code.loose else f"{code.tight}.T"


def matmul_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    a, b = codes
    match a.rank, b.rank:
        case 2, 2:
            return f"{a.tight} @ {b.tight}"
        case 2, 1 if not a.batched:
            return f"{b.tight} @ {_turned(a)}" if b.batched else f"{a.tight} @ {b.tight}"
        case 1, 2 if not b.batched:
            return f"{a.tight} @ {b.tight}"
        case 2, 1:
            return _einsum("ij,j->i", codes)
        case 1, 2:
            return _einsum("i,ij->j", codes)
        case _:
            return _einsum("i,i->", codes)


def transpose_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    (a,) = codes
    return f"np.swapaxes({a.text}, -1, -2)" if a.batched else f"{a.tight}.T"


def outer_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return _einsum("i,j->ij", codes)


def dot_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return _einsum("i,i->" if codes[0].rank == 1 else "ij,ij->", codes)


def _axes(code: Code) -> str:
    return "axis=-1" if code.rank == 1 else "axis=(-2, -1)"


def total_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return f"{codes[0].tight}.sum({_axes(codes[0])})"


def mean_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return f"{codes[0].tight}.mean({_axes(codes[0])})"


def norm_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    return f"np.sqrt(np.square({codes[0].text}).sum({_axes(codes[0])}))"


def stack_numpy(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
    lead = next((f"*{code.tight}.shape[:-1], " for code in codes if code.batched), "")
    parts = [
        f"np.broadcast_to({code.text}, ({lead}*{code.tight}.shape))" if lead and not code.batched else code.text
        for code in codes
    ]
    return f"np.concatenate([{', '.join(parts)}], axis=-1)"


def _subscript(axes: tuple[sympy.Basic, ...], rank: int, sizes: SizePrinter) -> str:
    pieces: list[str] = []
    for axis in axes:
        bounds = [sizes(bound) for bound in axis.args]
        pieces.append(bounds[0] if len(bounds) == 1 else f"{'' if bounds[0] == '0' else bounds[0]}:{bounds[1]}")
    pieces += [":"] * (rank - len(pieces))
    return "..., " + ", ".join(pieces)


def part_numpy(codes: tuple[Code, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    return f"{codes[0].tight}[{_subscript(options, codes[0].rank, sizes)}]"


def embed_numpy(codes: tuple[Code, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    (piece,) = codes
    shape = [sizes(size) for size in options[-1].args]
    lead = f"*{piece.tight}.shape[:{-piece.rank or ''}]" if piece.batched else ""
    full = ", ".join([lead, *shape] if lead else shape)
    subscript = _subscript(options[:-1], len(shape), sizes)
    return f"embed({piece.text}, ({full}{',' if len(shape) == 1 and not lead else ''}), np.s_[{subscript}])"


def logsumexp_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    return (pull.delta * exp(pull.operands[0] - pull.out),)


def norm_adjoint(pull: Pull) -> tuple[sympy.Expr, ...]:
    return (pull.delta * safe_ratio(pull.operands[0], pull.out),)
