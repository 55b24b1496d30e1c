"""The error surface of a single unit over its weight and bias: where it has a cliff, and what clipping does there.

x_t = w σ(x_{t−1}) + b is run for T steps from x_0, and E = (σ(x_T) − target)², as in Pascanu, Mikolov & Bengio 2013.
Where the number of fixed points changes, a step across the edge ends in another place: E has a wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..arguments import number, real, whole
from ..errors import OptionError
from ..records import to_json
from ..render import read_language
from ..render.charts import Axis, Chart, Contours, Heat, Line, Panel, draw_png, draw_svg
from ..tables import aligned
from .unit import Array, Errors, errors

_HALVINGS = 16
_STEEP = 1.0
"""From which slope along b on E has a wall; beside it slopes of hundredths are common."""
_LARGEST = 2_000_000
"""Points times steps of a surface."""


@dataclass(frozen=True, slots=True)
class Point:
    """The error and its gradient at one weight and bias."""

    w: float
    b: float
    loss: float
    d_w: float
    d_b: float

    @property
    def norm(self) -> float:
        """Of the gradient."""
        return math.hypot(self.d_w, self.d_b)


@dataclass(frozen=True, slots=True)
class Descent:
    """The steps of gradient descent; with `clip` a longer gradient is cut to that norm first."""

    clip: float | None
    rate: float
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ErrorSurface:
    """Errors on a grid, `loss[j][i]` at `w[i]` and `b[j]`, for each w the b at which E is steepest, where it has a wall
    (NaN where it has none), and paths of descent."""

    w: tuple[float, ...]
    b: tuple[float, ...]
    loss: tuple[tuple[float, ...], ...]
    steepness: tuple[tuple[float, ...], ...]
    wall: tuple[float, ...]
    descents: tuple[Descent, ...]
    x0: float
    T: int
    target: float

    def text(self) -> str:
        """The cliff and the two paths in numbers."""
        rows = np.asarray(self.steepness)
        j, i = np.unravel_index(int(rows.argmax()), rows.shape)
        lines = [
            f"x_t = w σ(x_(t−1)) + b from {self.x0:g}, T = {self.T}; E = (σ(x_T) − {self.target:g})²",
            f"the gradient is longest at w = {self.w[i]:.3g}, b = {self.b[j]:.3g}: ‖∇E‖ = {rows[j, i]:.3g}, "
            f"with a median of {np.median(rows):.3g} over the grid",
        ]
        table = [["descent", "steps", "longest gradient", "longest step", "from (w, b)", "to (w, b)", "E at the end"]]
        for path in self.descents:
            first, last = path.points[0], path.points[-1]
            moves = [math.dist((p.w, p.b), (q.w, q.b)) for p, q in pairwise(path.points)]
            name = "as it is" if path.clip is None else f"clipped to {path.clip:g}"
            longest = max(point.norm for point in path.points)
            ends = [f"({point.w:.3f}, {point.b:.3f})" for point in (first, last)]
            step = f"{max(moves, default=0):.3g}"
            table.append([name, str(len(path.points) - 1), f"{longest:.3g}", step, *ends, f"{last.loss:.3g}"])
        return "\n".join([*lines, *(aligned(table) if self.descents else [])])

    def chart(self, lang: str = "en") -> Chart:
        """E over w and b with lines of equal height, the wall and the paths."""
        words = read_language(lang).phrases
        levels = [float(level) for level in np.linspace(np.min(self.loss), np.max(self.loss), 12)[1:-1]]
        marks = [
            Heat("E", self.w, self.b, self.loss),
            Contours(words["surface_levels"], self.w, self.b, self.loss, levels),
            Line(words["surface_wall"], self.w, self.wall, style="dashed"),
        ]
        for path in self.descents:
            name = (
                words["surface_free"] if path.clip is None else words["surface_clipped"].format(clip=f"{path.clip:g}")
            )
            xs, ys = [point.w for point in path.points], [point.b for point in path.points]
            marks.append(Line(name, xs, ys, style="dotted" if path.clip is None else "solid"))
        x, y = Axis("w", lower=self.w[0], upper=self.w[-1]), Axis("b", lower=self.b[0], upper=self.b[-1])
        title = words["surface_title"]
        return Chart(title, (Panel("", x, y, tuple(marks), words["surface_reading"]),), columns=1)

    def svg(self, lang: str = "en") -> str:
        """The picture, drawn without any package."""
        return draw_svg(self.chart(lang))

    def png(self, lang: str = "en") -> bytes:
        """The picture by matplotlib (the extra `plot`)."""
        return draw_png(self.chart(lang))

    def to_json(self) -> str:
        """All numbers as one JSON object."""
        names = ("w", "b", "loss", "steepness", "wall", "descents", "x0", "T", "target")
        return to_json({name: getattr(self, name) for name in names})


def cliff(w: float = 5.0, b: float = -2.5, *, x0: float = 0.5, T: int = 50, target: float = 0.7) -> Point:
    """The error of one logistic unit and its gradient at a weight and a bias."""
    w, b, x0, target = number("w", w), number("b", b), number("x0", x0), number("target", target)
    return _point(w, b, x0, whole("T", T, 1, _LARGEST), target)


def bifurcation_edges(w: float) -> tuple[float, ...]:
    """The biases between which the unit x = w σ(x) + b has three fixed points, the larger first; none for w ≤ 4.

    At an edge two of them meet: the line x − b touches w σ(x), so w σ′(x) = 1. With σ′ = s (1 − s) that is a
    quadratic equation for s = σ(x), and b = x − w s."""
    w = number("w", w)
    if w <= 4:
        return ()
    root = math.sqrt(1 - 4 / w)
    return tuple(math.log(s / (1 - s)) - w * s for s in ((1 - root) / 2, (1 + root) / 2))


def error_surface(
    w: tuple[float, float] = (4.0, 7.0),
    b: tuple[float, float] = (-4.0, 0.5),
    *,
    x0: float = 0.5,
    T: int = 50,
    target: float = 0.7,
    points: int = 100,
    start: tuple[float, float] | None = (5.5, -2.4),
    rate: float = 0.5,
    clip: float = 0.2,
    steps: int = 100,
) -> ErrorSurface:
    """The error over a grid of weights and biases between the given ends, and from `start` two paths of gradient
    descent with the step size `rate`: as it is, and with gradients clipped to the norm `clip`.

    Clipping does not keep a path from crossing the wall. It lets no step be longer than `rate` times `clip`, and the
    path comes back at once; how far it is thrown without clipping, the last digits of the start decide."""
    T, points, steps = whole("T", T, 1), whole("points", points, 2), whole("steps", steps, 0, 10_000)
    if points * points * T > _LARGEST:
        raise OptionError(
            f"a surface of {points} × {points} points over {T} steps is {points * points * T:,} steps, and at most "
            f"{_LARGEST:,} are taken\n  mend: fewer points, or a smaller T"
        )
    x0, target, rate, clip = number("x0", x0), number("target", target), real("rate", rate), real("clip", clip)
    ws, bs = (np.linspace(*_ends(name, ends), points) for name, ends in (("w", w), ("b", b)))
    found = errors(*np.meshgrid(ws, bs), x0, T, target)
    wall = tuple(map(float, _wall(ws, bs, found.loss, (x0, T, target))))
    descents: list[Descent] = []
    if start is not None:
        first = number("start", start[0]), number("start", start[1])
        for threshold in (None, clip):
            descents.append(_descend(first, rate, threshold, steps, (x0, T, target)))
    loss, steepness = (tuple(tuple(map(float, row)) for row in rows) for rows in (found.loss, found.steepness))
    axes = tuple(map(float, ws)), tuple(map(float, bs))
    return ErrorSurface(*axes, loss, steepness, wall, tuple(descents), x0, T, target)


def _wall(w: Array, b: Array, loss: Array, how: tuple[float, int, float]) -> Array:
    """Where E changes most along b: between two points of the grid, and then in the half with the larger change."""
    jumps = np.abs(np.diff(loss, axis=0))
    place, across = jumps.argmax(axis=0), np.arange(w.size)
    low, high, below, above = b[place], b[place + 1], loss[place, across], loss[place + 1, across]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        there = errors(w, middle, *how).loss
        lower = np.abs(there - below) > np.abs(above - there)
        low, below = np.where(lower, low, middle), np.where(lower, below, there)
        high, above = np.where(lower, middle, high), np.where(lower, there, above)
    return np.where(np.abs(above - below) > _STEEP * (high - low), (low + high) / 2, math.nan)


def _ends(name: str, ends: tuple[float, float]) -> tuple[float, float]:
    lower, upper = number(name, ends[0]), number(name, ends[1])
    if not lower < upper:
        raise OptionError(f"{name} goes from {lower:g} to {upper:g}\n  mend: the smaller end first")
    return lower, upper


def _point(w: float, b: float, x0: float, T: int, target: float) -> Point:
    found: Errors = errors(np.asarray([w]), np.asarray([b]), x0, T, target)
    return Point(w, b, *(float(a[0]) for a in (found.loss, found.d_w, found.d_b)))


def _descend(
    start: tuple[float, float], rate: float, clip: float | None, steps: int, how: tuple[float, int, float]
) -> Descent:
    point = _point(*start, *how)
    path = [point]
    for _ in range(steps):
        factor = rate if clip is None or point.norm <= clip else rate * clip / point.norm
        point = _point(point.w - factor * point.d_w, point.b - factor * point.d_b, *how)
        path.append(point)
    return Descent(clip, rate, tuple(path))
