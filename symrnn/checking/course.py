"""The course of a proof: events that can be sent from one process to another, and what they add up to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from .proof import ArrayProof, Complete, EntryFailure, Proof
from .symbols import Standing


@dataclass(frozen=True, slots=True)
class Attempt:
    """A proof at some sizes and a number of steps begins: the arrays, each with its number of entries."""

    steps: int
    dims: tuple[tuple[str, int], ...]
    arrays: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """One entry, proved unless there is a failure."""

    array: str
    seconds: float
    failure: EntryFailure | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """A lemma that the proof rests on."""

    lemma: str
    standing: Standing


Event = Attempt | Tried | Used


def to_line(event: Event) -> bytes:
    """An event as a line of JSON."""
    return json.dumps({"event": type(event).__name__, **asdict(event)}).encode() + b"\n"


def of_record(record: dict[str, Any]) -> Event:
    """What `to_line` wrote, parsed."""
    match record.pop("event"):
        case "Attempt":
            dims, arrays = (tuple((name, size) for name, size in record[part]) for part in ("dims", "arrays"))
            return Attempt(record["steps"], dims, arrays)
        case "Tried":
            failure = record["failure"]
            if failure is not None:
                failure = EntryFailure(**{**failure, "index": tuple(failure["index"])})
            return Tried(record["array"], record["seconds"], failure)
        case "Used":
            return Used(**record)
        case other:
            raise ValueError(other)


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a proof is: entries looked at and entries known of, the number of steps, and the seconds so far."""

    tried: int
    entries: int
    steps: int
    seconds: float


Progress = Callable[[Stage], None]


class Course:
    """Takes events and keeps, for each number of steps, the best that is known of each array."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.lemmas: dict[Standing, list[str]] = {"checked": [], "assumed": [], "false": []}
        self._start = time.perf_counter()
        # by number of steps: the rows of earlier attempts at the same sizes, and of the present one
        self._earlier: dict[int, dict[str, ArrayProof]] = {}
        self._rows: dict[int, dict[str, ArrayProof]] = {}
        self._now = 0

    def take(self, event: Event) -> None:
        """Note what happened."""
        match event:
            case Attempt(steps, dims, arrays):
                self._now = steps
                before = {name: row for name, row in self._best(steps).items() if row.dims == dims}
                self._earlier[steps] = before
                self._rows[steps] = {name: ArrayProof(name, steps, dims, count, (), 0.0, 0) for name, count in arrays}
            case Tried(array, seconds, failure):
                row = self._rows[self._now][array]
                failures = row.failures if failure is None else (*row.failures, failure)
                self._rows[self._now][array] = ArrayProof(
                    array, row.steps, row.dims, row.entries, failures, row.seconds + seconds, row.tried + 1
                )
            case Used(lemma, standing):
                self.lemmas[standing].append(lemma)

    def _best(self, steps: int) -> dict[str, ArrayProof]:
        rows, earlier = self._rows.get(steps, {}), self._earlier.get(steps, {})
        return {
            name: max(earlier.get(name, row), row, key=lambda row: row.proved) for name, row in (earlier | rows).items()
        }

    def stage(self) -> Stage:
        """How far it is."""
        rows = self._rows.get(self._now, {}).values()
        seconds = time.perf_counter() - self._start
        return Stage(sum(row.tried for row in rows), sum(row.entries for row in rows), self._now, seconds)

    def proof(self, complete: Complete) -> Proof:
        """What it came to."""
        arrays = tuple(row for steps in self._rows for row in self._best(steps).values())
        lemmas = (tuple(self.lemmas[standing]) for standing in ("checked", "assumed", "false"))
        checked, assumed, false = lemmas
        return Proof(self.cell, arrays, checked, time.perf_counter() - self._start, complete, assumed, false)
