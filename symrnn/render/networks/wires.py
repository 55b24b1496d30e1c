"""What a wire makes of a value, and what it hands back, as formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from ...equations import Network, Wire
from ...language.wiring import EACH
from .. import tree as t
from ..names import Name
from .moments import FIRST, LAST, NOW, Moment
from .names import NetworkNames, begins

Above = Callable[[Moment], t.Tree]
"""What a value receives, at a moment."""


def own_steps(wire: Wire, network: Network, names: NetworkNames) -> NetworkNames:
    """The names where a sequence has a length of its own: its last step is that."""
    lengths = network.lengths.get(wire.axis)
    if lengths is None:
        return names
    step, _ = names.steps[wire.axis]
    return replace(names, steps=MappingProxyType({**names.steps, wire.axis: (step, names.at(lengths).base)}))


def forward_tree(wire: Wire, network: Network, names: NetworkNames) -> t.Tree:
    """The right side of a wire: h_T, x_{t−1}, Σ_t h_t."""
    own = own_steps(wire, network, names)
    step, last = own.steps[wire.axis]
    letter, end, whole = _letter(step), _letter(last), _letter(names.steps[wire.axis][1])
    at: Above = lambda moment: t.Symbol(own.at(wire.of, moment))  # noqa: E731
    match wire.way:
        case "last":
            return at(LAST)
        case "first":
            return at(FIRST)
        case "shift":
            before = at(NOW.later(-1))
            if not begins(wire.of, network):
                return before
            rank = len(network.shapes[wire.of])  # the state before the first step is not what x[t-1] is there: zero
            return _where(t.Indicator((letter, _ONE), ((">", ">"),)), before, rank)
        case "reverse":
            return at(NOW.turned())
        case "sum":
            return t.TimeSum(at(NOW), step, last)
        case "mean":
            return t.Quotient(t.TimeSum(at(NOW), step, last), end)
        case "rows":
            rows: list[t.Tree] = [t.Transpose(at(FIRST)), t.Transpose(t.Symbol(names.at(wire.of, LAST)))]
            if wire.axis in network.lengths:  # those behind a sequence's end are zero
                rows = [_where(_within(step, end), row, 1) for step, row in zip((_ONE, whole), rows, strict=True)]
            return t.Stack((rows[0], t.Constant("dots"), rows[1]))
        case "embed" | "one_hot":
            unit = t.Symbol(names.reached(names.units[wire.of]))
            return (
                unit if wire.table is None else t.MatrixProduct(t.Transpose(t.Symbol(_table(wire.table, names))), unit)
            )
        case "steps":
            return t.Indicator((letter, end), (("≤", r"\le"),))
        case "places":
            counted = [_within(place, end) for place in (_ONE, whole)]
            return t.Stack((counted[0], t.Constant("dots"), counted[1]))


def _table(table: str, names: NetworkNames) -> Name:
    return names.params[table] if table in names.params else names.at(table)


def backward_table(wire: Wire, names: NetworkNames) -> t.Tree:
    """What a table receives from the places where its rows are read: the same row twice adds up."""
    unit = t.Symbol(names.reached(names.units[wire.of]))
    each = t.Outer(unit, t.Symbol(names.adjoint(wire.name)))
    axis = names.units[wire.of].axis
    return each if axis == EACH else t.TimeSum(each, *names.steps[axis])


def backward_tree(wire: Wire, network: Network, names: NetworkNames, above: Above, rank: int, now: Moment) -> t.Tree:
    """What the source of a wire receives for what the wire's own value has received."""
    own = own_steps(wire, network, names)
    step, last = own.steps[wire.axis]
    letter, end = _moment(now, step, last), _letter(last)
    counts = wire.axis in network.lengths
    beyond = now.number > (0 if now.step > 0 else 1)  # a step that may be behind the last one
    match wire.way:
        case "last":
            return _where(t.Indicator((letter, end), (("=", "="),)), above(NOW), rank)
        case "first":
            return _where(t.Indicator((letter, _ONE), (("=", "="),)), above(NOW), rank)
        case "shift":
            return above(now.later(1))
        case "reverse" if counts:
            return t.Symbol(own.adjoint(wire.name, now.turned()))
        case "reverse":
            return above(now.turned())
        case "sum":
            return _where(_within(letter, end), above(NOW), rank) if counts or beyond else above(NOW)
        case "mean":
            whole = t.signed(above(NOW))
            part: t.Tree = t.Quotient(whole.node, end)
            part = _where(_within(letter, end), part, rank) if counts or beyond else part
            return t.negated(part) if whole.negative else part
        case _:  # the row of this step
            row = t.Symbol(replace(names.adjoint(wire.name), time=now.written(*names.steps[wire.axis])))
            return _where(_within(letter, end), row, 1) if counts else row


_ONE = t.Number(Fraction(1))


def _letter(letter: str) -> t.Tree:
    return t.Symbol(Name(letter))


def _moment(now: Moment, step: str, last: str) -> t.Tree:
    """t, t + 1, T + 1 − t"""
    pieces: list[tuple[int, t.Tree]] = [(now.last, _letter(last)), (now.step, _letter(step))]
    pieces.append((now.number, t.Number(Fraction(abs(now.number)))))
    terms = [t.Signed(k < 0, tree) for k, tree in pieces if k]
    terms.sort(key=lambda term: term.negative)
    return terms[0].node if len(terms) == 1 else t.Sum(tuple(terms))


def _within(step: t.Tree, end: t.Tree) -> t.Tree:
    return t.Indicator((step, end), (("≤", r"\le"),))


def _where(condition: t.Tree, node: t.Tree, rank: int) -> t.Tree:
    whole = t.signed(node)
    product = t.join_factors([(condition, 0), (whole.node, rank)])
    return t.negated(product) if whole.negative else product
