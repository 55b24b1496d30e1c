"""What a person's functions give back, told apart by name: tuples, dicts, objects with attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SubjectError, nearest, visible
from ..layouts.axes import Axes, kind
from .running import Misfit
from .words import Names, Slot, Words

Slots = dict[Slot, Any]


# A forward pass --------------------------------------------------------------------------------------------------


def forward_slots(result: Any, thing: Any, words: Words, label: str) -> tuple[Slots, dict[str, Any]]:
    """What a forward pass gave back or left in the object `thing`, by slot, and what else it named, which is passed on
    to the backward pass by name."""
    if result is None and thing is None:
        raise Misfit("returned None; outputs come first, and final states and a cache may follow")
    found, passed = ({}, {}) if result is None else _forward_result(result, words, label)
    if thing is not None:
        left, _ = by_name(attributes(thing, words.results), words.results, label, "the value")
        groups = {slot[0] for slot in found}
        found |= {slot: value for slot, value in left.items() if slot[0] in {"outputs", "final"} - groups}
    return found, passed


def _forward_result(result: Any, words: Words, label: str) -> tuple[Slots, dict[str, Any]]:
    names = words.results
    if words.forward_returns:
        found = zip_names(result, words.forward_returns, label, "forward_returns")
        slots = {names[name]: value for name, value in found.items() if name in names}
        return slots, {name: value for name, value in found.items() if name not in names}
    if isinstance(result, Mapping) and any(name in names for name in result):
        return by_name(result, names, label, "the value")[0], {}
    if isinstance(result, tuple) and result:
        slots = {("outputs", ""): result[0]}
        rest = list(result[1:])
        if rest and _looks_final(rest[0], words.states):
            slots["final", ""] = rest.pop(0)
        if len(rest) > 1:
            raise SubjectError(
                f"{label} returned a tuple of {len(result)}: {', '.join(map(kind, result))}\n"
                "  mend: say what the parts are, such as forward_returns='outputs h_T c_T cache'"
            )
        if rest:
            slots["cache", ""] = rest[0]
        return slots, {}
    if _is_plain_object(result):
        return by_name(attributes(result, names), names, label, "the value")[0], {}
    return {("outputs", ""): result}, {}


def _looks_final(value: Any, states: Sequence[str]) -> bool:
    """Whether a value is a dict of final states rather than a cache."""
    if not isinstance(value, Mapping) or not value:
        return False
    words = {word for s in states for word in (s, f"{s}_T", f"{s}T", f"{s}_final", f"{s}_last")}
    return set(map(str, value)) <= words


def members(found: Mapping[Slot, Any], group: str, axes: Mapping[str, Axes], words: Words) -> dict[str, Any]:
    """The arrays of a group by their names, whether they came together or one by one; `axes` are those of each."""
    held = {name: found[group, name] for name in axes if (group, name) in found}
    whole = found.get((group, ""))
    if whole is None:
        return held
    only = next(iter(axes), "")
    if len(axes) == 1 and not (isinstance(whole, Mapping) and only in whole):
        steps = axes[only].steps
        if not isinstance(whole, Mapping) or (steps is not None and steps.container == "dict"):
            if group == "final" and isinstance(whole, tuple | list) and len(whole) == 1:
                whole = whole[0]
            return held or {only: whole}
    if isinstance(whole, Mapping):
        named = {words.results[str(key)][1]: value for key, value in whole.items() if str(key) in words.results}
        return {name: value for name, value in named.items() if name in axes} | held
    if isinstance(whole, tuple | list) and len(whole) == len(axes):
        return dict(zip(axes, whole, strict=True))
    raise Misfit(f"gave {group} as {kind(whole)}; they are {', '.join(axes)}, as a dict")


# A backward pass -------------------------------------------------------------------------------------------------


def gradient_slots(result: Any, thing: Any, words: Words, label: str) -> tuple[Slots, list[str]]:
    """The gradients that a backward pass gave back or left in the object `thing`, one by one, and the names that mean
    nothing here."""
    slots: Slots = {}
    unknown: list[str] = []
    if thing is None or not (result is None or result is thing):
        slots, unknown = _gradient_result(result, words, label)
    if thing is not None:
        slots = {**_gradient_attributes(thing, words, label), **slots}
    groups = {"params": words.params, "x": words.inputs, "state": words.states}
    single: Slots = {slot: value for slot, value in slots.items() if slot[1]}
    for group, names in groups.items():
        if slots.get((group, "")) is not None:
            inner, strange = _apart(slots[group, ""], group, names, words, label)
            single = inner | single if group == "x" else single | inner
            unknown += strange
    lacking = [name for name in words.params if single.get(("params", name)) is None]
    misnamed = bool(unknown) and unknown[0] in words.returns
    if misnamed or (unknown and lacking):
        gradients = [*words.params, *(f"d{name}" for name in words.params)]
        meant = nearest(unknown[0], list(words.bare) if misnamed else gradients)
        if misnamed:
            raise SubjectError(f"returns names {unknown[0]!r}, which is the gradient of nothing here. {meant}".rstrip())
        raise Misfit(
            f"returned a gradient called {unknown[0]!r}, and none for {', '.join(lacking)}",
            meant or f"gradients are called as their arrays are, or with a d before: d{lacking[0]}",
        )
    return single, unknown


def _gradient_result(result: Any, words: Words, label: str) -> tuple[Slots, list[str]]:
    if words.returns:
        found = {
            name: value for name, value in zip_names(result, words.returns, label, "returns").items() if name != "_"
        }
        return by_name(found, words.bare, label, "the gradient")
    if isinstance(result, Mapping):
        return by_name(result, words.bare, label, "the gradient")
    if isinstance(result, tuple) and 0 < len(result) <= 3 and isinstance(result[0], Mapping | tuple | None):
        groups = zip(("params", "x", "state"), result, strict=False)
        return {(group, ""): value for group, value in groups}, []
    if _is_plain_object(result):
        return _gradient_attributes(result, words, label), []
    raise SubjectError(
        f"{label} returned {kind(result)}; gradients come back as (d_params, d_x, d_state), the first a dict, or as "
        "one dict by name\n  mend: for another tuple say what its parts are, such as returns='dx, dh0, dWx, dWh, db'"
    )


def _apart(whole: Any, group: str, names: Sequence[str], words: Words, label: str) -> tuple[Slots, list[str]]:
    """The gradients of a group that came together, one by one, and names that belong elsewhere."""
    if group == "x" and len(names) == 1 and not (isinstance(whole, Mapping) and names[0] in whole):
        return {(group, names[0]): whole}, []
    if isinstance(whole, Mapping):
        inner, strange = by_name(whole, words.bare, label, "the gradient")
        others = [slot[1] for slot in inner if slot[0] != group]
        return {slot: value for slot, value in inner.items() if slot[0] == group}, strange + others
    if isinstance(whole, tuple | list) and len(whole) == len(names):
        return {(group, name): value for name, value in zip(names, whole, strict=True)}, []
    if group == "state" and len(names) == 1:
        return {(group, names[0]): whole}, []
    if not isinstance(whole, tuple | list | np.ndarray):
        return _gradient_attributes(whole, words, label), []
    raise Misfit(f"gave d_{group} as {kind(whole)}; it is a dict by name: {', '.join(names)}")


def _gradient_attributes(thing: Any, words: Words, label: str) -> Slots:
    return by_name(attributes(thing, words.gradients), words.gradients, label, "the gradient")[0]


# By name ---------------------------------------------------------------------------------------------------------


def zip_names(result: Any, words: tuple[str, ...], label: str, option: str) -> dict[str, Any]:
    """The parts of a tuple by the names that were given for them."""
    if len(words) == 1 and not isinstance(result, tuple):
        return {words[0]: result}
    parts = result if isinstance(result, tuple | list) else None
    if parts is None or len(parts) != len(words):
        raise SubjectError(
            f"{label} returned {kind(result)}, and {option}={' '.join(words)!r} names {len(words)} parts\n"
            f"  mend: name what comes back, in order; `_` for what is of no interest"
        )
    return dict(zip(words, parts, strict=True))


def by_name(found: Mapping[str, Any], names: Names, label: str, wanted: str) -> tuple[Slots, list[str]]:
    """Named results by what they are, and the names that mean nothing here."""
    slots: Slots = {}
    unknown: list[str] = []
    for name, value in found.items():
        slot = names.get(str(name))
        if slot is None:
            unknown.append(visible(str(name)[:60]))
        elif slot in slots:
            raise SubjectError(f"{label} returned {wanted} of {slot[1] or slot[0]} twice: once as {name!r}")
        else:
            slots[slot] = value
    return slots, unknown


def attributes(thing: Any, names: Names) -> dict[str, Any]:
    """The attributes of an object that have one of the names; the first name for a thing wins."""
    found: dict[Slot, tuple[str, Any]] = {}
    for name, slot in names.items():
        value = getattr(thing, name, None)
        if slot not in found and value is not None and not callable(value):
            found[slot] = name, value
    return dict(found.values())


def _is_plain_object(value: Any) -> bool:
    """Whether a value is something with attributes rather than numbers or a container of them."""
    return (
        value is not None
        and not isinstance(value, Mapping | tuple | list | int | float | str)
        and not hasattr(value, "__array__")
        and not hasattr(value, "__next__")
    )
