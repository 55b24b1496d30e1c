"""Does a mutant change a number? The derived equations and the mutant's, evaluated in many digits.

Nothing of the emitter is used: the equations are walked as in the exact proof, with numbers of 40 digits in place of
normal forms. Two gradients that differ in their first 20 digits are different; two that agree in 30 are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...derivation import Derivation
from ...equations import Equation
from ...equations.shapes import names_in
from ...operations import functions as f
from ..components import Evaluator
from ..digits import numbers_of
from ..kit import Array, Kit
from ..oracles import Key, Point, Upstream
from ..oracles.precise import exactly
from .mutant import Cue, Mutant, cue_at

_DIGITS = 40
_SAME = 1e-30
_DIFFERENT = 1e-20

Step = dict[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """The forward pass of a derivation at a point, by sequence and step, ready for backward passes upon it."""

    right: Derivation
    point: Point
    upstream: Upstream
    numbers: Kit
    tape: tuple[tuple[Step, ...], ...]
    gradients: Mapping[Key, Array]

    def backward(self, derivation: Derivation, cues: tuple[Cue, ...] = ()) -> dict[Key, Array]:
        """The gradients that a derivation's backward equations give."""
        found = [self._sequence(derivation, cues, s) for s in range(self.point.N)]
        return {
            key: np.asarray(sum(part[key] for part in found), dtype=object)
            if key[0] == "params"
            else np.stack([part[key] for part in found], axis=1 if key[0] == "x" else 0)
            for key in found[0]
        }

    def _sequence(self, derivation: Derivation, cues: tuple[Cue, ...], s: int) -> dict[Key, Array]:
        point, right, T = self.point, self.right, self.point.T
        tape = self.tape[s]
        above_ = [
            {name: self._lifted(self.upstream.outputs[output][t, s]) for output, name in right.upstream.items()}
            for t in range(T)
        ]

        def read(name: str, t: int) -> Array:
            return above_[t][name] if name in above_[t] else tape[t][name]

        carry = {right.carries[name]: self._lifted(array[s]) for name, array in self.upstream.final.items()}
        found: dict[Key, Any] = {}
        columns: dict[Key, list[Array]] = {}
        for t in reversed(range(T)):
            fed = {cue.name: np.asarray(cue_at(cue, t, T, point.N, read), dtype=object) for cue in cues}
            values = {**tape[t], **above_[t], **carry, **fed}
            step = self._evaluator(values)
            handed: Step = {}
            for equation in derivation.adjoints:
                # A carry's name is read as what came in, until the step is done.
                target = handed if equation.kind == "carry" else values
                target[equation.name] = self._value(step, equation)
            for equation in derivation.gradients:
                of = right.variables[right.variables[equation.name].written]
                if of.role == "parameter":
                    total = self._value(step, equation)
                    found["params", of.name] = found.get(("params", of.name), 0) + total
                elif of.role == "input":
                    columns.setdefault(("x", of.name), []).append(self._value(step, equation))
            carry = handed
        found |= {key: np.stack(column[::-1]) for key, column in columns.items()}
        return found | {("state", name): carry[right.carries[name]] for name in point.state}

    def _evaluator(self, values: Step) -> Evaluator:
        return Evaluator(self.numbers, self.point.dims, values)

    def _value(self, step: Evaluator, equation: Equation) -> Array:
        return step.spread(equation.expr, equation.shape)

    def _lifted(self, array: Array) -> Array:
        return exactly(array, self.numbers)


def run_exact(right: Derivation, point: Point, upstream: Upstream) -> Exact:
    """Run the forward equations, and the backward ones as they are derived."""
    numbers = numbers_of(_DIGITS)
    empty = Exact(right, point, upstream, numbers, (), {})
    tape = tuple(_forward(empty, s) for s in range(point.N))
    ready = Exact(right, point, upstream, numbers, tape, {})
    return Exact(right, point, upstream, numbers, tape, ready.backward(right))


def _forward(exact: Exact, s: int) -> tuple[Step, ...]:
    right, point = exact.right, exact.point
    params = {name: exact._lifted(array) for name, array in point.params.items()}
    current = {name: exact._lifted(array[s]) for name, array in point.state.items()}
    steps: list[Step] = []
    for t in range(point.T):
        values = {**params, **{name: exact._lifted(array[t, s]) for name, array in point.x.items()}}
        values |= {state.previous: current[state.name] for state in right.cell.program.states}
        step = exact._evaluator(values)
        for equation in right.forward:
            values[equation.name] = exact._value(step, equation)
        current = {state.name: values[state.new] for state in right.cell.program.states}
        steps.append(values)
    return tuple(steps)


def largest_change(mutant: Mutant, exact: Exact) -> float:
    """The largest change of a gradient's entry as a part of the array's largest one; infinite where there is no number
    any more."""
    try:
        changed = exact.backward(mutant.derivation, mutant.cues)
        return max(_distance(changed[key], right) for key, right in exact.gradients.items())
    except (ZeroDivisionError, TypeError, ValueError, OverflowError):  # the root of a negative number has no order
        return float("inf")


def _distance(changed: Array, right: Array) -> float:
    gap = _largest(changed - right)
    return float(gap / max(_largest(right), _largest(changed))) if gap else 0.0


def _largest(array: Any) -> Any:
    return max((abs(entry) for entry in np.asarray(array, dtype=object).flat), default=0)


def why_equivalent(mutant: Mutant, samples: Callable[[int], Exact], count: int) -> str:
    """The reason for which a mutant changes no number; empty where it does."""
    for number in range(count):
        change = largest_change(mutant, samples(number))
        if change > _SAME:
            assert change > _DIFFERENT, f"{mutant}: a change of {change:.0e} is neither rounding nor a difference"
            return ""
    if not _is_read(mutant):
        return "no gradient depends on the equation"
    if mutant.kind == "extra factor" and isinstance(mutant.was, f.above | f.strictly_inside):
        return "an indicator is its own square"
    return f"equal in 30 digits at {count} samples"


def _is_read(mutant: Mutant) -> bool:
    """Whether any gradient depends on the changed equation."""
    backward = (*mutant.right.adjoints, *mutant.right.gradients)
    wanted = {equation.name for equation in mutant.right.gradients}
    while True:
        more = {name for equation in backward if equation.name in wanted for name in names_in(equation.expr)}
        if more <= wanted:
            return mutant.equation.name in wanted
        wanted |= more
