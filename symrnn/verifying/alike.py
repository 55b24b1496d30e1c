"""One mistake in many places: people write one helper for all gates, and one line in a loop over them.

Equations are alike when they differ by the gate alone: ∂L/∂R_i and ∂L/∂R_f, δ_{a_i} and δ_{a_f}. What goes wrong in
one of them is tried on all of them together, so that one mistake is one finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import sympy

from ..derivation import Derivation
from ..equations import Equation
from ..equations.shapes import names_in, shape_of
from ..operations.structured import transpose
from .edits import Edit, fits, wrong_factors
from .model import Changes
from .slips import activated, local_derivative

_ANY = sympy.Symbol("δ")


def edits_alike(derivation: Derivation, changes: Changes, single: Mapping[str, Sequence[Edit]]) -> Iterator[Edit]:
    """Edits of whole groups of equations that are alike, and of all terms of an equation."""
    yield from _of_gradients(derivation, changes, single)
    yield from _of_gates(derivation, changes)
    yield from _of_helpers(derivation, changes)
    yield from _of_terms(derivation, changes)
    yield from _of_paths(derivation, changes)
    yield from _exchanged(derivation, changes)
    yield from _crossed(derivation, changes)
    yield from _mistaken(derivation, changes)
    yield from _exchanged_gradients(derivation, changes)


# Gradients of parameters -------------------------------------------------------------------------------------


def _of_gradients(derivation: Derivation, changes: Changes, single: Mapping[str, Sequence[Edit]]) -> Iterator[Edit]:
    """What is wrong with ∂L/∂R_i is tried on all ∂L/∂R: one and the same line, with another adjoint in it."""
    groups: dict[sympy.Expr, list[tuple[Equation, sympy.Symbol]]] = {}
    for equation, own in _with_one_adjoint(derivation, changes):
        groups.setdefault(equation.expr.xreplace({own: _ANY}), []).append((equation, own))
    for members in groups.values():
        if len(members) < 2:
            continue
        first, own = members[0]
        for edit in single.get(first.name, ()):
            pattern = edit.changes[first.name].xreplace({own: _ANY})
            changed = {equation.name: pattern.xreplace({_ANY: adjoint}) for equation, adjoint in members}
            if all(fits(derivation, equation, changed[equation.name]) for equation, _ in members):
                yield Edit(changed, edit.kind, edit.cost + 0.05, edit.note)


def _of_gates(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """A scale or a lost sum on all gradients that one adjoint enters: the parameters of one gate."""
    groups: dict[sympy.Symbol, list[Equation]] = {}
    for equation, own in _with_one_adjoint(derivation, changes):
        groups.setdefault(own, []).append(equation)
    for members in groups.values():
        if len(members) < 2:
            continue
        for factor, kind, note in wrong_factors(over_time=True):
            yield Edit({e.name: factor * e.expr for e in members}, kind, 1.05, note)


def _with_one_adjoint(derivation: Derivation, changes: Changes) -> Iterator[tuple[Equation, sympy.Symbol]]:
    """The untouched gradients of parameters that a single adjoint enters, each with it."""
    for equation in derivation.gradients:
        adjoints = [n for n in names_in(equation.expr) if derivation.variables[n].role == "adjoint"]
        if equation.why == "parameter" and len(adjoints) == 1 and equation.name not in changes:
            yield equation, sympy.Symbol(adjoints[0])


# Activations -------------------------------------------------------------------------------------------------


def _of_helpers(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """The derivative of an activation got wrong, at one gate, at all that share the function, and at all there are:
    people write it once, as a function."""
    found: dict[tuple[str, type | None], list[Edit]] = {}
    for forward in activated(derivation).values():
        net = forward.expr.args[0]
        target = next((e for e in derivation.adjoints if e.name == derivation.adjoint_of.get(str(net))), None)
        if target is None or target.name in changes:
            continue
        for how, edit in _helpers(forward, target, local_derivative(forward)):
            yield edit
            found.setdefault((how, type(forward.expr)), []).append(edit)
            found.setdefault((how, None), []).append(edit)
    seen: set[tuple[str, ...]] = set()
    for (how, _), edits in found.items():
        merged = {name: expr for edit in edits for name, expr in edit.changes.items()}
        if len(edits) > 1 and (how, *merged) not in seen:
            seen.add((how, *merged))
            yield Edit(merged, edits[0].kind, edits[0].cost + 0.05, how)


def _helpers(forward: Equation, target: Equation, right: sympy.Expr) -> Iterator[tuple[str, Edit]]:
    value, net = forward.symbol, forward.expr.args[0]
    again = forward.expr.func(value, *forward.expr.args[1:])
    derivative = forward.expr.fdiff(1)
    wrongs = (
        (sympy.S.One, "missing factor", "the derivative of the activation is left out"),
        (value, "wrong factor", "the activation itself stands for its derivative"),
        (1 - value, "missing factor", "half of the derivative of the activation is left out"),
        (
            derivative.xreplace({forward.expr: again}),
            "wrong factor",
            "the derivative is taken of what is activated already",
        ),
        (derivative.xreplace({forward.expr: net}), "wrong factor", "the derivative is written in the net input"),
        (right**2, "extra factor", "the derivative of the activation is there twice"),
    )
    for wrong, kind, how in wrongs:
        terms = tuple(replace(term, expr=term.expr / right * wrong, factor=None) for term in target.terms)
        if wrong != right:
            yield how, Edit({target.name: sympy.Add(*(term.expr for term in terms))}, kind, 1.1, how, terms)


# Terms -------------------------------------------------------------------------------------------------------


def _of_terms(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """All terms of an equation at once, and of all equations within a step: every square matrix untransposed."""
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    note = "no matrix is transposed"
    found: list[Edit] = []
    for equation in (*derivation.adjoints, *derivation.gradients):
        turned = {t: t.args[0] for t in equation.expr.atoms(transpose) if _square(t, shapes)}
        if turned and equation.name not in changes:
            terms = tuple(replace(term, expr=term.expr.xreplace(turned)) for term in equation.terms)
            changed = {equation.name: sympy.Add(*(term.expr for term in terms))}
            if len(turned) > 1:
                yield Edit(changed, "missing transpose", 1.0, note, terms)
            if equation.kind != "gradient":
                found.append(Edit(changed, "missing transpose", 1.0))
    if len(found) > 1:
        yield Edit(
            {name: expr for edit in found for name, expr in edit.changes.items()}, "missing transpose", 1.0, note
        )


def _of_paths(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """What one adjoint passes on to the inputs and to the states before the step, left out in both."""
    ends = [e for e in (*derivation.adjoints, *derivation.gradients) if e.kind == "carry" or e.why == "input"]
    for name in (e.name for e in derivation.adjoints if e.kind == "adjoint"):
        changed: dict[str, sympy.Expr] = {}
        for equation in ends:
            kept = [term.expr for term in equation.terms if name not in names_in(term.expr)]
            if len(kept) < len(equation.terms) and equation.name not in changes:
                changed[equation.name] = sympy.Add(*kept)
        if len(changed) > 1:
            yield Edit(changed, "missing path", 1.1)


def _exchanged(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """Two gates that change places in everything that reads their adjoints."""
    formulas = {e.name: e for e in derivation.adjoints}
    gates = [derivation.adjoint_of.get(str(forward.expr.args[0])) for forward in activated(derivation).values()]
    known = [name for name in gates if name in formulas]
    for one, other in combinations(known, 2):
        if formulas[one].shape != formulas[other].shape:
            continue
        swap = {sympy.Symbol(one): sympy.Symbol(other), sympy.Symbol(other): sympy.Symbol(one)}
        about = {one: formulas[other].expr, other: formulas[one].expr}
        readers = [e for e in (*derivation.adjoints, *derivation.gradients) if e.kind != "adjoint"]
        readers = [e for e in readers if names_in(e.expr) & {one, other} and e.name not in changes]
        parameters = [e for e in readers if e.why == "parameter"]
        stacked = [e for e in parameters if len(e.shape) == 2 or e.expr.is_Symbol]  # fused gates: weights and biases
        entering = [e for e in readers if e.why == "input" or names_in(e.expr) & set(derivation.cell.program.inputs)]
        for place, group in enumerate((readers, parameters, stacked, entering)):
            note = "the two adjoints stand in each other's place" + (", in the parameters' gradients" if place else "")
            changed = {e.name: e.expr.xreplace(swap) for e in group}
            if changed:
                yield Edit(changed, "swapped gates", 1.0 + place / 100, note, about={} if place else about)


def _exchanged_gradients(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """Two gradients of one shape, each handed out for the other."""
    parameters = [e for e in derivation.gradients if e.why == "parameter" and e.name not in changes]
    for one, other in combinations(parameters, 2):
        if one.shape == other.shape and one.expr != other.expr:
            changed = {one.name: other.expr, other.name: one.expr}
            yield Edit(changed, "swapped gates", 1.0, "the two gradients stand in each other's place")


def _mistaken(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """One adjoint taken for another in all gradients that read it, or in all on the side of the inputs."""
    shapes = {e.name: e.shape for e in derivation.adjoints if e.kind == "adjoint"}
    for one in shapes:
        readers = [e for e in derivation.gradients if one in names_in(e.expr) and e.name not in changes]
        entering = [e for e in readers if e.why == "input" or not names_in(e.expr) & _states(derivation)]
        for other in (name for name in shapes if name != one and shapes[name] == shapes[one]):
            swap = {sympy.Symbol(one): sympy.Symbol(other)}
            for group in (readers, entering):
                if len(group) > 1:
                    yield Edit({e.name: e.expr.xreplace(swap) for e in group}, "wrong factor", 1.15)


def _states(derivation: Derivation) -> set[str]:
    return {name for state in derivation.cell.program.states for name in (state.previous, state.new)}


def _crossed(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """Two gates that are multiplied, y = i ⊙ g, each taken for the other in both adjoints."""
    formulas = {e.name: e for e in derivation.adjoints}
    gates = activated(derivation)
    for one, other in combinations(gates, 2):
        names = [derivation.adjoint_of.get(str(gates[gate].expr.args[0]), "") for gate in (one, other)]
        if not set(names) <= formulas.keys() or set(names) & changes.keys():
            continue
        first, second = (formulas[name] for name in names)
        a, b = sympy.Symbol(one), sympy.Symbol(other)
        if b in sympy.Mul.make_args(first.expr) and a in sympy.Mul.make_args(second.expr):
            changed = {first.name: first.expr / b * a, second.name: second.expr / a * b}
            yield Edit(changed, "swapped gates", 1.0, f"{one} and {other} stand in each other's place")


def _square(expr: sympy.Expr, shapes: Mapping[str, tuple]) -> bool:
    rows, columns = shape_of(expr.args[0], shapes)
    return rows == columns
