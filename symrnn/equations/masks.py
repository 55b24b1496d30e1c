"""Cells of sequences that have ends: states that are held behind one, places that a softmax leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from ..language import Program, Source, State, Variable
from ..language.nodes import Apply, Assignment, Name, Node, Number
from ..sizes import Size

_HIDDEN = Number(Fraction(-(10**30)), Apply("neg", ()).span)
"""In place of a score whose place is behind a sequence's end: its weight is exactly zero."""


def hold(program: Program) -> tuple[Program, str]:
    """The cell that keeps its states where its new input, whose name is the second result, is zero."""
    taken = set(program.variables)
    keep = fresh("keep", taken)
    variables = {**program.variables, keep: Variable(keep, keep, "input", ())}
    lines, states = list(program.assignments), list[State]()
    for state in program.states:
        new = program.variables[state.new]
        held = fresh(f"{state.name}_held", {*variables})
        span = program.assignments[-1].span
        variables[held] = Variable(held, held, "value", new.shape)
        holds = Apply("greater", (Name(keep, span), Number(Fraction(0), span)), span=span)
        old = Name(state.previous, span, new.shape)
        lines.append(
            Assignment(held, Apply("where", (holds, Name(state.new, span, new.shape), old), (), span, new.shape), span)
        )
        states.append(replace(state, new=held))
    return replace(
        program, inputs=(*program.inputs, keep), states=tuple(states), variables=MappingProxyType(variables),
        assignments=tuple(lines),
    ), keep  # fmt: skip


def hide(program: Program, dim: str) -> tuple[Program, str]:
    """The cell whose softmax over a size `dim` leaves out places at which its new input is zero; the name of that
    input, or none where there is no such softmax."""
    valid, size = fresh(f"valid_{dim}", program.variables), Size.of(dim)
    lines = tuple(replace(line, node=hidden(line.node, {size: valid}, program.source)) for line in program.assignments)
    if lines == program.assignments:
        return program, ""
    variables = {**program.variables, valid: Variable(valid, valid, "input", (size,))}
    return replace(
        program, inputs=(*program.inputs, valid), variables=MappingProxyType(variables), assignments=lines
    ), valid  # fmt: skip


def is_softmax(node: Node) -> bool:
    return isinstance(node, Apply) and node.operation == "softmax"


def hidden(node: Node, masks: Mapping[Size, str], source: Source) -> Node:
    """The tree with scores hidden, before a softmax over one of these sizes, where its mask is zero."""
    if not isinstance(node, Apply):
        return node
    operands = tuple(hidden(operand, masks, source) for operand in node.operands)
    if operands != node.operands:
        node = replace(node, operands=operands)
    *rows, over = node.shape or (Size.number(1),)
    if not is_softmax(node) or over not in masks:
        return node
    if rows:
        raise source.error(
            f"softmax of a matrix whose rows run over {over}, where sequences have lengths",
            node.span,
            mend="weigh the places for one row at a time: softmax(H @ q) for a vector q",
        )
    valid = Name(masks[over], node.span, node.shape)
    holds = Apply("greater", (valid, Number(Fraction(0), node.span)), span=node.span, shape=node.shape)
    score = Apply("where", (holds, *node.operands, _HIDDEN), span=node.span, shape=node.shape)
    return replace(node, operands=(score,))


def fresh(wish: str, taken: Iterable[str]) -> str:
    while wish in taken:
        wish += "_"
    return wish
