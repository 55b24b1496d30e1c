"""Arrays that came back together, in a dict, a tuple or an object, told apart one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import nearest
from ..layouts.axes import kind
from .calling import Slot
from .returns import attributes, by_name
from .session import Session


def members(
    session: Session, found: Mapping[Slot, Any], group: str, names: Mapping[str, Any], label: str
) -> dict[str, Any]:
    """The arrays of a group by the cell's names, whether they came together or one by one."""
    called = session.subject.bound.called
    held = {name: found[group, called[name]] for name in names if (group, called[name]) in found}
    whole = found.get((group, ""))
    if whole is None:
        return held
    words = session.subject.forward_words
    if len(names) == 1 and not (isinstance(whole, Mapping) and called[next(iter(names))] in whole):
        only = next(iter(names))
        axes = (session.subject.bound.states if group == "final" else session.subject.bound.outputs)[only]
        in_dict = axes.steps is not None and axes.steps.container == "dict"
        if not isinstance(whole, Mapping) or in_dict:
            if group == "final" and isinstance(whole, tuple | list) and len(whole) == 1:
                whole = whole[0]
            return held or {only: whole}
    if isinstance(whole, Mapping):
        back = {mine: name for name, mine in called.items()}
        slots = {words[str(key)][1]: value for key, value in whole.items() if str(key) in words}
        return {back[mine]: value for mine, value in slots.items() if back.get(mine) in names} | held
    if isinstance(whole, tuple | list) and len(whole) == len(names):
        return dict(zip(names, whole, strict=True))
    raise session.failed(
        label, f"gave {group} as {kind(whole)}; they are {', '.join(called[name] for name in names)}, as a dict"
    )


def spread(session: Session, slots: dict[Slot, Any], unknown: list[str], label: str) -> dict[Slot, Any]:
    """Gradients one by one, out of those that came in groups."""
    subject, bound = session.subject, session.subject.bound
    called = bound.called
    groups = {
        "params": list(bound.blocks),
        "x": [called[name] for name in subject.cell.inputs],
        "state": [called[name] for name in subject.cell.states],
    }
    single: dict[Slot, Any] = {slot: value for slot, value in slots.items() if slot[1]}
    for group, members in groups.items():
        whole = slots.get((group, ""))
        if whole is None:
            continue
        if group == "x" and len(members) == 1 and not (isinstance(whole, Mapping) and members[0] in whole):
            single.setdefault(("x", members[0]), whole)
        elif isinstance(whole, Mapping):
            inner, strange = by_name(whole, subject.gradient_words[True], label, "the gradient")
            unknown += strange
            single |= {slot: value for slot, value in inner.items() if slot[0] == group}
            unknown += [slot[1] for slot in inner if slot[0] != group]
        elif isinstance(whole, tuple | list) and len(whole) == len(members):
            single |= {(group, name): value for name, value in zip(members, whole, strict=True)}
        elif group == "state" and len(members) == 1:
            single["state", members[0]] = whole
        elif not isinstance(whole, tuple | list | np.ndarray):
            names = subject.gradient_words[False]
            single |= by_name(attributes(whole, names), names, label, "the gradient")[0]
        else:
            raise session.failed(label, f"gave d_{group} as {kind(whole)}; it is a dict by name: {', '.join(members)}")
    lacking = [name for name in groups["params"] if single.get(("params", name)) is None]
    if unknown and lacking:
        raise session.failed(
            label,
            f"returned a gradient called {unknown[0]!r}, and none for {', '.join(lacking)}",
            nearest(unknown[0], [*groups["params"], *(f"d{name}" for name in groups["params"])])
            or f"gradients are called as their arrays are, or with a d before: d{lacking[0]}",
        )
    if unknown:
        session.note(f"{', '.join(unknown)} came back and belongs to nothing in the layout: not checked")
    return single
