"""What a person's code does at a point: canonical arrays laid out as they have them, their calls, and what comes back
as canonical arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..checking.oracles import Key, Point, Upstream
from ..errors import SubjectError
from ..layouts.blocks import Array
from ..sizes import shape_at
from .calling import Call, Pool
from .handing import Run, hand_over
from .losses import Targets
from .reading import canonical_gradients, read_forward, read_gradients
from .returns import Slots, forward_slots, gradient_slots
from .running import Misfit
from .stepping import backward_steps, forward_steps
from .subject import Subject
from .tasks import Task, set_task
from .tensors import differentiate
from .updating import from_update, rounding_of_update

_BATCH = {"output": 1, "final state": 0, "params": None, "x": 1, "state": 0}
"""The axis of an array that runs over the sequences of a batch, by its group."""


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the code did at a point.

    `point` and `upstream` are what it could be given: a code that takes no initial states has zeros there, and one that
    takes no gradient of the final states has none. `forward` are outputs, of which the code may return the last steps
    alone, and final states. `readings` are the gradients; there are several where a parameter is split into shares,
    each of which must be the whole gradient. `targets` are those of a loss inside. `noise` bounds
    what was lost where a gradient is recovered from an update.
    """

    point: Point
    upstream: Upstream
    forward: Mapping[Key, Array]
    readings: tuple[Mapping[Key, Array], ...] = ({},)
    targets: Targets | None = None
    noise: Mapping[Key, Array] = field(default_factory=dict)
    missing: tuple[Key, ...] = ()
    mutated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dtype: str = "float64"

    @property
    def expected(self) -> Mapping[Key, Array]:
        """The gradients that a loss has by its own parameters."""
        return self.targets.gradients if self.targets else {}

    @property
    def gradients(self) -> Mapping[Key, Array]:
        """The first reading, which is the only one unless parameters are split."""
        return self.readings[0]


def run_forward(subject: Subject, point: Point, dtype: str = "float64") -> Observation:
    """The forward pass alone."""
    outputs = {
        name: np.zeros((point.T, point.N, *shape_at(shape, point.dims))) for name, shape in subject.cell.outputs.items()
    }
    nothing = Upstream("none", outputs, {name: np.zeros_like(array) for name, array in point.state.items()})
    return _each_sequence(subject, set_task(subject, point, nothing), dtype, backward=False)


def run_code(subject: Subject, point: Point, upstream: Upstream, dtype: str = "float64") -> Observation:
    """Outputs, final states and gradients at a point, for a gradient from above, computed in `dtype`."""
    if subject.backward_call is None and subject.finals is None:
        subject = subject.after(run_forward(subject, point).forward)
    return _each_sequence(subject, set_task(subject, point, upstream), dtype, backward=True)


def _each_sequence(subject: Subject, task: Task, dtype: str, *, backward: bool) -> Observation:
    """One call for the batch, or one for each sequence where the code takes no batch."""
    if subject.bound.batched:
        return _observe(subject, task, dtype, backward=backward)
    return _joined([_observe(subject, one, dtype, backward=backward) for one in task.sequences()], task)


def _observe(subject: Subject, task: Task, dtype: str, *, backward: bool) -> Observation:
    """Theirs out of canonical arrays, their calls, and canonical arrays out of what comes back."""
    run = hand_over(subject, task, dtype)
    pool = run.pool if subject.make is None else _make(run, subject.make)
    there, back = subject.forward_call, subject.backward_call
    slots: Slots = {}
    strange: list[str] = []
    forward: dict[Key, Array] = {}
    gradients: dict[Key, Array] = {}
    readings, missing = ({},), ()
    if (not backward or back is None or _needs_forward(subject, back)) and there is not None:
        with run.reading(there, pool):
            slots, pool = forward_steps(run, there, pool) if subject.code.stepwise else _forward(run, there, pool)
            forward = read_forward(run, slots)
    if backward:
        call = back or there
        assert call is not None
        with run.reading(call, pool):
            slots, strange = _backward(run, back, pool, slots)
            gradients = read_gradients(run, slots)
            readings, missing = canonical_gradients(run, _in_float64(gradients))
    types = {np.dtype(dtype), *(array.dtype for array in (*forward.values(), *gradients.values()))}
    narrowest = min(types, key=lambda each: each.itemsize).name
    return Observation(
        task.point,
        task.upstream,
        _in_float64(forward),
        readings,
        task.targets if backward else None,
        rounding_of_update(run, gradients) if backward and subject.code.rate else {},
        missing,
        run.mutated(),
        _notes(strange, given=dtype, narrowest=narrowest),
        narrowest,
    )


def _in_float64(arrays: Mapping[Key, Array]) -> dict[Key, Array]:
    return {key: array.astype("float64") for key, array in arrays.items()}


def _notes(strange: Sequence[str], *, given: str, narrowest: str) -> tuple[str, ...]:
    names = f"{', '.join(strange)} came back and belongs to nothing in the layout: not checked"
    types = "the code computes in float32, also when it is given float64"
    return (*[names] * bool(strange), *[types] * (given == "float64" and narrowest == "float32"))


# The calls ------------------------------------------------------------------------------------------------------------


def _make(run: Run, call: Call) -> Pool:
    """The object whose methods are called, with the parameters that it was not made from as its attributes."""
    with run.reading(call, run.pool):
        thing = run.call(call, run.pool)
        for name, array in run.params.items():
            if not call.takes("params") and hasattr(thing, name):
                setattr(thing, name, array)
    return {**run.pool, ("object", ""): thing}


def _needs_forward(subject: Subject, call: Call) -> bool:
    passed = any(call.takes(group) for group in ("cache", "passed", "outputs"))
    if passed and subject.forward_call is None:
        raise SubjectError(
            f"{call.label} asks for what the forward pass leaves, and there is no forward\n"
            "  mend: functions(backward, forward)"
        )
    return passed or subject.code.stepwise or subject.make is not None


def _forward(run: Run, call: Call, pool: Pool) -> tuple[Slots, Pool]:
    """What a forward pass returned, and the pool with what it leaves for the backward pass."""
    result = run.call(call, pool)
    slots, passed = forward_slots(result, pool.get(("object", "")), run.subject.words, call.label)
    left: Slots = {("passed", name): value for name, value in passed.items()}
    for (group, _), value in slots.items():
        if group == "outputs":
            left["outputs", ""] = value
    return slots, {**pool, ("cache", ""): slots.get(("cache", "")), **left}


def _backward(run: Run, call: Call | None, pool: Pool, slots: Slots) -> tuple[Slots, list[str]]:
    """The gradients by what they are, and names that mean nothing here; torch differentiates where there is no call."""
    code, thing = run.subject.code, pool.get(("object", ""))
    if call is None:
        return differentiate(pool, slots), []
    if code.stepwise:
        return backward_steps(run, call, pool)
    result = run.call(call, pool)
    if code.rate is not None:
        return from_update(run, pool, result), []
    if result is None and thing is None:
        raise Misfit(
            "returned None", "return the gradients; if it changes the parameters in place, say updates(…, rate=…)"
        )
    return gradient_slots(result, thing, run.subject.words, call.label)


# One sequence --------------------------------------------------------------------------------------------------------


def _joined(pieces: Sequence[Observation], task: Task) -> Observation:
    """The batch out of its sequences: gradients of parameters are summed, all else stands side by side."""

    def join(maps: Sequence[Mapping[Key, Array]]) -> dict[Key, Array]:
        return {
            key: np.sum(arrays, axis=0) if axis is None else np.concatenate(arrays, axis)
            for key in maps[0]
            if all(key in each for each in maps)
            for arrays, axis in [([each[key] for each in maps], _BATCH[key[0]])]
        }

    def all_of(lists: Iterable[Iterable[Any]]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(item for each in lists for item in each))

    first = pieces[0]
    return Observation(
        task.point,
        task.upstream,
        join([piece.forward for piece in pieces]),
        tuple(join([piece.readings[k] for piece in pieces]) for k in range(len(first.readings))),
        first.targets and task.targets,
        join([piece.noise for piece in pieces]),
        all_of(piece.missing for piece in pieces),
        all_of(piece.mutated for piece in pieces),
        all_of(piece.notes for piece in pieces),
        first.dtype,
    )
