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
from ...derivation.analysis import Analysis
from ...equations import Equation
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
    gradients: tuple[Equation, ...]
    taped: tuple[State, ...]
    moving: tuple[State, ...]
    block: Offsets
    stride: sympy.Expr
    final: sympy.Expr
    direct: frozenset[str]


def plan(derivation: Derivation) -> Storage:
    """Decide where values live."""
    program, variables, analysis = derivation.cell.program, derivation.variables, Analysis(derivation)
    forward, adjoints, read = analysis.forward, analysis.adjoints, analysis.read_backwards
    taped = tuple(state for state in program.states if {state.previous, state.new} & read)
    news = {state.new for state in program.states}
    values = [equation.name for equation in forward if equation.name in read and equation.name not in news]
    states, final = placed({state.previous: variables[state.previous].shape for state in taped})
    block, stride = placed({name: variables[name].shape for name in (*states, *values)})
    direct = frozenset(name for name in program.outputs if name not in news and name not in values)
    moving = tuple(state for state in program.states if state not in taped)
    return Storage(forward, adjoints, analysis.gradients, taped, moving, block, stride, final, direct)


def placed(shapes: Mapping[str, Shape]) -> tuple[Offsets, sympy.Expr]:
    """One array after the other: where each begins, and the size of all."""
    offsets: Offsets = {}
    size: sympy.Expr = sympy.S.Zero
    for name, shape in shapes.items():
        offsets[name], size = size, size + count_of(shape)
    return offsets, size
