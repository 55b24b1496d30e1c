"""What one row of the operation table holds, and the small types that its rules speak in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from fractions import Fraction
from string import Formatter
from typing import Any, Literal

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
class Look:
    """How an operation is set on paper: a kind that every printer knows, and its symbol in each format.

    The kinds: `call` σ(a); `indicator` [a > b]; and one for each special form (`norm`, `abs`, `sqrt`, `product`,
    `transpose`, `outer`, `dot`, `stack`, `part`, `fraction`).
    """

    kind: str
    text: str = ""
    latex: str = ""


def call(text: str, latex: str = "") -> Look:
    """How a function is set that is called by its name."""
    return Look("call", text, latex or rf"\operatorname{{{text}}}")


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of Python source: its text, the rank of one sample, whether an axis of samples leads it, whether it
    needs parentheses beside another operator, and whether it is a Python number (some functions take arrays alone)."""

    text: str
    rank: int
    batched: bool
    loose: bool = False
    number: bool = False

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


SizePrinter = Callable[[sympy.Basic | Size], str]
ShapeRule = Callable[[Solver, tuple[Shape, ...], Options], Shape]
AdjointRule = Callable[[Pull], tuple[sympy.Expr, ...]]
Writer = Callable[[tuple[Code, ...], tuple[sympy.Basic, ...], SizePrinter], str]
"""Writes an applied operation from the source of its operands, its options, and what prints sizes."""


@dataclass(frozen=True, slots=True)
class Torch:
    """How PyTorch writes an operation: the name of a function of all operands and options, a template over them
    (`{0.text}` as it is, `{0.tight}` in parentheses where it needs them), or a function that writes it. `helper` is a
    function that the module then defines; operands in the places of `tensors` must be tensors, and a number there is
    made one; a `product` needs parentheses beside a power; a `view` may share its operand's memory."""

    code: str | Writer
    helper: str = ""
    tensors: tuple[int, ...] = (0,)
    product: bool = False
    view: bool = False


@dataclass(frozen=True, slots=True)
class C:
    """How C writes an operation on numbers: by a `macro` for a function of math.h, by a static function with its name
    that returns a `value` in terms of the operands, or by one whose whole `source` is given; with none of these, it
    is its operand. `calls` are the helpers and macros that such a function calls, `remark` is said above it.

    `REAL(0.5)` is a constant of the type that the file is compiled for, `TANH` its function of math.h.
    """

    macro: str = ""
    value: str = ""
    source: str = ""
    calls: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """An expression with an operation, tame for any finite operands: random cells and the conformance test draw it.

    Letters name shapes: s a scalar, n and m vectors, S (n × n), V (n × m). `operands` are those of {0}, {1}, …; without
    letters they and the result have one shape, whichever it is. {W} (n × m), {R} (n × n), {C} (n × (n + m)), {b} (n)
    and {w} (m) are parameters.
    """

    text: str
    operands: str = ""
    result: str = ""

    @property
    def places(self) -> int:
        """How many operands there are."""
        return len({field for _, field, _, _ in Formatter().parse(self.text) if field and field.isdigit()})


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


Small = Literal["", "told", "lifted"]
"""What happens to an operand near zero: nothing of note, it is told from zero, or the result is not small."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: everything that symrnn knows about it but what it means (`checking/meanings.py`), in one place.

    An elementwise operation has no `adjoint`: SymPy differentiates through its head's `fdiff`, which is written
    in terms of the operation's own output where that is shorter (σ′ = σ(1 − σ)). A structured one (a product,
    a sum over the features) has an adjoint rule: from the adjoint of the output to those of the operands.
    """

    head: type[sympy.Function] | None
    about: str
    look: Look | None = None
    _: KW_ONLY
    name: str = ""
    """Its name in the language, the head's where none is given."""
    operands: tuple[str, ...] = ("a",)
    options: tuple[Option, ...] = ()
    shape: ShapeRule = elementwise_shape
    adjoint: AdjointRule | None = None
    build: Callable[..., Any] | None = None
    """From operands and options to an expression; the head where there is one."""

    numpy: str | Writer = ""
    """The name of a NumPy function or of the `helper`, a template over operands and options, or what writes it."""
    helper: str = ""
    """The source of a function that a NumPy module then defines."""
    ufunc: str = ""
    """The ufunc that it is: fast kernels let it write in place."""
    torch: Torch | None = None
    c: C | None = None

    exact: bool = False
    """Its floating-point result is exact."""
    rounds: tuple[str, float] | None = None
    """A ufunc of its NumPy form, or its helper taken as a whole, and the part of 1 that its error is besides one
    rounding of the result: right programs write σ(a) as ½ + ½ tanh ½a."""
    real_only: bool = False
    """Its NumPy form takes no complex numbers, or is not the analytic function beside the real line."""
    small: Small = ""
    slope: str = ""
    """The largest absolute slope, for a function of one operand that has one."""

    linear: bool = False
    activation: bool = False
    variadic: bool = False
    by_rows: bool = False
    """It takes each row of a matrix by itself."""
    kink: str = ""
    """The convention where it has no derivative."""
    written: bool = True
    """A cell may use it; others are met in derivatives alone."""
    samples: tuple[Sample, ...] = ()
    """Without any, a call of its operands."""

    def __post_init__(self) -> None:
        def complete(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        arguments = [f"{{{k}}}" for k in range(len(self.operands) + len(self.options))]
        if self.head is not None:
            complete("name", self.name or self.head.__name__)
            complete("build", self.build or self.head)
        complete("numpy", _called(self.numpy or self.ufunc, arguments))
        if self.torch is not None:
            texts = [f"{place[:-1]}.text}}" for place in arguments]
            complete("torch", replace(self.torch, code=_called(self.torch.code, texts)))
        if self.written and not self.samples:
            complete("samples", (Sample(f"{self.name}({', '.join(arguments[: len(self.operands)])})"),))

    @property
    def elementwise(self) -> bool:
        return self.adjoint is None

    @property
    def defaults(self) -> tuple[Fraction, ...]:
        """What its options are where nothing is said of them."""
        return tuple(option.default for option in self.options if option.default is not None)


def _called(form: str | Writer, arguments: list[str]) -> str | Writer:
    """The name of a function as a template that calls it."""
    named = isinstance(form, str) and form and "{" not in form
    return f"{form}({', '.join(arguments)})" if named else form


def number(value: Fraction | int) -> sympy.Rational:
    """An exact SymPy number."""
    fraction = Fraction(value)
    return sympy.Rational(fraction.numerator, fraction.denominator)


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
