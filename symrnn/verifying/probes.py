"""The conditions under which a backward pass is looked at, from the simplest to the general.

Weights of order one, initial states that are not zero, dimensions that all differ; gradients that enter on the outputs,
on each final state, on the last step alone, on everything; one step, two and more; one sequence and more. The first
probes have one step, one sequence and many units: each unit is then a sample of the same local formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..checking.oracles import Key, Point, Upstream
from ..checking.points import draw_upstream, find_point
from ..checking.reference import FLOAT32, FLOAT64, Agreement, Reference, agree, build_references, compare
from ..derivation import Derivation
from ..equations.sample import dims_for
from ..layouts.blocks import Array
from .observing import Observation, run_code
from .subject import Subject
from .tasks import set_task

_ULPS = 8.0
_MANY = (23, 24, 25, 26, 27, 28)
_FEW = (3, 4, 2, 5, 6, 7)
_OTHER = (5, 3, 4, 2, 7, 6)


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A point and a gradient from above."""

    point: Point
    upstream: Upstream

    @property
    def case(self) -> str:
        """The condition in words."""
        return f"{self.point.case()}; gradient {self.upstream.label}"


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What the code gave for a probe, beside what is right: `wrong` are the arrays that differ by more than rounding
    can explain, and `seen` the reading of them that is to be explained."""

    probe: Probe
    observation: Observation
    reference: Reference
    agreements: tuple[Agreement, ...]
    seen: Mapping[Key, Array]
    wrong: tuple[Key, ...]
    unit: float


def draw_probes(subject: Subject, seed: int, dims: Mapping[str, int] | None, scale: float = 1.0) -> Iterator[Probe]:
    """The probes in their order; `scale` makes all gradients from above larger or smaller."""
    cell = subject.cell
    cases = (
        (1, 1, _MANY, ("on the output", *cell.states)),
        (1, 3, _FEW, ("on everything",)),
        (2, 1, _FEW, ("on the last output", "on the output", "on the final states")),
        (3, 1, _OTHER, ("on everything",)),
        (3, 2, _FEW, ("on everything",)),
        (4, 3, _OTHER, ("on everything",)),
    )
    for number, (T, N, sizes, kinds) in enumerate(cases):
        point, _, _ = find_point(cell, T, N, dims_for(cell, dims, sizes), seed + number)
        yield from _probes(subject, point, scale, seed, kinds)


def _probes(subject: Subject, point: Point, scale: float, seed: int, kinds: Sequence[str]) -> Iterator[Probe]:
    """A probe for each kind of gradient from above that the code can take."""
    seen: list[Upstream] = []
    for kind in kinds:
        upstream = draw_upstream(point, kind, (seed, point.T, point.N, 7), scale)
        effective = set_task(subject, point, upstream).upstream
        empty = not any(g.any() for g in (*effective.outputs.values(), *effective.final.values()))
        if empty or any(_same(effective, other) for other in seen):
            continue
        seen.append(effective)
        yield Probe(point, upstream)


def _same(one: Upstream, other: Upstream) -> bool:
    pairs = [(one.outputs, other.outputs), (one.final, other.final)]
    return all(np.array_equal(a[name], b[name]) for a, b in pairs for name in a)


# Comparing ---------------------------------------------------------------------------------------------------


def observe(subject: Subject, derivation: Derivation, probe: Probe) -> Comparison:
    """Run the code at a probe and compare every entry."""
    observation = run_code(subject, probe.point, probe.upstream)
    unit = FLOAT32 if observation.dtype == "float32" else FLOAT64
    (reference,) = build_references(derivation, observation.point, [observation.upstream])
    worst: dict[Key, Agreement] = {}
    seen: dict[Key, Array] = {}
    for reading in observation.readings:
        known = {key: array for key, array in reading.items() if key in reference.values}
        for key, agreement in judge(known, reference, unit).items():
            held = worst.get(key)
            if held is None or agreement.ratio > held.ratio:
                worst[key], seen[key] = agreement, known[key]
    for key, expected in observation.expected.items():
        if key in observation.gradients:
            worst[key] = _beside(key, observation.gradients[key], expected, unit)
    wrong = tuple(key for key, agreement in worst.items() if not agreement and not _is_noise(agreement, observation))
    return Comparison(probe, observation, reference, tuple(worst.values()), seen, wrong, unit)


def judge(computed: Mapping[Key, Array], reference: Reference, unit: float) -> dict[Key, Agreement]:
    """Every entry beside the reference; tolerances are measured for arrays that are not grossly wrong."""
    gross = {key: _is_gross(array, reference.values[key], unit) for key, array in computed.items()}
    near = compare({key: array for key, array in computed.items() if not gross[key]}, reference, unit)
    judged = {agreement.key: agreement for agreement in near}
    return {
        key: _disagreement(key, array, reference, unit) if gross[key] else judged[key]
        for key, array in computed.items()
    }


def _beside(key: Key, computed: Array, expected: Array, unit: float) -> Agreement:
    """A gradient of a read-out, which is no part of the cell: half of all digits must be right."""
    tolerance = float(np.sqrt(unit) * np.abs(expected).max(initial=0)) or unit
    return agree(key, computed, expected, np.abs(computed - expected), np.full(expected.shape, tolerance))


def _is_gross(computed: Array, expected: Array, unit: float) -> bool:
    """Whether half of all digits are wrong: with weights of order one and a few steps no rounding does that, and it
    would be time lost to measure it."""
    scale = float(np.abs(expected).max(initial=0))
    return bool((np.abs(computed - expected) > np.sqrt(unit) * scale).any()) and scale > 0


def _disagreement(key: Key, computed: Array, reference: Reference, unit: float) -> Agreement:
    """An array that is grossly wrong, in units of a tolerance that costs nothing."""
    expected, tolerance = reference.values[key], reference.quick_tolerances(unit)[key]
    tolerance = np.maximum(tolerance, np.finfo(float).tiny)
    return agree(key, computed, expected, np.abs(computed - expected), tolerance, measured=False)


def _is_noise(agreement: Agreement, observation: Observation) -> bool:
    """Whether what an update loses explains the difference, where a gradient is recovered from one: it is exact to
    roundings of the parameter, not of the gradient. Glue may do that where nobody sees it."""
    group, name = agreement.key
    noise = observation.noise.get(agreement.key)
    if noise is None:
        noise = (
            _ULPS * FLOAT64 * np.abs(observation.point.params[name])
            if group == "params" and name in observation.point.params
            else 0.0
        )
    return agreement.error <= agreement.tolerance + float(np.max(noise))
