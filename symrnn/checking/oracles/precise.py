"""Numbers of any precision: the last word on an entry about which others disagree.

The meaning of a cell is walked once more, on mpmath's numbers, and its slope taken by differences: with 50 digits a
step of 1e-17 leaves some 30 of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..digits import numbers_of
from ..kit import Array, Kit
from .problem import Entry, Estimate, Problem, estimates, refused

DIGITS = 50


def exactly(array: Array, numbers: Kit) -> Array:
    """Floating-point numbers as the numbers that they are, in an array of objects."""
    converted = np.empty(array.shape, dtype=object)
    for index in np.ndindex(*array.shape):
        converted[index] = numbers.constant(Fraction(float(array[index])))
    return converted


def by_high_precision(
    problem: Problem, entries: Sequence[Entry] | None = None, *, digits: int = DIGITS
) -> tuple[Estimate, ...]:
    """The slope of every entry, or of those given, from two values of many digits, one entry at a time."""
    name = f"{digits} digits"
    if problem.precise is None:
        return refused(name, problem, "only what symrnn can read may be computed with other kinds of number")
    numbers = numbers_of(digits)
    losses_of = problem.precise(numbers)
    values: list[tuple[Sequence[Entry], Array]] = []
    bars: list[tuple[Sequence[Entry], Array]] = []
    smooth: list[tuple[Sequence[Entry], Array]] = []
    still = {key: exactly(array[None], numbers) for key, array in problem.arrays.items()}
    for entry in problem.entries() if entries is None else entries:
        slopes: list[Array] = []
        clear = np.array(True)
        # The bend of a central difference goes with the square of its step: three times of it is seen by doubling it.
        for step in (10.0 ** -(digits // 3), 2 * 10.0 ** -(digits // 3)):
            h = numbers.constant(Fraction(step * problem.scale(entry)))
            sides: list[Array] = []
            for sign in (1, -1):
                moved = {**still, entry.key: still[entry.key].copy()}
                moved[entry.key][(0, *problem.place(entry))] += sign * h
                losses = losses_of(moved)
                sides.append(losses.values)
                clear = clear & losses.smooth
            slopes.append((sides[0] - sides[1]) / (2 * h))
        shape = (problem.upstreams, 1, problem.lanes)
        fine, coarse = (np.broadcast_to(slope, shape).astype(float) for slope in slopes)
        rest = np.broadcast_to(np.abs(slopes[0] - slopes[1]), shape).astype(float)
        values.append(([entry], fine))
        # What is handed on is a float64, rounded once.
        bars.append(([entry], rest + 2.0**-53 * np.abs(fine)))
        smooth.append(([entry], np.broadcast_to(clear, shape) & np.isfinite(fine) & np.isfinite(coarse)))
    return estimates(name, problem, values, lambda: bars, smooth)
