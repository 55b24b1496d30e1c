"""From SymPy expressions to source, whatever the language: sums, products and powers in the order in which a person
would write them, with as few parentheses.

An expression is printed at a place: the rank of the arrays around it, or the entry of an array that is asked for. What
a name, a number, a root or an operation looks like there is the language's own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

import sympy

from ..equations.shapes import names_in, shape_of
from ..operations.entry import SizeSymbol
from ..sizes import Shape
from .statement import POWER, PRODUCT, SUM, Text, joined, piece

Place = TypeVar("Place")


class Printer(Generic[Place]):
    """Prints expressions over named variables. `order` places the names: by definition, or (`as_written`) by where a
    forward equation mentions them."""

    roles: Mapping[str, str]
    shapes: Mapping[str, Shape]
    order: Mapping[str, int]
    as_written: bool = False

    # What a language says ------------------------------------------------------------------------------------

    @abstractmethod
    def entry(self, expr: sympy.Expr, place: Place) -> Text:
        """An expression for use at a place."""

    @abstractmethod
    def _name(self, symbol: sympy.Symbol, place: Place) -> Text: ...

    @abstractmethod
    def _size(self, symbol: SizeSymbol) -> Text: ...

    @abstractmethod
    def _number(self, value: sympy.Basic, *, real: bool = False) -> Text:
        """A constant; `real` where an integer would be divided as one."""

    @abstractmethod
    def _raised(self, base: sympy.Expr, exponent: sympy.Expr, place: Place) -> Text: ...

    @abstractmethod
    def _applied(self, expr: sympy.Expr, place: Place) -> Text: ...

    def _constant_and_factors(self, expr: sympy.Mul) -> tuple[sympy.Expr, Sequence[sympy.Expr]]:
        constant, rest = expr.as_coeff_Mul()
        return constant, sympy.Mul.make_args(rest)

    # What is the same in all of them -------------------------------------------------------------------------

    def rank(self, expr: sympy.Basic) -> int:
        return len(shape_of(expr, self.shapes))

    def signed(self, terms: Sequence[sympy.Expr], entry: Callable[[sympy.Expr], Text]) -> list[Text]:
        """Each term with its sign in front, none before a leading plus."""
        pieces: list[Text] = []
        for term in terms:
            negative = term.could_extract_minus_sign()
            sign = ("- " if pieces else "-") if negative else ("+ " if pieces else "")
            pieces.append(piece("{}{}", sign, entry(-term if negative else term).within(PRODUCT)))
        return pieces

    def _walk(self, expr: sympy.Expr, place: Place) -> Text:
        """An expression whose parts are printed at its own place."""
        if isinstance(expr, SizeSymbol):
            return self._size(expr)
        if isinstance(expr, sympy.Symbol):
            return self._name(expr, place)
        if expr.is_number and not expr.atoms(sympy.Function):
            return self._number(expr)
        if isinstance(expr, sympy.Add):
            terms = sorted(expr.args, key=self._term_key)
            return joined(" ", self.signed(terms, lambda term: self.entry(term, place)), SUM)
        if isinstance(expr, sympy.Mul):
            return self._product(expr, place)
        if isinstance(expr, sympy.Pow):
            base, exponent = expr.args
            if exponent.is_Rational and exponent < 0:
                return piece("1 / {}", self.entry(base**-exponent, place).within(POWER), binding=PRODUCT)
            return self._raised(base, exponent, place)
        return self._applied(expr, place)

    def _product(self, expr: sympy.Mul, place: Place) -> Text:
        if expr.as_coeff_Mul()[0].could_extract_minus_sign():
            return piece("-{}", self.entry(-expr, place).within(PRODUCT), binding=PRODUCT)
        constant, factors = self._constant_and_factors(expr)
        above: list[Text] = []
        below: list[Text] = []
        for factor in sorted(factors, key=self.factor_key):
            base, exponent = factor.as_base_exp()
            divides = exponent.is_Rational and exponent < 0
            # A matrix product may bind like `*`; in a later place it needs its parentheses all the same.
            text = self.entry(base**-exponent if divides else factor, place).within(POWER)
            (below if divides else above).append(text)
        broken = constant.is_Rational and not constant.is_Integer and not is_decimal(constant)
        if broken:
            constant, denominator = constant.as_numer_denom()
            below.insert(0, self._number(denominator))
        if constant != 1 or not above:
            above.insert(0, self._number(constant, real=broken and not above).within(PRODUCT))
        return joined(" / ", [joined(" * ", above), *below], PRODUCT)

    # The order in which a person would write ----------------------------------------------------------------

    def factor_key(self, factor: sympy.Expr) -> tuple[int, int, str]:
        """Parameters, then adjoints, then names in order of definition, then what is compound."""
        if self.as_written:
            return 0, self._first(factor), _spelt(factor)
        roles = {self.roles.get(name, "value") for name in names_in(factor)}
        if factor.is_Symbol and "parameter" in roles:
            rank = 0
        elif roles & {"adjoint", "upstream", "carry"}:
            rank = 1
        else:
            rank = 2 if factor.is_Symbol else 3
        return rank, self._first(factor), _spelt(factor)

    def _term_key(self, term: sympy.Expr) -> tuple[bool, bool, int, str]:
        return term.could_extract_minus_sign(), not term.is_number, self._first(term), _spelt(term)

    def _first(self, expr: sympy.Expr) -> int:
        return min((self.order.get(name, 0) for name in names_in(expr)), default=-1)


@lru_cache(maxsize=2**12)
def _spelt(expr: sympy.Basic) -> str:
    """What tells apart expressions that nothing else puts in an order."""
    return expr.name if isinstance(expr, sympy.Symbol) else str(expr)


def is_decimal(value: sympy.Expr) -> bool:
    """Whether a rational is exact as a short decimal."""
    denominator = int(value.q)
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1 and len(repr(float(value))) <= 10
