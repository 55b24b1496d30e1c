"""Mistakes with steps: sums over time that lose some, carries that are cut, values of another step, boundaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sympy

from ...derivation import Derivation
from ...equations import Equation, Term
from .mutant import Cue, Kind, Moment
from .names import Names
from .terms import Mistake, multiplied, with_term

_ELSEWHERE: tuple[tuple[Moment, str], ...] = (("previous", "t − 1"), ("next", "t + 1"), ("last", "T"))


def of_steps(names: Names, equation: Equation) -> Iterator[Mistake]:
    """Whatever can go wrong with the steps of an equation."""
    if equation.over_time:
        yield from _sums(names, equation)
    if equation.kind == "gradient" and not equation.over_time:
        yield from _per_step(names, equation)
    for place, term in enumerate(equation.terms):
        if term.rule == "carry":
            yield from _carries(names, equation, place)
        elif term.rule == "upstream":
            yield from _upstreams(names, equation, place)
        else:
            yield from _values(names, equation, place)


def _sums(names: Names, equation: Equation) -> Iterator[Mistake]:
    """A parameter's gradient: a sum over all steps and sequences."""
    first, last = _cue(names, "is first"), _cue(names, "is last")
    steps, sequences = _cue(names, "steps"), _cue(names, "sequences")
    lost: Kind = "lost accumulation"
    yield multiplied(equation, _symbol(last), lost, "the last step alone, not the sum over all", (last,))
    yield multiplied(equation, _symbol(first), lost, "the first step alone, as `=` leaves it for `+=`", (first,))
    yield multiplied(equation, 1 - _symbol(last), lost, "the last step left out", (last,))
    yield multiplied(equation, 1 - _symbol(first), "first step", "the first step left out", (first,))
    yield from _scales(equation, steps, sequences)


def _scales(equation: Equation, *cues: Cue) -> Iterator[Mistake]:
    for cue in cues:
        letter = "T" if cue.moment == "steps" else "N"
        yield multiplied(equation, _symbol(cue), "scale", f"times {letter}", (cue,))
        yield multiplied(equation, 1 / _symbol(cue), "scale", f"divided by {letter}", (cue,))


def _per_step(names: Names, equation: Equation) -> Iterator[Mistake]:
    """A gradient by the input, which every step has its own of."""
    first, last = _cue(names, "is first"), _cue(names, "is last")
    yield multiplied(equation, _symbol(last), "missing path", "at the last step alone", (last,))
    yield multiplied(equation, 1 - _symbol(first), "first step", "not at the first step", (first,))
    yield from _scales(equation, _cue(names, "steps"), _cue(names, "sequences"))


def _carries(names: Names, equation: Equation, place: int) -> Iterator[Mistake]:
    """What step t+1 hands back, or at the last step the gradient of the final state."""
    expr = equation.terms[place].expr
    last, odd = _cue(names, "is last"), _cue(names, "is odd")
    how = "the gradient of the final state left out"
    yield with_term(equation, place, expr * (1 - _symbol(last)), "missing carry", how, (last,))
    how = "nothing carried from step to step, only the gradient of the final state"
    yield with_term(equation, place, expr * _symbol(last), "truncated carry", how, (last,))
    how = "carried for two steps at most, from t = 2 to 1, from 4 to 3, …"
    yield with_term(equation, place, expr * _symbol(odd), "truncated carry", how, (odd,))


def _upstreams(names: Names, equation: Equation, place: int) -> Iterator[Mistake]:
    """The gradient that enters from above at every step."""
    term = equation.terms[place]
    last = _cue(names, "is last")
    yield with_term(equation, place, term.expr * _symbol(last), "missing path", "{was} at the last step alone", (last,))
    others: tuple[tuple[Moment, str], ...] = (
        ("last", "of the last step"),
        ("next", "of step t + 1"),
        ("previous", "of step t − 1"),
    )
    for moment, where in others:
        cue = _cue(names, moment, term.expr.name)
        yield with_term(equation, place, _symbol(cue), "wrong time index", f"{{was}} {where}", (cue,))
    for cue in (_cue(names, "steps"), _cue(names, "sequences")):
        letter = "T" if cue.moment == "steps" else "N"
        yield with_term(equation, place, term.expr * _symbol(cue), "scale", f"{{was}} times {letter}", (cue,))
        yield with_term(equation, place, term.expr / _symbol(cue), "scale", f"{{was}} divided by {letter}", (cue,))


def _values(names: Names, equation: Equation, place: int) -> Iterator[Mistake]:
    """A value of another step; and the first step's term left out, where it has an initial state."""
    expr = equation.terms[place].expr
    used = sorted((symbol for symbol in expr.free_symbols if names.is_told(symbol)), key=str)
    for symbol in used:
        for moment, where in _ELSEWHERE:
            if names.role(symbol.name) == "previous" and moment == "next":
                continue  # the state after the step, which has a name
            if moment == "last" and not equation.over_time:
                continue
            cue = _cue(names, moment, symbol.name)
            now = expr.xreplace({symbol: _symbol(cue)})
            how = f"{symbol} of step {where}" if names.role(symbol.name) != "previous" else f"{symbol} at step {where}"
            yield with_term(equation, place, now, "wrong time index", how, (cue,))
    if any(names.role(symbol.name) == "previous" for symbol in used):
        first = _cue(names, "is first")
        how = "{was} left out at the first step"
        yield with_term(equation, place, expr * (1 - _symbol(first)), "first step", how, (first,))


def of_initial_state(names: Names, carry: Equation, adjoint: str) -> Iterator[Mistake]:
    """∂L/∂h_0 = κ_h,1, got wrong: what step 1 hands back goes nowhere else, so its carry is changed at t = 1. `adjoint`
    is that of the state after the step."""
    first = _cue(names, "is first")
    here = _symbol(first)
    mistakes: tuple[tuple[Kind, sympy.Expr, str], ...] = (
        ("missing path", sympy.S.Zero, "nothing in place of it"),
        ("sign", sympy.S.NegativeOne, "the other sign"),
        ("scale", sympy.S(2), "twice"),
        ("scale", sympy.Rational(1, 2), "half"),
    )
    for kind, factor, how in mistakes:
        yield multiplied(carry, 1 + (factor - 1) * here, kind, how, (first,))
    for other in names.derivation.adjoints:
        if other.kind == "carry" and other.name != carry.name and other.shape == carry.shape:
            yield _instead(carry, first, other.symbol, other.terms, "missing carry")
    if adjoint:
        symbol = sympy.Symbol(adjoint)
        yield _instead(carry, first, symbol, (Term(symbol, "carry"),), "wrong time index")


def _instead(carry: Equation, first: Cue, now: sympy.Symbol, terms: tuple[Term, ...], kind: Kind) -> Mistake:
    """Other terms in place of a carry's at the first step."""
    here = _symbol(first)
    kept = multiplied(carry, 1 - here, kind, "", (first,)).terms
    placed = tuple(replace(term, expr=term.expr * here, factor=None) for term in terms)
    return Mistake(kind, "{now} in place of it", carry.expr, now, (*kept, *placed), (first,))


def _cue(names: Names, moment: Moment, of: str = "") -> Cue:
    """A cue with a name that the cell does not have."""
    name = f"{of}_{moment}" if of else {"steps": "T_", "sequences": "N_"}.get(moment, moment.replace(" ", "_"))
    while name in names.shapes:
        name += "_"
    return Cue(name, moment, of)


def _symbol(cue: Cue) -> sympy.Symbol:
    return sympy.Symbol(cue.name)


def carry_of(derivation: Derivation, initial: Equation) -> Equation:
    """The carry that is the gradient by an initial state at the first step."""
    (term,) = initial.terms
    return next(equation for equation in derivation.adjoints if equation.symbol == term.expr)
