"""Which checks a campaign is made of: cells × seeds × kinds of values × sizes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..equations import Cell
from ..equations.sample import KINDS, Kind, default_dims
from ..errors import OptionError, nearest
from ..library import as_cell
from ..version import __version__
from .task import Performable, Task

CASES = 3
"""One number each; T = 2 with m above n; sizes drawn from the seed."""
_LARGEST_T, _LARGEST_N, _LARGEST_SIZE = 10, 3, 6


class Plan(Protocol):
    """What a campaign is: tasks, what tells it from others, and what its summary has a row for."""

    def __len__(self) -> int: ...
    def tasks(self) -> Iterator[Performable]: ...
    def identity(self) -> dict[str, Any]: ...
    @property
    def of(self) -> str: ...
    @property
    def rows(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Campaign:
    """The checks of some cells: for every seed and kind of values a few sizes, each in both types."""

    cells: tuple[tuple[str, Cell], ...]
    first_seed: int
    seeds: int
    kinds: tuple[Kind, ...]

    def __len__(self) -> int:
        return len(self.cells) * self.seeds * len(self.kinds) * CASES

    def tasks(self) -> Iterator[Task]:
        """In an order in which every part of a campaign meets all cells and kinds."""
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            for case in range(CASES):
                for kind in self.kinds:
                    for name, cell in self.cells:
                        T, N, sizes = _sizes(case, seed)
                        dims = default_dims(cell, sizes)
                        yield Task(name, cell.text, case, T, N, tuple(dims.items()), kind, seed)

    @property
    def of(self) -> str:
        """What a row of its summary is."""
        return "cell"

    @property
    def rows(self) -> tuple[str, ...]:
        """Its cells."""
        return tuple(name for name, _ in self.cells)

    def identity(self) -> dict[str, Any]:
        """What makes a campaign this one: a journal of another is not to be gone on with."""
        cells = {name: hashlib.sha256(cell.text.encode()).hexdigest()[:16] for name, cell in self.cells}
        return {
            "symrnn": __version__,
            "cells": cells,
            "seeds": f"{self.first_seed} to {self.first_seed + self.seeds - 1}",
            "kinds": list(self.kinds),
        }


def plan(
    cells: Iterable[Cell | str | Callable[..., Any]],
    *,
    seeds: int = 1,
    first_seed: int = 0,
    kinds: Sequence[Kind] = KINDS,
) -> Campaign:
    """A campaign over some cells; cells with one name and different texts are told apart by a number."""
    if seeds < 1 or first_seed < 0:
        raise OptionError(f"a campaign has at least one seed, from 0 on; not {seeds} from {first_seed} on")
    for kind in kinds:
        if kind not in KINDS:
            meant = nearest(kind, list(KINDS)) or f"the kinds are: {', '.join(KINDS)}"
            raise OptionError(f"{kind!r} is not a kind of sample; {meant}")
    named: dict[str, Cell] = {}
    for cell in map(as_cell, cells):
        name, count = cell.name, 1
        while name in named and named[name].text != cell.text:
            count += 1
            name = f"{cell.name}#{count}"
        named[name] = cell
    if not named or not kinds:
        raise OptionError("a campaign needs at least one cell and one kind of sample")
    return Campaign(tuple(named.items()), first_seed, seeds, tuple(dict.fromkeys(kinds)))


def _sizes(case: int, seed: int) -> tuple[int, int, tuple[int, ...]]:
    """T, N and sizes for the dimensions, m and n first."""
    if case == 0:
        return 1, 1, (1,) * 6
    if case == 1:
        return 2, 3, (5, 2, 4, 3, 7, 6)
    generator = np.random.default_rng([seed, case])
    T, N = (int(generator.integers(1, largest + 1)) for largest in (_LARGEST_T, _LARGEST_N))
    return T, N, tuple(int(size) for size in generator.integers(1, _LARGEST_SIZE + 1, 6))
