"""From the spread of perturbed runs to what an entry may be off.

The program runs K times, every operation rounding at random; s is the root mean square of an entry's deviations. If a
right program's error e is distributed as they are, e/s has Student's t distribution with K degrees of freedom, which
says how many times s an error rate allows: F = 8 with K = 24 raises a false alarm once in 30 million entries. Right
programs are not quite so distributed (see `_REPEATED`), so F is the smaller part of the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .magnitude import magnitude_of, trace_helpers, traced
from .passes import Array, Key, Passes, Running
from .perturbed import Noise, perturb_helpers, perturbed

RUNS = 24
CONFIDENCE = 3e7
"""Entries of right code for one false alarm."""

SINGLE = 2.0**-24
# What a sum is off, as a part of its absolute terms: a random walk's steps, whatever the number of terms.
_WALK = 2.0
# A run in float64 hardly shows roundings of its own size: they are made a little larger and the spread scaled back. Not
# much larger, or a run in which errors grow until they fill the values would show less growth than there is.
_VISIBLE = 2.0**-51
# Perturbed roundings are independent; those of a program may repeat themselves from step to step and add up. That would
# explain, and has not been shown to be, why right code was off by 9 s where other right code was off by 0.7 s (mgu, 88
# steps, small weights). The room is chosen by that case, not derived.
_REPEATED = 2.5
# A row shows its rounding only once, and less coarsely than a perturbed run (0.75 s): with this the two allow the same.
_ONCE = 1.3
# Beyond so many roundings of a row's values, what float32 shows is no measure of what another type does.
_LINEAR = 2.0**10
_TYPES = (np.float16, np.float32, np.float64)


def factor(confidence: float) -> float:
    """How many times the deviations' root mean square an entry may be off, for one false alarm in so many entries."""
    low, high = 0.0, 1.0
    while tail(high) * confidence > 1:
        low, high = high, 2.0 * high
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if tail(middle) * confidence > 1 else (low, middle)
    return high


def tail(ratio: float, degrees: int = RUNS) -> float:
    """P(|t| > ratio) for Student's t with an even number of degrees of freedom, in closed form."""
    sine, square = ratio / math.hypot(ratio, math.sqrt(degrees)), degrees / (degrees + ratio * ratio)
    terms, term = 0.0, 1.0
    for k in range(2, degrees + 1, 2):
        terms, term = terms + term, term * square * (k - 1) / k
    return max(1.0 - sine * terms, 0.0)


def range_of(unit: float) -> tuple[float, float]:
    """The smallest normal and the largest number of the type with a unit roundoff; float64's if there is none."""
    kind = next((kind for kind in _TYPES if float(np.finfo(kind).eps) / 2 == unit), np.float64)
    return float(np.finfo(kind).tiny), float(np.finfo(kind).max)


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """A program, what enters it from below and from above, and the `values` that it computes in float64."""

    passes: Passes
    given: Mapping[Key, Array]
    outputs: Mapping[str, Array]
    final: Mapping[str, Array]
    values: Mapping[Key, Array]
    seed: tuple[int, ...]
    confidence: float

    def magnitudes(self) -> dict[Key, Array]:
        """For every entry the sum of the absolute terms that it is the sum of."""
        found = self._run(self.passes.with_helpers(trace_helpers), traced)
        return {key: magnitude_of(array) for key, array in found.items()}

    def quick(self, unit: float) -> dict[Key, Array]:
        """What the program is off in float32, scaled to another unit: one sample of the rounding of each entry, and the
        entries of a row, which come from the same vectors, give its root mean square. An error that is no larger than
        a tolerance would be asks for no more; where float32 saturates, little passes."""
        found = self._run(self.passes.with_helpers(lambda _: {}), _single)
        scale = _REPEATED * factor(self.confidence) * _ONCE * unit
        tolerances: dict[Key, Array] = {}
        with np.errstate(all="ignore"):
            for key, value in self.values.items():
                size = _row(value)
                rounding = np.fmin(_row(found[key] - value) / SINGLE, _LINEAR * size) if size.any() else size
                tolerances[key] = np.broadcast_to(np.maximum(scale * rounding, 0.0), value.shape)
        return tolerances

    def tolerances(self, unit: float, magnitudes: Mapping[Key, Array]) -> dict[Key, Array]:
        """For every entry `factor(confidence)` times its deviations' root mean square in perturbed runs, with room for
        roundings that repeat themselves, and never less than what its last sum alone explains; infinite where a run
        left the finite numbers."""
        coarse, smallest = max(unit, _VISIBLE), range_of(unit)[0]
        program = self.passes.with_helpers(perturb_helpers)
        largest = {key: np.zeros(value.shape) for key, value in self.values.items()}
        squares = {key: np.zeros(value.shape) for key, value in self.values.items()}
        for generator in np.random.default_rng(self.seed).spawn(RUNS):
            noise = Noise(generator, coarse, smallest)
            found = self._run(program, lambda array, noise=noise: perturbed(noise.entering(array), noise))
            for key, value in self.values.items():
                with np.errstate(all="ignore"):
                    deviation = np.abs(np.asarray(found[key]) - value)
                _add_square(largest[key], squares[key], np.where(np.isnan(deviation), np.inf, deviation))
        scale = _REPEATED * factor(self.confidence) * unit / coarse
        tolerances: dict[Key, Array] = {}
        for key, top in largest.items():
            spread = np.where(np.isinf(top), np.inf, top * np.sqrt(squares[key] / RUNS))
            tolerances[key] = np.maximum(scale * spread, _WALK * unit * magnitudes[key]) + smallest
        return tolerances

    def _run(self, program: Running, enter: Callable[[Array], Array]) -> dict[Key, Array]:
        found, tape = program.forward({key: enter(array) for key, array in self.given.items()})
        outputs, final = ({name: enter(g) for name, g in of.items()} for of in (self.outputs, self.final))
        return found | program.backward(tape, outputs, final)


def _single(array: Array) -> Array:
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _add_square(largest: Array, squares: Array, deviation: Array) -> None:
    """Squares in units of the largest one so far: those of small numbers would vanish."""
    top = np.maximum(largest, deviation)
    with np.errstate(all="ignore"):
        kept, added = np.where(top > 0, largest / top, 0.0), np.where(top > 0, deviation / top, 0.0)
    squares *= kept * kept
    squares += added * added
    largest[...] = top


def _row(array: Array) -> Array:
    """The root mean square of every row, without overflow; zero where it is not finite."""
    if not array.ndim or not array.size:
        return np.abs(np.asarray(array, dtype=float))
    top = np.abs(array).max(axis=-1, keepdims=True)
    top = np.where((top > 0) & np.isfinite(top), top, 1.0)
    size = top * np.sqrt(np.square(array / top).mean(axis=-1, keepdims=True))
    return np.where(np.isfinite(size), size, 0.0)
