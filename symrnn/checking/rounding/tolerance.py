"""From the spread of perturbed runs to what an entry may be off.

The program runs K times, every operation rounding at random; s is the root mean square of an entry's deviations. If a
right program's error e is distributed as they are, e/s has Student's t distribution with K degrees of freedom, which
says how many times s an error rate allows: F = 8 with K = 24 raises a false alarm once in 30 million entries. Right
programs round to the nearest number, which is off by less than ξ: that is left as room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .magnitude import magnitude_of, trace_helpers, traced
from .passes import Array, Key, Passes, Runs
from .perturbed import Noise, perturb_helpers, perturbed

RUNS = 24
FIRST = 8
"""So many of the runs come first: they are enough where no entry is off by more than half of what they allow."""
CONFIDENCE = 3e7
"""Entries of right code for one false alarm."""

SINGLE = 2.0**-24
# What a sum is off, as a part of its absolute terms: a random walk's steps, whatever the number of terms.
_WALK = 2.0
# A run in float64 hardly shows roundings of its own size: they are made a little larger and the spread scaled back. Not
# much larger, or a run in which errors grow until they fill the values would show less growth than there is.
_VISIBLE = 2.0**-51
# One run in float32 is off less than perturbed runs are (0.75 s): with this the two allow the same.
_ONCE = 1.3
# So many roundings of its own value are no error, however exact its row and column are.
_OWN = 8.0
# One sample may mislead: an entry may be off by so many times as much, as long as that is not many roundings of its own
# value. So few entries do not show each other's scale at all: of them, all must be as close as that.
_WIDER, _CLOSE, _FEW = 4.0, 500.0, 100
# Beyond so many roundings of a row's values, what float32 shows is no measure of what another type does.
_LINEAR = 2.0**6
# A mean of few squares says little: it counts together with so many of the whole array's.
_LEAN = 4.0
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
    """A program, what enters it from below and from above, and the `values` that it computes in float64. A gradient is
    the sum of `terms` terms: one for each step of each sequence."""

    passes: Passes
    given: Mapping[Key, Array]
    outputs: Mapping[str, Array]
    final: Mapping[str, Array]
    values: Mapping[Key, Array]
    seed: tuple[int, ...]
    confidence: float
    terms: int

    def magnitudes(self) -> dict[Key, Array]:
        """For every entry the sum of the absolute terms that it is the sum of."""
        found = self.run(self.passes.with_helpers(trace_helpers), traced)
        return {key: magnitude_of(array) for key, array in found.items()}

    def quick(self, unit: float) -> dict[Key, Array]:
        """What the program is off in float32, scaled to another unit: one sample of the rounding of each entry. The
        entries of a row come from the same vectors, and so do those of a column: the root mean squares of both give
        the scale of an entry, as if its variance were a product. An error that is no larger than a tolerance would be
        asks for no more; where float32 saturates, little passes."""
        found = self.run(self.passes.with_helpers(lambda _: {}), _single)
        scale = factor(self.confidence) * _ONCE * unit
        tolerances: dict[Key, Array] = {}
        with np.errstate(all="ignore"):
            for key, value in self.values.items():
                size = np.abs(value)
                allowed = product_scale(found[key] - value, scale / SINGLE)
                np.fmin(allowed, product_scale(value, scale * _LINEAR), out=allowed)
                tolerance = np.fmin(_WIDER * allowed, _CLOSE * unit * size)
                if size.size > _FEW:
                    np.fmax(tolerance, allowed, out=tolerance)
                tolerances[key] = np.maximum(tolerance, _OWN * unit * size)
        return tolerances

    def perturb(self, unit: float) -> Spread:
        """Perturbed runs of the program, none of them run yet."""
        largest = {key: np.zeros(value.shape) for key, value in self.values.items()}
        return Spread(self, unit, largest, {key: zeros.copy() for key, zeros in largest.items()})

    def tolerances(self, spread: Spread, magnitudes: Mapping[Key, Array]) -> dict[Key, Array]:
        """For every entry `factor(confidence)` times its deviations' root mean square in perturbed runs, and never less
        than what its last sum alone explains; infinite where a run left the finite numbers."""
        scale, smallest = factor(self.confidence) * spread.unit, range_of(spread.unit)[0]
        return {
            key: np.maximum(scale * size, _WALK * spread.unit * magnitudes[key]) + smallest
            for key, size in spread.sizes().items()
        }

    def run(self, program: Runs, enter: Callable[[Array], Array]) -> dict[Key, Array]:
        found, tape = program.forward({key: enter(array) for key, array in self.given.items()})
        outputs, final = ({name: enter(g) for name, g in of.items()} for of in (self.outputs, self.final))
        return found | program.backward(tape, outputs, final)


@dataclass(slots=True, eq=False)
class Spread:
    """How far perturbed runs were off so far: for every entry the largest deviation, and the sum of all squares in
    units of it, as those of small numbers would vanish."""

    measurement: Measurement
    unit: float
    largest: dict[Key, Array]
    squares: dict[Key, Array]
    runs: int = 0

    def extend(self, runs: int) -> None:
        """Run on until there are so many; each run has its own stream of noise."""
        of, smallest = self.measurement, range_of(self.unit)[0]
        program = of.passes.with_helpers(perturb_helpers)
        for generator in np.random.default_rng(of.seed).spawn(RUNS)[self.runs : runs]:
            noise = Noise(generator, self.coarse, smallest, of.terms)
            found = of.run(program, lambda array, noise=noise: perturbed(noise.entering(array), noise))
            for key, value in of.values.items():
                with np.errstate(all="ignore"):
                    deviation = np.abs(np.asarray(found[key]) - value)
                _add_square(self.largest[key], self.squares[key], np.where(np.isnan(deviation), np.inf, deviation))
            self.runs += 1

    @property
    def coarse(self) -> float:
        """The unit that the runs round with."""
        return max(self.unit, _VISIBLE)

    def sizes(self) -> dict[Key, Array]:
        """The root mean square of each entry's deviations, in units of the roundoff."""
        sizes: dict[Key, Array] = {}
        for key, top in self.largest.items():
            with np.errstate(invalid="ignore"):
                size = top * np.sqrt(self.squares[key] / self.runs) / self.coarse
            sizes[key] = np.where(np.isinf(top), np.inf, size)
        return sizes


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


def product_scale(array: Array, times: float = 1.0) -> Array:
    """How large an entry is by its row and its column: row times column over all, of their root mean squares, without
    overflow. Short rows and columns lean towards the whole. What is not finite counts as nothing."""
    rows = np.asarray(array, dtype=float).reshape(-1, array.shape[-1] if array.ndim else 1)
    top = max(rows.max(initial=0.0), -rows.min(initial=0.0))
    if not np.isfinite(top):
        rows = np.where(np.isfinite(rows), rows, 0.0)
        top = np.abs(rows).max(initial=0.0)
    if not top:
        return np.zeros(array.shape)
    if not 1e-100 < top < 1e100:
        rows, times = rows / top, times * top

    def mean(subscripts: str, count: int) -> Array:
        return (np.einsum(subscripts, rows, rows) / whole + _LEAN) / (count + _LEAN)

    whole = np.einsum("ij,ij->", rows, rows) / rows.size
    row, column = mean("ij,ij->i", rows.shape[1]), mean("ij,ij->j", rows.shape[0])
    return np.multiply.outer(times * np.sqrt(whole * row), np.sqrt(column)).reshape(array.shape)
