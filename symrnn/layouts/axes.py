"""How a person's sequences and states are laid out: `"N T m"`, `"[T] N m"`, `"m N T"`, `"T m 1"`.

A string names the axes from first to last, separated by blanks: T the steps, N the sequences of a batch, the cell's own
sizes for the features, 1 for an axis of length one. Without N the code runs one sequence at a time; outputs without
T are those of the last step. Steps may also be the items of a list, `"[T] N m"`, or of a dict, `"{T} N m"`. Where
there is one slot more, for the state before the first step, T says so: `"{1..T} N n"` counts steps from 1 (a dict),
`"[0..T] N n"` keeps the initial state in slot 0, and `"[-1..T-1] N n"` keeps it in slot −1, the last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import LayoutError, Span, nearest, visible
from ..sizes import Shape, show_shape

Array = np.ndarray[Any, Any]
Container = Literal["axis", "list", "dict"]

# What stands in a token: T or a range of slots, perhaps as a list or a dict.
_TIME = re.compile(r"(?P<open>[\[{]?)(?P<slots>T|1\.\.T|0\.\.T|-1\.\.T-1)(?P<close>[\]}]?)")


class Unlike(Exception):
    """A value that came back is not laid out as it was said to be."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Where the steps are: an axis, the items of a list or of a dict; `first` is the slot of step 1, and `before` says
    whether there is a slot for the initial state."""

    container: Container = "axis"
    first: int = 0
    before: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes of one array: `order` has, from first to last, the canonical axis that each is, or None for an axis of
    length one. Canonical axes are counted without N or T where the code has none."""

    text: str
    order: tuple[int | None, ...]
    batched: bool
    steps: Steps | None
    timed: bool  # whether the canonical array has an axis of steps
    plain: bool  # whether the array is the canonical one

    @property
    def last_only(self) -> bool:
        """Whether only the last step is there."""
        return self.timed and self.steps is None

    def lay_out(self, array: Array) -> Any:
        """A canonical array as the person has it; a copy, so that nobody's array can be changed by their code. Without
        N in the text the array has one sequence, without T one step."""
        if self.plain:
            return array.copy()
        if not self.batched:
            array = array[:, 0] if self.timed else array[0]
        if self.last_only:
            array = array[-1]
        if self.steps and self.steps.before:
            array = np.concatenate([array, array[:1] * 0] if self.steps.first == 0 else [array[:1] * 0, array])
        array = array.transpose([axis for axis in self.order if axis is not None])
        array = array[tuple(None if axis is None else slice(None) for axis in self.order)]
        if self.steps is None or self.steps.container == "axis":
            return array.copy()
        items = [item.copy() for item in array]
        if self.steps.container == "list":
            return items
        return dict(zip(self._keys(len(items)), items, strict=True))

    def read(self, value: Any, shape: tuple[int, ...]) -> Array:
        """The canonical array, of `shape`, in what a person's code gave back; `Unlike` says how it differs."""
        if self.plain and type(value) is np.ndarray and value.shape == shape and value.dtype.kind == "f":
            return value
        array = self._joined(value, shape[0] if self.timed else 0)
        wanted = self.shape(shape)
        if array.shape != wanted:
            raise Unlike(f"has the shape {array.shape}, and `{self.text}` is {wanted}")
        array = array[tuple(0 if axis is None else slice(None) for axis in self.order)]
        present = [axis for axis in self.order if axis is not None]
        array = array.transpose([present.index(axis) for axis in range(len(present))])
        if self.steps and self.steps.before:
            array = array[self.steps.first :][: shape[0]]
        if self.last_only:
            array = array[None]
        if not self.batched:
            array = array[:, None] if self.timed else array[None]
        return array

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that an array has whose canonical one is `shape`; the items of a list are its first axis."""
        sizes = list(shape)
        if not self.batched:
            del sizes[1 if self.timed else 0]
        if self.last_only:
            del sizes[0]
        elif self.steps and self.steps.before:
            sizes[0] += 1
        return tuple(1 if axis is None else sizes[axis] for axis in self.order)

    def _keys(self, count: int) -> list[int]:
        assert self.steps is not None
        if not self.steps.before:
            return list(range(self.steps.first, self.steps.first + count))
        return list(range(count)) if self.steps.first else [*range(count - 1), -1]

    def _joined(self, value: Any, T: int) -> Array:
        if self.steps is None or self.steps.container == "axis":
            return as_numbers(value)
        if self.steps.container == "dict":
            keys = self._keys(T + self.steps.before)
            if not isinstance(value, Mapping):
                raise Unlike(f"is {kind(value)}, and `{self.text}` is a dict over the steps {keys[0]} … {keys[-1]}")
            if self.steps.before:
                # What the slot of the initial state holds is nobody's business, nor whether it is there.
                own = keys[self.steps.first : self.steps.first + T]
                filler = value.get(own[0])
                value = {**dict.fromkeys(keys, filler), **value}
            missing = [key for key in keys if key not in value or value[key] is None]
            if missing:
                raise Unlike(f"has no item {missing[0]!r}; `{self.text}` is a dict over {keys[0]} … {keys[-1]}")
            return _stack([value[key] for key in keys])
        if not isinstance(value, list | tuple | np.ndarray):
            raise Unlike(f"is {kind(value)}, and `{self.text}` is a list over the steps")
        items = list(value)
        count = T + self.steps.before
        if len(items) != count:
            raise Unlike(f"has {len(items)} items, and `{self.text}` has {count}")
        if self.steps.before:
            slot = 0 if self.steps.first else -1
            items[slot] = items[-1 if slot == 0 else 0] if items[slot] is None else items[slot]
        return _stack(items)


def _stack(items: list[Any]) -> Array:
    arrays = [as_numbers(item) for item in items]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise Unlike(f"has items of different shapes: {', '.join(map(str, sorted(shapes)))}")
    return np.stack(arrays)


def as_numbers(value: Any) -> Array:
    """An array of real numbers from whatever holds some: arrays, tensors, lists. Arrays of integers stay what they are;
    a number written without a point is as good as one with it."""
    if type(value) is np.ndarray and value.dtype.kind == "f":
        return value
    value = detached(value)
    if value is None:
        raise Unlike("is None")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        raise Unlike(f"is {kind(value)}, not an array of numbers") from None
    if array.dtype.kind in "biu":
        return array if hasattr(value, "dtype") else array.astype("float64")
    if array.dtype.kind != "f":
        what = "complex numbers" if array.dtype.kind == "c" else f"{array.dtype}, not numbers"
        raise Unlike(f"holds {what}" if hasattr(value, "dtype") else f"is {kind(value)}, not an array of numbers")
    return array


def detached(value: Any) -> Any:
    """A tensor's numbers without its history; anything else as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def kind(value: Any) -> str:
    """What a value is, in a word or two: `None`, `a tuple of 3`, `a dict with Wx, Wh`, `an array (3, 4)`."""
    match value:
        case None:
            return "None"
        case np.ndarray():
            return f"an array {value.shape}"
        case Mapping():
            return f"a dict with {', '.join(visible(str(key)[:60]) for key in list(value)[:8]) or 'nothing'}"
        case tuple() | list():
            return f"a {type(value).__name__} of {len(value)}"
        case _:
            name = type(value).__name__
            return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


# Reading ---------------------------------------------------------------------------------------------------------


def read_axes(text: str, shape: Shape, what: str, *, timed: bool) -> Axes:
    """The axes that a string names, for an array whose features have `shape`; `what` is what messages call it."""
    names = [str(size).replace(" ", "") for size in shape]
    canonical = f"{'T ' if timed else ''}N {' '.join(names)}".strip()

    def fail(problem: str, start: int, end: int, mend: str = "") -> LayoutError:
        span = Span(1, start, 1, end)
        facts = (f"{what} is `{canonical}` in the cell's own layout; features {show_shape(shape)}",)
        return LayoutError(problem, where=f"layout of {what}", span=span, line_text=text, facts=facts, mend=mend)

    steps: Steps | None = None
    found: list[str | int | None] = []
    free = list(range(len(shape)))
    for word, start, end in _words(text):
        time = _TIME.fullmatch(word)
        if time is not None and timed:
            if steps is not None:
                raise fail("the steps are there twice", start, end, "one T is enough")
            steps = _read_steps(time)
            if steps is None:
                raise fail(f"`{word}` is not a way to hold steps", start, end, "T, [T], {T}, {1..T}, 0..T or -1..T-1")
            if steps.container != "axis" and found:
                raise fail(f"the {steps.container} over the steps comes first", start, end, f"move {word} to the front")
            found.append("T")
        elif word == "N":
            if "N" in found:
                raise fail("N is there twice", start, end)
            found.append("N")
        elif word == "1" and "1" not in (names[k] for k in free):
            found.append(None)
        else:
            match = next((k for k in free if names[k] == word), None)
            if match is None:
                raise fail(f"`{word}` is not an axis of {what}", start, end, _axis_hint(word, names, timed=timed))
            free.remove(match)
            found.append(match)
    if free:
        end = len(text)
        raise fail(f"the axis {names[free[0]]} of {what} is missing", max(0, end - 1), end, f"such as `{canonical}`")
    return _axes_found(text, found, steps, len(shape), timed=timed)


def _axes_found(text: str, found: list[str | int | None], steps: Steps | None, features: int, *, timed: bool) -> Axes:
    """The axes in the order in which they were found, as places of the canonical order T, N, features."""
    batched, has_time = "N" in found, "T" in found
    position: dict[str | int, int] = {}
    for token in ("T", "N", *range(features)):
        if token in found:
            position[token] = len(position)
    order = tuple(None if token is None else position[token] for token in found)
    straight = order == tuple(range(len(order))) and batched and (has_time or not timed)
    plain = straight and steps in (None, Steps())
    return Axes(text, order, batched, steps if has_time else None, timed, plain)


def _words(text: str) -> list[tuple[str, int, int]]:
    return [(word.group(), word.start(), word.end()) for word in re.finditer(r"\S+", text)]


def _read_steps(time: re.Match[str]) -> Steps | None:
    pair = time["open"] + time["close"]
    containers: dict[str, Container] = {"": "axis", "[]": "list", "{}": "dict"}
    container = containers.get(pair)
    if container is None:
        return None
    match time["slots"]:
        case "T":
            return Steps(container)
        case "1..T":
            return Steps(container, first=1) if container == "dict" else None
        case "0..T":
            return Steps(container, first=1, before=True)
        case _:
            return Steps(container, first=0, before=True)


def _axis_hint(word: str, names: list[str], *, timed: bool) -> str:
    known = [*(["T"] if timed else []), "N", *names, "1"]
    if word.upper() in ("T", "N") and word.upper() in known:
        return f"did you mean `{word.upper()}`?"
    return nearest(word, known) or f"there are {', '.join(known)}"
