"""An equation as a fast kernel computes it: rewritten, or a piece that several equations share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from ...equations import Equation
from ...equations.shapes import names_in
from ...sizes import Shape


@dataclass(frozen=True, slots=True)
class Formula:
    """`name = sum of terms`, under the number of its equation (a shared piece has none)."""

    name: str
    terms: tuple[sympy.Expr, ...]
    shape: Shape
    number: int | None
    expr: sympy.Expr
    reads: frozenset[str]

    @staticmethod
    def of(equation: Equation) -> Formula:
        return formula(equation.name, tuple(t.expr for t in equation.terms), equation.shape, equation.number)

    def rewritten(self, values: Mapping[sympy.Expr, sympy.Expr]) -> Formula:
        """The formula with other values in it."""
        terms = tuple(term.xreplace(values) for term in self.terms) if values else self.terms
        if all(new is old for new, old in zip(terms, self.terms, strict=True)):
            return self
        return formula(self.name, terms, self.shape, self.number)


def formula(name: str, terms: tuple[sympy.Expr, ...], shape: Shape, number: int | None = None) -> Formula:
    """A formula whose terms mention only what their sum does: where terms cancel (x - x), the sum's own are taken."""
    whole = sympy.Add(*terms) if len(terms) != 1 else terms[0]
    reads = names_in(whole)
    if len(terms) > 1 and reads != frozenset[str]().union(*map(names_in, terms)):
        terms = sympy.Add.make_args(whole)
    return Formula(name, tuple(term for term in terms if term != 0), shape, number, whole, reads)
