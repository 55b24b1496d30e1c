"""A curve as one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .scale import has_place

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(ys: Sequence[float], *, log: bool = False, width: int = 40) -> str:
    """At most `width` blocks, the lowest number the smallest; gaps are spaces. Of a longer curve each block shows the
    median of its stretch."""
    values = [_height(y, log) for y in ys]
    count = min(width, len(values))
    shown = [_median(values[k * len(values) // count : (k + 1) * len(values) // count]) for k in range(count)]
    finite = [v for v in shown if v is not None]
    if not finite:
        return " " * len(shown)
    low, high = min(finite), max(finite)
    spread = (high - low) or 1.0
    return "".join(" " if v is None else _BLOCKS[min(7, int((v - low) / spread * 8))] for v in shown)


def _height(y: float, log: bool) -> float | None:
    if not has_place(y, log):
        return None
    return math.log10(y) if log else float(y)


def _median(values: list[float | None]) -> float | None:
    finite = sorted(v for v in values if v is not None)
    return finite[len(finite) // 2] if finite else None
