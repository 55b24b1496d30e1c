"""What came of a campaign: one row for each cell, and every task that did not hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import visible
from ..records import to_json
from ..tables import aligned
from .plan import Plan
from .task import Outcome, Performable, Verdict

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class CellSummary:
    """One cell: how many tasks ended how, the entries compared, and the largest error in units of its tolerance."""

    cell: str
    held: int
    failed: int
    undecided: int
    entries: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that did not hold: what it was, why, and how to see it again."""

    task: str
    verdict: Verdict
    story: str
    again: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a campaign; true when no task failed and every cell held at some sample."""

    rows: tuple[CellSummary, ...]
    failures: tuple[Failure, ...]
    tasks: int
    resumed: int
    seconds: float
    undecided: int = 0
    of: str = "cell"
    """What a row is: a cell, or a door by which cells were drawn through."""

    def __bool__(self) -> bool:
        return not self.failures and all(row.held for row in self.rows if self.of == "cell")

    @property
    def entries(self) -> int:
        return sum(row.entries for row in self.rows)

    def text(self) -> str:
        """A table, and below it the first failures."""
        bad = len(self.failures)
        verdict = f"{bad:,} of {self.tasks:,} checks failed" if bad else f"all {self.tasks:,} checks held"
        if self.undecided and not bad:
            verdict = f"{self.tasks - self.undecided:,} of {self.tasks:,} checks held, none failed"
        resumed = f", {self.resumed:,} of them from the journal" if self.resumed else ""
        lines = [f"{verdict} ({self.entries:,} entries{resumed}, {self.seconds:.1f} s)"]
        table = [[self.of, "held", "failed", "undecided", "entries", "largest error / tolerance"]]
        for row in self.rows:
            counts = [f"{count:,}" for count in (row.held, row.failed, row.undecided, row.entries)]
            table.append([row.cell, *counts, f"{row.ratio:.2g}" if math.isfinite(row.ratio) else "∞"])
        lines += aligned(table, indent="  ", numbers=True)
        for failure in self.failures[:_SHOWN]:
            # A story comes from a file, where it may have become anything that a terminal obeys.
            story = "\n    ".join(map(visible, failure.story.split("\n")))
            lines += ["", f"{failure.task}: {failure.verdict}", f"    {story}", f"    to see it again: {failure.again}"]
        if bad > _SHOWN:
            lines += ["", f"… and {bad - _SHOWN:,} more"]
        return "\n".join(lines)

    def to_json(self) -> str:
        """The whole summary as a JSON object; a ratio that is not finite is null."""
        return to_json(
            {
                "ok": bool(self),
                "tasks": self.tasks,
                "resumed": self.resumed,
                "entries": self.entries,
                "seconds": self.seconds,
                "cells": self.rows,
                "failures": self.failures,
            }
        )

    def __repr__(self) -> str:
        return f"<Summary: {self.tasks} checks, {len(self.failures)} failed>"


def summarize(campaign: Plan, done: Mapping[str, Outcome], resumed: int, seconds: float) -> Summary:
    """Sum up outcomes by task."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in campaign.rows}
    failures: list[Failure] = []
    for task in campaign.tasks():
        outcome = done[task.key]
        for name, part in (outcome.parts or {task.name: outcome}).items():
            outcomes.setdefault(name, []).append(part)
        if outcome.bad:
            failures.append(_failure(task, outcome))
    rows = tuple(_row(name, ended) for name, ended in outcomes.items() if ended)
    undecided = sum(outcome.verdict == "undecided" for outcome in done.values())
    return Summary(rows, tuple(failures), len(done), resumed, seconds, undecided, campaign.of)


def _failure(task: Performable, outcome: Outcome) -> Failure:
    return Failure(task.key, outcome.verdict, outcome.story, task.again())


def _row(name: str, ended: list[Outcome]) -> CellSummary:
    failed = sum(outcome.bad for outcome in ended)
    held = sum(outcome.verdict == "held" for outcome in ended)
    entries = sum(outcome.entries for outcome in ended)
    ratio = max((outcome.ratio for outcome in ended), default=0.0)
    return CellSummary(name, held, failed, len(ended) - held - failed, entries, ratio)
