"""How noisy a loss is: what rounding does to its last digits, measured from its values alone.

Along a line a smooth function is a polynomial for all that a short stretch can show, and differences of high order
make nothing of a polynomial. What they leave is rounding, amplified by a known factor: the k-th difference of
independent noise of variance s² has the variance s² C(2k, k) (Hamming; Moré & Wild 2011).
"""

from __future__ import annotations

import math

import numpy as np

from ..kit import Array
from .problem import Problem, random_direction

_POINTS = 10
_LINES = 3
_ORDERS = (5, 6, 7)
# Stretches short enough for smooth functions, and long enough to move a number of float32 by several of its steps.
_STRETCHES = (2.0**-20, 2.0**-26)


def loss_noise(problem: Problem, seed: int) -> Array:
    """The standard deviation of a loss's rounding, by upstream and lane; at least the last bit of the loss. The least
    of some lines: one that crosses a kink is bent, and looks noisier than it is."""
    return np.min([_along_a_line(problem, (seed, line)) for line in range(_LINES)], axis=0)


def _along_a_line(problem: Problem, seed: tuple[int, ...]) -> Array:
    direction = {key: random_direction(array, (*seed, k)) for k, (key, array) in enumerate(problem.arrays.items())}
    # Points on one side: a kink on which the problem sits is at the end of the line.
    steps = np.concatenate([stretch * np.arange(1.0, _POINTS + 1.0) for stretch in _STRETCHES])
    losses = problem.along(direction, steps).values
    found = [2.0**-53 * np.abs(losses).max(axis=1)]
    for values in np.split(losses, len(_STRETCHES), axis=1):
        for order in _ORDERS:
            rest = np.diff(values, n=order, axis=1)
            found.append(np.sqrt(np.mean(rest * rest, axis=1) / math.comb(2 * order, order)))
    return np.max(found, axis=0)
