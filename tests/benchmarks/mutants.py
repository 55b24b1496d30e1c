"""A mutant run: as a kernel, and exactly. Does it change a number at all?

The equations are walked by the interpreter of derivations, so nothing of the emitters is used: once in floating point, as
somebody with that one mistake computes, and once in many digits. Two gradients that differ in their first 20 digits are
different; two that agree in 30 are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrnn.checking.digits import numbers_of
from symrnn.checking.floats import FLOATS
from symrnn.checking.interpreter import Backward, Tape, run_backward, run_forward
from symrnn.checking.kit import Array
from symrnn.checking.oracles import Point, Upstream
from symrnn.checking.oracles.precise import exactly
from symrnn.derivation import Derivation
from symrnn.equations.sample import Arrays
from symrnn.equations.shapes import names_in
from symrnn.mistakes import Mutant
from symrnn.numeric.arrays import Checker
from symrnn.numeric.kernel import Kernel
from symrnn.operations import functions as f

_DIGITS = 40
_SAME = 1e-30
_DIFFERENT = 1e-20


# As a kernel -------------------------------------------------------------------------------------------------


def build_mutant(mutant: Mutant, dtype: str = "float64") -> Kernel:
    """The kernel of the cell that the mutant was made from, with the mutant's backward pass. What `check` takes as
    `build=lambda derivation, dtype: build_mutant(mutant, dtype)`."""
    cell = mutant.right.cell
    checker = Checker.of(cell, dtype)
    passes = _Passes(mutant, checker)
    return Kernel(cell, dtype, repr(mutant), checker, {"forward": passes.forward, "backward": passes.backward})


@dataclass(frozen=True, slots=True, eq=False)
class _Passes:
    mutant: Mutant
    checker: Checker

    def forward(self, params: Arrays, x: Any, state: Arrays, work: Any) -> tuple[Any, Arrays, Any]:
        cell, dims = self.checker.cell, self.checker.dimensions
        inputs = _by_name(x, cell.inputs)
        T, N = next(iter(inputs.values())).shape[:2]
        point = Point(cell, dims(inputs, state, params), T, N, params, inputs, state)
        nothing = Upstream("none", {}, {})
        tape = run_forward(self.mutant.right, FLOATS, point, nothing)
        outputs = {name: self._cast(np.stack([step[name] for step in tape.steps])) for name in cell.outputs}
        final = {state.name: self._cast(tape.steps[-1][state.new]) for state in cell.program.states}
        return _one_or_all(outputs), final, tape

    def backward(self, tape: Tape, d_outputs: Any, d_final_state: Arrays, work: Any) -> tuple[Arrays, Any, Arrays]:
        upstream = Upstream("given", _by_name(d_outputs, self.checker.cell.outputs), d_final_state)
        found = run_backward(tape.with_upstream(upstream), self.mutant.mistake.changes).gradients
        params, x, state = (
            {name: self._cast(array) for (of, name), array in found.items() if of == group}
            for group in ("params", "x", "state")
        )
        return params, _one_or_all(x), state

    def _cast(self, array: Array) -> Array:
        return np.array(array, dtype=self.checker.dtype)


def _by_name(arrays: Any, names: Mapping[str, Any]) -> Arrays:
    return dict(arrays) if isinstance(arrays, dict) else {next(iter(names)): arrays}


def _one_or_all(arrays: Arrays) -> Any:
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))


# Exactly -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """The passes of a derivation at a point, in many digits."""

    point: Point
    upstream: Upstream
    right: Backward

    def backward(self, mutant: Mutant) -> Mapping[Any, Array]:
        """The gradients that a mutant's backward equations give."""
        return run_backward(self.right.tape, mutant.mistake.changes, self.right).gradients


def run_exact(right: Derivation, point: Point, upstream: Upstream) -> Exact:
    """Run the forward equations, and the backward ones as they are derived."""
    numbers = numbers_of(_DIGITS)
    tape = run_forward(right, numbers, point, upstream, lambda array: exactly(array, numbers))
    return Exact(point, upstream, run_backward(tape))


def largest_change(mutant: Mutant, exact: Exact) -> float:
    """The largest change of a gradient's entry as a part of the array's largest one; infinite where there is no number
    any more."""
    try:
        changed = exact.backward(mutant)
        return max(_distance(changed[key], right) for key, right in exact.right.gradients.items())
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
    if mutant.kind == "extra factor" and isinstance(mutant.mistake.was, f.above | f.strictly_inside):
        return "an indicator is its own square"
    return f"equal in 30 digits at {count} samples"


def _is_read(mutant: Mutant) -> bool:
    """Whether any gradient depends on the changed equation."""
    wanted = {equation.name for equation in mutant.right.gradients}
    while True:
        more = {name for e in mutant.right.backward if e.name in wanted for name in names_in(e.expr)}
        if more <= wanted:
            return mutant.equation.name in wanted
        wanted |= more
