"""What a person's code does at a point: one call of each of its functions, and what came back, as canonical arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..checking.oracles import Key, Point, Upstream
from ..checking.points import meaning_of
from ..errors import SubjectError
from ..layouts.blocks import Array
from .calling import Slot
from .gathering import members, spread
from .losses import Targets
from .returns import attributes, by_name, read_forward_result, read_gradient_result
from .running import reading
from .session import Session
from .stepping import backward_steps, forward_steps
from .subject import Subject
from .tensors import differentiate, leaves_of
from .updating import from_update, rounding_of_update


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the code did at a point.

    `point` and `upstream` are what it could be given: a code that takes no initial states has zeros there, and one that
    takes no gradient of the final states has none. `outputs` have the steps that the code returned, the last ones.
    `readings` are the gradients; there are several where a parameter is split into shares, each of which must be the
    whole gradient. `expected` are gradients that a loss has by its own parameters. `noise` bounds what was lost where
    a gradient is recovered from an update.
    """

    point: Point
    upstream: Upstream | None
    outputs: Mapping[str, Array]
    final: Mapping[str, Array]
    readings: tuple[Mapping[Key, Array], ...] = ({},)
    expected: Mapping[Key, Array] = field(default_factory=dict)
    noise: Mapping[Key, Array] = field(default_factory=dict)
    missing: tuple[Key, ...] = ()
    mutated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dtype: str = "float64"

    @property
    def gradients(self) -> Mapping[Key, Array]:
        """The first reading, which is the only one unless parameters are split."""
        return self.readings[0]


def effective_upstream(subject: Subject, point: Point, upstream: Upstream) -> Upstream:
    """What of an upstream the code can take, or what its loss makes of it."""
    return _task(subject, subject.settle(point), upstream)[0]


def run_forward(subject: Subject, point: Point, dtype: str = "float64") -> Observation:
    """The forward pass alone."""
    point = subject.settle(point)
    upstream = Upstream("none", {name: _zeros(point, shape) for name, shape in subject.cell.outputs.items()}, {})
    _, targets = _task(subject, point, upstream, final=False)
    return _each_sequence(subject, point, upstream, targets, dtype, backward=False)


def run_code(subject: Subject, point: Point, upstream: Upstream, dtype: str = "float64") -> Observation:
    """Outputs, final states and gradients at a point, for a gradient from above, computed in `dtype`."""
    point = subject.settle(point)
    upstream, targets = _task(subject, point, upstream)
    return _each_sequence(subject, point, upstream, targets, dtype, backward=True)


def _task(subject: Subject, point: Point, upstream: Upstream, *, final: bool = True) -> tuple[Upstream, Targets | None]:
    outputs = dict(upstream.outputs)
    if subject.bound.last_only:
        for name, g in outputs.items():
            outputs[name] = np.concatenate([np.zeros_like(g[:-1]), g[-1:]])
    called = subject.bound.called
    loss = subject.code.loss
    if loss is None and subject.backward_call is not None and not subject.code.stepwise:
        for name, g in outputs.items():
            if not subject.takes("d_outputs", called[name]):
                outputs[name] = np.zeros_like(g)
    ends = {name: np.zeros_like(array) for name, array in point.state.items()} if not final else dict(upstream.final)
    for name, g in ends.items():
        if final and not _takes_final(subject, point, name):
            ends[name] = np.zeros_like(g)
    changed = any(not np.array_equal(outputs[name], g) for name, g in upstream.outputs.items())
    changed = changed or any(not np.array_equal(ends[name], g) for name, g in upstream.final.items())
    given = Upstream(upstream.label, outputs, ends) if changed else upstream
    if loss is None:
        return given, None
    meant = {name: array for (kind, name), array in meaning_of(point).items() if kind == "output"}
    targets = loss.set_targets(meant, given, batched=subject.bound.batched)
    return targets.upstream, targets


def _takes_final(subject: Subject, point: Point, name: str) -> bool:
    if subject.backward_call is not None:
        return subject.code.stepwise or subject.takes("d_final_state", subject.bound.called[name])
    if not subject.facts:
        # Autograd can take a gradient of the final states that the forward returns: one look tells.
        subject.facts.update(dict.fromkeys(subject.cell.states, False))
        subject.facts.update(dict.fromkeys(run_forward(subject, point).final, True))
    return subject.facts[name]


def _each_sequence(
    subject: Subject, point: Point, upstream: Upstream, targets: Targets | None, dtype: str, *, backward: bool
) -> Observation:
    """One call for the batch, or one for each sequence where the code takes no batch."""
    if subject.bound.batched:
        return _observed(Session.of(subject, point, upstream, targets, dtype), backward=backward)
    pieces: list[Observation] = []
    for k in range(point.N):
        one, from_above, aims = _sequence(point, k), _upstream_of(upstream, k), _targets_of(targets, k)
        pieces.append(_observed(Session.of(subject, one, from_above, aims, dtype), backward=backward))
    return _joined(pieces, point, upstream, targets)


# The calls ------------------------------------------------------------------------------------------------------------


def _observed(session: Session, *, backward: bool) -> Observation:
    """Run the code and read what it gives back; what it gives back may be anything."""
    return reading(lambda: session.called, session.subject.seconds, lambda: _observe(session, backward=backward))


def _observe(session: Session, *, backward: bool) -> Observation:
    subject = session.subject
    outputs: dict[str, Array] = {}
    final: dict[str, Array] = {}
    found: dict[Slot, Any] = {}
    tensors = subject.code.tensors
    if tensors:
        session.pool = leaves_of(session.pool)
    session.given = dict(session.pool["params", ""])
    session.shapes = {name: tuple(array.shape) for name, array in session.given.items()}
    session.wholes = [
        (whole, dict(whole)) for (_, name), whole in session.pool.items() if not name and type(whole) is dict
    ]
    if subject.make is not None:
        session.thing = session.call(subject.make)
        for name, array in session.pool["params", ""].items():
            if not subject.make.takes("params") and hasattr(session.thing, name):
                setattr(session.thing, name, array)
    forward_first = not backward or subject.backward_call is None or _needs_forward(session.subject)
    if forward_first and subject.forward_call is not None:
        found = _forward(session)
        outputs, final = _read_forward(session, found)
    if not backward:
        session.settle_types()
        notes = tuple(session.notes)
        return Observation(
            session.point, None, outputs, final, mutated=session.mutated(), notes=notes, dtype=session.narrowest()
        )
    gradients = _backward(session, found)
    readings, missing = _read_gradients(session, gradients)
    noise = rounding_of_update(session, gradients) if subject.code.rate else {}
    expected = session.targets.gradients if session.targets else {}
    session.settle_types()
    notes = tuple(session.notes)
    mutated = session.mutated()
    return Observation(
        session.point,
        session.upstream,
        outputs,
        final,
        readings,
        expected,
        noise,
        missing,
        mutated,
        notes,
        session.narrowest(),
    )


def _needs_forward(subject: Subject) -> bool:
    call = subject.backward_call
    assert call is not None
    passed = any(call.takes(group) for group in ("cache", "passed", "outputs"))
    if passed and subject.forward_call is None:
        raise SubjectError(
            f"{call.label} asks for what the forward pass leaves, and there is no forward\n"
            "  mend: functions(backward, forward)"
        )
    return passed or subject.code.stepwise or subject.make is not None


def _forward(session: Session) -> dict[Slot, Any]:
    subject = session.subject
    assert subject.forward_call is not None
    if subject.code.stepwise:
        return forward_steps(session, subject.forward_call)
    result = session.call(subject.forward_call)
    label = subject.forward_call.label
    if result is None and session.thing is None:
        raise session.failed(label, "returned None; outputs come first, and final states and a cache may follow")
    found: dict[Slot, Any] = {}
    if result is not None:
        states = [subject.bound.called[name] for name in subject.cell.states]
        found, others = read_forward_result(result, subject.forward_returns, subject.forward_words, states, label)
        session.pool |= {("passed", name): value for name, value in others.items()}
    if session.thing is not None:
        named = attributes(session.thing, subject.forward_words)
        for slot, value in by_name(named, subject.forward_words, label, "the value")[0].items():
            if not any(have[0] == slot[0] for have in found) and slot[0] in ("outputs", "final"):
                found[slot] = value
    session.pool["cache", ""] = found.get(("cache", ""))
    for slot, value in found.items():
        if slot[0] == "outputs":
            session.pool["outputs", ""] = value
    return found


def _backward(session: Session, found: dict[Slot, Any]) -> dict[Slot, Any]:
    subject = session.subject
    call = subject.backward_call
    if subject.code.stepwise:
        assert call is not None
        return backward_steps(session, call)
    if call is None:
        return differentiate(session.pool, found)
    result = session.call(call)
    if subject.code.rate is not None:
        return from_update(session, result, call)
    if result is None and session.thing is None:
        raise session.failed(
            call.label,
            "returned None",
            "return the gradients; if it changes the parameters in place, say updates(…, rate=…)",
        )
    slots: dict[Slot, Any] = {}
    unknown: list[str] = []
    if result is not None and result is not session.thing:
        slots, unknown = read_gradient_result(result, subject.returns, subject.gradient_words.__getitem__, call.label)
    if session.thing is not None:
        names = subject.gradient_words[False]
        slots = {**by_name(attributes(session.thing, names), names, call.label, "the gradient")[0], **slots}
    return spread(session, slots, unknown, call.label)


def _read_forward(session: Session, found: dict[Slot, Any]) -> tuple[dict[str, Array], dict[str, Array]]:
    subject, bound = session.subject, session.subject.bound
    label = subject.forward_call.label if subject.forward_call else "forward"
    outputs = members(session, found, "outputs", subject.cell.outputs, label)
    shapes = {name: array.shape for name, array in session.upstream.outputs.items()}
    read = {
        name: session.axes_read(bound.outputs[name], value, shapes[name], label, name)
        for name, value in outputs.items()
        if value is not None
    }
    ends = members(session, found, "final", subject.cell.states, label)
    sizes = {name: array.shape for name, array in session.point.state.items()}
    final = {
        name: session.axes_read(bound.states[name], value, sizes[name], label, f"final {name}")
        for name, value in ends.items()
        if value is not None
    }
    if not read and not final:
        raise session.failed(label, "returned no outputs", "name what comes back: forward_returns='outputs cache'")
    return read, final


def _read_gradients(session: Session, found: dict[Slot, Any]) -> tuple[tuple[dict[Key, Array], ...], tuple[Key, ...]]:
    """Gradients in the canonical layout; those that did not come back are named."""
    subject, bound = session.subject, session.subject.bound
    call = subject.backward_call or subject.forward_call
    assert call is not None
    arrays: dict[str, Array | None] = {}
    for name, given in session.shapes.items():
        value = found.get(("params", name))
        arrays[name] = None if value is None else session.checked(value, given, call.label, f"the gradient of {name}")
    readings = [
        {("params", name): array for name, array in reading.items()}
        for reading in bound.plan(session.point.dims).read_gradients(arrays)
    ]
    others: dict[Key, Array] = {}
    for group, held, axes in (("x", session.point.x, bound.inputs), ("state", session.point.state, bound.states)):
        for name, array in held.items():
            value = found.get((group, bound.called[name]))
            if value is not None:
                label = f"the gradient of {'the initial ' if group == 'state' else ''}{bound.called[name]}"
                others[group, name] = session.axes_read(axes[name], value, array.shape, call.label, label)
    readings = [{**reading, **others} for reading in readings]
    wanted: list[Key] = [("params", name) for name in bound.shapes]
    wanted += [(group, name) for group in ("x", "state") for name in getattr(session.point, group)]
    missing = tuple(key for key in wanted if key not in readings[0])
    if len(missing) == len(wanted):
        raise session.failed(
            call.label,
            "gave back no gradient at all",
            "gradients are called as their arrays are, with a d before: dWx, dx, dh0; or say returns='dx dWx …'",
        )
    return tuple(readings), missing


# One sequence --------------------------------------------------------------------------------------------------------


def _zeros(point: Point, shape: Any) -> Array:
    return np.zeros((point.T, point.N, *(size.value(point.dims) for size in shape)))


def _sequence(point: Point, k: int) -> Point:
    x = {name: array[:, k : k + 1] for name, array in point.x.items()}
    return replace(point, N=1, x=x, state={name: array[k : k + 1] for name, array in point.state.items()})


def _upstream_of(upstream: Upstream, k: int) -> Upstream:
    outputs = {name: g[:, k : k + 1] for name, g in upstream.outputs.items()}
    return Upstream(upstream.label, outputs, {name: g[k : k + 1] for name, g in upstream.final.items()})


def _targets_of(targets: Targets | None, k: int) -> Targets | None:
    return None if targets is None else replace(targets, targets=targets.targets[:, k : k + 1])


def _joined(pieces: Sequence[Observation], point: Point, upstream: Upstream, targets: Targets | None) -> Observation:
    """The batch out of its sequences: gradients of parameters are summed, all else stands side by side."""

    def join(key: Key, arrays: list[Array]) -> Array:
        if key[0] == "params":
            return np.sum(arrays, axis=0)
        return np.concatenate(arrays, axis=0 if key[0] == "state" else 1)

    def gather(maps: list[Mapping[Key, Array]]) -> dict[Key, Array]:
        return {key: join(key, [each[key] for each in maps]) for key in maps[0] if all(key in each for each in maps)}

    first = pieces[0]
    readings = tuple(gather([piece.readings[k] for piece in pieces]) for k in range(len(first.readings)))
    outputs = {name: np.concatenate([piece.outputs[name] for piece in pieces], axis=1) for name in first.outputs}
    final = {name: np.concatenate([piece.final[name] for piece in pieces]) for name in first.final}
    return Observation(
        point,
        upstream,
        outputs,
        final,
        readings,
        targets.gradients if targets else {},
        gather([piece.noise for piece in pieces]),
        tuple(dict.fromkeys(key for piece in pieces for key in piece.missing)),
        tuple(dict.fromkeys(name for piece in pieces for name in piece.mutated)),
        tuple(dict.fromkeys(note for piece in pieces for note in piece.notes)),
        first.dtype,
    )
