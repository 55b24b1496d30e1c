"""`assert_gradients`: any NumPy function with a hand-written gradient, against oracles that know nothing of either."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checking.adjudicate import Claim, adjudicate
from ..checking.oracles import Entry, Key, function_problem
from ..checking.oracles.functions import GROUP, call_jolted
from ..checking.oracles.jolt import jolts
from ..checking.oracles.jolt import tolerance as rounding_of
from ..checking.oracles.slopes import NAME as SLOPES
from ..checking.report import CheckReport, Deviation, gather
from ..errors import GradientError, InputError
from .subject import Array, Arrays, Subject, copies, name_of, read_subject

ENTRIES = 2000
"""As many entries are moved one by one unless told otherwise."""
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
    ) -> tuple[list[tuple[str, Deviation]], list[str], Sequence[Entry]]:
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
        claim = Claim(computed, (lambda: tolerances,))
        found = adjudicate(problem, [claim], unit, entries=wanted, limit=self.limit, seed=self.seed)
        if found.moved < found.entries:
            notes.append(f"{found.moved:,} of {found.entries:,} entries were moved one by one, all of them in slopes")
        if found.refusal:
            notes.append(f"complex step does not apply: {found.refusal}")
        notes += [f"{d.overruled} and {d.by} contradict each other about {d.key[1]}" for d in found.disputes]
        beside = "" if wanted is None else "beside a kink"
        deviations = [
            (j.key[1], Deviation.of(j, "", "along a random direction" if j.oracle == SLOPES else beside))
            for _, j in found.judgements
        ]
        return deviations, notes, found.kinked


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
