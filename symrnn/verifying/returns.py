"""What a person's functions give back, told apart by name: tuples, dicts, objects with attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import SubjectError, nearest, visible
from ..layouts.axes import kind
from .calling import Slot, state_words

Names = Mapping[str, Slot]


def gradient_names(
    params: Sequence[str], inputs: Sequence[str], states: Sequence[str], *, bare: bool
) -> dict[str, Slot]:
    """What the gradients of arrays may be called: `dWx`, `d_Wx`, `grad_Wx`, `dx`, `dh0`, `dh_prev`; in a dict (`bare`)
    also by the array's own name. Of an object, `Wx` is the parameter itself."""
    names: dict[str, Slot] = {}

    def add(word: str, slot: Slot) -> None:
        for name in (f"d{word}", f"d_{word}", f"grad_{word}", f"{word}_grad", f"g_{word}", *([word] if bare else [])):
            names.setdefault(name, slot)

    for u in params:
        add(u, ("params", u))
    for name in inputs:
        add(name, ("x", name))
        add(f"{name}s", ("x", name))
    for s in states:
        for word in (*state_words(s), f"{s}_next", f"{s}next"):
            add(word, ("state", s))
    for word, group in (("params", "params"), ("x", "x"), ("state", "state"), ("states", "state")):
        add(word, (group, ""))
    for word in ("grads", "gradients"):
        names.setdefault(word, ("params", ""))
    return names


def forward_names(states: Sequence[str], outputs: Sequence[str]) -> dict[str, Slot]:
    """What the results of a forward pass may be called: `outputs`, `hs`, `h_T`, `cache`; `_` is passed over."""
    names: dict[str, Slot] = {"outputs": ("outputs", ""), "cache": ("cache", ""), "final_state": ("final", "")}
    names |= {"out": ("outputs", ""), "_": ("", "")}
    for y in outputs:
        for word in (f"{y}s", f"{y}_all", f"all_{y}", f"{y}_seq"):
            names.setdefault(word, ("outputs", y))
    for s in states:
        for word in (f"{s}_T", f"{s}T", f"{s}_final", f"{s}_last", f"{s}_next", f"next_{s}", f"{s}_n", f"{s}n"):
            names.setdefault(word, ("final", s))
    for y in outputs:
        names.setdefault(y, ("outputs", y))
    for s in states:
        names.setdefault(s, ("final", s))
    return names


def split_names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").replace("(", " ").replace(")", " ").split())


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


def by_name(found: Mapping[str, Any], names: Names, label: str, wanted: str) -> tuple[dict[Slot, Any], list[str]]:
    """Named results by what they are, and the names that mean nothing here."""
    slots: dict[Slot, Any] = {}
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
    found: dict[str, Any] = {}
    seen: set[Slot] = set()
    for name, slot in names.items():
        if slot not in seen and not callable(getattr(thing, name, None)) and getattr(thing, name, None) is not None:
            found[name] = getattr(thing, name)
            seen.add(slot)
    return found


def is_plain_object(value: Any) -> bool:
    """Whether a value is something with attributes rather than numbers or a container of them."""
    return (
        value is not None
        and not isinstance(value, Mapping | tuple | list | int | float | str)
        and not hasattr(value, "__array__")
        and not hasattr(value, "__next__")
    )


def read_gradient_result(
    result: Any, words: tuple[str, ...], names: Callable[[bool], Names], label: str
) -> tuple[dict[Slot, Any], list[str]]:
    """What a backward pass gave back, by slot, and the names in it that mean nothing."""
    if words:
        found = {name: value for name, value in zip_names(result, words, label, "returns").items() if name != "_"}
        slots, unknown = by_name(found, names(True), label, "the gradient")
        if unknown:
            meant = nearest(unknown[0], list(names(True)))
            raise SubjectError(f"returns names {unknown[0]!r}, which is the gradient of nothing here. {meant}".rstrip())
        return slots, []
    if isinstance(result, Mapping):
        return by_name(result, names(True), label, "the gradient")
    if isinstance(result, tuple) and 0 < len(result) <= 3 and isinstance(result[0], Mapping | tuple | None):
        groups = zip(("params", "x", "state"), result, strict=False)
        return {(group, ""): value for group, value in groups}, []
    if is_plain_object(result):
        return by_name(attributes(result, names(False)), names(False), label, "the gradient")
    raise SubjectError(
        f"{label} returned {kind(result)}; gradients come back as (d_params, d_x, d_state), the first a dict, or as "
        "one dict by name\n  mend: for another tuple say what its parts are, such as returns='dx, dh0, dWx, dWh, db'"
    )


def read_forward_result(
    result: Any, words: tuple[str, ...], names: Names, states: Sequence[str], label: str
) -> tuple[dict[Slot, Any], dict[str, Any]]:
    """What a forward pass gave back, by slot, and what else it named (passed on to the backward pass by name)."""
    if words:
        found = zip_names(result, words, label, "forward_returns")
        slots = {names[name]: value for name, value in found.items() if name in names}
        return slots, {name: value for name, value in found.items() if name not in names}
    if isinstance(result, Mapping) and any(name in names for name in result):
        slots, _ = by_name(result, names, label, "the value")
        return slots, {}
    if isinstance(result, tuple) and result:
        slots = {("outputs", ""): result[0]}
        rest = list(result[1:])
        if rest and _looks_final(rest[0], states):
            slots["final", ""] = rest.pop(0)
        if len(rest) > 1:
            raise SubjectError(
                f"{label} returned a tuple of {len(result)}: {', '.join(map(kind, result))}\n"
                "  mend: say what the parts are, such as forward_returns='outputs h_T c_T cache'"
            )
        if rest:
            slots["cache", ""] = rest[0]
        return slots, {}
    if is_plain_object(result):
        return by_name(attributes(result, names), names, label, "the value")[0], {}
    return {("outputs", ""): result}, {}


def _looks_final(value: Any, states: Sequence[str]) -> bool:
    """Whether a value is a dict of final states rather than a cache."""
    if not isinstance(value, Mapping) or not value:
        return False
    words = {word for s in states for word in (s, f"{s}_T", f"{s}T", f"{s}_final", f"{s}_last")}
    return set(map(str, value)) <= words
