"""All mutants of a derivation, in the order of its equations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import sympy

from ...derivation import Derivation
from ...equations import Equation
from ...language import Variable
from ...sizes import Shape
from .arrays import spans_of
from .mutant import Cue, Mutant
from .names import Names, know_names
from .normal import NormalForm, normal_form
from .terms import Mistake, of_whole_equation, of_whole_terms, within_terms
from .timing import carry_of, of_initial_state, of_steps


def mutate(derivation: Derivation) -> tuple[Mutant, ...]:
    """Every mistake in every backward equation, once: those that multiply out to the same are one mutant, and those
    that multiply out to the right equation are none."""
    return tuple(_mutants(derivation))


def _mutants(derivation: Derivation) -> Iterator[Mutant]:
    names = know_names(derivation)
    spans = spans_of(names)
    for equation in (*derivation.adjoints, *derivation.gradients):
        if equation.why == "initial":
            changed = carry_of(derivation, equation)
            mistakes = of_initial_state(names, changed, _adjoint_after(derivation, equation))
        else:
            changed = equation
            mistakes = (
                mistake
                for rule in (
                    of_whole_terms(equation),
                    of_whole_equation(equation),
                    within_terms(names, spans, equation),
                    of_steps(names, equation),
                )
                for mistake in rule
            )
        seen: set[NormalForm] = {normal_form(changed.expr)}
        for mistake in mistakes:
            expr = sympy.Add(*(term.expr for term in mistake.terms))
            form = normal_form(expr)
            if form not in seen:
                seen.add(form)
                yield _mutant(names, equation.number, changed, expr, mistake)


def _adjoint_after(derivation: Derivation, initial: Equation) -> str:
    """The adjoint of a state after the step, for which the one before it may be taken."""
    before = derivation.variables[initial.name].written
    after = next(state.new for state in derivation.cell.program.states if state.previous == before)
    return derivation.adjoint_of.get(after, "")


def _mutant(names: Names, number: int, changed: Equation, expr: sympy.Expr, mistake: Mistake) -> Mutant:
    equation = replace(changed, expr=expr, terms=mistake.terms)
    derivation = _with_equation(names.derivation, equation)
    for cue in mistake.cues:
        derivation = _with_cue(derivation, cue, names.shapes[cue.of] if cue.of else ())
    words = mistake.kind, mistake.how, mistake.was, mistake.now
    return Mutant(number, *words, equation, derivation, names.derivation, mistake.cues)


def _with_equation(derivation: Derivation, equation: Equation) -> Derivation:
    def swapped(equations: tuple[Equation, ...]) -> tuple[Equation, ...]:
        return tuple(equation if other.number == equation.number else other for other in equations)

    return replace(derivation, adjoints=swapped(derivation.adjoints), gradients=swapped(derivation.gradients))


def _with_cue(derivation: Derivation, cue: Cue, shape: Shape) -> Derivation:
    """The cell with one input more; it is an input of the mutated code alone and has no gradient."""
    cell = derivation.cell
    variable = Variable(cue.name, cue.name, "input", shape)
    program = replace(cell.program, inputs=(*cell.program.inputs, cue.name))
    cell = replace(cell, inputs=MappingProxyType({**cell.inputs, cue.name: shape}), program=program)
    variables = MappingProxyType({**derivation.variables, cue.name: variable})
    return replace(derivation, cell=cell, variables=variables)
