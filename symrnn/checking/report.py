"""What a check found: one row for every array, one deviation for everything that it was compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..records import to_json
from ..tables import aligned
from .oracles.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from rich.table import Table  # pyright: ignore[reportMissingImports]

WITNESSES = (
    "derivation", "module", "meaning", "complex step", "five-point", "seven-point", "Richardson", "slopes", "50 digits",
    "float32",
)  # fmt: skip
"""What an array may be compared with, in the order of columns. `derivation`: the derived equations, one by one;
`module`: the emitted program of a network, with the derivation; `meaning`: the cell or the network as it was written;
`float32`: the same kernel in the other type, with the derivation."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far an array is from one witness: its worst entry over all cases, and how many entries were compared.

    `tolerance` is what the entry may be off, the rounding of any right program and the witness's own error bar `bar`
    together, and `ratio` the error in units of it. `index` is in the canonical layout, `place` says it in words.
    """

    oracle: str
    verdict: Verdict
    entries: int
    error: float
    tolerance: float
    ratio: float
    computed: float
    expected: float
    bar: float
    index: tuple[int, ...]
    place: str
    case: str

    @staticmethod
    def of(j: Judgement, place: str, case: str) -> Deviation:
        """An oracle's judgement."""
        numbers = j.error, j.allowed, j.ratio, j.computed, j.expected, j.bar
        return Deviation(j.oracle, j.verdict, int(j.asked.sum()), *numbers, j.index, place, case)

    @property
    def severity(self) -> tuple[int, float]:
        """What makes one deviation worse than another: its verdict, and then the error in units of its tolerance."""
        return _ORDER.index(self.verdict), self.ratio

    def story(self, array: str) -> str:
        """The whole of it in a sentence."""
        if self.verdict == "unresolved":
            return f"{array}: {self.oracle} cannot resolve it" + (f" ({self.case})" if self.case else "")
        where = f"{array}{_show(self.index)}" + (f" ({self.place})" if self.place else "")
        bar = f" ± {self.bar:.0e}" if self.bar else ""
        case = f" ({self.case})" if self.case else ""
        if self.verdict == "not finite":
            return f"{where} is {self.computed}, and by {self.oracle} it is {self.expected:.12g}{bar}{case}"
        return (
            f"{where} is {self.computed:.17g}, and by {self.oracle} it is {self.expected:.17g}{bar}: off by "
            f"{self.error:.1e}, {_units(self.ratio)} times what rounding explains{case}"
        )


_KIN = {"derivation", "module", "float32"}
_ORDER: tuple[Verdict, ...] = ("unresolved", "agree", "disagree", "not finite")


@dataclass(frozen=True, slots=True)
class ArrayCheck:
    """One array: how many of its entries were compared, over all cases, and the worst deviation from each witness."""

    array: str
    entries: int
    deviations: tuple[Deviation, ...]

    @property
    def verdict(self) -> Verdict:
        """One witness that disagrees is enough; one that resolves nothing says nothing; and of those that agree one
        must know nothing of the derivation."""
        worst: Verdict = _ORDER[max((_ORDER.index(d.verdict) for d in self.deviations), default=0)]
        return "unresolved" if worst == "agree" and set(self.agreed) <= _KIN else worst

    @property
    def worst(self) -> Deviation:
        """The deviation to look at: the worst, by a witness of the same type where several are alike."""
        exact = [d for d in self.deviations if d.oracle != "float32" and d.verdict == self.verdict]
        return max(exact or self.deviations, key=lambda d: d.severity)

    @property
    def agreed(self) -> tuple[str, ...]:
        """The witnesses that agreed."""
        return tuple(d.oracle for d in self.deviations if d.verdict == "agree")

    def __bool__(self) -> bool:
        return self.verdict == "agree"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Whether a kernel or a function computes its gradient; true when every array agrees."""

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
        return tuple(sorted(bad, key=lambda row: row.worst.severity, reverse=True))

    @property
    def headline(self) -> str:
        """What came out, in one line."""
        good, count = sum(map(bool, self.rows)), len(self.rows)
        found = (
            f"{good} of {count} arrays agree"
            if not self
            else "the one array agrees"
            if count == 1
            else f"all {count} arrays agree"
        )
        cases = f"{len(self.cases)} cases, " if len(self.cases) > 1 else ""
        return f"{self.cell}: {found} ({self.entries:,} entries, {cases}seed {self.seed}, {self.seconds:.2f} s)"

    def text(self) -> str:
        """A table: each array's worst entry, the error there, and by witness the error in units of its tolerance; then
        a line on everything that did not agree."""
        table = aligned([self._head(), *map(self._line, self.rows)], indent="  ")
        return "\n".join([self.headline, *table, *self._stories(), *(f"note: {note}" for note in self.notes)])

    def _witnesses(self) -> list[str]:
        seen = {d.oracle for row in self.rows for d in row.deviations}
        return [oracle for oracle in WITNESSES if oracle in seen]

    def _head(self) -> list[str]:
        return ["array", "error", *self._witnesses(), "verdict", "worst entry"]

    def _line(self, row: ArrayCheck) -> list[str]:
        found = {d.oracle: "?" if d.verdict == "unresolved" else _units(d.ratio) for d in row.deviations}
        units = [found.get(oracle, "") for oracle in self._witnesses()]
        worst = row.worst
        where = f"{_show(worst.index)} {worst.place}".strip()
        return [row.array, f"{worst.error:.1e}", *units, row.verdict, where]

    def _stories(self) -> Iterable[str]:
        for row in self.failures:
            yield from (
                d.story(row.array)
                for d in row.deviations
                if d.verdict not in ("agree", "unresolved") or d.verdict == row.verdict
            )

    def __rich__(self) -> Table:
        """The same table for rich's console, in colour."""
        from rich.table import Table  # pyright: ignore[reportMissingImports]

        caption = "\n".join([*self._stories(), *(f"note: {note}" for note in self.notes)]) or None
        table = Table(title=_unmarked(self.headline), caption=caption and _unmarked(caption), caption_justify="left")
        for name in self._head():
            table.add_column(name, justify="right" if name in (*self._witnesses(), "error") else "left")
        for row in self.rows:
            table.add_row(*map(_unmarked, self._line(row)), style="" if row else "red")
        return table

    def to_json(self) -> str:
        """The whole report as a JSON object; a number that is not finite is null."""
        return to_json(
            {
                "cell": self.cell,
                "ok": bool(self),
                "seed": self.seed,
                "entries": self.entries,
                "seconds": self.seconds,
                "cases": self.cases,
                "notes": self.notes,
                "arrays": [
                    {name: getattr(row, name) for name in ("array", "verdict", "entries", "agreed", "deviations")}
                    for row in self.rows
                ],
            }
        )

    def __repr__(self) -> str:
        return f"<CheckReport {self.cell}: {sum(map(bool, self.rows))} of {len(self.rows)} arrays agree>"


def gather(found: Sequence[tuple[str, Deviation]]) -> tuple[ArrayCheck, ...]:
    """One row an array, in the order of appearance, with the worst deviation from each witness; the entries of an array
    are those of the witness that saw most of it."""
    rows: dict[str, dict[str, Deviation]] = {}
    entries: dict[str, dict[str, int]] = {}
    for array, deviation in found:
        row = rows.setdefault(array, {})
        count = entries.setdefault(array, {})
        count[deviation.oracle] = count.get(deviation.oracle, 0) + deviation.entries
        held = row.get(deviation.oracle)
        if held is None or deviation.severity > held.severity:
            row[deviation.oracle] = deviation
    return tuple(
        ArrayCheck(
            array, max(entries[array].values()), tuple(sorted(row.values(), key=lambda d: WITNESSES.index(d.oracle)))
        )
        for array, row in rows.items()
    )


def _show(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _units(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:.0e}" if math.isfinite(ratio) else "∞"


def _unmarked(text: str) -> str:
    """Rich takes words in brackets for markup."""
    return text.replace("[", r"\[")
