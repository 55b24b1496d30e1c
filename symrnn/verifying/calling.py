"""Calling a person's functions: arguments by the names in their signatures.

A function gets what it asks for by name. `params`, `x`, `state`, `d_outputs`, `d_final_state`, `cache` and `targets`
are the canonical names; besides, a parameter may be asked for by its own name, a state as `h`, `h0` or `h_prev`, the
gradient from above as `dh`, `d_h` or `dout`, and the one into the last state as `dh_T` or `dh_next`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SubjectError, nearest

Slot = tuple[str, str]
"""What an argument or a result is: ("params", "Wx"), ("state", "h"); the whole of a group has the name ""."""


# Names -----------------------------------------------------------------------------------------------------------


def argument_names(
    params: Sequence[str], inputs: Sequence[str], states: Sequence[str], outputs: Sequence[str], sizes: Sequence[str]
) -> dict[str, Slot]:
    """Every name that an argument may have, and what it then is. The first meaning of a name holds."""
    names: dict[str, Slot] = {
        "params": ("params", ""),
        "x": ("x", ""),
        "state": ("state", ""),
        "d_outputs": ("d_outputs", ""),
        "d_final_state": ("d_final_state", ""),
        "cache": ("cache", ""),
        "outputs": ("outputs", ""),
        "targets": ("targets", ""),
    }

    def add(name: str, slot: Slot) -> None:
        names.setdefault(name, slot)

    for u in params:
        add(u, ("params", u))
    for name in inputs:
        for word in (name, f"{name}s"):
            add(word, ("x", name))
    for s in states:
        for word in state_words(s):
            add(word, ("state", s))
    for y in outputs:
        for word in (f"d{y}", f"d_{y}", f"d{y}s", f"d_{y}s", f"grad_{y}"):
            add(word, ("d_outputs", y))
    if len(outputs) == 1:
        for word in ("dout", "d_out", "dy", "upstream", "grad_output", "grad_outputs"):
            add(word, ("d_outputs", outputs[0]))
    for s in states:
        endings = ("_T", "T", "_final", "_last", "_next", "next", "_n", "n", "")
        for word in (f"{d}{s}{ending}" for ending in endings for d in ("d", "d_")):
            add(word, ("d_final_state", s))
        for word in (f"dnext_{s}", f"d_next_{s}", f"dnext{s}"):
            add(word, ("d_final_state", s))
    for size in (*sizes, "T", "N"):
        add(size, ("size", size))
    return names


def state_words(s: str) -> tuple[str, ...]:
    """What the initial value of a state is called: h, h0, h_prev, …"""
    return (s, f"{s}0", f"{s}_0", f"{s}_prev", f"{s}prev", f"prev_{s}", f"{s}_init", f"init_{s}", f"initial_{s}")


# Signatures ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """How a function is called: for each argument its name (None for one by position) and what it gets."""

    function: Callable[..., Any]
    label: str
    arguments: tuple[tuple[str | None, Slot], ...]

    def takes(self, group: str, member: str = "") -> bool:
        """Whether the function asks for a group of arrays or, with `member`, for this one or the whole of its group."""
        return any(slot[0] == group and (not member or slot[1] in ("", member)) for _, slot in self.arguments)


def plan_call(function: Callable[..., Any], label: str, names: Mapping[str, Slot], canonical: Sequence[str]) -> Call:
    """What a function asks for, by its signature; names that say nothing are all right where there are as many
    arguments as canonical ones."""
    if not callable(function):
        raise SubjectError(f"{label} is {type(function).__name__}, not a function")
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin, or something written in C
        return Call(function, label, tuple((None, names[name]) for name in canonical))
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    unknown = [p.name for p in required if p.name not in names]
    if unknown:
        if len(positional) == len(canonical) and len(required) == len(positional):
            return Call(function, label, tuple((None, names[name]) for name in canonical))
        raise _unknown_argument(label, unknown[0], [p.name for p in parameters], names, canonical)
    if not parameters or all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        takes_all = any(p.kind == p.VAR_POSITIONAL for p in parameters)
        takes_names = any(p.kind == p.VAR_KEYWORD for p in parameters) and not takes_all
        chosen = canonical if takes_all or takes_names else ()
        return Call(function, label, tuple((name if takes_names else None, names[name]) for name in chosen))
    arguments: list[tuple[str | None, Slot]] = []
    for p in parameters:
        if p.name in names and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            by_name = p.kind == p.KEYWORD_ONLY or p.default is not p.empty
            arguments.append((p.name if by_name else None, names[p.name]))
    return Call(function, label, tuple(arguments))


def _unknown_argument(
    label: str, name: str, asked: Sequence[str], names: Mapping[str, Slot], canonical: Sequence[str]
) -> SubjectError:
    by_group: dict[str, list[str]] = {}
    for word, (group, member) in names.items():
        if member and group != "size" and len(by_group.setdefault(group, [])) < 6:
            by_group[group].append(word)
    others = "\n".join(f"  {group}, one by one: {', '.join(words)}" for group, words in by_group.items())
    meant = nearest(name, list(names))
    return SubjectError(
        f"{label}({', '.join(asked)}) asks for `{name}`, which is none of the names that symrnn can pass"
        f"{meant and f'; {meant}'}\n  all: {', '.join(canonical)}\n{others}\n"
        f"  mend: rename the argument, or wrap the function: "
        f"lambda {', '.join(canonical)}: …"
    )
