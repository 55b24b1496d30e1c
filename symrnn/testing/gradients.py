"""`assert_gradients`: any NumPy function with a hand-written gradient, against oracles that know nothing of either."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checking.check import choose_entries
from ..checking.oracles import (
    Entry,
    Estimate,
    Judgement,
    Key,
    Problem,
    by_complex_step,
    by_differences,
    by_extrapolation,
    by_slopes,
    function_problem,
    judge,
    judge_values,
    resolutions,
)
from ..checking.oracles.functions import GROUP, call_jolted
from ..checking.oracles.jolt import jolts
from ..checking.oracles.jolt import tolerance as rounding_of
from ..checking.report import CheckReport, Deviation, gather
from ..errors import GradientError, InputError
from .subject import Array, Arrays, Subject, copies, name_of, read_subject

ENTRIES = 2000
"""As many entries are moved one by one unless told otherwise."""
_DISPUTED = 32
_MOVES = (2.0**-10, 2.0**-8, 2.0**-6)
# How much larger than rounding a jolt is: in narrow types, not so large that the response bends.
_GAINS = {8: 2.0**12, 4: 2.0**4, 2: 2.0}


def assert_gradients(
    function: Callable[..., Any],
    gradient: Callable[..., Any],
    *arrays: Any,
    upstream: Any = None,
    seed: int = 0,
    entries: int = ENTRIES,
) -> CheckReport:
    """Assert that `gradient(*arrays)` is the gradient of `function(*arrays)`, entry by entry; return the report.

    The arrays come one by one, and the gradient returns one for each, or in one dict, and the gradient returns a dict.
    What is not an array of floating-point numbers is handed through. Where the function returns an array, the gradient
    takes one more argument, the gradient from above of that array: `upstream`, or drawn from the seed.

    There is no tolerance to choose. An entry may be off by what rounding does to it in its own type, which is measured,
    and by the oracle's error bar. The oracle is complex step where the function is analytic, and seven-point
    differences elsewhere; a dispute is put to another one. An entry on a kink is checked beside it. Of functions with
    more than `entries` entries so many are moved one by one, and all of them together along random directions.
    """
    __tracebackhide__ = True
    start = time.perf_counter()
    subject = read_subject(function, gradient, arrays)
    value = subject.value()
    above = _read_upstream(subject, value, upstream, seed)
    subject = replace(subject, takes_upstream=upstream is not None or value.ndim > 0)
    trial = _Trial(subject, above, seed, entries)
    found, notes = trial.run()
    report = CheckReport(subject.name, seed, gather(found), (), tuple(notes), time.perf_counter() - start)
    if not report:
        raise GradientError(f"{report.text()}\n{_rerun(subject, seed)}")
    return report


def _read_upstream(subject: Subject, value: Array, upstream: Any, seed: int) -> Array:
    if upstream is None:
        drawn = np.random.default_rng((seed, 1)).standard_normal(value.shape) if value.ndim else np.ones(())
        return drawn.astype(value.dtype if value.dtype.kind == "f" else "float64")
    try:
        above = np.array(upstream, dtype=value.dtype if value.dtype.kind == "f" else "float64")
    except (TypeError, ValueError) as error:
        raise InputError(f"upstream is not an array of numbers: {error}") from None
    if above.shape != value.shape:
        raise InputError(f"upstream has the shape {above.shape}, and {subject.name} returns {value.shape}")
    return above


def _rerun(subject: Subject, seed: int) -> str:
    names = "{…}" if subject.packed else ", ".join(subject.given)
    gradient = name_of(subject.gradient, "gradient")
    return f"reproduce: assert_gradients({name_of(subject.function, 'function')}, {gradient}, {names}, seed={seed})"


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """A subject, a gradient from above, and how they are tried."""

    subject: Subject
    upstream: Array
    seed: int
    limit: int

    def run(self) -> tuple[list[tuple[str, Deviation]], list[str]]:
        """The deviations of every array from every oracle that was asked, and notes."""
        found, notes, kinked = self._judge(self.subject, None)
        for reach in _MOVES if kinked else ():
            moved = self._beside(kinked, reach)
            if moved is None:
                continue
            again, _, still = self._judge(moved, kinked)
            if len(still) < len(kinked):
                places = ", ".join(_place(entry) for entry in kinked[:3]) + (", …" if len(kinked) > 3 else "")
                notes.append(f"on a kink, and checked beside it: {places} (moved by up to {reach:.0e} of their size)")
                return found + again, notes
        if kinked:
            notes.append(
                f"on a kink: {', '.join(_place(entry) for entry in kinked[:3])}; move the arrays to check there"
            )
        return found, notes

    def _beside(self, kinked: Sequence[Entry], reach: float) -> Subject | None:
        """The subject with the entries on kinks moved off them; None where that leads out of its domain."""
        generator = np.random.default_rng((self.seed, 2))
        arrays = copies(self.subject.arrays)
        for entry in kinked:
            array = arrays[entry.key[1]]
            size = max(abs(float(array[entry.index])), float(np.sqrt(np.mean(np.square(array))))) or 1.0
            array[entry.index] += generator.choice((-1.0, 1.0)) * generator.uniform(0.5, 1.0) * reach * size
        moved = replace(self.subject, arrays=arrays, given={**self.subject.given, **arrays})
        try:
            moved.value()
        except InputError:
            return None
        return moved

    def _judge(
        self, subject: Subject, wanted: Sequence[Entry] | None
    ) -> tuple[list[tuple[str, Deviation]], list[str], list[Entry]]:
        """Judge some entries or all; also those that an oracle cannot speak of because of a kink."""
        problem = function_problem(subject.call, subject.arrays, self.upstream.astype("float64"))
        computed = {(GROUP, name): g for name, g in subject.gradients(self.upstream).items()}
        unit = max(_unit(array) for array in (*subject.arrays.values(), *computed.values()))
        tolerances = _tolerances(subject, self.upstream, computed, self.seed)
        notes = [
            f"the gradient by {key[1]} is {g.dtype}, {key[1]} {subject.arrays[key[1]].dtype}: judged as the former"
            for key, g in computed.items()
            if _unit(g) > _unit(subject.arrays[key[1]])
        ]
        chosen = list(wanted) if wanted is not None else problem.entries()
        found: list[tuple[str, Deviation]] = []
        if len(chosen) > self.limit:
            notes.append(f"{self.limit:,} of {len(chosen):,} entries were moved one by one, all of them in slopes")
            chosen = choose_entries(problem, self.limit, self.seed)
            found += _by_slopes(problem, computed, tolerances, unit, self.seed)
        (first,) = by_complex_step(problem, chosen, seed=self.seed)
        if not first.applies:
            notes.append(f"complex step does not apply: {first.refusal}")
            (first,) = by_differences(problem, chosen, points=7, seed=self.seed)
        loss = float(problem.at().values[0, 0, 0])
        widest = resolutions(problem.arrays, first.values, unit, loss)
        for key, array in computed.items():
            judgements = [_judged(key, array, tolerances[key], first, widest[key])]
            judgements += _second(problem, array, tolerances[key], judgements, widest[key], notes, self.seed)
            case = "" if wanted is None else "beside a kink"
            found += [(key[1], _deviation(j, case)) for j in judgements if j.asked.any() or j.wrong.any()]
        kinked = [entry for entry in chosen if first.kinked[entry.key][entry.index]]
        return found, notes, kinked


def _judged(key: Key, computed: Array, tolerance: Array, estimate: Estimate, widest: float) -> Judgement:
    """An array beside an oracle. The error bars of complex step cost as many runs again: they are measured where the
    entries' own tolerances do not settle it."""
    if estimate.oracle == "complex step":
        kinked = estimate.kinked[key]
        values, bars = estimate.values[key], np.where(kinked, np.inf, 0.0)
        found = judge_values(estimate.oracle, key, computed, values, tolerance, bars, widest, kinked)
        if not found.wrong.any():
            return found
    return judge(key, computed, estimate, tolerance, widest)


def _second(
    problem: Problem,
    computed: Array,
    tolerance: Array,
    judgements: list[Judgement],
    widest: float,
    notes: list[str],
    seed: int,
) -> list[Judgement]:
    """What another oracle says of the entries that the first disputes; where it contradicts the first, that one's word
    is taken back, and the entries are unresolved unless the other resolves them all."""
    first = judgements[0]
    disputed = np.argwhere(first.wrong & np.isfinite(computed))[:_DISPUTED]
    if not disputed.size and first.wrong.any():
        return []
    entries = [Entry(first.key, tuple(int(i) for i in index)) for index in disputed]
    if not entries:
        return []
    if first.oracle == "complex step":
        (estimate,) = by_differences(problem, entries, points=7, seed=seed)
    else:
        (estimate,) = by_extrapolation(problem, entries, seed=seed)
    second = judge(first.key, computed, estimate, tolerance, widest)
    contradicted = first.wrong & second.asked & ~second.blind & ~second.wrong
    apart = np.abs(second.expected - first.expected) > first.bar + second.bar if contradicted.any() else False
    if contradicted.any() and apart:
        notes.append(f"{first.oracle} and {second.oracle} contradict each other about {first.key[1]}")
        judgements[0] = replace(first, wrong=first.wrong & ~contradicted, blind=first.blind | contradicted)
    return [second]


def _deviation(j: Judgement, case: str) -> Deviation:
    numbers = j.error, j.allowed, j.ratio, j.computed, j.expected, j.bar
    return Deviation(j.oracle, j.verdict, int(j.asked.sum()), *numbers, j.index, "", case)


def _by_slopes(
    problem: Problem, computed: Mapping[Key, Array], tolerances: Mapping[Key, Array], unit: float, seed: int
) -> list[tuple[str, Deviation]]:
    found: list[tuple[str, Deviation]] = []
    claims = {key: array.astype("float64") for key, array in computed.items()}
    for slope in by_slopes(problem, (claims,), seed=seed):
        key, widest, tolerance = slope.key, unit**0.5 * slope.magnitude, slope.tolerance(tolerances[slope.key])
        judged = judge_values("slopes", key, slope.computed, slope.expected, tolerance, slope.bar, widest)
        deviation = _deviation(judged, "along a random direction")
        found.append((slope.key[1], replace(deviation, entries=computed[slope.key].size)))
    return found


def _unit(array: Array) -> float:
    """Half the distance from 1 to the next number of the array's type."""
    return float(np.finfo(array.dtype).eps) / 2


def _tolerances(subject: Subject, upstream: Array, computed: Mapping[Key, Array], seed: int) -> dict[Key, Array]:
    """What rounding does to the gradient, measured on itself: its operations are jolted, in its own type."""
    narrow = max((*subject.arrays.values(), *computed.values()), key=_unit).dtype
    unit, gain = float(np.finfo(narrow).eps) / 2, _GAINS[narrow.itemsize]
    largest: dict[Key, Array] = {key: np.zeros(array.shape) for key, array in computed.items()}
    with np.errstate(all="ignore"):
        for jolt in jolts(seed, unit, gain):
            try:
                jolted: Arrays = call_jolted(lambda a: subject.pull(a, upstream), copies(subject.arrays), jolt)
            except Exception:  # a gradient that does not take jolted numbers shows nothing in this run
                continue
            for key in largest:
                gap = np.abs(np.asarray(jolted[key[1]], dtype="float64") - computed[key])
                largest[key] = np.maximum(largest[key], np.where(np.isnan(gap), np.inf, gap))
    smallest = float(np.finfo(narrow).smallest_normal)
    return {
        key: rounding_of(gap, gain) + unit * np.abs(computed[key].astype("float64")) + smallest
        for key, gap in largest.items()
    }


def _place(entry: Entry) -> str:
    return f"{entry.key[1]}{list(entry.index) if entry.index else ''}"
