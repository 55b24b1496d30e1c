"""One check of a campaign: a few numbers and the cell's text, so that it can be sent to any worker."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from ..derivation import Derivation, derive
from ..equations import build_cell
from ..equations.sample import Kind
from ..errors import InputError, SymrnnError
from ..language import Source
from ..library import zoo
from ..numeric import Kernel, build_kernel

if TYPE_CHECKING:
    from ..checking import CheckReport

Verdict = Literal["held", "failed", "undecided", "error", "lost"]
"""Every array agreed; one did not; nothing can be said at this sample (it is on a kink, or not finite); the check
itself broke; no worker lived to finish it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A cell at one sample: its text, the sizes, the kind of values and the seed that they are drawn from."""

    name: str
    text: str
    case: int
    T: int
    N: int
    dims: tuple[tuple[str, int], ...]
    kind: Kind
    seed: int

    @property
    def key(self) -> str:
        """What the journal calls it; no two tasks of a campaign have the same."""
        return f"{self.name} {self.kind} case {self.case} seed {self.seed}"

    def again(self) -> str:
        """How to see its report in Python; a cell that is not the zoo's own is named by its text."""
        cell = self.name if self.name in zoo and zoo[self.name].text == self.text else self.text
        where = f"T={self.T}, N={self.N}, dims={dict(self.dims)}, seed={self.seed}, kind={self.kind!r}"
        return f"symrnn.checking.check_case({cell!r}, {where})"

    def perform(self) -> Outcome:
        """Check the cell at this sample."""
        return _check(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task: the verdict, the entries compared, the largest error in units of its tolerance, and for a
    task that did not hold a line that says why. `parts` are what it is made of, where a summary counts these."""

    verdict: Verdict
    entries: int = 0
    ratio: float = 0.0
    story: str = ""
    parts: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def bad(self) -> bool:
        return self.verdict in ("failed", "error", "lost")

    def to_record(self) -> dict[str, Any]:
        """For JSON, which has no infinity."""
        ratio = self.ratio if math.isfinite(self.ratio) else None
        record = {"verdict": self.verdict, "entries": self.entries, "ratio": ratio, "story": self.story}
        return record | {"parts": {n: part.to_record() for n, part in self.parts.items()}} if self.parts else record

    @staticmethod
    def of_record(record: Mapping[str, Any]) -> Outcome:
        """What `to_record` wrote; a ValueError says what is wrong with anything else."""
        kinds = {"verdict": (str,), "entries": (int,), "ratio": (int, float, type(None)), "story": (str,)}
        for name, allowed in kinds.items():
            if type(record.get(name, ...)) not in allowed:
                raise ValueError(f"its {name} is missing, or of the wrong type")
        if record["verdict"] not in get_args(Verdict):
            raise ValueError("its verdict is none")
        ratio = math.inf if record["ratio"] is None else float(record["ratio"])
        parts = record.get("parts", {})
        if not isinstance(parts, Mapping) or not all(isinstance(part, Mapping) for part in parts.values()):
            raise ValueError("its parts are none")
        if record["entries"] < 0 or not ratio >= 0:
            raise ValueError("it counts below zero")
        read = {name: Outcome.of_record(part) for name, part in parts.items()}
        return Outcome(record["verdict"], record["entries"], ratio, record["story"], read)


class Performable(Protocol):
    """What a campaign is made of: `key` is what the journal calls it, `name` the row of the summary that counts it
    where its outcome has no parts, and `again` says how to see it again."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    def again(self) -> str: ...
    def perform(self) -> Outcome: ...


def perform(task: Performable) -> Outcome:
    """Run a task. Whatever goes wrong in the check is its outcome: an exception means that the worker failed."""
    try:
        return task.perform()
    except SymrnnError as error:
        return Outcome("error", story=str(error))
    except Exception as error:  # a bug in symrnn must not end a night's work
        return Outcome("error", story=f"{type(error).__name__}: {error}")


def _check(task: Task) -> Outcome:
    from ..checking.cases import check_at
    from ..checking.points import find_point

    derivation, kernels = _prepared(task.text)
    try:
        where = find_point(derivation.cell, task.T, task.N, dict(task.dims), task.seed, task.kind)
    except InputError as error:  # the cell is not defined at this sample
        return Outcome("undecided", story=str(error))
    return judge(check_at(derivation, kernels, [where], task.seed, time.perf_counter()))


@lru_cache(maxsize=64)
def _prepared(text: str) -> tuple[Derivation, tuple[Kernel, Kernel]]:
    """A worker meets the same few cells again and again."""
    derivation = derive(build_cell(Source(text)))
    return derivation, (build_kernel(derivation, "float64"), build_kernel(derivation, "float32"))


def judge(report: CheckReport) -> Outcome:
    """What a report comes to. An array of which no witness could say anything leaves the task undecided."""
    ratios = [d.ratio for row in report.rows for d in row.deviations if d.verdict != "unresolved"]
    ratio = max(ratios, default=0.0)
    if report:
        return Outcome("held", report.entries, ratio)
    wrong = any(row.verdict in ("disagree", "not finite") for row in report.rows)
    stories = [row.worst.story(row.array) for row in report.failures]
    return Outcome("failed" if wrong else "undecided", report.entries, ratio, "\n".join(stories))
