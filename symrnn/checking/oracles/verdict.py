"""Agree, disagree or unresolved: a computed array beside what an oracle says of it, entry by entry.

An entry agrees when it is off by no more than its own tolerance and the oracle's error bar together. An oracle that
knows less than half of a number's digits is no witness: what it says of such an entry is neither for nor against. The
same goes for an entry whose own rounding leaves less than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..kit import Array, largest
from .problem import Arrays, Estimate, Key, typical

Verdict = Literal["agree", "disagree", "unresolved", "not finite"]


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """One array beside one oracle: the entries of which it could say something, the worst of them, and what is wrong.

    `asked` marks the entries that the oracle was asked about, `blind` those of them that it cannot resolve, `kinked`
    those that it cannot because of a kink, and `wrong` those that are off by more than is allowed. `ratio` is the worst
    entry's error in units of what is allowed.
    """

    oracle: str
    key: Key
    asked: Array
    blind: Array
    kinked: Array
    wrong: Array
    index: tuple[int, ...]
    computed: float
    expected: float
    error: float
    allowed: float
    bar: float
    ratio: float

    @property
    def verdict(self) -> Verdict:
        if self.wrong.any():
            return "disagree" if np.isfinite(self.computed) else "not finite"
        # Kinks are nobody's fault; where one is all there is, nothing was shown.
        seen = self.asked & ~self.blind
        return "agree" if seen.any() and not (self.blind & ~self.kinked).any() else "unresolved"


def judge(key: Key, computed: Array, estimate: Estimate, tolerance: Array, resolution: float) -> Judgement:
    """The judgement on an array by what one oracle estimates; `resolution` is the widest error bar of a witness."""
    return judge_values(
        estimate.oracle, key, computed, estimate.values[key], tolerance, estimate.errors[key], resolution,
        estimate.kinked.get(key),
    )  # fmt: skip


def judge_values(
    oracle: str,
    key: Key,
    computed: Array | float,
    expected: Array | float,
    tolerance: Array | float,
    bars: Array | float,
    resolution: float,
    kinked: Array | None = None,
) -> Judgement:
    """The same, with values and error bars given."""
    computed, expected, tolerance, bars = (np.asarray(given) for given in (computed, expected, tolerance, bars))
    kinks = np.zeros(expected.shape, dtype=bool) if kinked is None else kinked
    asked = np.isfinite(expected) | kinks
    known = np.isfinite(tolerance) & (tolerance <= resolution) & (bars <= np.maximum(resolution, tolerance))
    blind = asked & (kinks | ~known)
    seen = asked & ~blind
    with np.errstate(all="ignore"):
        error = np.abs(computed - expected)
        allowed = tolerance + bars
        ratios = np.where(error == 0, 0.0, error / allowed)
    # A number that is missing is wrong, whatever the oracle can see.
    missing = ~np.isfinite(computed)
    ratios = np.where(missing, np.inf, np.where(seen, ratios, -1.0))
    wrong = missing | (seen & (ratios > 1))
    if not ratios.size:
        return Judgement(oracle, key, asked, blind, kinks, wrong, (), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    index = largest(ratios)
    numbers = (float(array[index]) for array in (computed, expected, error, allowed, bars))
    ratio = max(0.0, float(ratios[index]))
    return Judgement(oracle, key, asked, blind, kinks, wrong, index, *numbers, ratio=ratio)


def resolutions(arrays: Arrays, values: Arrays, unit: float, loss: float) -> Mapping[Key, float]:
    """The widest error bar of a witness for each array: half of the digits of the loss, or of the largest effect on it
    that a move of an array by its typical size has, whichever is more."""
    sizes = {key: typical(array) or 1.0 for key, array in arrays.items()}
    effects = [float(np.nanmax(np.abs(values[key]), initial=0.0)) * sizes[key] for key in values if values[key].size]
    largest = max([abs(loss), *(effect for effect in effects if np.isfinite(effect))])
    return {key: unit**0.5 * largest / sizes[key] for key in arrays}
