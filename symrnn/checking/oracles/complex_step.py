"""Complex step: ∂L/∂v = Im L(v + ih)/h with h = 1e-30. No difference is taken, so nothing cancels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..kit import Array
from .differences import slope_along
from .jolt import Jolt, jolts, tolerance
from .noise import loss_noise
from .problem import Arrays, Entry, Estimate, Problem, Refusal, estimates, random_direction, refused

NAME = "complex step"
_H = 1e-30
_UNIT = 2.0**-53


def by_complex_step(problem: Problem, entries: Sequence[Entry] | None = None, *, seed: int = 0) -> tuple[Estimate, ...]:
    """The slope of every entry, or of those given, with an error bar from the same steps under random rounding.

    It needs the analytic function beside the real line. A problem that is not known to give that is asked about one
    random direction of each array first, and compared with differences: `np.abs`, `np.linalg.norm` and `np.vdot` drop
    imaginary parts in silence.
    """
    chosen = problem.entries() if entries is None else list(entries)
    try:
        if not problem.sure:
            _compare_with_differences(problem, seed)
        values: list[tuple[Sequence[Entry], Array]] = []
        smooth: list[tuple[Sequence[Entry], Array]] = []
        for chunk in problem.chunks(chosen):
            slopes, same = _slopes(problem, chunk, None)
            values.append((chunk, slopes))
            smooth.append((chunk, np.broadcast_to(same, slopes.shape) & np.isfinite(slopes)))
    except Refusal as refusal:
        return refused(NAME, problem, str(refusal))

    def measured() -> list[tuple[Sequence[Entry], Array]]:
        return [(chunk, _spread(problem, chunk, slopes, seed)) for chunk, slopes in values]

    return estimates(NAME, problem, values, measured, smooth)


def _slopes(problem: Problem, entries: Sequence[Entry], jolt: Jolt | None, h: float = _H) -> tuple[Array, Array]:
    losses = problem.moved(entries, np.full(len(entries), 1j * h), jolt)
    return np.imag(losses.values) / h, losses.smooth


def _spread(problem: Problem, entries: Sequence[Entry], slopes: Array, seed: int) -> Array:
    """The largest deviation under random rounding, the last of which is that of the slope itself; and what h² bends,
    seen by doubling h, which is all there is where the slope is zero."""
    bent = np.abs(_slopes(problem, entries, None, 2 * _H)[0] - slopes)
    largest = np.zeros(slopes.shape)
    for jolt in jolts(seed, _UNIT):
        largest = np.maximum(largest, np.abs(_slopes(problem, entries, jolt)[0] - slopes))
    return tolerance(largest) + _UNIT * np.abs(slopes) + bent


def _compare_with_differences(problem: Problem, seed: int) -> None:
    """Refuse, unless the slope along one random direction of each array is what differences say."""
    noise = loss_noise(problem, seed)
    for number, (key, array) in enumerate(problem.arrays.items()):
        if not array.size:
            continue
        direction: Arrays = {key: random_direction(array, (seed, number))}
        mine = np.imag(problem.along(direction, np.array([1j * _H])).values[:, 0]) / _H
        theirs, bars = slope_along(problem, direction, seed, noise=noise)
        apart = np.argwhere(~(np.abs(mine - theirs) <= bars) | ~np.isfinite(bars))
        if apart.size:
            k = tuple(int(i) for i in apart[0])
            name = key[1]
            if not np.isfinite(bars[k]):
                raise Refusal(f"differences along a random direction of {name} meet a kink, and cannot vouch for it")
            raise Refusal(
                f"along a random direction of {name} it says {mine[k]:.10g}, and differences say {theirs[k]:.10g} "
                f"± {bars[k]:.0e}: the function is not analytic, or drops imaginary parts"
            )
