"""One mistake in many places: people write one helper for all gates, and one line in a loop over them.

Equations are alike when they differ by the gate alone: ∂L/∂R_i and ∂L/∂R_f, δ_{a_i} and δ_{a_f}. What goes wrong in
one of them is tried on all of them together, so that one mistake is one finding. And one scale on many arrays; a loop
that ends too soon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import sympy

from ..checking.interpreter import Changes
from ..derivation import Derivation
from ..derivation.moments import FIRST, LAST, SEQUENCES, STEPS, At, Moment
from ..equations import Equation
from ..equations.shapes import names_in, shape_of
from ..operations.structured import transpose
from .mistake import Kind, Mistake, has_shape, with_terms
from .slips import activated, local_derivative

_ANY = sympy.Symbol("δ")
_LATE: tuple[tuple[Moment, str], ...] = (("late1", "1 step"), ("late2", "2 steps"), ("late3", "3 steps"))
_FACTORS: tuple[tuple[sympy.Expr, Kind, str], ...] = (
    (sympy.Integer(-1), "sign", "the sign is turned"),
    (1 / STEPS, "scale", "divided by the number of steps T"),
    (1 / SEQUENCES, "scale", "divided by the number of sequences N"),
    (1 / (STEPS * SEQUENCES), "scale", "divided by T·N"),
    (STEPS, "scale", "multiplied by the number of steps T"),
    (SEQUENCES, "scale", "multiplied by the number of sequences N"),
    (sympy.Integer(2), "scale", "doubled"),
    (sympy.Rational(1, 2), "scale", "halved"),
)
"""Factors of a whole gradient, each with its kind and in words: signs and scales that people take for one another."""
_LOST: tuple[tuple[sympy.Expr, Kind, str], ...] = (
    (LAST, "lost accumulation", "the last step alone counts"),
    (FIRST, "lost accumulation", "the first step alone counts"),
    (1 - FIRST, "first step", "the first step is left out of the sum"),
)
"""And of sums over time."""


# Everything --------------------------------------------------------------------------------------------------


def mistakes_in_many(derivation: Derivation, changes: Changes) -> Iterator[Mistake]:
    """One scale on many arrays: on everything, all parameters, all matrices, all vectors; a loop that ends too soon."""
    yield from _ended_loops(derivation, changes)
    parameters = [e for e in derivation.gradients if e.why == "parameter"]
    groups: tuple[tuple[str, Sequence[Equation]], ...] = (
        ("every gradient", derivation.gradients),
        ("the gradients of all parameters", parameters),
        ("the gradients of all matrices", [e for e in parameters if len(e.shape) == 2]),
        ("the gradients of all vectors", [e for e in parameters if len(e.shape) == 1]),
    )
    seen: set[tuple[str, ...]] = set()
    for place, (words, group) in enumerate(groups):
        names = tuple(e.name for e in group)
        if len(names) < 2 or names in seen:
            continue
        seen.add(names)
        for factor, kind, note in (*_FACTORS, *(_LOST if all(e.over_time for e in group) else ())):
            changed = {e.name: factor * changes.get(e.name, e.expr) for e in group}
            # Twice everything is rather what comes from above twice, which is a mistake of its own.
            cost = 0.9 if factor not in (2, sympy.Rational(1, 2)) else 1.1
            yield Mistake(changed, kind, cost + place / 100, f"{words}: {note}")


def _ended_loops(derivation: Derivation, changes: Changes) -> Iterator[Mistake]:
    """A loop over time that ends before the first step: what was to be handed back then stays as it is."""
    for steps, (moment, words) in enumerate(_LATE, start=1):
        reached = At("", moment)
        changed: dict[str, sympy.Expr] = {}
        about: dict[str, sympy.Expr] = {}
        for equation in (*derivation.adjoints, *derivation.gradients):
            expr = changes.get(equation.name, equation.expr)
            if equation.kind == "carry":
                changed[equation.name] = reached * expr + (1 - reached) * equation.symbol
                about[equation.name] = reached * expr
            elif equation.kind == "gradient" and equation.why != "initial":
                changed[equation.name] = reached * expr
        note = f"the loop over time ends after {words}"
        yield Mistake(changed, "truncated carry", 1.0 + steps / 100, note, about=about)


# What is alike -----------------------------------------------------------------------------------------------


def mistakes_repeated(
    derivation: Derivation, changes: Changes, single: Mapping[str, Sequence[Mistake]]
) -> Iterator[Mistake]:
    """Mistakes in whole groups of untouched equations that are alike, and in all terms of one; `single` are those of
    each equation by itself."""
    adjoints = [e for e in derivation.adjoints if e.name not in changes]
    gradients = [e for e in derivation.gradients if e.name not in changes]
    with_one = _with_one_adjoint(derivation, gradients)
    yield from _of_gradients(derivation, with_one, single)
    yield from _of_gates(with_one)
    yield from _of_helpers(derivation, adjoints)
    yield from _of_terms(derivation, [*adjoints, *gradients])
    yield from _of_paths(derivation, [*adjoints, *gradients])
    yield from _exchanged(derivation, [*adjoints, *gradients])
    yield from _crossed(derivation, adjoints)
    yield from _mistaken(derivation, gradients)
    yield from _exchanged_gradients(gradients)


def _with_one_adjoint(derivation: Derivation, gradients: Sequence[Equation]) -> list[tuple[Equation, sympy.Symbol]]:
    """The gradients of parameters that a single adjoint enters, each with it."""
    found: list[tuple[Equation, sympy.Symbol]] = []
    for equation in gradients:
        adjoints = [n for n in names_in(equation.expr) if derivation.variables[n].role == "adjoint"]
        if equation.why == "parameter" and len(adjoints) == 1:
            found.append((equation, sympy.Symbol(adjoints[0])))
    return found


def _of_gradients(
    derivation: Derivation,
    with_one: Sequence[tuple[Equation, sympy.Symbol]],
    single: Mapping[str, Sequence[Mistake]],
) -> Iterator[Mistake]:
    """What is wrong with ∂L/∂R_i is tried on all ∂L/∂R: one and the same line, with another adjoint in it."""
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    groups: dict[sympy.Expr, list[tuple[Equation, sympy.Symbol]]] = {}
    for equation, own in with_one:
        groups.setdefault(equation.expr.xreplace({own: _ANY}), []).append((equation, own))
    for members in groups.values():
        if len(members) < 2:
            continue
        first, own = members[0]
        for mistake in single.get(first.name, ()):
            pattern = mistake.changes[first.name].xreplace({own: _ANY})
            changed = {equation.name: pattern.xreplace({_ANY: adjoint}) for equation, adjoint in members}
            if all(has_shape(changed[equation.name], equation.shape, shapes) for equation, _ in members):
                yield Mistake(changed, mistake.kind, mistake.cost + 0.05, mistake.note)


def _of_gates(with_one: Sequence[tuple[Equation, sympy.Symbol]]) -> Iterator[Mistake]:
    """A scale or a lost sum on all gradients that one adjoint enters: the parameters of one gate."""
    groups: dict[sympy.Symbol, list[Equation]] = {}
    for equation, own in with_one:
        groups.setdefault(own, []).append(equation)
    for members in groups.values():
        for factor, kind, note in (*_FACTORS, *_LOST) if len(members) > 1 else ():
            yield Mistake({e.name: factor * e.expr for e in members}, kind, 1.05, note)


# Activations -------------------------------------------------------------------------------------------------


def _of_helpers(derivation: Derivation, adjoints: Sequence[Equation]) -> Iterator[Mistake]:
    """The derivative of an activation got wrong, at one gate, at all that share the function, and at all there are:
    people write it once, as a function."""
    formulas = {e.name: e for e in adjoints}
    found: dict[tuple[str, type | None], list[Mistake]] = {}
    for forward in activated(derivation).values():
        target = formulas.get(derivation.adjoint_of.get(str(forward.expr.args[0]), ""))
        for mistake in _helpers(forward, target, local_derivative(forward)) if target else ():
            yield mistake
            found.setdefault((mistake.note, type(forward.expr)), []).append(mistake)
            found.setdefault((mistake.note, None), []).append(mistake)
    seen: set[tuple[str, ...]] = set()
    for (how, _), mistakes in found.items():
        merged = _together(mistakes)
        if len(mistakes) > 1 and (how, *merged) not in seen:
            seen.add((how, *merged))
            yield Mistake(merged, mistakes[0].kind, mistakes[0].cost + 0.05, how)


def _helpers(forward: Equation, target: Equation, right: sympy.Expr) -> Iterator[Mistake]:
    value, net = forward.symbol, forward.expr.args[0]
    again = forward.expr.func(value, *forward.expr.args[1:])
    derivative = forward.expr.fdiff(1)
    twice = derivative.xreplace({forward.expr: again})
    wrongs: tuple[tuple[sympy.Expr, Kind, str], ...] = (
        (sympy.S.One, "missing factor", "the derivative of the activation is left out"),
        (value, "wrong factor", "the activation itself stands for its derivative"),
        (1 - value, "missing factor", "half of the derivative of the activation is left out"),
        (twice, "wrong factor", "the derivative is taken of what is activated already"),
        (derivative.xreplace({forward.expr: net}), "wrong factor", "the derivative is written in the net input"),
        (right**2, "extra factor", "the derivative of the activation is there twice"),
    )
    for wrong, kind, how in wrongs:
        terms = tuple(replace(term, expr=term.expr / right * wrong, factor=None) for term in target.terms)
        if wrong != right:
            yield with_terms(target, terms, kind, 1.1, how)


def _together(mistakes: Sequence[Mistake]) -> dict[str, sympy.Expr]:
    return {name: expr for mistake in mistakes for name, expr in mistake.changes.items()}


# Terms -------------------------------------------------------------------------------------------------------


def _of_terms(derivation: Derivation, equations: Sequence[Equation]) -> Iterator[Mistake]:
    """All terms of an equation at once, and of all equations within a step: every square matrix untransposed."""
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    note = "no matrix is transposed"
    found: list[Mistake] = []
    for equation in equations:
        turned = {t: t.args[0] for t in equation.expr.atoms(transpose) if len(set(shape_of(t.args[0], shapes))) == 1}
        if turned:
            terms = tuple(replace(term, expr=term.expr.xreplace(turned)) for term in equation.terms)
            mistake = with_terms(equation, terms, "missing transpose", 1.0, note)
            if len(turned) > 1:
                yield mistake
            if equation.kind != "gradient":
                found.append(mistake)
    if len(found) > 1:
        yield Mistake(_together(found), "missing transpose", 1.0, note)


def _of_paths(derivation: Derivation, equations: Sequence[Equation]) -> Iterator[Mistake]:
    """What one adjoint passes on to the inputs and to the states before the step, left out in both."""
    ends = [e for e in equations if e.kind == "carry" or e.why == "input"]
    for name in (e.name for e in derivation.adjoints if e.kind == "adjoint"):
        changed: dict[str, sympy.Expr] = {}
        for equation in ends:
            kept = [term.expr for term in equation.terms if name not in names_in(term.expr)]
            if len(kept) < len(equation.terms):
                changed[equation.name] = sympy.Add(*kept)
        if len(changed) > 1:
            yield Mistake(changed, "missing path", 1.1)


# Taken for each other ----------------------------------------------------------------------------------------


def _exchanged(derivation: Derivation, equations: Sequence[Equation]) -> Iterator[Mistake]:
    """Two gates that change places in everything that reads their adjoints."""
    formulas = {e.name: e for e in derivation.adjoints}
    gates = [derivation.adjoint_of.get(str(forward.expr.args[0]), "") for forward in activated(derivation).values()]
    for one, other in combinations([name for name in gates if name in formulas], 2):
        if formulas[one].shape != formulas[other].shape:
            continue
        swap = {sympy.Symbol(one): sympy.Symbol(other), sympy.Symbol(other): sympy.Symbol(one)}
        about = {one: formulas[other].expr, other: formulas[one].expr}
        readers = [e for e in equations if e.kind != "adjoint" and names_in(e.expr) & {one, other}]
        parameters = [e for e in readers if e.why == "parameter"]
        stacked = [e for e in parameters if len(e.shape) == 2 or e.expr.is_Symbol]  # fused gates: weights and biases
        entering = [e for e in readers if e.why == "input" or names_in(e.expr) & set(derivation.cell.program.inputs)]
        for place, group in enumerate((readers, parameters, stacked, entering)):
            note = "the two adjoints stand in each other's place" + (", in the parameters' gradients" if place else "")
            changed = {e.name: e.expr.xreplace(swap) for e in group}
            if changed:
                yield Mistake(changed, "swapped gates", 1.0 + place / 100, note, about={} if place else about)


def _exchanged_gradients(gradients: Sequence[Equation]) -> Iterator[Mistake]:
    """Two gradients of one shape, each handed out for the other."""
    for one, other in combinations([e for e in gradients if e.why == "parameter"], 2):
        if one.shape == other.shape and one.expr != other.expr:
            changed = {one.name: other.expr, other.name: one.expr}
            yield Mistake(changed, "swapped gates", 1.0, "the two gradients stand in each other's place")


def _mistaken(derivation: Derivation, gradients: Sequence[Equation]) -> Iterator[Mistake]:
    """One adjoint taken for another in all gradients that read it, or in all on the side of the inputs."""
    shapes = {e.name: e.shape for e in derivation.adjoints if e.kind == "adjoint"}
    states = {name for state in derivation.cell.program.states for name in (state.previous, state.new)}
    for one in shapes:
        readers = [e for e in gradients if one in names_in(e.expr)]
        entering = [e for e in readers if e.why == "input" or not names_in(e.expr) & states]
        for other in (name for name in shapes if name != one and shapes[name] == shapes[one]):
            swap = {sympy.Symbol(one): sympy.Symbol(other)}
            for group in (readers, entering):
                if len(group) > 1:
                    yield Mistake({e.name: e.expr.xreplace(swap) for e in group}, "wrong factor", 1.15)


def _crossed(derivation: Derivation, adjoints: Sequence[Equation]) -> Iterator[Mistake]:
    """Two gates that are multiplied, y = i ⊙ g, each taken for the other in both adjoints."""
    formulas = {e.name: e for e in adjoints}
    gates = activated(derivation)
    for one, other in combinations(gates, 2):
        names = [derivation.adjoint_of.get(str(gates[gate].expr.args[0]), "") for gate in (one, other)]
        if not set(names) <= formulas.keys():
            continue
        first, second = (formulas[name] for name in names)
        a, b = sympy.Symbol(one), sympy.Symbol(other)
        if b in sympy.Mul.make_args(first.expr) and a in sympy.Mul.make_args(second.expr):
            changed = {first.name: first.expr / b * a, second.name: second.expr / a * b}
            yield Mistake(changed, "swapped gates", 1.0, f"{one} and {other} stand in each other's place")
