"""Functions of one step, run over time: there with the states handed on, back with their gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SubjectError
from ..layouts.axes import kind
from .calling import Call, Pool
from .handing import Run
from .returns import Slots, gradient_slots, zip_names
from .words import Slot, Words


def forward_steps(run: Run, call: Call, pool: Pool) -> tuple[Slots, Pool]:
    """The steps from first to last; what each leaves is kept for the way back."""
    states = run.subject.words.states
    current = {s: pool["state", s] for s in states}
    tapes: list[Pool] = []
    outputs: list[Any] = []
    for t in range(run.task.point.T):
        here = _at_step(run, pool, t, current)
        with run.reading(call, here):
            new, left = _read_step(run.call(call, here), run.subject.words, call.label)
        tapes.append({**here, ("cache", ""): left.get("cache"), **{("passed", name): v for name, v in left.items()}})
        current = {s: new[s] for s in states}
        outputs.append(new.get("outputs", current[states[0]]))
    last_only = next(iter(run.subject.bound.outputs.values())).last_only
    whole = outputs[-1] if last_only else _like_time(outputs, pool["d_outputs", ""])
    return {("outputs", ""): whole, **{("final", s): current[s] for s in states}}, {**pool, ("tapes", ""): tapes}


def backward_steps(run: Run, call: Call, pool: Pool) -> tuple[Slots, list[str]]:
    """The steps from last to first; gradients of parameters are summed. Names that mean nothing come along."""
    words = run.subject.words
    carried = {s: pool["d_final_state", s] for s in words.states}
    total: Slots = {}
    d_x: dict[Slot, list[Any]] = {}
    strange: dict[str, None] = {}
    for t in reversed(range(run.task.point.T)):
        here = {**pool["tapes", ""][t], **_from_above(run, call, pool, t, carried)}
        with run.reading(call, here):
            found, unknown = gradient_slots(run.call(call, here), None, words, call.label)
        strange |= dict.fromkeys(unknown)
        for slot, value in found.items():
            if slot[0] == "params" and value is not None:
                total[slot] = value if slot not in total else total[slot] + value
            elif slot[0] == "x" and value is not None:
                d_x.setdefault(slot, []).insert(0, value)
        lacking = [s for s in words.states if found.get(("state", s)) is None]
        if lacking:
            raise SubjectError(
                f"{call.label} returned no gradient of the states before the step: {', '.join(lacking)}\n"
                f"  mend: one of the parts is d{lacking[0]}_prev; name them, returns='dx d{lacking[0]}_prev …'"
            )
        carried = {s: found["state", s] for s in words.states}
    total |= {slot: _like_time(items, pool[slot]) for slot, items in d_x.items()}
    return total | {("state", s): carried[s] for s in words.states}, list(strange)


def _at_step(run: Run, pool: Pool, t: int, states: Mapping[str, Any]) -> dict[Slot, Any]:
    """The pool with `x` and the states of one step."""
    x = {name: _item(pool["x", name], t) for name in run.subject.words.inputs}
    here = {**pool, **{("x", name): value for name, value in x.items()}}
    here |= {("x", ""): next(iter(x.values())) if len(x) == 1 else x}
    return here | {("state", s): value for s, value in states.items()} | {("state", ""): dict(states)}


def _from_above(run: Run, call: Call, pool: Pool, t: int, carried: Mapping[str, Any]) -> Slots:
    """The gradients that enter a step: those of its outputs, and of the states after it. A function that asks for one
    gradient of the new state gets all of it."""
    words, T = run.subject.words, run.task.point.T
    back = dict(carried)
    above: Slots = {}
    for y in words.outputs:
        whole = pool["d_outputs", y]
        g = _item(whole, t) if not run.subject.bound.last_only else whole if t == T - 1 else whole * 0
        if y in words.states and not (call.takes("d_outputs", y) and call.takes("d_final_state", y)):
            g = back[y] = g + carried[y]
        above["d_outputs", y] = g
    above["d_outputs", ""] = above["d_outputs", words.outputs[0]]
    return above | {("d_final_state", s): g for s, g in back.items()} | {("d_final_state", ""): back}


def _read_step(result: Any, words: Words, label: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The new states, and the rest by name (a cache, and whatever `forward_returns` names)."""
    states = words.states
    if words.forward_returns:
        new, rest = _read_named(zip_names(result, words.forward_returns, label, "forward_returns"), words)
    else:
        parts: Sequence[Any] = list(result) if isinstance(result, tuple | list) else [result]
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


def _read_named(named: Mapping[str, Any], words: Words) -> tuple[dict[str, Any], dict[str, Any]]:
    new: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in named.items():
        group, member = words.results.get(name, ("passed", name))
        if name in words.states or group == "final":
            new[name if name in words.states else member] = value
        elif group == "outputs":
            new[member if member in words.states else "outputs"] = value
        elif name != "_":
            rest[name] = value
    return new, rest


def _item(whole: Any, t: int) -> Any:
    return whole[list(whole)[t]] if isinstance(whole, Mapping) else whole[t]


def _like_time(items: list[Any], whole: Any) -> Any:
    """Values of the steps, held as `whole` holds its steps."""
    if isinstance(whole, Mapping):
        return dict(zip(whole, items, strict=True))
    return np.stack(items) if isinstance(whole, np.ndarray) else items
