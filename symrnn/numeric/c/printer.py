"""From SymPy expressions to C: the number at one entry of an array, over loop indices.

Whatever only moves entries about (a transpose, a slice, an outer product) is an index here; whatever sums over entries
is asked of `lift`, which computes it beforehand or calls a helper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import sympy

from ...equations.shapes import operands_of
from ...operations import structured as s
from ...operations.entry import SizeSymbol, size_expr
from ...sizes import Shape, Size
from ..expression import Printer
from ..statement import ATOM, PRODUCT, SUM, Piece, Text, joined, local, piece
from .forms import FORMS

GAP = "\0"
"""A space at which no line is broken."""
ZERO = Text("0")
_SMALL = 2**24  # integers up to here are exact in a float

Index = tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """Which entry of an array: at an index, where the loop around is at its own entry `at`."""

    index: Index = ()
    at: Index = ()


def call(name: str, *arguments: Piece) -> Text:
    """A function or a macro applied."""
    return calling(name, piece("{}({})", name, joined(", ", arguments)))


def calling(name: str, text: Text) -> Text:
    """A text that calls a function or a macro by its name."""
    return replace(text, heads=text.heads | {name})


def shifted(index: Text, offset: Text) -> Text:
    """An index moved by an offset."""
    if index.code == "0":
        return offset
    return index if offset.code == "0" else piece("{} + {}", index, offset, binding=SUM)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Prints sizes and counts over the dimensions' names in C."""

    dims: Mapping[str, str]

    def size(self, size: Size | sympy.Basic) -> Text:
        return self.count(size_expr(size) if isinstance(size, Size) else sympy.sympify(size))

    def entries(self, shape: Shape) -> Text:
        """How many entries an array has."""
        return self.count(count_of(shape))

    def count(self, expr: sympy.Expr) -> Text:
        """A polynomial in the dimensions; what is subtracted comes last, because sizes have no sign in C."""
        if expr is sympy.S.Zero:
            return ZERO
        words: list[tuple[bool, bool, str, int]] = []
        for term, k in sympy.expand(expr).as_coefficients_dict().items():
            factors = [str(abs(k))] if abs(k) != 1 or term == 1 else []
            for factor in sorted(sympy.Mul.make_args(term), key=str):
                base, power = factor.as_base_exp()
                factors += [self.dims[base.name]] * int(power) if isinstance(base, SizeSymbol) else []
            words.append((int(k) < 0, factors[0].isdigit() and not factors[1:], " * ".join(factors), len(factors)))
        words.sort()
        code = " ".join(f"{'-' if negative else '+'} {word}" for negative, _, word, _ in words).removeprefix("+ ")
        binding = SUM if words[1:] or words[0][0] else PRODUCT if words[0][3] > 1 else ATOM
        names = frozenset(self.dims[symbol.name] for symbol in expr.atoms(SizeSymbol))
        return Text(code, binding, names)


def count_of(shape: Shape) -> sympy.Expr:
    """How many entries an array has, as a polynomial in the dimensions."""
    return sympy.Mul(*(size_expr(size) for size in shape))


@dataclass(frozen=True, slots=True)
class CPrinter(Printer[Entry]):
    """Prints entries of expressions over named arrays; `locals` are scalars that are no arrays but variables."""

    names: Mapping[str, str]
    shapes: Mapping[str, Shape]
    roles: Mapping[str, str]
    order: Mapping[str, int]
    sizes: Sizes
    locals: Set[str]
    lift: Callable[[sympy.Expr, Entry], Text] | None = None
    """Computes what sums over entries beforehand; whoever writes the statements around says how."""

    def variable(self, name: str) -> Text:
        return local(self.names.get(name, name))

    def element(self, name: str, index: Index) -> Text:
        """One entry of an array, row-major."""
        variable, shape = self.variable(name), self.shapes[name]
        if not shape:
            return variable if name in self.locals else piece("{}[0]", variable)
        place = index[0]
        if len(shape) == 2:
            columns = self.sizes.size(shape[1])
            row = {"0": ZERO, "1": columns}.get(place.code)
            row = row or piece("{} * {}", place.within(ATOM), columns.within(ATOM), binding=PRODUCT)
            place = shifted(row, index[1])
        return piece("{}[{}]", variable, replace(place, code=place.code.replace(" ", GAP)))

    # The walk -----------------------------------------------------------------------------------------------

    def entry(self, expr: sympy.Expr, place: Entry) -> Text:
        """The number at an index; an expression of lower rank than the index is the same everywhere."""
        return self._walk(expr, place if self.rank(expr) else replace(place, index=()))

    def value(self, terms: Sequence[sympy.Expr], index: Index) -> Text:
        """A sum of terms at the entry of the loop around it."""
        place = Entry(index, index)
        return joined(" ", self.signed(terms, lambda term: self.entry(term, place)), SUM) if terms else ZERO

    def _name(self, symbol: sympy.Symbol, place: Entry) -> Text:
        text = self.element(symbol.name, place.index)
        moved = place.index and place.index != place.at
        return replace(text, elsewhere=frozenset((symbol.name,))) if moved else text

    def _size(self, symbol: SizeSymbol) -> Text:
        return piece("(real){}", local(self.sizes.dims[symbol.name]))

    def _number(self, value: sympy.Basic, *, real: bool = False) -> Text:
        return number(value, real=real)

    def _constant_and_factors(self, expr: sympy.Mul) -> tuple[sympy.Expr, Sequence[sympy.Expr]]:
        constants = [f for f in expr.args if f.is_number and not f.has(sympy.Function)]
        return sympy.Mul(*constants), [f for f in expr.args if f not in constants]

    def _raised(self, base: sympy.Expr, exponent: sympy.Expr, place: Entry) -> Text:
        inner = self.entry(base, place)
        if exponent in (2, 3):
            return call("square" if exponent == 2 else "cube", inner)
        return call("SQRT", inner) if exponent == sympy.S.Half else call("POW", inner, number(exponent))

    def _applied(self, expr: sympy.Expr, place: Entry) -> Text:
        form = FORMS.get(type(expr))
        if form is None:
            return self._structured(expr, place)
        operands, options = operands_of(expr)
        words = [self._argument(operand, place) for operand in (*operands, *options)]
        return words[0] if form == "{0}" else calling(form.partition("(")[0], piece(form, *words))

    def _argument(self, expr: sympy.Basic, place: Entry) -> Text:
        """An operand of a function: never an integer, which some functions of C would take for what it is."""
        constant = expr.is_number and not expr.has(sympy.Function)
        return number(expr, real=True) if constant else self.entry(expr, place)

    def _structured(self, expr: sympy.Expr, place: Entry) -> Text:
        (first, *rest), _ = operands_of(expr)
        index = place.index

        def at(expr: sympy.Expr, *index: Text) -> Text:
            return self.entry(expr, Entry(index, place.at))

        match expr:
            case s.transpose():
                return at(first, *index[::-1])
            case s.outer():
                return piece(
                    "{} * {}", at(first, index[0]).within(ATOM), at(rest[0], index[1]).within(ATOM), binding=PRODUCT
                )
            case s.diagonal():
                return at(first, index[0], index[0])
            case s.diag():
                return piece("({} == {} ? {} : 0)", index[0], index[1], at(first, index[0]))
            case s.part():
                return at(first, *self.within(expr.args[1:], self.rank(first), index))
            case _:
                assert self.lift is not None, f"{type(expr).__name__} needs statements of its own"
                return self.lift(expr, place)

    def within(self, axes: tuple[sympy.Basic, ...], rank: int, index: Index) -> Index:
        """The index into the whole of an index into a part of it; `axes` are bounds or single places."""
        given = list(index)
        result: list[Text] = []
        for axis in range(rank):
            bounds = axes[axis].args if axis < len(axes) else ()
            if len(bounds) == 1:
                result.append(self.sizes.size(bounds[0]))
            else:
                result.append(shifted(given.pop(0), self.sizes.size(bounds[0]) if bounds else ZERO))
        return tuple(result)


def number(value: sympy.Basic, *, real: bool = False) -> Text:
    """A constant: small integers as they are (or, with `real`, of the file's type), others of the file's type."""
    expr = sympy.sympify(value)
    binding = ATOM if expr >= 0 else PRODUCT
    if expr.is_Integer and abs(expr) <= _SMALL and not real:
        return Text(str(int(expr)), binding)
    digits = repr(abs(float(expr)))
    return replace(call("REAL", digits), code=f"{'-' if expr < 0 else ''}REAL({digits})", binding=binding)
