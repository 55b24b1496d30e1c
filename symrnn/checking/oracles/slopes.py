"""Slopes along random directions: for problems with more entries than anybody can move one by one.

A gradient g claims L(v + hd) = L(v) + h⟨g, d⟩ + O(h²). So the slope along d is measured, and what the claim leaves of
the loss, the Taylor remainder, is looked at: halving h makes it a quarter if g is right, and a half if it is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..kit import Array
from .differences import slopes_along
from .noise import loss_noise
from .problem import Arrays, Key, Problem, random_direction

NAME = "slopes"
_STEPS = 2.0 ** -np.arange(2.0, 14.0)
_CLEAR = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """One random direction of one array: the slope that a gradient claims, the one that was measured, its error bar,
    the sum of the claim's absolute terms, and the order of the Taylor remainder (2 where the gradient is right, 1 where
    it is not, NaN where the remainder is nothing but rounding)."""

    key: Key
    upstream: int
    direction: Array
    computed: float
    expected: float
    bar: float
    magnitude: float
    order: float

    def tolerance(self, entries: Array) -> float:
        """What the claim may be off when each entry of the gradient may be off by so much."""
        return float((entries * np.abs(self.direction)).sum()) + 2.0**-53 * self.magnitude * math.sqrt(entries.size)


def by_slopes(problem: Problem, gradients: tuple[Arrays, ...], *, seed: int = 0, directions: int = 1) -> list[Slope]:
    """Slopes for each array by itself, each upstream, and some directions; `gradients` are the claims, by upstream."""
    noise, at = loss_noise(problem, seed), problem.at().values
    chosen = [
        (key, random_direction(array, (seed, number, turn)))
        for number, (key, array) in enumerate(problem.arrays.items())
        for turn in range(directions if array.size else 0)
    ]
    if not chosen:
        return []
    slopes, bars = slopes_along(problem, [{key: direction} for key, direction in chosen], noise)
    found: list[Slope] = []
    for p, (key, direction) in enumerate(chosen):
        losses = problem.along({key: direction}, _STEPS).values
        for k, gradient in enumerate(gradients):
            terms = gradient[key] * direction
            claim = float(terms.sum())
            rests = np.abs((losses - at)[k].sum(axis=-1) - _STEPS * claim)
            order = _order(rests, float(noise[k].sum()))
            figures = float(slopes[k, p].sum()), float(bars[k, p].sum()), float(np.abs(terms).sum())
            found.append(Slope(key, k, direction, claim, *figures, order))
    return found


def _order(rests: Array, noise: float) -> float:
    """The slope of log remainder over log step where the remainder is well above rounding, at its smallest steps."""
    clear = np.flatnonzero(np.isfinite(rests) & (rests > _CLEAR * noise))
    if clear.size < 2:
        return math.nan
    last = clear[-3:]
    return float(np.polyfit(np.log2(_STEPS[last]), np.log2(rests[last]), 1)[0])
