"""What a person's function asks for, by the names in its signature, and what there is to ask for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checking.oracles import Point
from ..errors import SubjectError, nearest
from ..layouts.blocks import Array
from .words import Names, Slot

Pool = Mapping[Slot, Any]
"""All that a function may ask for, by what it is; besides, ("object", "") is the one whose methods are called, and
("tapes", "") what each step has left."""


@dataclass(frozen=True, slots=True)
class Call:
    """How a function is called: for each argument its name (None for one by position) and what it gets. With `method`
    it is one of an object that is made anew for each run."""

    function: Callable[..., Any]
    label: str
    arguments: tuple[tuple[str | None, Slot], ...]
    method: str = ""

    def takes(self, group: str, member: str = "") -> bool:
        """Whether the function asks for a group of arrays or, with `member`, for this one or the whole of its group."""
        return any(slot[0] == group and (not member or slot[1] in ("", member)) for _, slot in self.arguments)


def pool_of(arrays: Mapping[str, Array], point: Point) -> dict[Slot, Any]:
    """A person's parameters, all together and one by one, and sizes."""
    sizes = {**point.dims, "T": point.T, "N": point.N}
    pool: dict[Slot, Any] = {("params", ""): arrays}
    pool |= {("params", name): array for name, array in arrays.items()}
    return pool | {("size", name): value for name, value in sizes.items()}


def read_signature(
    function: Callable[..., Any], label: str, names: Names, canonical: Sequence[str], method: str = ""
) -> Call:
    """What a function asks for; names that say nothing are all right where there are as many arguments as canonical
    ones."""
    if not callable(function):
        raise SubjectError(f"{label} is {type(function).__name__}, not a function")
    in_order = Call(function, label, tuple((None, names[name]) for name in canonical), method)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin, or something written in C
        return in_order
    starred = {p.kind for p in parameters} & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    plain = [p for p in parameters if p.kind not in starred]
    required = [p for p in plain if p.default is p.empty]
    unknown = [p.name for p in required if p.name not in names]
    if unknown:
        positional = [p for p in plain if p.kind != p.KEYWORD_ONLY]
        if len(positional) == len(canonical) and len(required) == len(positional):
            return in_order
        raise _unknown_argument(label, unknown[0], [p.name for p in parameters], names, canonical)
    if starred and not plain:
        if inspect.Parameter.VAR_POSITIONAL in starred:
            return in_order
        return Call(function, label, tuple((name, names[name]) for name in canonical), method)
    arguments = tuple(
        (p.name if p.kind == p.KEYWORD_ONLY or p.default is not p.empty else None, names[p.name])
        for p in plain
        if p.name in names
    )
    return Call(function, label, arguments, method)


def _unknown_argument(
    label: str, name: str, asked: Sequence[str], names: Names, canonical: Sequence[str]
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
