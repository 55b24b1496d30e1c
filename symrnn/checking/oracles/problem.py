"""What every oracle is asked about: a loss as a function of named arrays, and the point at which it is differentiated.

Two kinds of problem are alike here: a cell over whole sequences, and any Python function of NumPy arrays. Both answer
one question, the losses of many copies of the arrays, each copy moved a little; all oracles are made of that.

A loss may come in *lanes*: parts that some arrays enter apart, as the sequences of a batch have inputs and states of
their own. An entry of such an array is then moved in all lanes at once, and its gradient read off each lane's own loss;
an array that all lanes share has the sum of the lanes' slopes as its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import numpy as np

from ..floats import FLOATS
from ..kit import Array, Kit
from .jolt import Jolt

Key = tuple[str, str]
"""("params", "W"), ("x", "x"), ("state", "h"), ("array", "weights"): an array of a gradient."""

Arrays = Mapping[Key, Array]

# Copies that are evaluated side by side, and the numbers that they may hold in all.
_COPIES = 256
_NUMBERS = 4_000_000


class Refusal(Exception):
    """An oracle does not apply to a problem; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One number that is moved by itself: an array, and an index without the axis of the lanes."""

    key: Key
    index: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Losses by upstream, copy and lane; `smooth`, by copy and lane, is False where a copy is known to have left the
    side of a kink on which the point is."""

    values: Array
    smooth: Array


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Losses of named arrays. `evaluate` takes the arrays with a leading axis of copies (of length one where all copies
    are equal), and a jolt, if every operation is to be rounded at random. `lane_axes` names the axis of an array along
    which the lanes lie. `precise` evaluates one copy of numbers of any precision. `sure` says that a complex step may
    be trusted: whatever is not analytic is known to `evaluate` and reported as not smooth."""

    arrays: Arrays
    evaluate: Callable[[Arrays, Jolt | None], Losses]
    lane_axes: Mapping[Key, int]
    upstreams: int = 1
    lanes: int = 1
    sure: bool = False
    precise: Callable[[Any], Callable[[Arrays], Losses]] | None = None

    def entries(self) -> list[Entry]:
        """Everything that can be moved by itself."""
        return [Entry(key, index) for key in self.arrays for index in np.ndindex(*self._shape(key))]

    def _shape(self, key: Key) -> tuple[int, ...]:
        shape, axis = self.arrays[key].shape, self.lane_axes.get(key)
        return shape if axis is None else shape[:axis] + shape[axis + 1 :]

    def place(self, entry: Entry) -> tuple[Any, ...]:
        """Where an entry is in its array: `:` stands for the lanes."""
        axis = self.lane_axes.get(entry.key)
        return entry.index if axis is None else (*entry.index[:axis], slice(None), *entry.index[axis:])

    def scale(self, entry: Entry) -> float:
        """What counts as a large move of an entry: its size or its array's typical size, or 1 where all is zero."""
        array = self.arrays[entry.key]
        return max(float(np.abs(array[self.place(entry)]).max(initial=0.0)), typical(array)) or 1.0

    def at(self) -> Losses:
        """The losses at the point itself: one copy."""
        return self._evaluate({key: array[None] for key, array in self.arrays.items()}, 1, None)

    def moved(self, entries: Sequence[Entry], steps: Array, jolt: Jolt | None = None) -> Losses:
        """Copy p has entry p moved by steps[p]."""
        arrays = {key: array[None] for key, array in self.arrays.items()}
        for key in {entry.key for entry in entries}:
            arrays[key] = np.repeat(arrays[key], len(entries), axis=0).astype(steps.dtype)
        for p, entry in enumerate(entries):
            arrays[entry.key][(p, *self.place(entry))] += steps[p]
        return self._evaluate(arrays, len(entries), jolt)

    def along(self, direction: Arrays, steps: Array, jolt: Jolt | None = None) -> Losses:
        """Copy p is moved by steps[p] times a direction, which has all arrays or some."""
        arrays = {key: array[None] for key, array in self.arrays.items()}
        for key, vector in direction.items():
            arrays[key] = arrays[key] + steps.reshape(-1, *(1,) * vector.ndim) * vector
        return self._evaluate(arrays, len(steps), jolt)

    def along_each(self, directions: Sequence[Arrays], steps: Array) -> Losses:
        """Copy p is moved by steps[p] times directions[p]."""
        arrays = {key: array[None] for key, array in self.arrays.items()}
        for key in {key for direction in directions for key in direction}:
            arrays[key] = np.repeat(arrays[key], len(directions), axis=0)
        for p, direction in enumerate(directions):
            for key, vector in direction.items():
                arrays[key][p] += steps[p] * vector
        return self._evaluate(arrays, len(directions), None)

    @property
    def together(self) -> int:
        """How many copies of all arrays fit side by side."""
        return max(1, min(_COPIES, _NUMBERS // max(1, sum(array.size for array in self.arrays.values()))))

    def _evaluate(self, arrays: Arrays, copies: int, jolt: Jolt | None) -> Losses:
        with np.errstate(all="ignore"):
            losses = self.evaluate(arrays, jolt)
        shape = (self.upstreams, copies, self.lanes)
        return Losses(np.broadcast_to(losses.values, shape), np.broadcast_to(losses.smooth, shape[1:]))

    def chunks(self, entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
        """Entries in groups that are evaluated side by side without filling the memory."""
        largest = max((self.arrays[entry.key].size for entry in entries), default=1)
        size = max(1, min(_COPIES, _NUMBERS // max(1, largest)))
        for start in range(0, len(entries), size):
            yield entries[start : start + size]

    def assemble(
        self, pieces: Sequence[tuple[Sequence[Entry], Array]], combine: Combine = sum
    ) -> list[dict[Key, Array]]:
        """Arrays in the layout of the problem's own, one set for each upstream, from figures by upstream, entry and
        lane; the lanes of an array that they share are combined. Entries that nothing is said of are NaN."""
        results = [
            {key: np.full(array.shape, np.nan) for key, array in self.arrays.items()} for _ in range(self.upstreams)
        ]
        for entries, figures in pieces:
            for p, entry in enumerate(entries):
                shared = entry.key not in self.lane_axes
                for k, result in enumerate(results):
                    result[entry.key][self.place(entry)] = combine(figures[k, p]) if shared else figures[k, p]
        return results


Combine = Callable[[Array], Any]
Base = TypeVar("Base")


def meant_problem(
    arrays: Arrays, lane_axes: Mapping[Key, int], upstreams: int, lanes: int, base: Base,
    run: Callable[[Kit], Base], evaluate: Callable[[Base, Arrays, Kit, Jolt | None], Losses],
) -> Problem:  # fmt: skip
    """The losses that a meaning gives over a batch: `base` is its run at the point itself, `run` the same in numbers of
    another kit, and `evaluate` the run of moved arrays beside it."""

    def precise(numbers: Kit) -> Callable[[Arrays], Losses]:
        exact = run(numbers)
        return lambda moved: evaluate(exact, moved, numbers, None)

    return Problem(
        arrays,
        lambda moved, jolt: evaluate(base, moved, FLOATS, jolt),
        lane_axes,
        upstreams,
        lanes,
        sure=True,
        precise=precise,
    )


def inner(g: Array, y: Array) -> Any:
    """⟨g, y⟩ by whatever axes y has in front of those of g, g's first, the sequences, among them."""
    return (g * y).sum(axis=tuple(range(1 - g.ndim, 0)))


def typical(array: Array) -> float:
    """The root of an array's mean square."""
    return float(np.sqrt(np.mean(np.square(np.abs(array))))) if array.size else 0.0


def random_direction(array: Array, seed: tuple[int, ...]) -> Array:
    """Normal numbers of the array's typical size, or of size 1 where all of it is zero."""
    return np.random.default_rng(seed).standard_normal(array.shape) * (typical(array) or 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What an oracle says about one upstream: a value and an error bar for each entry. A bar is infinite where nothing
    can be said, and `kinked` is True where that is so because of a kink; entries that were not asked for are NaN.
    An oracle that does not apply says why in `refusal`, and says nothing else."""

    oracle: str
    values: Arrays
    measure: Callable[[], Arrays] = field(default=dict, repr=False)
    kinked: Arrays = field(default_factory=dict)
    refusal: str = ""

    @property
    def errors(self) -> Arrays:
        """The error bars, measured when they are first asked for."""
        return self.measure()

    @property
    def applies(self) -> bool:
        return not self.refusal


def refused(oracle: str, problem: Problem, reason: str) -> tuple[Estimate, ...]:
    """The answer of an oracle that does not apply, one for each upstream."""
    return tuple(Estimate(oracle, {}, refusal=reason) for _ in range(problem.upstreams))


def estimates(
    oracle: str,
    problem: Problem,
    values: Sequence[tuple[Sequence[Entry], Array]],
    errors: Callable[[], Sequence[tuple[Sequence[Entry], Array]]],
    smooth: Sequence[tuple[Sequence[Entry], Array]],
) -> tuple[Estimate, ...]:
    """Estimates from the figures of the entries: slopes, bars and smoothness by upstream, entry and lane."""
    kinked = [
        {key: array == 0 for key, array in arrays.items()}
        for arrays in problem.assemble(smooth, lambda lanes: lanes.all())
    ]

    @cache
    def measured() -> list[dict[Key, Array]]:
        bars = problem.assemble(errors())
        return [
            {key: np.where(kinks[key], np.inf, bar) for key, bar in arrays.items()}
            for arrays, kinks in zip(bars, kinked, strict=True)
        ]

    def bars_of(k: int) -> Callable[[], Arrays]:
        return lambda: measured()[k]

    return tuple(Estimate(oracle, arrays, bars_of(k), kinked[k]) for k, arrays in enumerate(problem.assemble(values)))
