"""Slips in one formula that reach further than one place in it.

A gate taken for its complement; the adjoint of a value where that of its net input belongs, the activation's derivative
not yet in it; one number where an array belongs, as when a dot product is written for an outer one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import sympy

from ..derivation import Derivation
from ..equations import Equation, Term
from ..equations.shapes import names_in
from ..operations import BY_HEAD
from ..operations.structured import dot, outer, total
from .edits import Edit
from .model import BAR, Changes, special


def slips(derivation: Derivation, equation: Equation, changes: Changes) -> Iterator[Edit]:
    """The slips of one equation that is untouched so far."""
    if equation.name in changes or equation.why == "initial":
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


def _term_by_term(equation: Equation, change: Callable[[sympy.Expr], sympy.Expr]) -> Iterator[tuple[Term, ...]]:
    """The equation's terms with one of them changed, for each that the change changes."""
    for place, term in enumerate(equation.terms):
        now = change(term.expr)
        if now != term.expr:
            yield (*equation.terms[:place], replace(term, expr=now, factor=None), *equation.terms[place + 1 :])


def edit_of(equation: Equation, terms: tuple[Term, ...], kind: str, cost: float, note: str = "") -> Edit:
    """The edit that gives an equation other terms."""
    return Edit({equation.name: sympy.Add(*(term.expr for term in terms))}, kind, cost, note, terms)


def _complements(equation: Equation, gates: Mapping[str, Equation]) -> Iterator[Edit]:
    """z for 1 − z, and 1 − z for z."""
    for name in gates:
        gate = sympy.Symbol(name)
        for was, now in ((gate, 1 - gate), (1 - gate, gate)):
            for terms in _term_by_term(equation, lambda expr, was=was, now=now: _with_factor(expr, was, now)):
                yield edit_of(equation, terms, "wrong factor", 1.1)


def _with_factor(expr: sympy.Expr, was: sympy.Expr, now: sympy.Expr) -> sympy.Expr:
    factors = sympy.Mul.make_args(expr)
    return sympy.Mul(*(now if factor == was else factor for factor in factors)) if was in factors else expr


def _too_early(derivation: Derivation, equation: Equation, gates: Mapping[str, Equation]) -> Iterator[Edit]:
    """The adjoint of a gate for that of its net input."""
    formulas = {e.name: e.expr for e in derivation.adjoints}
    for forward in gates.values():
        name = derivation.adjoint_of.get(str(forward.expr.args[0]))
        if name is None or name not in formulas or name == equation.name:
            continue
        early = formulas[name] / local_derivative(forward)
        note = f"the derivative of {type(forward.expr).__name__} is not yet in {name.removeprefix('delta_')}'s adjoint"
        for terms in _term_by_term(equation, lambda expr, n=name, e=early: expr.xreplace({sympy.Symbol(n): e})):
            yield edit_of(equation, terms, "missing factor", 1.3, note)


def _as_if_elementwise(derivation: Derivation, equation: Equation) -> Iterator[Edit]:
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
            yield Edit({equation.name: delta * local}, "missing path", 1.1, note)


def _one_number(equation: Equation) -> Iterator[Edit]:
    """A sum over all entries where an array belongs, spread out by NumPy."""
    note = "one number stands for every entry"
    if len(equation.shape) == 1 and equation.expr.is_Symbol:
        yield Edit({equation.name: total(equation.expr)}, "wrong factor", 1.3, note)
    if isinstance(equation.expr, outer) and len(set(equation.shape)) == 1:
        yield Edit({equation.name: dot(*equation.expr.args)}, "wrong factor", 1.3, note)


def _handed_on(derivation: Derivation, equation: Equation) -> Iterator[Edit]:
    """A carry that is not computed, or not from the step that it should come from."""
    state = next(s for s in derivation.cell.program.states if derivation.carries[s.name] == equation.name)
    expr: Any = equation.expr
    if not expr.is_zero:
        yield Edit({equation.name: sympy.S.Zero}, "missing carry", 1.0)
    yield Edit({equation.name: equation.symbol}, "missing carry", 1.2, "what comes in is handed on as it is")
    for name in (derivation.adjoint_of.get(state.new), derivation.upstream.get(state.new)):
        if name:
            yield Edit({equation.name: sympy.Symbol(name)}, "missing path", 1.4)
    for name in (derivation.adjoint_of.get(state.new), equation.name, derivation.upstream.get(state.new)):
        if name and sympy.Symbol(name) not in sympy.Add.make_args(expr):
            note = "what was there before is not cleared, and added to"
            yield Edit({equation.name: expr + sympy.Symbol(name)}, "extra factor", 1.3, note)
    for steps in (1, 2, 3):
        note = (
            f"the last {steps} steps alone hand something back"
            if steps > 1
            else "the last step alone hands something back"
        )
        yield Edit({equation.name: special("", f"late{steps}") * expr}, "truncated carry", 1.6, note)
    after = sympy.Symbol(derivation.adjoint_of.get(state.new, BAR))
    for taken in (equation.name, derivation.upstream.get(state.new, "")):
        if taken and after in expr.free_symbols:
            yield Edit({equation.name: expr.xreplace({after: sympy.Symbol(taken)})}, "missing path", 1.2)


def _above(derivation: Derivation, equation: Equation) -> Iterator[Edit]:
    """The last step's gradient from above at every step, together with that of the final state."""
    for state in derivation.cell.program.states:
        upstream, carry = derivation.upstream.get(state.new), derivation.carries[state.name]
        if upstream and {upstream, carry} <= names_in(equation.expr):
            last = equation.expr.xreplace({sympy.Symbol(upstream): special(upstream, "T")})
            both = last + (1 - special("", "final")) * special(carry, "end")
            note = "the gradient from above of the last step, with that of the final state, enters at every step"
            yield Edit({equation.name: both}, "wrong time index", 1.6, note)
