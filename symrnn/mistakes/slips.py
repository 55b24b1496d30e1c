"""Slips in one equation that reach further than one place in it, or that need the run as a whole.

A gate taken for its complement; the adjoint of a value where that of its net input belongs, the activation's derivative
not yet in it; one number where an array belongs, as when a dot product is written for an outer one; initial states that
were forgotten, a recurrence that is cut, gradients that leave out their past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import sympy

from ..derivation import Derivation
from ..derivation.moments import LAST, SEQUENCES, STEPS, At, Moment
from ..equations import Equation
from ..equations.shapes import names_in
from ..operations import BY_HEAD
from ..operations.structured import dot, outer, total
from .mistake import Kind, Mistake, with_terms

_BOUNDARIES: Mapping[Moment, tuple[Kind, str]] = {
    "zero": ("first step", "the initial {0} is taken for zero"),
    "wrap": ("first step", "in the first step the last {0} stands for the initial one, as list[-1]"),
    "back": ("wrong time index", "{0} is one step too old, as list[t − 1] gives it"),
    "ahead": ("wrong time index", "but for the first step it is the new {0}"),
    "start": ("wrong time index", "the initial {0} is used at every step"),
}
_LATE: tuple[tuple[Moment, str], ...] = (
    ("late1", "step alone hands"),
    ("late2", "2 steps alone hand"),
    ("late3", "3 steps alone hand"),
)


# In time -----------------------------------------------------------------------------------------------------


def slips_in_time(derivation: Derivation, equation: Equation, expr: sympy.Expr) -> Iterator[Mistake]:
    """The slips of one equation, whose right side is `expr` by now, that need the run as a whole."""

    def other(now: sympy.Expr, kind: Kind, cost: float, note: str = "") -> Mistake:
        return Mistake({equation.name: now}, kind, cost, note)

    if equation.why == "initial":
        yield other(sympy.S.Zero, "missing path", 1.0, "it is left at zero")
        yield other(-expr, "sign", 1.0)
    elif equation.kind == "gradient":
        note = "divided by T·N: a mean over all steps and sequences"
        yield other(expr / (STEPS * SEQUENCES), "scale", 1.4, note)
    used = {symbol.name: symbol for symbol in expr.free_symbols if type(symbol) is sympy.Symbol}
    for state in derivation.cell.program.states:  # what stands for the initial state in the first step
        if state.previous in used:
            for moment, (kind, note) in _BOUNDARIES.items():
                yield other(_moved(expr, [state.previous], moment), kind, 1.3, note.format(state.name))
    for name in sorted(used):
        if derivation.variables[name].role in ("input", "value"):
            note = f"{name} is one step too old, as list[t − 1] gives it"
            yield other(_moved(expr, [name], "back"), "wrong time index", 1.4, note)
    if equation.kind == "adjoint":  # what comes in from the step after
        for state, carry in derivation.carries.items():
            if carry in used:
                note = f"what comes back through {state} reaches one step and no further"
                yield other(_moved(expr, [carry], "alone"), "truncated carry", 1.6, note)
    adjoints = [name for name in used if derivation.variables[name].role == "adjoint"]
    if adjoints and equation.kind == "gradient":
        note = "what comes back from later steps is left out"
        yield other(_moved(expr, adjoints, "local"), "missing carry", 1.3, note)
        note += ", and what comes from outside at the end as well"
        yield other(_moved(expr, adjoints, "bare"), "missing carry", 1.4, note)


def _moved(expr: sympy.Expr, names: list[str], moment: Moment) -> sympy.Expr:
    """Some values at another moment."""
    return expr.xreplace({sympy.Symbol(name): At(name, moment) for name in names})


# In formulas -------------------------------------------------------------------------------------------------


def slips_of_formula(derivation: Derivation, equation: Equation) -> Iterator[Mistake]:
    """The slips of one equation that is untouched so far."""
    if equation.why == "initial":
        return
    gates = activated(derivation)
    yield from _complements(equation, gates)
    yield from _too_early(derivation, equation, gates)
    if equation.why == "parameter":
        yield from _one_number(equation)
    if equation.kind == "carry":
        yield from _handed_on(derivation, equation)
    yield from _above(derivation, equation)
    yield from _as_if_elementwise(derivation, equation)


def activated(derivation: Derivation) -> Mapping[str, Equation]:
    """The values that are an activation of a net input, by name."""
    found: dict[str, Equation] = {}
    for forward in derivation.forward:
        operation = BY_HEAD.get(type(forward.expr))
        if operation is not None and operation.activation and operation.elementwise and forward.expr.args[0].is_Symbol:
            found[forward.name] = forward
    return found


def local_derivative(forward: Equation) -> sympy.Expr:
    """σ′ of a gate, in terms of the gate."""
    return forward.expr.fdiff(1).xreplace({forward.expr: forward.symbol})


def _in_a_term(
    equation: Equation, change: Callable[[sympy.Expr], sympy.Expr], kind: Kind, cost: float, note: str = ""
) -> Iterator[Mistake]:
    """A change made to one of the terms, for each that it changes."""
    for place, term in enumerate(equation.terms):
        now = change(term.expr)
        if now != term.expr:
            changed = replace(term, expr=now, factor=None)
            yield with_terms(
                equation, (*equation.terms[:place], changed, *equation.terms[place + 1 :]), kind, cost, note
            )


def _complements(equation: Equation, gates: Mapping[str, Equation]) -> Iterator[Mistake]:
    """z for 1 − z, and 1 − z for z."""
    for name in gates:
        gate = sympy.Symbol(name)
        for was, now in ((gate, 1 - gate), (1 - gate, gate)):

            def turned(expr: sympy.Expr, was: sympy.Expr = was, now: sympy.Expr = now) -> sympy.Expr:
                factors = sympy.Mul.make_args(expr)
                return sympy.Mul(*(now if f == was else f for f in factors)) if was in factors else expr

            yield from _in_a_term(equation, turned, "wrong factor", 1.1)


def _too_early(derivation: Derivation, equation: Equation, gates: Mapping[str, Equation]) -> Iterator[Mistake]:
    """The adjoint of a gate for that of its net input."""
    formulas = {e.name: e.expr for e in derivation.adjoints}
    for forward in gates.values():
        name = derivation.adjoint_of.get(str(forward.expr.args[0]))
        if name is None or name not in formulas or name == equation.name:
            continue
        early = {sympy.Symbol(name): formulas[name] / local_derivative(forward)}
        note = f"the derivative of {type(forward.expr).__name__} is not yet in {name.removeprefix('delta_')}'s adjoint"
        yield from _in_a_term(equation, lambda expr, early=early: expr.xreplace(early), "missing factor", 1.3, note)


def _as_if_elementwise(derivation: Derivation, equation: Equation) -> Iterator[Mistake]:
    """A softmax differentiated as a sigmoid would be, its other entries forgotten."""
    for forward in derivation.forward:
        operation = BY_HEAD.get(type(forward.expr))
        if operation is None or operation.elementwise or not operation.activation:
            continue
        if equation.name != derivation.adjoint_of.get(str(forward.expr.args[0])):
            continue
        value, delta = forward.symbol, sympy.Symbol(derivation.adjoint_of[forward.name])
        note = f"{operation.name} is differentiated as if its entries did not know of each other"
        for local in (value * (1 - value), value, sympy.S.One):
            yield Mistake({equation.name: delta * local}, "missing path", 1.1, note)


def _one_number(equation: Equation) -> Iterator[Mistake]:
    """A sum over all entries where an array belongs, spread out by NumPy."""
    note = "one number stands for every entry"
    if len(equation.shape) == 1 and equation.expr.is_Symbol:
        yield Mistake({equation.name: total(equation.expr)}, "wrong factor", 1.3, note)
    if isinstance(equation.expr, outer) and len(set(equation.shape)) == 1:
        yield Mistake({equation.name: dot(*equation.expr.args)}, "wrong factor", 1.3, note)


def _handed_on(derivation: Derivation, equation: Equation) -> Iterator[Mistake]:
    """A carry that is not computed, or not from the step that it should come from."""
    state = next(s for s in derivation.cell.program.states if derivation.carries[s.name] == equation.name)
    carry, expr = equation.symbol, sympy.sympify(equation.expr)
    adjoint, above = (sympy.Symbol(names.get(state.new, "")) for names in (derivation.adjoint_of, derivation.upstream))
    if not expr.is_zero:
        yield Mistake({equation.name: sympy.S.Zero}, "missing carry", 1.0)
    yield Mistake({equation.name: carry}, "missing carry", 1.2, "what comes in is handed on as it is")
    for taken in (adjoint, above):
        if taken.name:
            yield Mistake({equation.name: taken}, "missing path", 1.4)
    for added in (adjoint, carry, above):
        if added.name and added not in sympy.Add.make_args(expr):
            note = "what was there before is not cleared, and added to"
            yield Mistake({equation.name: expr + added}, "extra factor", 1.3, note)
    for moment, which in _LATE:
        note = f"the last {which} something back"
        yield Mistake({equation.name: At("", moment) * expr}, "truncated carry", 1.6, note)
    for taken in (carry, above):
        if taken.name and adjoint in expr.free_symbols:
            yield Mistake({equation.name: expr.xreplace({adjoint: taken})}, "missing path", 1.2)


def _above(derivation: Derivation, equation: Equation) -> Iterator[Mistake]:
    """The last step's gradient from above at every step, together with that of the final state."""
    for state in derivation.cell.program.states:
        upstream, carry = derivation.upstream.get(state.new), derivation.carries[state.name]
        if upstream and {upstream, carry} <= names_in(equation.expr):
            both = _moved(equation.expr, [upstream], "T") + (1 - LAST) * At(carry, "end")
            note = "the gradient from above of the last step, with that of the final state, enters at every step"
            yield Mistake({equation.name: both}, "wrong time index", 1.6, note)
