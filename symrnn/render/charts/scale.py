"""From numbers to places on a picture: what range an axis has, where its ticks are, what they are called."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .chart import Axis, Contours, Heat, Line, Mark, Panel, Stack

_TICKS = 6
_LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of numbers, and the stretch of a picture that it is laid along."""

    lower: float
    upper: float
    log: bool
    start: float
    end: float

    def shows(self, value: float) -> bool:
        """Whether a number has a place at all."""
        return has_place(value, self.log)

    def __call__(self, value: float) -> float:
        lower, upper, value = (math.log10(v) if self.log else v for v in (self.lower, self.upper, value))
        return self.start + (value - lower) / (upper - lower) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers within the range, at most seven, with their names; `10^−3` is a power of ten."""
        if self.log:
            return _decades(self.lower, self.upper)
        step = _round_step((self.upper - self.lower) / _TICKS)
        first, last = math.ceil(self.lower / step - 1e-9), math.floor(self.upper / step + 1e-9)
        return [(k * step, f"{k * step:.10g}".replace("-", "−")) for k in range(first, last + 1)]


def has_place(value: float, log: bool) -> bool:
    """Whether an axis can show a number: a finite one (the largest have no room between them), on a logarithmic axis a
    positive one."""
    return abs(value) < _LARGEST and (value > 0 or not log)


def range_of(axis: Axis, values: Iterable[float], *, margin: float = 0.0) -> tuple[float, float]:
    """The ends of an axis that shows all numbers which have a place on it; never the same number twice."""
    shown = [v for v in values if has_place(v, axis.log)]
    lower = min(shown, default=0.1 if axis.log else 0.0) if axis.lower is None else axis.lower
    upper = max(shown, default=1.0) if axis.upper is None else axis.upper
    if axis.log:
        lower, upper = max(lower, 5e-324), max(upper, 5e-324)
        return (lower, upper) if upper > lower * 1.001 else (lower / 2, min(upper * 2, 1e308))
    if not upper - lower > 1e-9 * max(abs(lower), abs(upper)):
        spread = abs(lower) / 2 or 1.0
        return lower - spread, upper + spread
    space = margin * (upper - lower)
    return lower - space * (axis.lower is None), upper + space * (axis.upper is None)


def numbers_along(panel: Panel) -> tuple[list[float], list[float]]:
    """All numbers along x and along y, grids with the halves of their outer cells."""
    xs: list[float] = []
    ys: list[float] = []
    for mark in panel.marks:
        xs += _xs(mark)
        ys += _ys(mark)
    stacks = [mark for mark in panel.marks if isinstance(mark, Stack)]
    for _, _, low, high in bars(stacks):
        ys += (low, high)
    return xs, ys


def bars(stacks: Sequence[Stack]) -> Iterator[tuple[int, float, float, float]]:
    """Every bar: the number of its layer, its x, its lower and upper end."""
    heights: dict[tuple[float, bool], float] = {}
    for number, stack in enumerate(stacks):
        for x, y in zip(stack.xs, stack.ys, strict=True):
            if math.isfinite(y) and y:
                base = heights.get((x, y > 0), 0.0)
                heights[x, y > 0] = base + y
                yield number, float(x), min(base, base + y), max(base, base + y)


def edges(values: Sequence[float]) -> tuple[float, float]:
    """The outer edges of a grid's cells."""
    half = (values[-1] - values[0]) / (2 * (len(values) - 1)) if len(values) > 1 else 0.5
    return values[0] - half, values[-1] + half


def _xs(mark: Mark) -> list[float]:
    if isinstance(mark, Heat):
        return list(edges(mark.xs))
    if isinstance(mark, Stack):
        return list(edges(mark.xs)) if len(mark.xs) else []
    if isinstance(mark, Line | Contours):
        return [float(x) for x in mark.xs]
    return [] if mark.x is None else [mark.x]


def _ys(mark: Mark) -> list[float]:
    if isinstance(mark, Heat):
        return list(edges(mark.ys))
    if isinstance(mark, Stack):
        return [0.0]
    if isinstance(mark, Line):
        return [float(y) for ys in (mark.ys, *(mark.band or ())) for y in ys]
    if isinstance(mark, Contours):
        return [float(y) for y in mark.ys]
    return [] if mark.y is None else [mark.y]


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= step * (1 - 1e-9))


def _decades(lower: float, upper: float) -> list[tuple[float, str]]:
    first, last = math.ceil(math.log10(lower) - 1e-9), math.floor(math.log10(upper) + 1e-9)
    if last - first < 1:  # within one decade or two: 1, 2 and 5
        found = [k * 10.0**power for power in range(first - 1, last + 1) for k in (1, 2, 5)]
        return [(v, f"{v:.3g}") for v in found if lower * (1 - 1e-9) <= v <= upper * (1 + 1e-9)]
    step = math.ceil((last - first + 1) / _TICKS)
    return [(10.0**k, _power(k)) for k in range(-(-first // step) * step, last + 1, step) if k > -324]


def _power(k: int) -> str:
    return {0: "1", 1: "10"}.get(k) or f"10^{k}".replace("-", "−")
