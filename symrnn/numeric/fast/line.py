"""A line of a plan: one equation as a sum of terms that mention only what their sum does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from ...equations.shapes import names_in
from ...sizes import Shape


@dataclass(frozen=True, slots=True)
class Line:
    """`name = sum of terms`, one equation of a formula under its number (or a shared piece, with none)."""

    name: str
    terms: tuple[sympy.Expr, ...]
    shape: Shape
    number: int | None
    expr: sympy.Expr
    reads: frozenset[str]


def line_of(name: str, terms: tuple[sympy.Expr, ...], shape: Shape, number: int | None) -> Line:
    """A line whose terms mention only what their sum does: where terms cancel (x - x), the sum's own are taken."""
    whole = sympy.Add(*terms) if len(terms) != 1 else terms[0]
    reads = frozenset(names_in(whole))
    if len(terms) > 1 and reads != set[str]().union(*map(names_in, terms)):
        terms = sympy.Add.make_args(whole)
    return Line(name, tuple(term for term in terms if term != 0), shape, number, whole, reads)


def replaced(line: Line, values: Mapping[sympy.Expr, sympy.Expr]) -> Line:
    """The line with other values in it."""
    terms = tuple(term.xreplace(values) for term in line.terms) if values else line.terms
    if all(new is old for new, old in zip(terms, line.terms, strict=True)):
        return line
    return line_of(line.name, terms, line.shape, line.number)
