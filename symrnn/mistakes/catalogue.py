"""The whole catalogue: what can be wrong with a backward pass that is bent already by some mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..checking.interpreter import Changes
from ..derivation import Derivation
from ..derivation.moments import ODD, At, moments_in
from ..equations import Equation
from .mistake import Mistake
from .mutate import mutate
from .repeated import mistakes_in_many, mistakes_repeated
from .slips import slips_in_time, slips_of_formula

Formulas = Mapping[str, Sequence[Mistake]]
"""Mistakes in one place of one equation, by the equation's name."""


def mistakes_in_formulas(derivation: Derivation) -> Formulas:
    """The mutants of every equation; those of initial states have words of their own (see `slips_in_time`)."""
    found: dict[str, list[Mistake]] = {}
    for mutant in mutate(derivation):
        if mutant.equation.why != "initial" and ODD not in moments_in(mutant.equation.expr):
            found.setdefault(mutant.equation.name, []).append(mutant.mistake)
    return found


def all_mistakes(derivation: Derivation, changes: Changes, formulas: Callable[[], Formulas]) -> Iterator[Mistake]:
    """Every mistake that may come beside the `changes` that there are; `formulas` takes its time, and is asked late."""
    yield from mistakes_in_many(derivation, changes)
    prepared = formulas()
    single: dict[str, list[Mistake]] = {}
    for equation in (*derivation.adjoints, *derivation.gradients):
        expr = changes.get(equation.name, equation.expr)
        mistakes = single[equation.name] = list(prepared.get(equation.name, ()) if expr == equation.expr else ())
        mistakes += slips_in_time(derivation, equation, expr)
        if equation.name not in changes:
            mistakes += slips_of_formula(derivation, equation)
        yield from mistakes
        if equation.kind == "carry":
            yield from _with_own_start(derivation, equation, mistakes)
    yield from mistakes_repeated(derivation, changes, single)


def _with_own_start(derivation: Derivation, carry: Equation, mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    """The same mistakes, in code that computes the gradient of the initial state apart, and rightly."""
    initial = next(e for e in derivation.gradients if e.why == "initial" and e.terms[0].expr == carry.symbol)
    for mistake in mistakes:
        changes = {**mistake.changes, initial.name: At(carry.name, "own")}
        yield replace(mistake, changes=changes, cost=mistake.cost + 0.3, about=mistake.changes)
