"""All mutants of a derivation, in the order of its equations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from ..derivation import Derivation
from ..equations import Equation
from .arrays import Spans, spans_of
from .mistake import Mistake, Mutant
from .names import Names, know_names
from .normal import NormalForm, normal_form
from .terms import of_whole_equation, of_whole_terms, within_terms
from .timing import of_initial_state, of_steps


def mutate(derivation: Derivation) -> tuple[Mutant, ...]:
    """Every mistake in every backward equation, once: those that multiply out to the same are one mutant, and those
    that multiply out to the right equation are none."""
    return tuple(_mutants(derivation))


def _mutants(derivation: Derivation) -> Iterator[Mutant]:
    names = know_names(derivation)
    spans = spans_of(names)
    for equation in (*derivation.adjoints, *derivation.gradients):
        seen: set[NormalForm] = {normal_form(equation.expr)}
        for mistake in _mistakes(names, spans, equation):
            expr = mistake.changes[equation.name]
            form = normal_form(expr)
            if form not in seen:
                seen.add(form)
                yield Mutant(mistake, replace(equation, expr=expr, terms=mistake.terms), derivation)


def _mistakes(names: Names, spans: Spans, equation: Equation) -> Iterator[Mistake]:
    if equation.why == "initial":
        return of_initial_state(names.derivation, equation)
    return chain(
        of_whole_terms(equation),
        of_whole_equation(equation),
        within_terms(names, spans, equation),
        of_steps(names, equation),
    )
