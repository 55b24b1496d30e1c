"""The terms of the loops, sorted out before anything is printed: what is added in a step, which factors are known
before it, which parameters are halved once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from ...derivation import Derivation
from ...equations.shapes import names_in, shape_of
from ...operations.functions import sigmoid
from ...sizes import Shape
from .line import Line
from .plan import Plan, Slot, as_product, fresh, source_and_factor

# Backwards: an adjoint times what is known before the loop ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor under a name of its own, computed for all steps at once."""

    name: str
    expr: sympy.Expr
    shape: Shape


@dataclass(frozen=True, slots=True)
class Term:
    """A term of an adjoint in the loop, `expr`: an adjoint `source` times a factor that is known before the loop.

    `waiting` is a factor that waits in the adjoint's own array, `made` one that is computed on this term's account.
    """

    source: sympy.Symbol | None
    expr: sympy.Expr
    waiting: sympy.Expr | None = None
    made: Factor | None = None


@dataclass(frozen=True, slots=True)
class BackwardTerms:
    """`columns`: adjoints of slots' net inputs, which have the slot's columns of `delta_block`; `stored`: the adjoints
    of the loop that are kept for every step; `of`: the terms of every line of the loop."""

    columns: Mapping[str, Slot]
    stored: frozenset[str]
    of: Mapping[str, tuple[Term, ...]]
    factors: tuple[Factor, ...]


def backward_terms(plan: Plan, derivation: Derivation) -> BackwardTerms:
    """Everything elementwise that no carry reaches leaves the loop: a factor that is a name is used as it is; the
    factor of an adjoint that is kept waits in that adjoint's own array."""
    backwards = {line.name for line in (*plan.back_loop, *plan.back_after)}
    adjoints = ((derivation.adjoint_of.get(slot.line), slot) for slot in plan.slots)
    columns = {adjoint: slot for adjoint, slot in adjoints if adjoint in backwards}
    read_after = {name for line in (*plan.back_after, *plan.gradients) for name in line.reads}
    deltas = {line.name for line in plan.back_loop} | {*derivation.upstream.values(), *derivation.carries.values()}
    factors: dict[sympy.Expr, Factor] = {}
    of: dict[str, tuple[Term, ...]] = {}
    for line in plan.back_loop:
        found: list[Term] = []
        for term in line.terms:
            source, expr = source_and_factor(term, deltas)
            if source is None or expr.is_Symbol or not names_in(expr) & plan.batched:
                found.append(Term(source, term))
                continue
            shape = shape_of(expr, plan.shapes)
            alone = len(line.terms) == 1 and (line.name in read_after or line.name in columns)
            if alone and len(shape) == len(line.shape):
                found.append(Term(source, term, waiting=expr))
                continue
            made = None
            if expr not in factors:
                made = factors[expr] = Factor(fresh(f"factor_{len(factors) + 1}", plan.shapes), expr, shape)
            found.append(Term(source, source * sympy.Symbol(factors[expr].name), made=made))
        of[line.name] = tuple(found)
    return BackwardTerms(columns, frozenset(read_after | columns.keys()), of, tuple(factors.values()))


# Forwards: net inputs of gates that tanh(a/2) makes are halved -------------------------------------------------


def halved(plan: Plan, line: Line) -> tuple[sympy.Expr, ...]:
    """The terms of a net input, all of them halved where its gate is made by tanh(a/2)."""
    slot = plan.slot_of(line.name)
    if slot is None or slot.activation is not sigmoid or slot.line != line.name:
        return line.terms
    return tuple(term / 2 for term in line.terms)


def is_stacked(plan: Plan, params: Mapping[str, Shape], line: Line, term: sympy.Expr) -> bool:
    """Whether a term is in a stacked product."""
    return as_product(line.name, term, params, plan.shapes, plan.batched) in plan.stacked


def extra_terms(plan: Plan, derivation: Derivation, slot: Slot) -> list[sympy.Expr]:
    """The terms of a net input that are neither known before the loop nor in a stacked product."""
    line = plan.loop_lines[slot.line]
    waiting = plan.loop_lines.keys() | {state.previous for state in derivation.cell.program.states}
    params = derivation.cell.params
    return [
        term
        for original, term in zip(line.terms, halved(plan, line), strict=True)
        if not waiting.isdisjoint(names_in(original)) and not is_stacked(plan, params, line, original)
    ]


def half_in(term: sympy.Expr, params: Mapping[str, Shape]) -> str | None:
    """The parameter p of a term p ⊙ c / 2: p / 2 is made once, so that no step halves it again."""
    coefficient, rest = term.as_coeff_Mul()
    if abs(coefficient) != sympy.S.Half:
        return None
    return next((f.name for f in sympy.Mul.make_args(rest) if f.is_Symbol and f.name in params), None)


def with_half(term: sympy.Expr, param: str, half: str) -> sympy.Expr:
    """p ⊙ c / 2 with p / 2 under its own name."""
    factors = list(sympy.Mul.make_args(2 * term))
    factors[factors.index(sympy.Symbol(param))] = sympy.Symbol(half)
    return sympy.Mul(*factors)


def halved_params(plan: Plan, derivation: Derivation) -> list[str]:
    """The parameters of which half is used, in the order of the code."""
    first = [slot for slot in plan.slots if slot.ready]
    later = [slot for line in plan.loop if (slot := plan.slot_of(line.name)) is not None and slot.line == line.name]
    found: dict[str, None] = {}
    for slot in dict.fromkeys([*first, *later]):
        for term in extra_terms(plan, derivation, slot):
            param = half_in(term, derivation.cell.params)
            if param is not None:
                found.setdefault(param)
    return list(found)
