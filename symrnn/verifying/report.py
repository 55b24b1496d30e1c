"""What `verify` answers: the verdict on the forward pass, every array, and what is wrong, most important first."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from ..records import to_json
from .findings import Finding
from .forward import ForwardVerdict
from .heat import HeatMap

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class ArrayVerdict:
    """One array over all conditions: how many of its entries were compared and how many are wrong, and the worst."""

    array: str
    entries: int
    wrong: int
    index: tuple[int, ...]
    place: str
    computed: float
    expected: float
    ratio: float
    case: str

    def __bool__(self) -> bool:
        return not self.wrong


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Whether somebody's code computes a cell and its gradient; true when it does."""

    cell: str
    seed: int
    forward: ForwardVerdict
    arrays: tuple[ArrayVerdict, ...]
    findings: tuple[Finding, ...]
    cases: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    maps: tuple[HeatMap, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.forward) and not self.findings and bool(self.arrays) and all(self.arrays)

    def text(self, *, heat: bool = False) -> str:
        """The verdict as a page; with `heat`, followed by maps of where the wrong entries are."""
        lines = [self.forward.text()]
        if self.forward:
            lines.append(self._backward())
            lines += [finding.text() for finding in self.findings]
            if not self.findings:
                lines += [_story(array) for array in self.arrays if not array]
        lines += [f"note: {note}" for note in self.notes]
        if heat:
            lines += [each.text() for each in self.maps]
        return "\n".join(lines)

    def __rich__(self) -> Text:
        """The page in colour."""
        from rich.text import Text

        shown = Text(self.text(heat=True))
        shown.highlight_regex(r"WRONG|is not \S+'s", "bold red")
        shown.highlight_regex(r"(?m)^(forward|backward)\b", "bold")
        shown.highlight_regex(r"(?<=computed  ).+", "red")
        shown.highlight_regex(r"(?<=should be ).+", "green")
        shown.highlight_regex(r"agrees with .*|(?<=backward  )right.*", "green")
        shown.highlight_regex(r"[░▒▓█]+", "red")
        return shown

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text())}</pre>{''.join(each.html() for each in self.maps)}"

    def _backward(self) -> str:
        wrong = [array for array in self.arrays if not array]
        entries = sum(array.entries for array in self.arrays)
        if wrong:
            return f"backward  WRONG in {len(wrong)} of {len(self.arrays)} arrays"
        if not self.arrays:
            return "backward  not checked: it gave back nothing to compare"
        head = "right, but see below" if self.findings else "right"
        return f"backward  {head}: {len(self.arrays)} arrays, {entries:,} entries, {len(self.cases)} conditions"

    def to_json(self) -> str:
        """The whole report as a JSON object; a number that is not finite is null."""
        return to_json(
            {
                "cell": self.cell,
                "ok": bool(self),
                "seed": self.seed,
                "seconds": self.seconds,
                "forward": self.forward.to_dict(),
                "arrays": self.arrays,
                "findings": self.findings,
                "cases": self.cases,
                "notes": self.notes,
            }
        )

    def __repr__(self) -> str:
        word = "right" if self else f"{len(self.findings)} findings" if self.forward else "another forward pass"
        return f"<VerifyReport {self.cell}: {word}>"


def _story(array: ArrayVerdict) -> str:
    where = f"{list(array.index)} ({array.place})" if array.index else "the value"
    return f"  {array.array}{where}: computed {array.computed:.9g}, expected {array.expected:.9g} ({array.case})"
