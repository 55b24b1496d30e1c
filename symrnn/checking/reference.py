"""What a right program computes, and how exactly any right program can know it.

A reference comes from the plain program of a derivation, in float64: values, the sums of absolute terms that the
values round by, and, once somebody needs them, tolerances measured by perturbed rounding. A comparison is entry by
entry; there is no relative tolerance to choose, only the unit roundoff of the type that the other program computes in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..derivation import Derivation
from ..errors import InputError, OptionError
from .kit import Array, largest
from .oracles import Key, Point, Upstream
from .rounding import CONFIDENCE, FIRST, RUNS, Measurement, Passes, Spread, plain_passes, range_of

FLOAT32, FLOAT64 = 2.0**-24, 2.0**-53
"""Unit roundoffs: half the distance from 1 to the next number."""

# So many roundings of the sum of its absolute terms are no error.
_SUM = 8.0

Verdict = Literal["agree", "disagree", "not finite", "unresolved"]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The forward pass and the gradients for one upstream, by array, in float64; and how exactly anybody can know them.

    Whatever costs more than the values is worked out when it is first asked for, and kept.
    """

    upstream: Upstream
    values: Mapping[Key, Array]
    _measurement: Measurement = field(repr=False)
    _known: dict[tuple[str, float], Mapping[Key, Array]] = field(default_factory=dict, repr=False)
    _spreads: dict[float, Spread] = field(default_factory=dict, repr=False)

    @property
    def magnitudes(self) -> Mapping[Key, Array]:
        """For every entry the sum of the absolute terms that it is the sum of."""
        return self._once("magnitudes", 0.0, self._measurement.magnitudes)

    def quick_tolerances(self, unit: float) -> Mapping[Key, Array]:
        """What an entry may be off without further questions: what its row and column are off in one run of a coarser
        type."""
        read_unit(unit)
        return self._once("quick", unit, lambda: self._measurement.quick(unit))

    def first_tolerances(self, unit: float) -> Mapping[Key, Array]:
        """What the first of the perturbed runs say that an entry may be off: half of it needs no more of them."""
        read_unit(unit)
        return self._once("first", unit, lambda: self._measured(unit, FIRST))

    def tolerances(self, unit: float) -> Mapping[Key, Array]:
        """What an entry may be off, from perturbed runs, for a unit roundoff. Infinite where rounding alone can lead to
        a number that is not finite."""
        read_unit(unit)
        return self._once("measured", unit, lambda: self._measured(unit, RUNS))

    def ways(self, unit: float) -> tuple[Callable[[], Mapping[Key, Array]], ...]:
        """The quick tolerances and the measured ones, each worked out when it is asked for."""
        return lambda: self.quick_tolerances(unit), lambda: self.tolerances(unit)

    def _measured(self, unit: float, runs: int) -> Mapping[Key, Array]:
        spread = self._spreads.setdefault(unit, self._measurement.perturb(unit))
        spread.extend(runs)
        return self._measurement.tolerances(spread, self.magnitudes)

    def _once(self, what: str, unit: float, work: Callable[[], Mapping[Key, Array]]) -> Mapping[Key, Array]:
        if (what, unit) not in self._known:
            self._known[what, unit] = work()
        return self._known[what, unit]


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """One array beside its reference; true when no entry is off by more than its tolerance.

    `wrong` marks the entries that are; `unknown` those of which nothing can be said, as the reference itself is not
    finite there or rounding alone may lead anywhere. `index` is the worst entry, in the canonical layout, and
    `ratio` its error in units of its tolerance, which perturbed runs have `measured`, unless a quick one was enough.
    """

    key: Key
    entries: int
    wrong: Array
    unknown: Array
    index: tuple[int, ...]
    computed: float
    expected: float
    error: float
    tolerance: float
    ratio: float
    measured: bool = True

    def __bool__(self) -> bool:
        return not self.wrong.any()

    @property
    def verdict(self) -> Verdict:
        """`not finite` where the worst wrong entry is no number at all; `unresolved` where nothing could be said of
        any entry."""
        if self:
            return "unresolved" if self.entries and self.unknown.all() else "agree"
        return "disagree" if np.isfinite(self.computed) else "not finite"


def build_references(
    derivation: Derivation,
    point: Point,
    upstreams: Sequence[Upstream],
    *,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> tuple[Reference, ...]:
    """A reference for every upstream; the forward pass is run once. `confidence` is the number of entries of right
    code for which one false alarm is accepted."""
    if not confidence >= 1:
        raise OptionError(f"confidence is the number of entries for one false alarm, at least 1, not {confidence}")
    return references_of(plain_passes(derivation), point.arrays(), upstreams, point.T * point.N, seed, confidence)


def references_of(
    passes: Passes,
    given: Mapping[Key, Array],
    upstreams: Sequence[Upstream],
    terms: int,
    seed: int,
    confidence: float = CONFIDENCE,
) -> tuple[Reference, ...]:
    """The same for a program that takes arrays of any class, and all that enters it; a gradient is a sum of `terms`."""
    program = passes.with_helpers(lambda _: {})
    forward, tape = program.forward(given)
    references: list[Reference] = []
    for number, upstream in enumerate(upstreams):
        outputs, final = upstream.outputs, upstream.final
        values = {**forward, **program.backward(tape, outputs, final)}
        measurement = Measurement(passes, given, outputs, final, values, (seed, number), confidence, terms)
        references.append(Reference(upstream, values, measurement))
    return tuple(references)


def compare(computed: Mapping[Key, Array], reference: Reference, unit: float) -> tuple[Agreement, ...]:
    """Every entry of what somebody computed in a type of the unit roundoff `unit`, beside the reference: one agreement
    for each array of `computed`. Where a quick test settles every entry, nothing is run."""
    read_unit(unit)
    arrays = {key: _readable(key, array, reference) for key, array in computed.items()}
    errors = {key: _error(array, reference.values[key], unit) for key, array in arrays.items()}
    tolerances, measured = reference.quick_tolerances(unit), False
    if not _settled(errors, tolerances, 1.0):
        tolerances = {key: np.maximum(tolerances[key], _SUM * unit * reference.magnitudes[key]) for key in errors}
    if not _settled(errors, tolerances, 1.0):
        tolerances, measured = reference.first_tolerances(unit), True
        if not _settled(errors, tolerances, 0.5):
            tolerances = reference.tolerances(unit)
    return tuple(
        agree(key, array, reference.values[key], errors[key], tolerances[key], measured=measured)
        for key, array in arrays.items()
    )


def _settled(errors: Mapping[Key, Array], tolerances: Mapping[Key, Array], part: float) -> bool:
    """Whether no entry is off by more than a part of its tolerance."""
    return all((error <= part * tolerances[key]).all() for key, error in errors.items())


def read_unit(unit: float) -> float:
    """A unit roundoff, or an error that says what one is."""
    if not 0 < unit < 0.5:
        raise OptionError(f"a unit roundoff is 2^-24 for float32 and 2^-53 for float64, not {unit!r}")
    return unit


def _readable(key: Key, array: Array, reference: Reference) -> Array:
    """An array that can be compared, as float64."""
    if key not in reference.values:
        known = ", ".join(" ".join(known) for known in reference.values)
        raise InputError(f"there is no {' '.join(key)} to compare with; there are: {known}")
    try:
        found = np.asarray(array, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{' '.join(key)} is not an array of real numbers: {error}") from None
    expected = reference.values[key].shape
    if found.shape != expected:
        raise InputError(f"{' '.join(key)} has the shape {found.shape}, and {expected} is right")
    return found


def _error(computed: Array, expected: Array, unit: float) -> Array:
    """Distances, infinite where a number is missing and NaN where there is nothing to compare with. A number that is
    too large for the type may have become an infinity of its sign."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(computed - expected)
    finite = np.isfinite(error)
    if finite.all():
        return error
    overflowed = np.isinf(computed) & (np.abs(expected) >= range_of(unit)[1]) & (np.sign(computed) == np.sign(expected))
    return np.select([~np.isfinite(expected), overflowed, ~finite], [np.nan, 0.0, np.inf], error)


def agree(
    key: Key, computed: Array, expected: Array, error: Array, tolerance: Array, *, measured: bool = True
) -> Agreement:
    """One array beside what is right, each entry with what it is off and what it may be off."""
    unknown = np.isnan(error) | np.isinf(tolerance)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.where(unknown | (error == 0), 0.0, error / tolerance)  # no error is none, also of no tolerance
    if not ratios.size:
        return Agreement(key, 0, ratios > 1, unknown, (), 0.0, 0.0, 0.0, 0.0, 0.0, measured)
    index = largest(ratios)
    numbers = (float(array[index]) for array in (computed, expected, error, tolerance, ratios))
    return Agreement(key, ratios.size, ratios > 1, unknown, index, *numbers, measured=measured)
