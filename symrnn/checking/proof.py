"""What a proof found: one row for every array and number of steps, with the entries that were not proved."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """An entry that was not proved: both sides as text, and why."""

    index: tuple[int, ...]
    derived: str
    expected: str
    reason: str


@dataclass(frozen=True, slots=True)
class ArrayProof:
    """One array at one number of steps: how many of its entries are proved."""

    array: str
    steps: int
    dims: tuple[tuple[str, int], ...]
    entries: int
    failures: tuple[EntryFailure, ...]
    seconds: float

    @property
    def proved(self) -> int:
        return self.entries - len(self.failures)

    def __bool__(self) -> bool:
        return not self.failures


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether every entry was proved, with the lemmas about scalar functions that the proof rests on (all proved)."""

    cell: str
    arrays: tuple[ArrayProof, ...]
    lemmas: tuple[str, ...]
    seconds: float

    def __bool__(self) -> bool:
        return bool(self.arrays) and all(self.arrays)

    @property
    def entries(self) -> int:
        return sum(array.entries for array in self.arrays)

    @property
    def proved(self) -> int:
        return sum(array.proved for array in self.arrays)

    def text(self) -> str:
        """A table with the proved entries of each array by number of steps; what is not proved, with both sides."""
        verdict = (
            f"all {self.entries:,} entries proved" if self else f"{self.proved:,} of {self.entries:,} entries proved"
        )
        lines = [f"{self.cell}: {verdict}, exactly ({self.seconds:.2f} s)"]
        columns = {array.steps: array.dims for array in self.arrays}
        head = ["array"]
        for steps, dims in columns.items():
            sizes = ", ".join(f"{name} = {value}" for name, value in dims)
            head.append(f"{steps} step{'s' * (steps > 1)}" + (f" ({sizes})" if sizes else ""))
        found: dict[str, dict[int, str]] = {}
        for array in self.arrays:
            found.setdefault(array.array, {})[array.steps] = f"{array.proved}/{array.entries}"
        table = [head] + [[name, *(row.get(steps, "") for steps in columns)] for name, row in found.items()]
        widths = [max(len(row[k]) for row in table) for k in range(len(head))]
        lines += ["  " + "  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)).rstrip() for row in table]
        if self.lemmas:
            lines.append("with the lemmas: " + "; ".join(self.lemmas))
        for array in self.arrays:
            for failure in array.failures[:3]:
                lines += _story(array, failure)
            if len(array.failures) > 3:
                lines.append(f"  … and {len(array.failures) - 3} more entries of {array.array}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The whole proof as a JSON object."""
        return json.dumps(
            {
                "cell": self.cell,
                "ok": bool(self),
                "entries": self.entries,
                "proved": self.proved,
                "seconds": self.seconds,
                "lemmas": list(self.lemmas),
                "arrays": [
                    {
                        "array": array.array,
                        "steps": array.steps,
                        "dims": dict(array.dims),
                        "entries": array.entries,
                        "proved": array.proved,
                        "seconds": array.seconds,
                        "unproved": [
                            {"index": list(f.index), "derived": f.derived, "expected": f.expected, "reason": f.reason}
                            for f in array.failures
                        ],
                    }
                    for array in self.arrays
                ],
            },
            ensure_ascii=False,
        )

    def __repr__(self) -> str:
        return f"<Proof {self.cell}: {self.proved} of {self.entries} entries proved>"


def _story(array: ArrayProof, failure: EntryFailure) -> list[str]:
    place = f"[{', '.join(map(str, failure.index))}]" if failure.index else ""
    return [
        f"{array.array}{place} at {array.steps} step{'s' * (array.steps > 1)}: {failure.reason}",
        f"  derived:  {failure.derived}",
        f"  expected: {failure.expected}",
    ]
