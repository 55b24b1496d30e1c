"""The passes of a trajectory: forward and backward step by step over a batch, and what is then known of all steps at
once, stacked along the time.

The passes run by the derivation's own equations (`checking.interpreter`). Whatever asks the same thing of every step
(its Jacobian, the terms of its adjoints, its part of a parameter's gradient) is asked once, of the stack: the steps are
one more axis in front of the arrays, and unit vectors another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checking.components import Evaluator
from ..checking.floats import FLOATS
from ..checking.interpreter import Backward, Interpreter, Tape
from ..checking.oracles import Upstream
from ..derivation import Derivation
from ..equations import Equation
from ..equations.sample import Sample
from ..sizes import shape_at

Array = np.ndarray[Any, Any]
Values = dict[Any, Array]

_CHUNK = 2**22
"""Numbers of one array that are worked on at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """A cell's derivation at a sample of T steps and N sequences, with a loss: everything has been run once.

    `values` are all that a step computes, forward and backward, with the axes (T, N) in front, what came from the step
    after among them; `handed` is what each step hands back; `params` have the axes (1, 1), or (1, N) where sequences
    have their own. The gradient of a parameter is `weight` times the sum over the sequences. A tape has the whole
    batch, or there is one for each sequence.
    """

    derivation: Derivation
    dims: Mapping[str, int]
    T: int
    N: int
    weight: float
    params: Values
    values: Values
    handed: Values
    tapes: Sequence[Tape]
    nodes: Mapping[str, str]
    """The value that each state is after a step; of a cell that is held where its sequence has ended, before that."""

    @property
    def output(self) -> str:
        """The name of the output that the loss is taken of."""
        return self.derivation.cell.program.outputs[0]

    def evaluator(self, values: Mapping[Any, Array]) -> Evaluator:
        """What gives expressions their values over stacked steps and the sequences of the batch."""
        return Evaluator(FLOATS, self.dims, {**self.params, **values}, lead=2)

    def of_first(self) -> Passes:
        """The same of the first sequence alone, whose axis has the length one then."""
        first = [{name: a[:, :1] for name, a in of.items()} for of in (self.params, self.values, self.handed)]
        return replace(self, N=1, params=first[0], values=first[1], handed=first[2])

    def cut(self, windows: int) -> Passes:
        """Backpropagation within windows of so many steps, counted from the last: nothing goes back from one to the
        window before."""
        last = self.T - 1
        found = [_run_back(tape, lambda t: float(t == last or (last - t) % windows != 0)) for tape in self.tapes]
        values, handed = _stack(found, self.values, self.handed)
        return replace(self, values=values, handed=handed)


def run_passes(
    derivation: Derivation, dims: Mapping[str, int], sample: Sample, direction: Array, *, everywhere: bool
) -> Passes:
    """Both passes for L = uᵀ y_T, or with `everywhere` L = Σ_t uᵀ y_t."""
    bare = replace(derivation, gradients=())  # those are asked of all steps at once
    assert isinstance(sample.x, dict)
    T, N = next(iter(sample.x.values())).shape[:2]
    of = Interpreter(bare, FLOATS, dims, N)
    params = {name: array[None] for name, array in sample.params.items()}
    x = [{name: array[t] for name, array in sample.x.items()} for t in range(T)]
    tape = Tape(of, of.forward(params, x, sample.state), {})
    return passes_of(
        [tape.with_upstream(_upstream(derivation, dims, (T, N), direction, everywhere))], derivation, 1 / N
    )


def passes_of(
    tapes: Sequence[Tape], derivation: Derivation, weight: float, nodes: Mapping[str, str] | None = None
) -> Passes:
    """The backward passes upon tapes, one of a whole batch or one for each sequence."""
    found = [_run_back(tape, lambda t: 1.0) for tape in tapes]
    first, names = found[0].steps[0], {*derivation.cell.params}
    values, handed = _stack(found, [name for name in first if name not in names], found[0].handed[0])
    if tapes[0].of.sequences:
        params = {name: first[name][None] for name in names}
    else:
        params = {name: np.stack([back.steps[0][name] for back in found])[None] for name in names}
    T, N = len(found[0].steps), tapes[0].of.sequences or len(tapes)
    nodes = nodes or {state.name: state.new for state in derivation.cell.program.states}
    return Passes(derivation, tapes[0].of.dims, T, N, weight, params, values, handed, tapes, nodes)


def _run_back(tape: Tape, through: Callable[[int], float]) -> Backward:
    """The backward pass, in which what comes back to step t from the step after is multiplied by `through(t)`."""
    backward, carry = Backward(tape, {}), tape.final
    for t in reversed(range(len(tape.steps))):
        factor = through(t)
        backward.step(t, carry if factor == 1 else {name: factor * value for name, value in carry.items()}, None)
        carry = backward.handed[t]
    return backward


def _stack(found: Sequence[Backward], values: Iterable[str], handed: Iterable[str]) -> tuple[Values, Values]:
    """What passes computed and what they handed back, with the axes (T, N) in front."""

    def stacked(name: str, steps: Callable[[Backward], Sequence[Values]]) -> Array:
        arrays = [np.stack(np.broadcast_arrays(*(step[name] for step in steps(back)))) for back in found]
        return arrays[0] if found[0].tape.of.sequences else np.stack(np.broadcast_arrays(*arrays), axis=1)

    return {n: stacked(n, lambda back: back.steps) for n in values}, {n: stacked(n, lambda b: b.handed) for n in handed}


def _upstream(
    derivation: Derivation, dims: Mapping[str, int], lead: tuple[int, int], direction: Array, everywhere: bool
) -> Upstream:
    cell = derivation.cell
    outputs = {name: np.zeros((*lead, *shape_at(shape, dims))) for name, shape in cell.outputs.items()}
    outputs[cell.program.outputs[0]][slice(None) if everywhere else -1] = direction
    final = {name: np.zeros((lead[1], *shape_at(shape, dims))) for name, shape in cell.states.items()}
    return Upstream("flow", outputs, final)


# What is asked of all steps at once ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Locals:
    """The derivatives of every step of a sequence: of the new states s_t and the output y_t by the former states
    s_{t−1} and the inputs x_t. All states are one vector, in the order of the cell's text."""

    states: Array
    """∂s_t/∂s_{t−1}: (T, S, S)."""
    inputs: Array
    """∂s_t/∂x_t: (T, S, M)."""
    output: Array
    """∂y_t/∂s_{t−1}: (T, P, S)."""
    direct: Array
    """∂y_t/∂x_t: (T, P, M)."""
    places: Mapping[str, slice]
    """Where each state lies among the S."""


def step_jacobians(passes: Passes) -> Locals:
    """The derivatives of the steps of one sequence by their own backward equations, from a unit vector for every entry
    of what a step computes."""
    derivation, dims, T = passes.derivation, passes.dims, passes.T
    cell = derivation.cell
    sizes = {name: _count(shape_at(shape, dims)) for name, shape in cell.states.items()}
    ends = np.cumsum([0, *sizes.values()])
    places = {name: slice(int(a), int(b)) for name, a, b in zip(sizes, ends, ends[1:], strict=False)}
    S, P = int(ends[-1]), _count(shape_at(cell.outputs[passes.output], dims))
    units: Values = {}
    for name, shape in cell.states.items():
        units[derivation.carries[name]] = _units(S + P, places[name], shape_at(shape, dims))
    for name, shape in cell.outputs.items():
        place = slice(S, S + P) if name == passes.output else slice(0, 0)
        units[derivation.upstream[name]] = _units(S + P, place, shape_at(shape, dims))
    back = [derivation.carries[name] for name in cell.states]
    inputs = [equation for equation in derivation.gradients if equation.why == "input"]
    by_state, by_input = [], []
    length = max(1, _CHUNK // max(1, (S + P) * max(sizes.values())))
    for start in range(0, T, length):
        chunk = {name: np.swapaxes(a[start : start + length], 0, 1) for name, a in passes.values.items()}
        found = _through_a_step(passes, {**chunk, **units}, inputs)
        lead = (S + P, min(length, T - start))
        by_state.append(_joined([found[name] for name in back], lead))
        by_input.append(_joined([found[equation.name] for equation in inputs], lead))
    rows, columns = np.concatenate(by_state), np.concatenate(by_input)
    return Locals(rows[:, :S], columns[:, :S], rows[:, S:], columns[:, S:], places)


def _through_a_step(passes: Passes, values: Values, more: list[Equation]) -> Values:
    """All that a step's backward equations give for what comes in, and some gradients."""
    handed: Values = {}
    evaluate = passes.evaluator(values)
    assert isinstance(evaluate.values, dict)
    for equation in (*passes.derivation.adjoints, *more):
        place = handed if equation.kind in ("carry", "gradient") else evaluate.values
        place[equation.name] = evaluate.spread(equation.expr, equation.shape)
    return handed


def _units(count: int, place: slice, shape: tuple[int, ...]) -> Array:
    """Unit vectors for the lanes of a place, zeros for the others: (count, 1, *shape)."""
    rows = np.zeros((count, _count(shape)))
    rows[place] = np.eye(_count(shape))[: place.stop - place.start]
    return rows.reshape(count, 1, *shape)


def _joined(arrays: list[Array], lead: tuple[int, int]) -> Array:
    """Arrays by lane and step, side by side as rows of a matrix for each step: (steps, lanes, entries)."""
    flat = [np.broadcast_to(a, (*lead, *a.shape[2:])).reshape(*lead, -1) for a in arrays]
    return np.swapaxes(np.concatenate(flat, axis=-1), 0, 1) if flat else np.zeros((lead[1], lead[0], 0))


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=int))


def contributions(passes: Passes) -> dict[str, Array]:
    """What each step's use of a parameter contributes to ∂L/∂W: (T, *shape) by name. The sum over the steps is ∂L/∂W
    (Pascanu et al. 2013)."""
    wanted = [equation for equation in passes.derivation.gradients if equation.why == "parameter"]
    largest = max((_count(shape_at(e.shape, passes.dims)) for e in wanted), default=1)
    length = max(1, _CHUNK // max(1, passes.N * largest))
    found: dict[str, list[Array]] = {passes.derivation.variables[e.name].written: [] for e in wanted}
    for chunk in _chunks(passes, length):
        evaluate = passes.evaluator(chunk)
        steps = next(iter(chunk.values())).shape[0]
        for equation in wanted:
            value = evaluate.spread(equation.expr, equation.shape)
            whole = np.broadcast_to(value, (steps, passes.N, *value.shape[2:]))
            found[passes.derivation.variables[equation.name].written].append(passes.weight * whole.sum(axis=1))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _chunks(passes: Passes, length: int) -> Iterator[Values]:
    for start in range(0, passes.T, length):
        yield {name: a[start : start + length] for name, a in passes.values.items()}
