"""What a proof found: one row for every array and number of steps, with the entries that were not proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..records import to_json
from ..sizes import show_dims
from ..tables import aligned

Cause = Literal["time", "memory", "depth", "process"]
"""What ended a proof too early: its limit of time, that of memory, nesting, or the end of the process that ran it."""


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """An entry that was not proved: both sides as text, and why. `gave_up` says that it was beyond what may be spent on
    an entry, so that nothing speaks against it."""

    index: tuple[int, ...]
    derived: str
    expected: str
    reason: str
    gave_up: bool = False


@dataclass(frozen=True, slots=True)
class ArrayProof:
    """One array at one number of steps: how many of its entries are proved. `tried` of them were looked at, the first
    ones; all, unless the proof gave up."""

    array: str
    steps: int
    dims: tuple[tuple[str, int], ...]
    entries: int
    failures: tuple[EntryFailure, ...]
    seconds: float
    tried: int

    @property
    def proved(self) -> int:
        return self.tried - len(self.failures)

    def __bool__(self) -> bool:
        return self.proved == self.entries

    def record(self) -> dict[str, Any]:
        """For JSON."""
        names = ("array", "steps", "dims", "entries", "tried", "proved", "seconds")
        return {name: getattr(self, name) for name in names} | {"dims": dict(self.dims), "unproved": self.failures}


@dataclass(frozen=True, slots=True)
class Complete:
    """Whether a proof came to its end; where it gave up, `reason` tells why, and `cause` in one word."""

    reason: str = ""
    cause: Cause | None = None

    def __bool__(self) -> bool:
        return not self.reason

    def __str__(self) -> str:
        return self.reason or "complete"


TOO_DEEP = Complete("formulas that are nested too deeply", "depth")


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether every entry was proved, with the lemmas about scalar functions that the proof rests on: those that were
    checked, those that are `assumed`, and those that turned out to be `false`, with which nothing is proved."""

    cell: str
    arrays: tuple[ArrayProof, ...]
    lemmas: tuple[str, ...]
    seconds: float
    complete: Complete = Complete()
    assumed: tuple[str, ...] = ()
    false: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.arrays) and all(self.arrays) and bool(self.complete) and not self.false

    @property
    def refuted(self) -> bool:
        """Whether something speaks against the derivation: two sides that are not equal as far as anybody can see, or a
        false lemma. A proof that merely gave up is not refuted."""
        return bool(self.false) or any(not f.gave_up for array in self.arrays for f in array.failures)

    @property
    def entries(self) -> int:
        return sum(array.entries for array in self.arrays)

    @property
    def proved(self) -> int:
        return sum(array.proved for array in self.arrays)

    @property
    def headline(self) -> str:
        """What came out, in one line."""
        tried = sum(array.tried for array in self.arrays)
        if not self.complete and not self.proved:
            return f"{self.cell}: nothing proved before {self.complete} ({self.seconds:.2f} s)"
        if not self.complete and self.proved == tried:
            what = f"entries 1 to {tried:,} of {self.entries:,} proved, then {self.complete}"
            return f"{self.cell}: {what} ({self.seconds:.2f} s)"
        what = f"all {self.entries:,} entries proved" if self else f"{self.proved:,} of {self.entries:,} entries proved"
        stopped = "" if self.complete else f", then {self.complete}"
        return f"{self.cell}: {what}, exactly{stopped} ({self.seconds:.2f} s)"

    def text(self) -> str:
        """A table with the proved entries of each array by number of steps; what is not proved, with both sides."""
        lines = [self.headline]
        columns = {array.steps: array.dims for array in self.arrays}
        head = ["array"]
        for steps, dims in columns.items():
            sizes = show_dims(dict(dims))
            head.append(f"{steps} step{'s' * (steps > 1)}" + (f" ({sizes})" if sizes else ""))
        found: dict[str, dict[int, str]] = {}
        for array in self.arrays:
            found.setdefault(array.array, {})[array.steps] = f"{array.proved}/{array.entries}"
        table = [head] + [[name, *(row.get(steps, "") for steps in columns)] for name, row in found.items()]
        if found:
            lines += aligned(table, indent="  ")
        if self.lemmas:
            lines.append("with the lemmas: " + "; ".join(self.lemmas))
        if self.assumed:
            lines.append("assuming, without a check: " + "; ".join(self.assumed))
        if self.false:
            lines.append("nothing is proved, as these lemmas do not hold: " + "; ".join(self.false))
        for array in self.arrays:
            for failure in array.failures[:3]:
                lines += _story(array, failure)
            if len(array.failures) > 3:
                lines.append(f"  … and {len(array.failures) - 3} more entries of {array.array}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The whole proof as a JSON object."""
        return to_json(
            {
                "cell": self.cell,
                "ok": bool(self),
                "complete": bool(self.complete),
                "gave_up": self.complete.reason,
                "entries": self.entries,
                "proved": self.proved,
                "seconds": self.seconds,
                "lemmas": self.lemmas,
                "assumed": self.assumed,
                "false": self.false,
                "arrays": [array.record() for array in self.arrays],
            }
        )

    def __repr__(self) -> str:
        return f"<Proof {self.cell}: {self.proved} of {self.entries} entries proved>"


def _story(array: ArrayProof, failure: EntryFailure) -> list[str]:
    place = f"[{', '.join(map(str, failure.index))}]" if failure.index else ""
    lines = [f"{array.array}{place} at {array.steps} step{'s' * (array.steps > 1)}: {failure.reason}"]
    sides = (("derived: ", failure.derived), ("expected:", failure.expected))
    return lines + [f"  {side} {text}" for side, text in sides if text]
