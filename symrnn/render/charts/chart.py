"""What a chart is made of. Numbers that are not finite are gaps, and on a logarithmic axis those not positive too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Numbers = Sequence[float]
Style = Literal["solid", "dashed", "dotted"]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with its label, unit included; its ends are those of the marks where none are given."""

    label: str
    log: bool = False
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A curve, and a band around it from lows to highs. Lines of one `colour` (a number; the next one unless given)
    belong together: a curve and its bound."""

    label: str
    xs: Numbers
    ys: Numbers
    style: Style = "solid"
    band: tuple[Numbers, Numbers] | None = None
    colour: int | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """One layer of stacked bars: positive parts pile up from zero, negative ones down."""

    label: str
    xs: Numbers
    ys: Numbers


@dataclass(frozen=True, slots=True)
class Heat:
    """Numbers on an even grid as colours: `rows[j][i]` belongs to `xs[i]` and `ys[j]`; the colour bar has the label."""

    label: str
    xs: Numbers
    ys: Numbers
    rows: Sequence[Numbers]
    log: bool = False


@dataclass(frozen=True, slots=True)
class Contours:
    """Lines of equal height through numbers on a grid."""

    label: str
    xs: Numbers
    ys: Numbers
    rows: Sequence[Numbers]
    levels: Numbers


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line across the panel at an x or at a y: a wall, a threshold."""

    label: str
    x: float | None = None
    y: float | None = None


Mark = Line | Stack | Heat | Contours | Rule


@dataclass(frozen=True, slots=True)
class Panel:
    """Marks over two axes; `reading` says in a sentence how to read them."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    reading: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels side by side, row by row."""

    title: str
    panels: tuple[Panel, ...]
    columns: int = field(default=2)
