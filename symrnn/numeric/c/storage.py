"""Where every value of a derivation lives: in the tape, in the work memory, in an argument, or as a local number.

The tape of a sequence has a block for every step: the states before the step, then the other values that the backward
pass reads. A step writes its new states into the next block, so each is kept once, and behind the last block there is
room for the final ones. What is not read backwards lives in the work memory, and a value that nothing reads is not
computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from ...derivation import Derivation
from ...equations import Equation
from ...equations.shapes import names_in
from ...language import State
from ...sizes import Shape
from .printer import count_of

Offsets = dict[str, sympy.Expr]


@dataclass(frozen=True, slots=True)
class Storage:
    """`forward` and `adjoints` are the equations worth computing; `block` places what the tape has of each step (a
    state under its name before the step), `stride` is a block's size and `final` that of the states in it. `moving`
    are the states that are not on the tape, `direct` the outputs that are computed where the caller wants them."""

    forward: tuple[Equation, ...]
    adjoints: tuple[Equation, ...]
    taped: tuple[State, ...]
    moving: tuple[State, ...]
    block: Offsets
    stride: sympy.Expr
    final: sympy.Expr
    direct: frozenset[str]


def plan(derivation: Derivation) -> Storage:
    """Decide where values live."""
    program, variables = derivation.cell.program, derivation.variables
    gradients = [e for e in derivation.gradients if variables[variables[e.name].written].role != "previous"]
    carries = set(derivation.carries.values())
    wanted = {name for equation in gradients for name in names_in(equation.expr)} | carries
    adjoints = _live(derivation.adjoints, wanted)
    read = {name for equation in (*adjoints, *gradients) for name in names_in(equation.expr)}
    leaving = {*program.outputs, *(state.new for state in program.states)}
    forward = _live(derivation.forward, leaving | read)
    taped = tuple(state for state in program.states if {state.previous, state.new} & read)
    news = {state.new for state in program.states}
    values = [equation.name for equation in forward if equation.name in read and equation.name not in news]
    block: Offsets = {}
    size: sympy.Expr = sympy.S.Zero
    for state in taped:
        block[state.previous], size = size, size + count_of(variables[state.previous].shape)
    final = size
    for name in values:
        block[name], size = size, size + count_of(variables[name].shape)
    direct = frozenset(name for name in program.outputs if name not in news and name not in values)
    moving = tuple(state for state in program.states if state not in taped)
    return Storage(forward, adjoints, taped, moving, block, size, final, direct)


def _live(equations: tuple[Equation, ...], wanted: set[str]) -> tuple[Equation, ...]:
    """The equations whose values are wanted, or read by one that is."""
    kept: list[Equation] = []
    wanted = set(wanted)
    for equation in reversed(equations):
        if equation.name in wanted:
            kept.append(equation)
            wanted |= names_in(equation.expr)
    return tuple(reversed(kept))


def placed(shapes: Mapping[str, Shape]) -> tuple[Offsets, sympy.Expr]:
    """One array after the other: where each begins, and the size of all."""
    offsets: Offsets = {}
    size: sympy.Expr = sympy.S.Zero
    for name, shape in shapes.items():
        offsets[name], size = size, size + count_of(shape)
    return offsets, size
