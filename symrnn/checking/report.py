"""What a check found: one row for every array, one deviation for every oracle that it was compared with."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["agree", "disagree", "unresolved", "not finite"]
ORACLES = ("meaning", "complex step", "five-point", "float32")
"""What an array is compared with, in the order of the columns: the forward pass with the cell's meaning, the gradient
with the two oracles, and float32 with float64."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """The largest deviation of an array from one oracle over all cases.

    `relative` is the error as a part of the array's scale: its largest entry, or one hundredth of the largest entry of
    the whole gradient where that is more (an array that cancels to nothing has only rounding in it). `tolerance` is on
    the same footing. `index` is in the canonical layout.
    """

    oracle: str
    relative: float
    tolerance: float
    computed: float
    expected: float
    index: tuple[int, ...]
    case: str
    verdict: Verdict

    @property
    def severity(self) -> float:
        """The error in units of its tolerance; NaN counts as worst."""
        ratio = self.relative / self.tolerance if self.tolerance else math.inf
        return math.inf if math.isnan(ratio) else ratio


@dataclass(frozen=True, slots=True)
class ArrayCheck:
    """One array: the entries that were compared, over all cases, and the worst deviation from each oracle."""

    array: str
    entries: int
    deviations: tuple[Deviation, ...]

    @property
    def verdict(self) -> Verdict:
        verdicts = [deviation.verdict for deviation in self.deviations]
        for bad in ("not finite", "disagree"):
            if bad in verdicts:
                return bad
        # An oracle with a wide error bar says nothing; another one that agrees has then spoken for the array.
        return "agree" if "agree" in verdicts else "unresolved"

    def __bool__(self) -> bool:
        return self.verdict == "agree"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Whether a cell's kernel computes the cell and its gradient; true when every array agrees."""

    cell: str
    seed: int
    rows: tuple[ArrayCheck, ...]
    cases: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float

    def __bool__(self) -> bool:
        return bool(self.rows) and all(self.rows)

    @property
    def entries(self) -> int:
        return sum(row.entries for row in self.rows)

    @property
    def failures(self) -> tuple[ArrayCheck, ...]:
        """The arrays that did not agree, the worst first."""
        bad = [row for row in self.rows if not row]
        return tuple(sorted(bad, key=lambda row: -max(d.severity for d in row.deviations)))

    def text(self) -> str:
        """A table with the largest relative error of each array by oracle, and a line on each array that failed."""
        good = sum(map(bool, self.rows))
        head = (
            f"{self.cell}: {good} of {len(self.rows)} arrays agree"
            if not self
            else f"{self.cell}: all {good} arrays agree"
        )
        lines = [f"{head} ({self.entries:,} entries, {len(self.cases)} cases, seed {self.seed}, {self.seconds:.2f} s)"]
        lines += self._table()
        for row in self.failures:
            lines += [f"{row.array}: {_story(d)}" for d in row.deviations if d.verdict != "agree"]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _table(self) -> list[str]:
        seen = {d.oracle for row in self.rows for d in row.deviations}
        oracles = [oracle for oracle in ORACLES if oracle in seen]
        cells = [["array", *oracles, "verdict"]]
        for row in self.rows:
            found = {d.oracle: f"{d.relative:.1e}" if d.verdict != "unresolved" else "?" for d in row.deviations}
            cells.append([row.array, *(found.get(oracle, "") for oracle in oracles), row.verdict])
        widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
        return [
            "  " + "  ".join(word.ljust(w) for word, w in zip(line, widths, strict=True)).rstrip() for line in cells
        ]

    def to_json(self) -> str:
        """The whole report as a JSON object; a number that is not finite is null."""
        return json.dumps(
            {
                "cell": self.cell,
                "ok": bool(self),
                "seed": self.seed,
                "entries": self.entries,
                "seconds": self.seconds,
                "cases": list(self.cases),
                "notes": list(self.notes),
                "arrays": [
                    {
                        "array": row.array,
                        "verdict": row.verdict,
                        "entries": row.entries,
                        "deviations": [
                            {
                                "oracle": d.oracle,
                                "verdict": d.verdict,
                                "relative": _finite(d.relative),
                                "tolerance": _finite(d.tolerance),
                                "computed": _finite(d.computed),
                                "expected": _finite(d.expected),
                                "index": list(d.index),
                                "case": d.case,
                            }
                            for d in row.deviations
                        ],
                    }
                    for row in self.rows
                ],
            },
            ensure_ascii=False,
        )

    def __repr__(self) -> str:
        return f"<CheckReport {self.cell}: {sum(map(bool, self.rows))} of {len(self.rows)} arrays agree>"


def _story(d: Deviation) -> str:
    where = f"[{', '.join(map(str, d.index))}]" if d.index else "the value"
    return (
        f"{where} is {d.computed:.12g}, {d.oracle} says {d.expected:.12g} "
        f"(relative error {d.relative:.1e}, tolerance {d.tolerance:.0e}; {d.case}): {d.verdict}"
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
