"""One call of a person's code at one point: what is handed in, what comes back, whether anything handed in changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..checking.oracles import Key, Point, Upstream
from ..errors import SubjectError
from ..layouts.axes import Axes, Unlike, as_numbers, detached, kind, read_axes
from ..layouts.blocks import Array
from .calling import Call, Slot
from .gathering import members, spread
from .losses import Targets
from .returns import attributes, by_name, read_forward_result, read_gradient_result
from .running import reading, run_call
from .stepping import backward_steps, forward_steps
from .subject import Observation, Subject
from .updating import from_update, rounding_of_update

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

    def observe(self, *, backward: bool) -> Observation:
        """Run the code and read what it gives back; what it gives back may be anything."""
        return reading(lambda: self.called, self.subject.seconds, lambda: self._observe(backward=backward))

    def _observe(self, *, backward: bool) -> Observation:
        subject = self.subject
        outputs: dict[str, Array] = {}
        final: dict[str, Array] = {}
        found: dict[Slot, Any] = {}
        tensors = subject.code.tensors
        if tensors:
            from .tensors import leaves_of

            self.pool = leaves_of(self.pool)
        self.given = dict(self.pool["params", ""])
        self.shapes = {name: tuple(array.shape) for name, array in self.given.items()}
        self.wholes = [
            (whole, dict(whole)) for (_, name), whole in self.pool.items() if not name and type(whole) is dict
        ]
        if subject.make is not None:
            self.thing = self.call(subject.make)
            for name, array in self.pool["params", ""].items():
                if not subject.make.takes("params") and hasattr(self.thing, name):
                    setattr(self.thing, name, array)
        forward_first = not backward or subject.backward_call is None or self._needs_forward()
        if forward_first and subject.forward_call is not None:
            found = self.forward()
            outputs, final = self.read_forward(found)
        if not backward:
            self.settle_types()
            notes = tuple(self.notes)
            return Observation(
                self.point, None, outputs, final, mutated=self.mutated(), notes=notes, dtype=self.narrowest()
            )
        gradients = self.backward(found)
        readings, missing = self.read_gradients(gradients)
        noise = rounding_of_update(self, gradients) if subject.code.rate else {}
        expected = self.targets.gradients if self.targets else {}
        self.settle_types()
        notes = tuple(self.notes)
        mutated = self.mutated()
        return Observation(
            self.point,
            self.upstream,
            outputs,
            final,
            readings,
            expected,
            noise,
            missing,
            mutated,
            notes,
            self.narrowest(),
        )

    def _needs_forward(self) -> bool:
        subject = self.subject
        call = subject.backward_call
        assert call is not None
        passed = any(call.takes(group) for group in ("cache", "passed", "outputs"))
        if passed and subject.forward_call is None:
            raise SubjectError(
                f"{call.label} asks for what the forward pass leaves, and there is no forward\n"
                "  mend: functions(backward, forward)"
            )
        return passed or subject.code.stepwise or subject.make is not None

    def forward(self) -> dict[Slot, Any]:
        subject = self.subject
        assert subject.forward_call is not None
        if subject.code.stepwise:
            return forward_steps(self, subject.forward_call)
        result = self.call(subject.forward_call)
        label = subject.forward_call.label
        if result is None and self.thing is None:
            raise self.failed(label, "returned None; outputs come first, and final states and a cache may follow")
        found: dict[Slot, Any] = {}
        if result is not None:
            states = [subject.bound.called[name] for name in subject.cell.states]
            found, others = read_forward_result(result, subject.forward_returns, subject.forward_words, states, label)
            self.pool |= {("passed", name): value for name, value in others.items()}
        if self.thing is not None:
            named = attributes(self.thing, subject.forward_words)
            for slot, value in by_name(named, subject.forward_words, label, "the value")[0].items():
                if not any(have[0] == slot[0] for have in found) and slot[0] in ("outputs", "final"):
                    found[slot] = value
        self.pool["cache", ""] = found.get(("cache", ""))
        for slot, value in found.items():
            if slot[0] == "outputs":
                self.pool["outputs", ""] = value
        return found

    def backward(self, found: dict[Slot, Any]) -> dict[Slot, Any]:
        subject = self.subject
        call = subject.backward_call
        if subject.code.stepwise:
            assert call is not None
            return backward_steps(self, call)
        if call is None:
            from .tensors import differentiate

            return differentiate(self.pool, found)
        result = self.call(call)
        if subject.code.rate is not None:
            return from_update(self, result, call)
        if result is None and self.thing is None:
            raise self.failed(
                call.label,
                "returned None",
                "return the gradients; if it changes the parameters in place, say updates(…, rate=…)",
            )
        slots: dict[Slot, Any] = {}
        unknown: list[str] = []
        if result is not None and result is not self.thing:
            slots, unknown = read_gradient_result(
                result, subject.returns, subject.gradient_words.__getitem__, call.label
            )
        if self.thing is not None:
            names = subject.gradient_words[False]
            slots = {**by_name(attributes(self.thing, names), names, call.label, "the gradient")[0], **slots}
        return spread(self, slots, unknown, call.label)

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

    def read_forward(self, found: dict[Slot, Any]) -> tuple[dict[str, Array], dict[str, Array]]:
        subject, bound = self.subject, self.subject.bound
        label = subject.forward_call.label if subject.forward_call else "forward"
        outputs = members(self, found, "outputs", subject.cell.outputs, label)
        shapes = {name: array.shape for name, array in self.upstream.outputs.items()}
        read = {
            name: self.axes_read(bound.outputs[name], value, shapes[name], label, name)
            for name, value in outputs.items()
            if value is not None
        }
        ends = members(self, found, "final", subject.cell.states, label)
        sizes = {name: array.shape for name, array in self.point.state.items()}
        final = {
            name: self.axes_read(bound.states[name], value, sizes[name], label, f"final {name}")
            for name, value in ends.items()
            if value is not None
        }
        if not read and not final:
            raise self.failed(label, "returned no outputs", "name what comes back: forward_returns='outputs cache'")
        return read, final

    def read_gradients(self, found: dict[Slot, Any]) -> tuple[tuple[dict[Key, Array], ...], tuple[Key, ...]]:
        """Gradients in the canonical layout; those that did not come back are named."""
        subject, bound = self.subject, self.subject.bound
        call = subject.backward_call or subject.forward_call
        assert call is not None
        arrays: dict[str, Array | None] = {}
        for name, given in self.shapes.items():
            value = found.get(("params", name))
            arrays[name] = None if value is None else self.checked(value, given, call.label, f"the gradient of {name}")
        readings = [
            {("params", name): array for name, array in reading.items()}
            for reading in bound.plan(self.point.dims).read_gradients(arrays)
        ]
        others: dict[Key, Array] = {}
        for group, held, axes in (("x", self.point.x, bound.inputs), ("state", self.point.state, bound.states)):
            for name, array in held.items():
                value = found.get((group, bound.called[name]))
                if value is not None:
                    label = f"the gradient of {'the initial ' if group == 'state' else ''}{bound.called[name]}"
                    others[group, name] = self.axes_read(axes[name], value, array.shape, call.label, label)
        readings = [{**reading, **others} for reading in readings]
        wanted: list[Key] = [("params", name) for name in bound.shapes]
        wanted += [(group, name) for group in ("x", "state") for name in getattr(self.point, group)]
        missing = tuple(key for key in wanted if key not in readings[0])
        if len(missing) == len(wanted):
            raise self.failed(
                call.label,
                "gave back no gradient at all",
                "gradients are called as their arrays are, with a d before: dWx, dx, dh0; or say returns='dx dWx …'",
            )
        return tuple(readings), missing

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
