"""A campaign over cells that nobody wrote: each is drawn from a seed, run by every door, and held against the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..version import __version__
from .task import Outcome

if TYPE_CHECKING:
    from ..testing.outside import Examined

# Doors that cost more than the rest are gone through by one cell of so many.
_EVERY = {"float32": 2, "torch": 2, "c": 5, "pages": 8, "check": 20, "prove": 40}
_SHRUNK = 3
"""Of findings of one sort, so many are made small by each worker; the rest are shown as they were met."""


@dataclass(frozen=True, slots=True)
class RandomCells:
    """So many cells, from a seed on."""

    count: int
    first_seed: int

    def __len__(self) -> int:
        return self.count

    def tasks(self) -> Iterator[RandomTask]:
        """One for each cell."""
        for seed in range(self.first_seed, self.first_seed + self.count):
            yield RandomTask(seed)

    def identity(self) -> dict[str, Any]:
        """What makes a campaign this one."""
        last = self.first_seed + self.count - 1
        return {"symrnn": __version__, "random cells": f"{self.first_seed} to {last}", "doors": list(_doors())}

    @property
    def of(self) -> str:
        """What a row of its summary is."""
        return "door"

    @property
    def rows(self) -> tuple[str, ...]:
        """What its summary has a row for."""
        return _doors()


def plan_random(count: int, *, first_seed: int = 0) -> RandomCells:
    """A campaign over `count` drawn cells."""
    if count < 1 or first_seed < 0:
        raise OptionError(f"a campaign has at least one cell, of seeds from 0 on; not {count} from {first_seed} on")
    return RandomCells(count, first_seed)


@dataclass(frozen=True, slots=True)
class RandomTask:
    """The cell of a seed."""

    seed: int

    @property
    def name(self) -> str:
        """Where it is counted when no door was come to."""
        return "none"

    @property
    def key(self) -> str:
        """What the journal calls it."""
        return f"random cell {self.seed}"

    def again(self) -> str:
        """How to see it again."""
        return f"symrnn check --random 1 --seed {self.seed}"

    def perform(self) -> Outcome:
        """Look at the cell by the doors that are its turn."""
        from ..testing.outside import draw, examine

        drawn = draw(self.seed)
        doors = tuple(door for k, door in enumerate(_doors()) if (self.seed + k) % _EVERY.get(door, 1) == 0)
        examined = examine(drawn, self.seed, doors)
        parts = {door: _part(examined, door) for door in doors}
        for finding in examined.findings:
            if finding.door not in parts:  # what no door is to blame for: the text was not read, or derived
                parts[finding.door] = _part(examined, finding.door)
        bad = bool(examined.findings)
        verdict = "failed" if bad else "held" if examined.ratios else "undecided"
        entries, ratio = sum(examined.entries.values()), max(examined.ratios.values(), default=0.0)
        return Outcome(verdict, entries, ratio, _story(self.seed, examined) if bad else "", parts)


def _part(examined: Examined, door: str) -> Outcome:
    """What one door came to."""
    if any(finding.door == door for finding in examined.findings):
        return Outcome("failed")
    entries = examined.entries.get(door, 0)
    return Outcome("held" if entries else "undecided", entries, examined.ratios.get(door, 0.0))


_seen: Counter[str] = Counter()


def _story(seed: int, examined: Examined) -> str:
    """The findings, one of each sort, and the smallest text that shows the first."""
    from ..testing.outside import draw, shrink

    sorts = {finding.sort: finding for finding in reversed(examined.findings)}
    first = examined.findings[0]
    _seen[first.sort] += 1
    others = [f"also: {finding.sort}" for sort, finding in reversed(sorts.items()) if sort != first.sort]
    if _seen[first.sort] > _SHRUNK:
        return "\n".join([first.text(), *others])
    smallest = shrink(draw(seed), seed, first)
    return "\n".join([smallest.finding.text(), smallest.drawn.text.rstrip(), *others])


@lru_cache(maxsize=1)
def _doors() -> tuple[str, ...]:
    """Those that are open here."""
    from ..numeric.compiled.compiler import find_compiler
    from ..testing.outside import DOORS

    closed = {"torch"} if find_spec("torch") is None else set[str]()
    try:
        find_compiler()
    except Exception:
        closed.add("c")
    return tuple(door for door in DOORS if door not in closed)
