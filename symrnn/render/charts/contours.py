"""Lines of equal height through numbers on a grid, by marching squares."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .chart import Contours

Point = tuple[float, float]


def segments(mark: Contours, level: float) -> Iterator[tuple[Point, Point]]:
    """The pieces of one line, each within a square of the grid; squares with a gap have none."""
    for (y0, low), (y1, high) in pairwise(zip(mark.ys, mark.rows, strict=True)):
        for (x0, a, d), (x1, b, c) in pairwise(zip(mark.xs, low, high, strict=True)):
            if all(map(math.isfinite, (a, b, c, d))):
                corners = (((x0, y0), a), ((x1, y0), b), ((x1, y1), c), ((x0, y1), d))
                yield from _within(corners, level)


def _within(corners: Sequence[tuple[Point, float]], level: float) -> Iterator[tuple[Point, Point]]:
    crossed = [
        _between(p, a, q, b, level)
        for (p, a), (q, b) in pairwise((*corners, corners[0]))
        if (a >= level) != (b >= level)
    ]
    if len(crossed) == 2:
        yield crossed[0], crossed[1]
    elif len(crossed) == 4:  # a saddle: its middle decides which corners are cut off
        first = corners[0][1] >= level
        middle = sum(value for _, value in corners) / 4 >= level
        pairs = ((0, 1), (2, 3)) if first == middle else ((3, 0), (1, 2))
        yield from ((crossed[i], crossed[j]) for i, j in pairs)


def _between(p: Point, a: float, q: Point, b: float, level: float) -> Point:
    part = (level - a) / (b - a)
    return p[0] + part * (q[0] - p[0]), p[1] + part * (q[1] - p[1])
