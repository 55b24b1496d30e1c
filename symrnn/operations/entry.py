"""What one row of the operation table holds, and the small types that its rules speak in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy

from ..sizes import Shape, Size, Slice, Solver

Options = tuple[Fraction | Slice, ...]


class ShapeClash(Exception):
    """Operands whose shapes an operation cannot combine; the reader of cells adds the place and the origins."""

    def __init__(self, reason: str, mend: str = "") -> None:
        self.reason = reason
        self.mend = mend
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Option:
    """A constant that an operation takes besides its operands, such as a slope."""

    name: str
    default: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How an operation is set on paper: a kind that every printer knows, and its symbol in each format.

    The kinds: `call` σ(a); `indicator` [a > b]; and one for each special form (`norm`, `abs`, `sqrt`, `square`,
    `product`, `transpose`, `outer`, `dot`, `stack`, `part`, `fraction`, `silent`).
    """

    kind: str
    text: str = ""
    latex: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of NumPy source: its text, the rank of one sample, whether an axis of samples leads it, and
    whether it needs parentheses beside another operator."""

    text: str
    rank: int
    batched: bool
    loose: bool = False

    @property
    def tight(self) -> str:
        return f"({self.text})" if self.loose else self.text


@dataclass(frozen=True, slots=True)
class Pull:
    """What an adjoint rule may use: the output's adjoint and name, the operands, and everybody's shape."""

    delta: sympy.Expr
    out: sympy.Expr
    operands: tuple[sympy.Expr, ...]
    shapes: tuple[Shape, ...]
    options: tuple[sympy.Basic, ...]


ShapeRule = Callable[[Solver, tuple[Shape, ...], Options], Shape]
AdjointRule = Callable[[Pull], tuple[sympy.Expr, ...]]
NumpyRule = Callable[[tuple[Code, ...], tuple[sympy.Basic, ...], Callable[[sympy.Basic], str]], str]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: everything that symrnn knows about it, in one place.

    An elementwise operation has no `adjoint`: SymPy differentiates through its head's `fdiff`, which is written
    in terms of the operation's own output where that is shorter (σ′ = σ(1 − σ)). A structured one (a product,
    a sum over the features) has an adjoint rule: from the adjoint of the output to those of the operands. One that
    works `by_rows` takes each row of a matrix by itself.
    """

    name: str
    about: str
    operands: tuple[str, ...]
    shape: ShapeRule
    build: Callable[..., sympy.Expr]
    head: type[sympy.Function] | None = None
    layout: Layout | None = None
    numpy: str | NumpyRule = ""
    helper: str = ""
    options: tuple[Option, ...] = ()
    adjoint: AdjointRule | None = None
    linear: bool = False
    activation: bool = False
    variadic: bool = False
    by_rows: bool = False
    kink: str = ""
    written: bool = True

    @property
    def elementwise(self) -> bool:
        return self.adjoint is None


def elementwise_shape(solver: Solver, shapes: tuple[Shape, ...], options: Options = ()) -> Shape:
    """Equal shapes, or scalars beside them."""
    result: Shape = ()
    for shape in shapes:
        if not shape:
            continue
        if not result:
            result = shape
        elif len(shape) != len(result):
            raise ShapeClash(
                "a vector and a matrix cannot be combined elementwise",
                "use `@` for a matrix product, `diag(v)` to scale rows or columns, or annotate the parameter's "
                "shape, such as `w: (n,)`",
            )
        elif not solver.unify_shapes(result, shape):
            raise ShapeClash("the two sides differ in size", "elementwise operations need equal shapes, or a scalar")
    return result


class SizeSymbol(sympy.Symbol):
    """A named size, such as `n`, where a formula speaks of it (the mean divides by it)."""

    def __new__(cls, name: str) -> SizeSymbol:
        return sympy.Symbol.__xnew__(cls, name, integer=True, positive=True)


def size_expr(size: Size) -> sympy.Expr:
    """A size as a SymPy expression over `SizeSymbol` symbols."""
    terms = [sympy.Integer(k) * SizeSymbol(name) for name, k in size.coefficients]
    return sympy.Add(*terms, sympy.Integer(size.constant))


def size_from_expr(expr: sympy.Basic) -> Size:
    """The inverse of `size_expr`."""
    coefficients: dict[str, int] = {}
    constant = 0
    for term, k in sympy.sympify(expr).as_coefficients_dict().items():
        if isinstance(term, SizeSymbol):
            coefficients[term.name] = int(k)
        else:
            constant += int(k * term)
    return Size.build(coefficients, constant)


def substitute_dims(expr: sympy.Basic, dims: Mapping[str, int]) -> int:
    """A size expression's value."""
    return size_from_expr(expr).value(dims)
