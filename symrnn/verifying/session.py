"""One run of a person's code: what it is handed, how its functions are called, whether anything handed in changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..checking.oracles import Point, Upstream
from ..errors import SubjectError
from ..layouts.axes import Axes, Unlike, as_numbers, detached, kind, read_axes
from ..layouts.blocks import Array
from .calling import Call, Slot
from .losses import Targets
from .running import run_call
from .subject import Subject

Pool = dict[Slot, Any]


@dataclass(slots=True)
class Session:
    """A run of a subject; holds what its functions may ask for and what they have returned."""

    subject: Subject
    point: Point
    upstream: Upstream
    targets: Targets | None
    dtype: str
    pool: Pool
    handed: list[tuple[str, Array, Array]] = field(default_factory=list)
    wholes: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    rearranged: list[str] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    called: str = ""
    thing: Any = None
    notes: list[str] = field(default_factory=list)
    types: set[np.dtype[Any]] = field(default_factory=set)

    @staticmethod
    def of(subject: Subject, point: Point, upstream: Upstream, targets: Targets | None, dtype: str) -> Session:
        """Everything laid out as the person has it."""
        bound = subject.bound
        params = {**point.params, **(targets.params if targets else {})}
        arrays = bound.plan(point.dims).lay_out({name: array.astype(dtype) for name, array in params.items()})
        pool: Pool = {("params", ""): arrays}
        pool |= {("params", name): array for name, array in arrays.items()}
        session = Session(subject, point, upstream, targets, dtype, pool)
        session._lay_out("x", point.x, bound.inputs)
        session._lay_out("state", point.state, bound.states, whole=False)
        session._lay_out("d_outputs", upstream.outputs, bound.outputs)
        session._lay_out("d_final_state", upstream.final, bound.states, whole=False)
        if targets is not None:
            axes = next(iter(bound.outputs.values()))
            if targets.axes:
                axes = read_axes(targets.axes, targets.features, "targets", timed=True)
            same = targets.targets.dtype.kind == "i"
            pool["targets", ""] = axes.lay_out(targets.targets if same else targets.targets.astype(dtype))
        pool |= {("size", name): value for name, value in {**point.dims, "T": point.T, "N": point.N}.items()}
        for slot, value in pool.items():
            if slot[0] != "size" and (slot[1] or slot[0] == "targets"):
                for array in _arrays(value):
                    session.handed.append((_called(slot), array, array.copy()))
        return session

    def _lay_out(
        self, group: str, arrays: Mapping[str, Array], axes: Mapping[str, Axes], *, whole: bool = True
    ) -> None:
        """A group of arrays, one by one and together; together one array stands for itself where it is alone."""
        called = self.subject.bound.called
        values = {called[name]: axes[name].lay_out(array.astype(self.dtype)) for name, array in arrays.items()}
        for name, value in values.items():
            self.pool[group, name] = value
        self.pool[group, ""] = next(iter(values.values())) if whole and len(values) == 1 else values

    # The calls ----------------------------------------------------------------------------------------------

    def call(self, call: Call) -> Any:
        """Run a function or, of an object, its method."""
        code = self.subject.code
        if self.thing is not None:
            name = code.forward if call is self.subject.forward_call else code.backward
            call = replace(call, function=getattr(self.thing, str(name)))
        self.called = call.label
        result = run_call(call, self.pool, lambda: self.shown(call), self.subject.seconds)
        if code.rate is None:
            self._rearrange()
        return result

    def _rearrange(self) -> None:
        """Let the dicts that were handed in hold what they held, and remember what in them was changed."""
        for whole, before in self.wholes:
            changed = [str(name) for name in {**before, **whole} if whole.get(name) is not before.get(name)]
            if changed:
                self.rearranged += changed
                whole.clear()
                whole.update(before)

    # Reading ------------------------------------------------------------------------------------------------

    def axes_read(self, axes: Axes, value: Any, shape: tuple[int, ...], label: str, what: str) -> Array:
        try:
            array = axes.read(detached(value), shape)
        except Unlike as problem:
            raise self.failed(label, f"returned {what}, which {problem}") from None
        return self.finite(array, label, what)

    def checked(self, value: Any, shape: tuple[int, ...], label: str, what: str) -> Array:
        try:
            array = as_numbers(value)
        except Unlike as problem:
            raise self.failed(label, f"returned {what}, which {problem}; {shape} is right") from None
        if array.shape != shape:
            raise self.failed(label, f"returned {what} with the shape {array.shape}; {shape} is right")
        return self.finite(array, label, what)

    def finite(self, array: Array, label: str, what: str) -> Array:
        if array.dtype.kind != "f" or array.dtype.itemsize < 4:
            why = "whose few digits hide mistakes" if array.dtype.kind == "f" else "which cuts off every fraction"
            mend = "compute in float32 or float64 from the start: np.zeros(shape), np.zeros_like(x), without a dtype"
            raise self.failed(label, f"returned {what} as {array.dtype}, {why}", mend)
        self.types.add(array.dtype)
        if not np.isfinite(array).all():
            index = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
            raise self.failed(label, f"returned {what} with {array[index]} at {list(index)}")
        # A copy: the code may hand out the same array again, with other numbers in it.
        return array.astype("float64")

    # Words --------------------------------------------------------------------------------------------------

    def failed(self, label: str, problem: str, mend: str = "") -> SubjectError:
        calls = (self.subject.make, self.subject.forward_call, self.subject.backward_call)
        call = next((call for call in calls if call is not None and call.label == label), None)
        lines = [f"{label} {problem}", *([f"  it was called with {self.shown(call)}"] if call else [])]
        return SubjectError("\n".join([*lines, *([f"  mend: {mend}"] if mend else [])]))

    def shown(self, call: Call) -> str:
        """What a function was called with, in shapes."""
        return (
            ", ".join(
                f"{name or slot[1] or slot[0]} {_shapes(self.pool[slot])}"
                for name, slot in call.arguments
                if slot in self.pool
            )
            + f" (T = {self.point.T}, N = {self.point.N})"
        )

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def mutated(self) -> tuple[str, ...]:
        """The arrays handed in that are no longer what they were."""
        updated = set(self.pool["params", ""]) if self.subject.code.rate is not None else set()
        changed = [
            name
            for name, array, copy in self.handed
            if name not in updated and not np.array_equal(array, copy, equal_nan=True)
        ]
        return tuple(dict.fromkeys([*changed, *self.rearranged]))

    def settle_types(self) -> None:
        if self.dtype == "float64" and self.narrowest() == "float32":
            self.note("the code computes in float32, also when it is given float64")

    def narrowest(self) -> str:
        """The type with the fewest digits among what was handed in and what came back."""
        return min((np.dtype(self.dtype), *self.types), key=lambda dtype: dtype.itemsize).name


def _called(slot: Slot) -> str:
    """What messages call an array that is handed in."""
    group, name = slot
    words = {"d_outputs": f"gradient of {name}", "d_final_state": f"gradient of final {name}"}
    return words.get(group, name or group)


def _arrays(value: Any) -> Iterator[Array]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _arrays(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
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
