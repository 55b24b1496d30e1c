"""Mistakes with steps: sums over time that lose some, carries that are cut, values of another step, boundaries."""

from __future__ import annotations

from collections.abc import Iterator

import sympy

from ..derivation import Derivation
from ..derivation.moments import FIRST, LAST, ODD, SEQUENCES, STEPS, At, Moment
from ..equations import Equation
from .mistake import Kind, Mistake, multiplied, with_term
from .names import Names

_ELSEWHERE: tuple[tuple[Moment, str], ...] = (("t-1", "t − 1"), ("t+1", "t + 1"), ("T", "T"))
_SIZES = ((STEPS, "T"), (SEQUENCES, "N"))


def of_steps(names: Names, equation: Equation) -> Iterator[Mistake]:
    """Whatever can go wrong with the steps of an equation."""
    if equation.over_time:
        yield from _sums(equation)
    if equation.kind == "gradient" and not equation.over_time:
        yield from _per_step(equation)
    for place, term in enumerate(equation.terms):
        if term.rule == "carry":
            yield from _carries(equation, place)
        elif term.rule == "upstream":
            yield from _upstreams(equation, place)
        else:
            yield from _values(names, equation, place)


def _sums(equation: Equation) -> Iterator[Mistake]:
    """A parameter's gradient: a sum over all steps and sequences."""
    lost: Kind = "lost accumulation"
    yield multiplied(equation, LAST, lost, "the last step alone, not the sum over all")
    yield multiplied(equation, FIRST, lost, "the first step alone, as `=` leaves it for `+=`")
    yield multiplied(equation, 1 - LAST, lost, "the last step left out")
    yield multiplied(equation, 1 - FIRST, "first step", "the first step left out")
    yield from _scales(equation)


def _scales(equation: Equation) -> Iterator[Mistake]:
    for size, letter in _SIZES:
        yield multiplied(equation, size, "scale", f"times {letter}")
        yield multiplied(equation, 1 / size, "scale", f"divided by {letter}")


def _per_step(equation: Equation) -> Iterator[Mistake]:
    """A gradient by the input, which every step has its own of."""
    yield multiplied(equation, LAST, "missing path", "at the last step alone")
    yield multiplied(equation, 1 - FIRST, "first step", "not at the first step")
    yield from _scales(equation)


def _carries(equation: Equation, place: int) -> Iterator[Mistake]:
    """What step t+1 hands back, or at the last step the gradient of the final state."""
    cut: tuple[tuple[sympy.Expr, Kind, str], ...] = (
        (1 - LAST, "missing carry", "the gradient of the final state left out"),
        (LAST, "truncated carry", "nothing carried from step to step, only the gradient of the final state"),
        (ODD, "truncated carry", "carried for two steps at most, from t = 2 to 1, from 4 to 3, …"),
    )
    for factor, kind, how in cut:
        yield _times(equation, place, factor, kind, how)


def _upstreams(equation: Equation, place: int) -> Iterator[Mistake]:
    """The gradient that enters from above at every step."""
    expr = equation.terms[place].expr
    yield _times(equation, place, LAST, "missing path", "{was} at the last step alone")
    others: tuple[tuple[Moment, str], ...] = (
        ("T", "of the last step"),
        ("t+1", "of step t + 1"),
        ("t-1", "of step t − 1"),
    )
    for moment, where in others:
        now = At(expr.name, moment)
        yield with_term(equation, place, now, "wrong time index", f"{{was}} {where}", expr, now)
    for size, letter in _SIZES:
        yield _times(equation, place, size, "scale", f"{{was}} times {letter}")
        yield _times(equation, place, 1 / size, "scale", f"{{was}} divided by {letter}")


def _values(names: Names, equation: Equation, place: int) -> Iterator[Mistake]:
    """A value of another step; and the first step's term left out, where it has an initial state."""
    expr = equation.terms[place].expr
    used = sorted((symbol for symbol in expr.free_symbols if names.is_told(symbol)), key=str)
    for symbol in used:
        for moment, where in _ELSEWHERE:
            if names.role(symbol.name) == "previous" and moment == "t+1":
                continue  # the state after the step, which has a name
            if moment == "T" and not equation.over_time:
                continue
            now = expr.xreplace({symbol: At(symbol.name, moment)})
            how = f"{symbol} of step {where}" if names.role(symbol.name) != "previous" else f"{symbol} at step {where}"
            yield with_term(equation, place, now, "wrong time index", how, expr, now)
    if any(names.role(symbol.name) == "previous" for symbol in used):
        yield _times(equation, place, 1 - FIRST, "first step", "{was} left out at the first step")


def _times(equation: Equation, place: int, factor: sympy.Expr, kind: Kind, how: str) -> Mistake:
    expr = equation.terms[place].expr
    return with_term(equation, place, expr * factor, kind, how, expr, expr * factor)


def of_initial_state(derivation: Derivation, initial: Equation) -> Iterator[Mistake]:
    """∂L/∂h_0 = κ_h,1, got wrong; another state's carry or the adjoint of the state after the step in its place."""
    factors: tuple[tuple[Kind, sympy.Expr, str], ...] = (
        ("missing path", sympy.S.Zero, "nothing in place of it"),
        ("sign", sympy.S.NegativeOne, "the other sign"),
        ("scale", sympy.S(2), "twice"),
        ("scale", sympy.Rational(1, 2), "half"),
    )
    for kind, factor, how in factors:
        yield multiplied(initial, factor, kind, how)
    carry = next(equation for equation in derivation.adjoints if equation.symbol == initial.expr)
    others: list[tuple[Kind, sympy.Symbol]] = [
        ("missing carry", other.symbol)
        for other in derivation.adjoints
        if other.kind == "carry" and other.shape == carry.shape and other.expr != carry.expr
    ]
    before = derivation.variables[initial.name].written
    after = next(state.new for state in derivation.cell.program.states if state.previous == before)
    if after in derivation.adjoint_of:
        others.append(("wrong time index", sympy.Symbol(derivation.adjoint_of[after])))
    for kind, now in others:
        yield with_term(initial, 0, now, kind, "{now} in place of it", initial.expr, now)
