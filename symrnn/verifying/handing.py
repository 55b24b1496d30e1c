"""One run of a person's code: canonical arrays as they have them, each of their calls, and what it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import SubjectError
from ..layouts.axes import kind, read_axes
from ..layouts.blocks import Array
from ..layouts.layout import Bound
from .calling import Call, Pool, pool_of
from .losses import Targets
from .running import Misfit, reading, run_call
from .subject import Subject
from .tasks import Task
from .tensors import leaves_of
from .words import Slot


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What is handed to a person's functions in one run.

    `pool` is what there is before any of them is called. `params` are their arrays of parameters, which updates change
    in place, and `copies` what every array was. The dicts in `dicts` stand beside what they held; they hold it again
    after each call, and `rearranged` notes what in them a call has put in the place of something else.
    """

    subject: Subject
    task: Task
    dtype: str
    pool: Pool
    params: Mapping[str, Any]
    copies: Mapping[Slot, list[tuple[Array, Array]]]
    dicts: list[tuple[dict[str, Any], dict[str, Any]]]
    rearranged: list[str] = field(default_factory=list)

    def call(self, call: Call, pool: Pool) -> Any:
        """Run a function or, of an object, its method."""
        if call.method:
            call = replace(call, function=getattr(pool["object", ""], call.method))
        result = run_call(call, pool, lambda: self._shown(call, pool), self.subject.seconds)
        for held, before in self.dicts if self.subject.code.rate is None else ():
            changed = [str(name) for name in {**before, **held} if held.get(name) is not before.get(name)]
            if changed:
                self.rearranged.extend(changed)
                held.clear()
                held.update(before)
        return result

    @contextmanager
    def reading(self, call: Call, pool: Pool) -> Iterator[None]:
        """Some work on what a call gives back; what does not fit is said with what the call was given."""
        try:
            with reading(call.label, self.subject.seconds):
                yield
        except Misfit as problem:
            lines = [f"{call.label} {problem}", f"  it was called with {self._shown(call, pool)}"]
            lines += [f"  mend: {problem.mend}"] if problem.mend else []
            raise SubjectError("\n".join(lines)) from None

    def _shown(self, call: Call, pool: Pool) -> str:
        """What a function was called with, in shapes."""
        given = (f"{name or slot[1] or slot[0]} {_shapes(pool[slot])}" for name, slot in call.arguments if slot in pool)
        return f"{', '.join(given)} (T = {self.task.point.T}, N = {self.task.point.N})"

    def before(self, param: str) -> Array:
        """A parameter as it was handed over, whatever has been done to it."""
        return self.copies["params", param][0][1]

    def mutated(self) -> tuple[str, ...]:
        """The arrays handed in that are no longer what they were."""
        updates = self.subject.code.rate is not None
        changed = [
            _called(slot)
            for slot, pairs in self.copies.items()
            for array, copy in pairs
            if not (updates and slot[0] == "params") and not np.array_equal(array, copy, equal_nan=True)
        ]
        return tuple(dict.fromkeys([*changed, *self.rearranged]))


def hand_over(subject: Subject, task: Task, dtype: str) -> Run:
    """Everything laid out as the person has it: one by one, and each group together, where an array of a sequence that
    is alone stands for itself."""
    bound, point, targets = subject.bound, task.point, task.targets
    params = {**point.params, **(targets.point.params if targets else {})}
    arrays = bound.plan(point.dims).lay_out({name: array.astype(dtype) for name, array in params.items()})
    pool = pool_of(arrays, point)
    for group, canonical, axes in (
        ("x", point.x, bound.inputs),
        ("state", point.state, bound.states),
        ("d_outputs", task.upstream.outputs, bound.outputs),
        ("d_final_state", task.upstream.final, bound.states),
    ):
        values = {bound.called[name]: axes[name].lay_out(array.astype(dtype)) for name, array in canonical.items()}
        pool |= {(group, name): value for name, value in values.items()}
        alone = axes is not bound.states and len(values) == 1
        pool[group, ""] = next(iter(values.values())) if alone else values
    if targets is not None:
        pool["targets", ""] = _lay_out_targets(targets, bound, dtype)
    copies = {
        slot: [(array, array.copy()) for array in _arrays(value)]
        for slot, value in pool.items()
        if slot[1] or slot[0] == "targets"
    }
    if subject.code.tensors:
        pool = leaves_of(pool)
    dicts = [(whole, dict(whole)) for (_, name), whole in pool.items() if not name and type(whole) is dict]
    return Run(subject, task, dtype, pool, dict(pool["params", ""]), copies, dicts)


def _lay_out_targets(targets: Targets, bound: Bound, dtype: str) -> Any:
    axes = next(iter(bound.outputs.values()))
    if targets.axes:
        axes = read_axes(targets.axes, targets.features, "targets", timed=True)
    return axes.lay_out(targets.targets if targets.targets.dtype.kind == "i" else targets.targets.astype(dtype))


def _called(slot: Slot) -> str:
    """What messages call an array that is handed in."""
    group, name = slot
    words = {"d_outputs": f"gradient of {name}", "d_final_state": f"gradient of final {name}"}
    return words.get(group, name or group)


def _arrays(value: Any) -> Iterator[Array]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _arrays(inner)


def _shapes(value: Any) -> str:
    """`(3, 4)`, `{Wx (3, 16), b (16)}`, `[5 × (3, 4)]`: an argument in shapes."""
    if hasattr(value, "shape"):
        return str(tuple(value.shape))
    if isinstance(value, Mapping):
        items = [f"{name} {_shapes(inner)}" for name, inner in list(value.items())[:16]]
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple) and value:
        return f"[{len(value)} × {_shapes(value[0])}]"
    return str(value)[:60] if isinstance(value, int | float) else kind(value)
