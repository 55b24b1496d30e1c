"""Mistakes with whole terms: a path forgotten, a sign, a term counted twice; and everything within one term."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sympy

from ..equations import Equation, Term
from .arrays import Spans, in_array, in_function, in_name
from .changes import Change, everywhere
from .mistake import Kind, Mistake, multiplied, with_term, with_terms
from .names import Names
from .products import in_power, in_product, in_sum, local_derivative, shape_kept

_FACTORS: tuple[tuple[Kind, sympy.Expr], ...] = (
    ("sign", sympy.S.NegativeOne),
    ("scale", sympy.S(2)),
    ("scale", sympy.Rational(1, 2)),
)


def of_whole_terms(equation: Equation) -> Iterator[Mistake]:
    """A term left out, with the other sign, twice or half."""
    alone = equation.kind == "carry" and len(equation.terms) == 1
    for place, term in enumerate(equation.terms):
        expr = term.expr
        lost: Kind = "missing carry" if term.rule == "carry" or alone else "missing path"
        without = with_terms(equation, equation.terms[:place] + equation.terms[place + 1 :], lost, 1.0)
        yield replace(without, how="{was} left out", was=expr)
        for kind, factor in _FACTORS:
            yield _made(equation, place, Change(kind, expr, factor * expr, result=factor * expr))


def of_whole_equation(equation: Equation) -> Iterator[Mistake]:
    """The sum of all terms with the other sign, twice or half."""
    if len(equation.terms) < 2:
        return
    for kind, factor in _FACTORS:
        yield multiplied(equation, factor, kind, "the whole sum times {now}")


def within_terms(names: Names, spans: Spans, equation: Equation) -> Iterator[Mistake]:
    """Every mistake in one place of one term, and those in the local derivative that the term multiplies by."""

    def rule(expr: sympy.Expr) -> Iterator[Change]:
        yield from in_name(names, equation, expr)
        yield from in_sum(names, expr)
        yield from in_product(names, expr)
        yield from in_power(expr)
        yield from in_function(names, equation, expr)
        yield from in_array(names, expr, spans)

    for place, term in enumerate(equation.terms):
        for change in (*everywhere(term.expr, rule), *_in_all_places(names, equation, term)):
            if shape_kept(names, term.expr, change.result):
                yield _made(equation, place, change)


def _in_all_places(names: Names, equation: Equation, term: Term) -> Iterator[Change]:
    """One value for another in all places where a term has it: o (1 − o) for f (1 − f)."""
    for symbol in sorted(term.expr.free_symbols, key=str):
        if names.is_name(symbol) and not term.expr.is_Symbol:
            for other in names.candidates(symbol.name, equation):
                now = sympy.Symbol(other)
                kind = names.confusion(symbol.name, other)
                yield Change(kind, symbol, now, result=term.expr.xreplace({symbol: now}))
    if term.factor is not None:
        yield from local_derivative(names, term.expr, term.factor, term.path[0])


def _made(equation: Equation, place: int, change: Change) -> Mistake:
    return with_term(equation, place, change.result, change.kind, change.how, change.was, change.now)
