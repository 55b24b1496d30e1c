"""A network as it was written: arguments, and lines that scan, wire or compute, before shapes are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import Span
from ...sizes import Size
from ..nodes import Name
from ..read import Declared, Line, Returned
from ..source import Source

STEPS = "T"
"""The time axis that sequences have unless they say another."""
EACH = "N"
"""In place of a time axis: one value a sequence."""
FIXED = ""
"""In place of a time axis: one value for all sequences, as parameters and constants are."""


def has_steps(axis: str) -> bool:
    """Whether an axis is one of time."""
    return axis not in (EACH, FIXED)


WORDS = ("scan", "heads", "last", "first", "reverse", "rows", "embed", "one_hot")
"""What networks have beside the functions of cells."""

Given = Literal["value", "integer", "constant", "lengths", "mask"]
Way = Literal["last", "first", "reverse", "shift", "sum", "mean", "rows", "embed", "one_hot"]


@dataclass(frozen=True, slots=True)
class Argument:
    """What a network is given: what it is, the axis that it lies on (of lengths, the axis that they measure), and what
    an annotation says of its shape and, of whole numbers, in how many classes they count."""

    name: str
    given: Given
    axis: str
    declared: Declared | None
    span: Span
    classes: Size | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """`target = last(of)` and the like: what gains, loses or turns a time axis and computes nothing. Of whole numbers,
    `embed(table, of)` are rows of a table, `one_hot(of)` unit vectors."""

    target: str
    way: Way
    of: Name
    span: Span
    table: Name | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """`target, finals = scan(cell, inputs…)`: a cell run over time. Its parameters bear the name `target`, or that of
    the scan which it `shares` them with; with `copies`, as many cells run, each on its slice of the input's features.
    """

    targets: tuple[str, ...]
    finals: tuple[str, ...]
    cell: str
    cell_span: Span
    inputs: tuple[Name, ...]
    init: tuple[Name, ...]
    reverse: bool
    shares: str | None
    copies: int | None
    span: Span

    @property
    def target(self) -> str:
        return self.targets[0]


Item = Line | Wire | Scan


@dataclass(frozen=True, slots=True)
class Wiring:
    """A network's definition. `returned` is a loss, or outputs; where `beside` is not empty, a loss and outputs beside
    it. `mean` names the axes over which the loss is a mean and not a sum."""

    name: str
    doc: str
    arguments: tuple[Argument, ...]
    declared: tuple[tuple[str, Declared], ...]
    items: tuple[Item, ...]
    returned: tuple[Returned, ...]
    beside: tuple[Returned, ...]
    single: bool
    mean: tuple[str, ...]
    source: Source
    span: Span
    text: str
