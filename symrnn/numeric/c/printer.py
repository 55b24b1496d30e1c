"""From SymPy expressions to C: the number at one entry of an array, over loop indices.

Whatever only moves entries about (a transpose, a slice, an outer product) is an index here; whatever sums over entries
is asked of `lift`, which computes it beforehand or calls a helper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy

from ...equations.shapes import names_in, operands_of, shape_of
from ...operations import structured as s
from ...operations.entry import SizeSymbol, size_expr
from ...sizes import Shape, Size
from .forms import FORMS

SUM, PRODUCT, ATOM = range(3)
_SMALL = 2**24  # integers up to here are exact in a float

Index = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Source text and how tightly it binds."""

    code: str
    binding: int = ATOM

    def within(self, binding: int) -> str:
        return self.code if self.binding >= binding else f"({self.code})"


def tight(text: str) -> str:
    """An index or a size as an operand of a product."""
    return f"({text})" if " " in text else text


def shifted(index: str, offset: str) -> str:
    """An index moved by an offset."""
    if "0" in (index, offset):
        return offset if index == "0" else index
    return f"{index} + {offset}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Prints sizes and counts over the dimensions' names in C."""

    dims: Mapping[str, str]

    def size(self, size: Size | sympy.Basic) -> str:
        return self.count(size_expr(size) if isinstance(size, Size) else sympy.sympify(size))

    def entries(self, shape: Shape) -> str:
        """How many entries an array has."""
        return self.count(count_of(shape))

    def count(self, expr: sympy.Expr) -> str:
        """A polynomial in the dimensions; what is subtracted comes last, because sizes have no sign in C."""
        if expr == 0:
            return "0"
        words: list[tuple[bool, str]] = []
        for term, k in sympy.expand(expr).as_coefficients_dict().items():
            factors = [str(abs(k))] if abs(k) != 1 or term == 1 else []
            for factor in sorted(sympy.Mul.make_args(term), key=str):
                base, power = factor.as_base_exp()
                factors += [self.dims[base.name]] * int(power) if isinstance(base, SizeSymbol) else []
            words.append((int(k) < 0, " * ".join(factors)))
        words.sort(key=lambda word: (word[0], word[1][:1].isdigit() and " " not in word[1], word[1]))
        return " ".join(f"{'-' if negative else '+'} {word}" for negative, word in words).removeprefix("+ ")


def count_of(shape: Shape) -> sympy.Expr:
    """How many entries an array has, as a polynomial in the dimensions."""
    return sympy.Mul(*(size_expr(size) for size in shape))


@dataclass(slots=True)
class CPrinter:
    """Prints entries of expressions over named arrays; `locals` are scalars that are no arrays but variables.

    `moved` collects the names that are read at other entries than the loop's own, `at`.
    """

    names: Mapping[str, str]
    shapes: dict[str, Shape]
    roles: Mapping[str, str]
    order: Mapping[str, int]
    sizes: Sizes
    locals: set[str]
    lift: Callable[[sympy.Expr, Index], Text]
    at: Index = ()
    moved: set[str] = field(default_factory=set[str])

    def rank(self, expr: sympy.Basic) -> int:
        return len(shape_of(expr, self.shapes))

    def element(self, name: str, index: Index) -> str:
        """One entry of an array, row-major."""
        c_name = self.names.get(name, name)
        shape = self.shapes[name]
        if not shape:
            return c_name if name in self.locals else f"{c_name}[0]"
        if len(shape) == 1:
            return f"{c_name}[{index[0]}]"
        columns = tight(self.sizes.size(shape[1]))
        row = {"0": "0", "1": columns}.get(index[0], f"{tight(index[0])} * {columns}")
        return f"{c_name}[{shifted(row, index[1]) if index[1] != '0' else row}]"

    # The walk -----------------------------------------------------------------------------------------------

    def entry(self, expr: sympy.Expr, index: Index) -> Text:
        """The number at an index; an expression of lower rank than the index is the same everywhere."""
        index = index if self.rank(expr) else ()
        if isinstance(expr, SizeSymbol):
            return Text(f"(real){self.sizes.dims[expr.name]}")
        if isinstance(expr, sympy.Symbol):
            if index and index != self.at:
                self.moved.add(expr.name)
            return Text(self.element(expr.name, index))
        if expr.is_number and not expr.atoms(sympy.Function):
            return number(expr)
        if isinstance(expr, sympy.Add):
            terms = sorted(expr.args, key=self._term_key)
            return Text(" ".join(self.signed(terms, index)), SUM)
        if isinstance(expr, sympy.Mul):
            return self._product(expr, index)
        if isinstance(expr, sympy.Pow):
            return self._power(expr, index)
        form = FORMS.get(type(expr))
        if form is None:
            return self._structured(expr, index)
        operands, options = operands_of(expr)
        words = [self._argument(operand, index) for operand in (*operands, *options)]
        return words[0] if form == "{0}" else Text(form.format(*(word.code for word in words)))

    def _argument(self, expr: sympy.Basic, index: Index) -> Text:
        """An operand of a function: never an integer, which some functions of C would take for what it is."""
        constant = expr.is_number and not expr.has(sympy.Function)
        return number(expr, real=True) if constant else self.entry(expr, index)

    def signed(self, terms: list[sympy.Expr], index: Index) -> list[str]:
        """Each term with its sign in front, none before a leading plus."""
        pieces: list[str] = []
        for term in terms:
            negative = term.could_extract_minus_sign()
            text = self.entry(-term if negative else term, index).within(PRODUCT)
            sign = ("- " if pieces else "-") if negative else ("+ " if pieces else "")
            pieces.append(sign + text)
        return pieces

    def _product(self, expr: sympy.Mul, index: Index) -> Text:
        if expr.as_coeff_Mul()[0].could_extract_minus_sign():
            return Text(f"-{self.entry(-expr, index).within(PRODUCT)}", PRODUCT)
        constant = sympy.Mul(*(factor for factor in expr.args if factor.is_number and not factor.has(sympy.Function)))
        above: list[str] = []
        below: list[str] = []
        for factor in sorted((f for f in expr.args if not f.is_number or f.has(sympy.Function)), key=self._factor_key):
            base, exponent = factor.as_base_exp()
            if exponent.is_Rational and exponent < 0:
                below.append(self._operand(base**-exponent, index))
            else:
                above.append(self._operand(factor, index))
        broken = bool(constant.is_Rational) and not is_decimal(constant)
        if broken:
            constant, denominator = constant.as_numer_denom()
            below.insert(0, number(denominator).code)
        if not above:
            # Two integers would divide as integers.
            above = [number(constant, real=broken).within(PRODUCT)]
        elif constant != 1:
            above.insert(0, number(constant).within(PRODUCT))
        return Text(" / ".join([" * ".join(above), *below]), PRODUCT)

    def _operand(self, factor: sympy.Expr, index: Index) -> str:
        return self.entry(factor, index).within(ATOM)

    def _power(self, expr: sympy.Pow, index: Index) -> Text:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            return Text(f"1 / {self._operand(base**-exponent, index)}", PRODUCT)
        inner = self.entry(base, index).code
        if exponent == sympy.Rational(1, 2):
            return Text(f"SQRT({inner})")
        if exponent in (2, 3):
            return Text(f"{'square' if exponent == 2 else 'cube'}({inner})")
        return Text(f"POW({inner}, {number(exponent).code})")

    def _structured(self, expr: sympy.Expr, index: Index) -> Text:
        (first, *rest), _ = operands_of(expr)
        match expr:
            case s.transpose():
                return self.entry(first, index[::-1])
            case s.outer():
                words = [self._operand(first, index[:1]), self._operand(rest[0], index[1:])]
                return Text(" * ".join(words), PRODUCT)
            case s.diagonal():
                return self.entry(first, (index[0], index[0]))
            case s.diag():
                return Text(f"({index[0]} == {index[1]} ? {self.entry(first, index[:1]).code} : 0)")
            case s.part():
                return self.entry(first, self.within(expr.args[1:], self.rank(first), index))
            case _:
                return self.lift(expr, index)

    def within(self, axes: tuple[sympy.Basic, ...], rank: int, index: Index) -> Index:
        """The index into the whole of an index into a part of it; `axes` are bounds or single places."""
        given = list(index)
        result: list[str] = []
        for axis in range(rank):
            bounds = axes[axis].args if axis < len(axes) else ()
            if len(bounds) == 1:
                result.append(self.sizes.size(bounds[0]))
            else:
                result.append(shifted(given.pop(0), self.sizes.size(bounds[0]) if bounds else "0"))
        return tuple(result)

    # The order in which a person would write ----------------------------------------------------------------

    def _factor_key(self, factor: sympy.Expr) -> tuple[int, int, str]:
        """Parameters, then adjoints, then names in order of definition, then what is compound."""
        roles = {self.roles.get(name, "value") for name in names_in(factor)}
        if factor.is_Symbol and "parameter" in roles:
            place = 0
        elif roles & {"adjoint", "upstream", "carry"}:
            place = 1
        else:
            place = 2 if factor.is_Symbol else 3
        return place, self._first(factor), str(factor)

    def _term_key(self, term: sympy.Expr) -> tuple[bool, bool, int, str]:
        return term.could_extract_minus_sign(), not term.is_number, self._first(term), str(term)

    def _first(self, expr: sympy.Expr) -> int:
        return min((self.order.get(name, 0) for name in names_in(expr)), default=-1)


def is_decimal(value: sympy.Expr) -> bool:
    """Whether a rational is exact as a short decimal."""
    denominator = int(value.q)
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1 and len(repr(float(value))) <= 10


def number(value: sympy.Basic, *, real: bool = False) -> Text:
    """A constant: small integers as they are (or, with `real`, of the file's type), others of the file's type."""
    expr = sympy.sympify(value)
    binding = ATOM if expr >= 0 else PRODUCT
    if expr.is_Integer and abs(expr) <= _SMALL and not real:
        return Text(str(int(expr)), binding)
    digits = repr(abs(float(expr)))
    return Text(f"{'-' if expr < 0 else ''}REAL({digits})", binding)
