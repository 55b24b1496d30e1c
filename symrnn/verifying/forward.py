"""Forward first: does the person's forward pass compute the cell? If not, which one does it compute?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checking.oracles import Key
from ..checking.points import draw_point, meaning_of
from ..checking.reference import FLOAT32, FLOAT64, build_references, compare
from ..derivation import derive
from ..equations import Cell
from ..equations.sample import complete_dims
from ..errors import OptionError
from ..layouts.blocks import Array
from ..layouts.layout import Layout
from .observing import Observation, run_forward
from .orders import find_order
from .search import Found, search_forward
from .styles import Code
from .subject import Subject, build_subject

# An error so small, in units of roundoff of the largest entry, needs no measured tolerance.
_SURE = 8.0


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an array of the forward pass differs: the first step that does (None for a final state), and in it the
    entry that differs most, by sequence and unit."""

    array: str
    step: int | None
    index: tuple[int, ...]
    computed: float
    expected: float
    wrong: int
    entries: int

    def text(self) -> str:
        if not self.index and self.entries == 1:
            return f"{self.array}: computed {self.computed:.9g}, expected {self.expected:.9g}"
        place = f"step {self.step + 1}, " if self.step is not None else ""
        unit = f"sequence {self.index[0] + 1}, entry {list(self.index[1:])}" if self.index else ""
        return (
            f"{self.array}: {self.wrong} of {self.entries} entries differ, the first at {place}{unit}: "
            f"computed {self.computed:.6g}, expected {self.expected:.6g}"
        )


@dataclass(frozen=True, slots=True)
class ForwardVerdict:
    """Whether the forward pass is the cell's; true when it agrees, or when there is none to look at.

    `order` says in words which order of blocks was found by trial. Where the forward disagrees, `found` is the cell or
    variant that it does compute, and `differences` say where it departs from the cell.
    """

    cell: str
    agrees: bool
    checked: bool
    layout: Layout
    order: str = ""
    found: Found | None = None
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.agrees

    def text(self) -> str:
        if not self.checked:
            return "forward   not checked: there is none"
        if self.agrees:
            return f"forward   agrees with {self.cell}" + (f" ({self.order})" if self.order else "")
        lines = [f"forward   is not {self.cell}'s"]
        if self.found is not None:
            lines.append(f"  it agrees with {self.found.words()}")
            if self.found.change:
                lines += ["  as a cell:", *(f"    {line}" for line in self.found.text.rstrip().split("\n"))]
        lines += [f"  {difference.text()}" for difference in self.differences]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """What `to_json` of a report holds of it."""
        return {
            "cell": self.cell,
            "agrees": self.agrees,
            "checked": self.checked,
            "order": self.order,
            "layout": self.layout.text(),
            "found": self.found,
            "differences": self.differences,
            "notes": self.notes,
        }


def open_subject(
    cell: Cell,
    code: Code,
    layout: Layout | None = None,
    *,
    seed: int = 0,
    dims: Mapping[str, int] | None = None,
    seconds: float = 30.0,
) -> tuple[Subject, ForwardVerdict]:
    """The code ready to be run, in a layout without open orders, and the verdict on its forward pass."""
    layout = layout or Layout()
    point = draw_point(cell, 3, 2, complete_dims(cell, dims), seed)
    if layout.free and not code.forward:
        raise OptionError(
            "an order is found by trial against the forward, and there is no forward\n"
            "  mend: give it, or write the order without ?"
        )
    subject = build_subject(point, code, layout.as_written, seconds=seconds)
    if not subject.has_forward:
        return subject, ForwardVerdict(cell.name, True, False, subject.bound.layout)
    seen, order = run_forward(subject, point), ""
    if layout.free:
        found, order = find_order(layout, subject, seen)
        if found is not None:
            subject = build_subject(point, code, layout.ordered(found), seconds=seconds)
        seen = run_forward(subject, point)
    return subject.after(seen.forward), judge_forward(subject, seen, order)


def judge_forward(subject: Subject, seen: Observation, order: str = "") -> ForwardVerdict:
    """Compare a forward pass with the cell's; where they differ, look for what it is instead."""
    cell, layout, unit = subject.cell, subject.bound.layout, FLOAT64
    if seen.dtype == "float32":
        # The numbers that such code starts from are float32's.
        seen, unit = run_forward(subject, seen.point.rounded()), FLOAT32
    meant = meaning_of(seen.point)
    wrong = _wrong(seen.forward, meant, unit)
    if any(mask.any() for mask in wrong.values()):
        wrong = _measured(seen, meant, unit)
    differences = _differences(seen.forward, meant, wrong)
    changes = [f"the forward changes what it is given: {', '.join(seen.mutated)}"] if seen.mutated else []
    notes = (*seen.notes, *changes)
    found = search_forward(cell, seen.point, seen.forward) if differences else None
    return ForwardVerdict(cell.name, not differences, True, layout, order, found, differences, notes)


def _wrong(arrays: Mapping[Key, Array], meant: Mapping[Key, Array], unit: float) -> dict[Key, Array]:
    """The entries that are not the same but for a few roundings."""
    wrong: dict[Key, Array] = {}
    for key, array in arrays.items():
        expected = _last_steps(key, meant[key], array)
        wrong[key] = ~(np.abs(array - expected) <= _SURE * unit * np.abs(expected).max(initial=0.0))
    return wrong


def _measured(seen: Observation, meant: Mapping[Key, Array], unit: float) -> dict[Key, Array]:
    """The entries that differ by more than rounding can explain."""
    reference = build_references(derive(seen.point.cell), seen.point, [seen.upstream])[0]
    whole: dict[Key, Array] = {}
    for key, array in seen.forward.items():
        # Steps that the code does not return are taken to be right.
        whole[key] = (
            np.concatenate([meant[key][: len(meant[key]) - len(array)], array]) if key[0] == "output" else array
        )
    agreements = {agreement.key: agreement for agreement in compare(whole, reference, unit)}
    return {key: _last_steps(key, agreements[key].wrong, array) for key, array in seen.forward.items()}


def _last_steps(key: Key, whole: Array, like: Array) -> Array:
    return whole[len(whole) - len(like) :] if key[0] == "output" else whole


def _differences(
    arrays: Mapping[Key, Array], meant: Mapping[Key, Array], wrong: Mapping[Key, Array]
) -> tuple[Difference, ...]:
    found: list[Difference] = []
    for key, array in arrays.items():
        if not wrong[key].any():
            continue
        expected = _last_steps(key, meant[key], array)
        gap = np.where(wrong[key], np.abs(array - expected), -1.0)
        step: int | None = None
        place: Sequence[Any] = np.unravel_index(int(gap.argmax()), gap.shape)
        if key[0] == "output":
            first = int(np.argmax(wrong[key].reshape(len(gap), -1).any(axis=1)))
            place = (first, *np.unravel_index(int(gap[first].argmax()), gap[first].shape))
            step = first + len(meant[key]) - len(array)
        at = tuple(int(k) for k in place)
        index = at[1:] if key[0] == "output" else at
        label = " ".join(key)
        count = int(wrong[key].sum())
        found.append(Difference(label, step, index, float(array[at]), float(expected[at]), count, array.size))
    return tuple(found)
