"""Mistakes with whole terms: a path forgotten, a sign, a term counted twice; and everything within one term."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import sympy

from ...equations import Equation, Term
from .arrays import Spans, in_array, in_function, in_name
from .changes import Change, everywhere
from .mutant import Cue, Kind
from .names import Names
from .products import in_power, in_product, in_sum, local_derivative, shape_kept

_FACTORS: tuple[tuple[Kind, sympy.Expr], ...] = (
    ("sign", sympy.S.NegativeOne),
    ("scale", sympy.S(2)),
    ("scale", sympy.Rational(1, 2)),
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """An equation got wrong: its terms as they are now, and what changed."""

    kind: Kind
    how: str
    was: sympy.Expr
    now: sympy.Expr
    terms: tuple[Term, ...]
    cues: tuple[Cue, ...] = ()


def of_whole_terms(equation: Equation) -> Iterator[Mistake]:
    """A term left out, with the other sign, twice or half."""
    for place, term in enumerate(equation.terms):
        expr = term.expr
        lost: Kind = "missing carry" if term.rule == "carry" else "missing path"
        yield Mistake(lost, "{was} left out", expr, sympy.S.Zero, _without(equation, place))
        for kind, factor in _FACTORS:
            now = factor * expr
            yield _with(equation, place, Change(kind, expr, now, result=now))


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
        yield from in_power(names, expr)
        yield from in_function(names, equation, expr)
        yield from in_array(names, expr, spans)

    for place, term in enumerate(equation.terms):
        for change in (*everywhere(term.expr, rule), *_in_all_places(names, equation, term)):
            if shape_kept(names, term.expr, change.result):
                yield _with(equation, place, change)


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


def multiplied(equation: Equation, factor: sympy.Expr, kind: Kind, how: str, cues: tuple[Cue, ...] = ()) -> Mistake:
    """All terms of an equation times a factor."""
    terms = tuple(_changed(term, term.expr * factor) for term in equation.terms)
    return Mistake(kind, how, equation.expr, factor, terms, cues)


def with_term(
    equation: Equation, place: int, now: sympy.Expr, kind: Kind, how: str, cues: tuple[Cue, ...] = ()
) -> Mistake:
    """Another expression in place of one term."""
    terms = list(equation.terms)
    was = terms[place].expr
    terms[place] = _changed(terms[place], now)
    return Mistake(kind, how, was, now, tuple(terms), cues)


def _with(equation: Equation, place: int, change: Change) -> Mistake:
    terms = list(equation.terms)
    terms[place] = _changed(terms[place], change.result)
    return Mistake(change.kind, change.how, change.was, change.now, tuple(terms))


def _without(equation: Equation, place: int) -> tuple[Term, ...]:
    return equation.terms[:place] + equation.terms[place + 1 :]


def _changed(term: Term, expr: sympy.Expr) -> Term:
    return replace(term, expr=expr, factor=None)
