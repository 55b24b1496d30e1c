"""Functions of one step, run over time: there with the states handed on, back with their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import SubjectError
from ..layouts.axes import kind
from .calling import Call, Slot
from .gathering import spread
from .returns import read_gradient_result, zip_names
from .session import Session


def forward_steps(session: Session, call: Call) -> dict[Slot, Any]:
    """The steps from first to last; what each leaves is kept for the way back."""
    states = _states(session)
    start = {s: session.pool["state", s] for s in states}
    current, tapes, seen = dict(start), [], []
    outputs: list[Any] = []
    for t in range(session.point.T):
        _set_step(session, t, current)
        result = session.call(call)
        new, tape = _read_step(session, result, states, call.label)
        tapes.append((dict(current), tape))
        seen.append(new)
        current = {s: new[s] for s in states}
        outputs.append(new.get("outputs", current[states[0]]))
    session.pool["tapes", ""] = tapes
    session.pool |= {("state", s): value for s, value in start.items()}
    axes = next(iter(session.subject.bound.outputs.values()))
    whole: Any = outputs[-1] if axes.last_only else _like_time(outputs, session.pool["d_outputs", ""])
    return {("outputs", ""): whole, **{("final", s): current[s] for s in states}}


def backward_steps(session: Session, call: Call) -> dict[Slot, Any]:
    """The steps from last to first; gradients of parameters are summed."""
    subject = session.subject
    states = _states(session)
    outputs = [subject.bound.called[name] for name in subject.cell.outputs]
    above = {y: session.pool["d_outputs", y] for y in outputs}
    carried = {s: session.pool["d_final_state", s] for s in states}
    asked = {slot for _, slot in call.arguments}

    def asks(group: str, member: str) -> bool:
        return (group, member) in asked or (group, "") in asked

    total: dict[Slot, Any] = {}
    d_x: dict[str, list[Any]] = {}
    last_only = subject.bound.last_only
    for t in reversed(range(session.point.T)):
        before, tape = session.pool["tapes", ""][t]
        _set_step(session, t, before)
        session.pool["cache", ""] = tape.get("cache")
        session.pool |= {("passed", name): value for name, value in tape.items()}
        back = dict(carried)
        for y in outputs:
            g = _upstream_at(above[y], t, session.point.T, last_only=last_only)
            both = asks("d_outputs", y) and asks("d_final_state", y)
            if y in states and not both:
                # A function that asks for one gradient of the new state gets all of it.
                g = back[y] = g + carried[y]
            session.pool["d_outputs", y] = g
        session.pool["d_outputs", ""] = session.pool["d_outputs", outputs[0]]
        session.pool |= {("d_final_state", s): back[s] for s in states}
        session.pool["d_final_state", ""] = dict(back)
        result = session.call(call)
        found, unknown = read_gradient_result(result, subject.returns, subject.gradient_words.__getitem__, call.label)
        found = spread(session, found, unknown, call.label)
        for slot, value in found.items():
            if slot[0] == "params" and value is not None:
                total[slot] = value if slot not in total else total[slot] + value
            elif slot[0] == "x" and value is not None:
                d_x.setdefault(slot[1], []).insert(0, value)
        lacking = [s for s in states if found.get(("state", s)) is None]
        if lacking:
            raise SubjectError(
                f"{call.label} returned no gradient of the states before the step: {', '.join(lacking)}\n"
                f"  mend: one of the parts is d{lacking[0]}_prev; name them, returns='dx d{lacking[0]}_prev …'"
            )
        carried = {s: found["state", s] for s in states}
    session.pool |= {("d_outputs", y): g for y, g in above.items()}
    total |= {("x", name): _like_time(items, session.pool["whole", name]) for name, items in d_x.items()}
    return total | {("state", s): carried[s] for s in states}


def _states(session: Session) -> list[str]:
    called = session.subject.bound.called
    return [called[name] for name in session.subject.cell.states]


def _set_step(session: Session, t: int, current: Mapping[str, Any]) -> None:
    """Let `x` and the states be those of one step."""
    called = session.subject.bound.called
    for name in session.subject.cell.inputs:
        mine = called[name]
        whole = session.pool.setdefault(("whole", mine), session.pool["x", mine])
        session.pool["x", mine] = whole[list(whole)[t]] if isinstance(whole, Mapping) else whole[t]
    inputs = [called[name] for name in session.subject.cell.inputs]
    session.pool["x", ""] = (
        session.pool["x", inputs[0]] if len(inputs) == 1 else {name: session.pool["x", name] for name in inputs}
    )
    session.pool |= {("state", s): value for s, value in current.items()}
    session.pool["state", ""] = dict(current)


def _read_step(session: Session, result: Any, states: list[str], label: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The new states, and the rest by name (a cache, and whatever `forward_returns` names)."""
    subject = session.subject
    if subject.forward_returns:
        named = zip_names(result, subject.forward_returns, label, "forward_returns")
        words = subject.forward_words
        new: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for name, value in named.items():
            group, member = words.get(name, ("passed", name))
            if name in states or group == "final":
                new[name if name in states else member] = value
            elif group == "outputs":
                new[member if member in states else "outputs"] = value
            elif name != "_":
                rest[name] = value
    else:
        parts = list(result) if isinstance(result, tuple | list) else [result]
        if len(parts) > len(states) + 1 or len(parts) < len(states):
            raise SubjectError(
                f"{label} returned {kind(result)}; a step returns its new states {', '.join(states)} and perhaps a "
                "cache\n  mend: say what the parts are, such as forward_returns='h c cache'"
            )
        new = dict(zip(states, parts, strict=False))
        rest = {"cache": parts[-1]} if len(parts) > len(states) else {}
    lacking = [s for s in states if new.get(s) is None]
    if lacking:
        raise SubjectError(f"{label} returned no new {lacking[0]}\n  mend: name it in forward_returns")
    return new, rest


def _upstream_at(whole: Any, t: int, T: int, *, last_only: bool) -> Any:
    if last_only:
        return whole if t == T - 1 else whole * 0
    return whole[list(whole)[t]] if isinstance(whole, Mapping) else whole[t]


def _like_time(items: list[Any], whole: Any) -> Any:
    """Values of the steps, held as `whole` holds its steps."""
    if isinstance(whole, Mapping):
        return dict(zip(whole, items, strict=True))
    return np.stack(items) if isinstance(whole, np.ndarray) else items
