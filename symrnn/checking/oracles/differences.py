"""Differences: the slope of a loss from its values on both sides, with a step that is measured and an honest error bar.

Two errors pull apart: a long step bends away from the slope (by Chʳ for a stencil of order r), a short one drowns in
rounding (by noise/h). Both are measured, the first from the same stencil at twice the step, the second by `noise`, so
the step at which they balance can be computed from a first try, for every entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..kit import Array
from .noise import loss_noise
from .problem import Arrays, Entry, Estimate, Losses, Problem, estimates

# Central stencils: half the weights of values at 1, 2, … steps, whose mirror images have the opposite sign.
_WEIGHTS = {5: (2 / 3, -1 / 12), 7: (3 / 4, -3 / 20, 1 / 60)}
NAMES = {5: "five-point", 7: "seven-point"}
# The loss's noise is a standard deviation: this many of them bound it.
_DEVIATIONS = 6.0
_FIRST, _SHORTEST, _LONGEST = 2.0**-8, 2.0**-40, 2.0**-2
_TRIES = 6

Move = Callable[[Array, Array], Losses]
"""Losses of the moves with the given numbers, each made by its own step."""


@dataclass(frozen=True, slots=True, eq=False)
class _Slopes:
    """Slopes and bars by upstream, move and lane, and whether the moves stayed clear of kinks."""

    values: Array
    bars: Array
    smooth: Array


def by_differences(
    problem: Problem, entries: Sequence[Entry] | None = None, *, points: int = 5, seed: int = 0
) -> tuple[Estimate, ...]:
    """The slope of every entry, or of those given, from `points` (5 or 7) values around it."""
    chosen = problem.entries() if entries is None else list(entries)
    at, noise = problem.at().values, loss_noise(problem, seed)
    found: list[tuple[Sequence[Entry], _Slopes]] = []
    for chunk in problem.chunks(chosen):
        scales = np.array([problem.scale(entry) for entry in chunk])
        found.append((chunk, _measure(_mover(problem, chunk), scales, at, noise, points)))
    return _as_estimates(NAMES[points], problem, found)


def slope_along(
    problem: Problem, direction: Arrays, seed: int, *, points: int = 7, noise: Array | None = None
) -> tuple[Array, Array]:
    """The slope along one direction and its error bar, by upstream and lane; `noise` if it is known already."""
    noise = loss_noise(problem, seed) if noise is None else noise
    slopes, bars = slopes_along(problem, [direction], noise, points=points)
    return slopes[:, 0], bars[:, 0]


def slopes_along(
    problem: Problem, directions: Sequence[Arrays], noise: Array, *, points: int = 7
) -> tuple[Array, Array]:
    """The same along many directions, which are looked at side by side: by upstream, direction and lane."""
    at, size = problem.at().values, problem.together
    found: list[_Slopes] = []
    for start in range(0, len(directions), size):
        part = directions[start : start + size]

        def move(moves: Array, steps: Array, part: Sequence[Arrays] = part) -> Losses:
            return problem.along_each([part[p] for p in moves], steps)

        found.append(_measure(move, np.ones(len(part)), at, noise, points))
    return np.concatenate([s.values for s in found], axis=1), np.concatenate([s.bars for s in found], axis=1)


def _mover(problem: Problem, chunk: Sequence[Entry]) -> Move:
    return lambda moves, steps: problem.moved([chunk[p] for p in moves], steps)


def _as_estimates(
    name: str, problem: Problem, found: Sequence[tuple[Sequence[Entry], _Slopes]]
) -> tuple[Estimate, ...]:
    values, bars, smooth = (
        [(chunk, getattr(slopes, part)) for chunk, slopes in found] for part in ("values", "bars", "smooth")
    )
    return estimates(name, problem, values, lambda: bars, smooth)


# Stencils ----------------------------------------------------------------------------------------------------


def _measure(move: Move, scales: Array, at: Array, noise: Array, points: int) -> _Slopes:
    """A first step for every move, from it the best one, and shorter ones where a kink is in the way."""
    upstreams, _, lanes = at.shape
    shape = (upstreams, len(scales), lanes)
    best = _Slopes(np.zeros(shape), np.full(shape, np.inf), np.zeros(shape, dtype=bool))
    h = _power_of_two(_FIRST * scales)
    open_moves = np.arange(len(scales))
    for attempt in range(_TRIES):
        found, wanted = _stencil(move, open_moves, h[open_moves], at, noise, points)
        better = found.bars < best.bars[:, open_moves]
        for kept, new in ((best.values, found.values), (best.bars, found.bars), (best.smooth, found.smooth)):
            kept[:, open_moves] = np.where(better, new, kept[:, open_moves])
        previous = h[open_moves]
        shortest, longest = _SHORTEST * scales[open_moves], _LONGEST * scales[open_moves]
        # Where nothing depends on the entry, as in `0 * h`, no step is too short.
        h[open_moves] = np.clip(_power_of_two(np.maximum(wanted, shortest)), shortest, longest)
        # The balance is struck once; after that, only what is in the way is shortened further.
        open_moves = open_moves[h[open_moves] != previous if attempt == 0 else h[open_moves] < previous]
        if not open_moves.size:
            break
    return best


def _power_of_two(steps: Array) -> Array:
    """Steps that do not round the numbers to which they are added more than these are rounded already."""
    with np.errstate(divide="ignore"):  # no step at all is lengthened to the shortest
        return 2.0 ** np.round(np.log2(steps))


def _stencil(move: Move, moves: Array, h: Array, at: Array, noise: Array, points: int) -> tuple[_Slopes, Array]:
    """Slopes with steps h, beside those with 2h, and the steps that would balance both errors."""
    weights = _WEIGHTS[points]
    reach = len(weights)
    nodes = sorted({*range(1, reach + 1), *range(2, 2 * reach + 1, 2)})
    smooth = np.array(True)
    odd: dict[int, Array] = {}
    even: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for node in nodes:
            up, down = move(moves, node * h), move(moves, -node * h)
            odd[node], even[node] = up.values - down.values, up.values + down.values - 2 * at
            smooth = smooth & up.smooth & down.smooth & np.isfinite(odd[node])
        width = h[None, :, None]
        fine = sum(w * odd[k + 1] for k, w in enumerate(weights)) / width
        coarse = sum(w * odd[2 * k + 2] for k, w in enumerate(weights)) / (2 * width)
        bend = np.abs(fine - coarse)
        drown = _DEVIATIONS * noise[:, None, :] * 2 * sum(map(abs, weights)) / width
        smooth = smooth & ~_jumps(even, width, noise[:, None, :])
        bars = np.where(smooth, bend + drown, np.inf)
        # bend = Chʳ and drown = D/h are equal in order where (r + 1) log h gives both the same slope.
        order = 2 * reach
        ratio = (drown / np.maximum(order * bend, 1e-300)) ** (1 / (order + 1))
        ratio = np.where(smooth, ratio, 1 / 16)
    # A move serves all upstreams and lanes at once: the shortest step that one of them asks for.
    return _Slopes(fine, bars, np.broadcast_to(smooth, fine.shape)), h * ratio.min(axis=(0, 2))


def _jumps(even: dict[int, Array], width: Array, noise: Array) -> Array:
    """Whether the slope jumps at the point itself, where central differences see nothing of it.

    The slope on the right less that on the left is (L(h) + L(−h) − 2L(0))/h = J + hL″ + h³L⁗/12 + …; the combination of
    steps h, 2h and 4h keeps the jump J alone.
    """
    first, second, fourth = (even[k] / (k * width) for k in (1, 2, 4))
    near, far = 2 * first - second, 2 * second - fourth
    jump = (8 * near - far) / 7
    floor = _DEVIATIONS * noise * 12 / width
    return np.abs(jump) > np.maximum(floor, np.abs(far - near))


# Richardson --------------------------------------------------------------------------------------------------

_ROWS = 8


def by_extrapolation(
    problem: Problem, entries: Sequence[Entry] | None = None, *, seed: int = 0
) -> tuple[Estimate, ...]:
    """Richardson's table (Ridders 1982): central differences with steps h, h/2, h/4, …, extrapolated to step zero.

    Ridders takes the entry of the table that differs least from its neighbours, and that difference for its error:
    the smallest of many random numbers, so too small as often as not. Here the rounding of every entry of the table,
    which is a known combination of losses, counts too.
    """
    chosen = problem.entries() if entries is None else list(entries)
    at, noise = problem.at().values, loss_noise(problem, seed)
    found: list[tuple[Sequence[Entry], _Slopes]] = []
    for chunk in problem.chunks(chosen):
        scales = np.array([problem.scale(entry) for entry in chunk])
        found.append((chunk, _table(_mover(problem, chunk), scales, at, noise)))
    return _as_estimates("Richardson", problem, found)


@cache
def _combinations() -> tuple[tuple[Array, ...], ...]:
    """Every entry of the table as weights of the central differences of the first column."""
    table: list[list[Array]] = []
    for row in range(_ROWS):
        line = [np.eye(_ROWS)[row]]
        for column in range(1, row + 1):
            factor = 4.0**column
            line.append((factor * line[column - 1] - table[row - 1][column - 1]) / (factor - 1))
        table.append(line)
    return tuple(map(tuple, table))


def _table(move: Move, scales: Array, at: Array, noise: Array) -> _Slopes:
    """The best entry of each move's table; where a kink or the end of the domain is in the way, of one nearer by."""
    shape = (at.shape[0], len(scales), at.shape[2])
    best = _Slopes(np.zeros(shape), np.full(shape, np.inf), np.zeros(shape, dtype=bool))
    moves = np.arange(len(scales))
    for shrink in (2.0**-2, 2.0**-9, 2.0**-16):
        found = _one_table(move, moves, shrink * _power_of_two(scales[moves]), at, noise)
        better = found.bars < best.bars[:, moves]
        for part in ("values", "bars", "smooth"):
            kept = getattr(best, part)
            kept[:, moves] = np.where(better, getattr(found, part), kept[:, moves])
        moves = moves[np.isinf(best.bars[:, moves]).any(axis=(0, 2))]
        if not moves.size:
            break
    return best


def _one_table(move: Move, moves: Array, first: Array, at: Array, noise: Array) -> _Slopes:
    h = [first * 2.0**-row for row in range(_ROWS)]
    central: list[Array] = []
    even: list[Array] = []
    smooth: list[Array] = []
    with np.errstate(all="ignore"):
        for step in h:
            up, down = move(moves, step), move(moves, -step)
            central.append((up.values - down.values) / (2 * step[None, :, None]))
            even.append(up.values + down.values - 2 * at)
            smooth.append(up.smooth & down.smooth & np.isfinite(central[-1]))
        table = _combinations()
        values = [[np.tensordot(w, np.stack(central), 1) for w in line] for line in table]
        best = _Slopes(np.zeros_like(central[0]), np.full(central[0].shape, np.inf), np.zeros(central[0].shape, bool))
        for row in range(2, _ROWS):
            three = {4: even[row - 2], 2: even[row - 1], 1: even[row]}
            jump = _jumps(three, h[row][None, :, None], noise[:, None, :])
            for column in range(1, row + 1):
                # Only rows from `row - column` on take part in this entry.
                clear = np.logical_and.reduce(smooth[row - column :]) & ~jump
                mine = values[row][column]
                bend = np.maximum(np.abs(mine - values[row][column - 1]), np.abs(mine - values[row - 1][column - 1]))
                drown = sum(
                    abs(w) * _DEVIATIONS * noise[:, None, :] / h[k][None, :, None]
                    for k, w in enumerate(table[row][column])
                    if w
                )
                bars = np.where(clear, bend + drown, np.inf)
                better = bars < best.bars
                for kept, new in ((best.values, mine), (best.bars, bars), (best.smooth, clear)):
                    kept[...] = np.where(better, new, kept)
    return best
