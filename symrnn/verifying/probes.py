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
from ..checking.points import settle
from ..checking.reference import FLOAT32, FLOAT64, Agreement, Reference, build_references, compare
from ..derivation import Derivation
from ..equations import Cell
from ..equations.sample import complete_dims, default_dims
from ..layouts.blocks import Array
from .observing import Observation, effective_upstream, run_code
from .subject import Subject

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
        sizes = ", ".join(
            f"{name} = {value}" for name, value in {"T": self.point.T, "N": self.point.N, **self.point.dims}.items()
        )
        return f"{sizes}; gradient {self.upstream.label}"


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
    many = _sizes(cell, dims, _MANY)
    single = _point(cell, 1, 1, many, seed)
    yield from _probes(subject, single, scale, seed, ("on the output", *cell.states))
    yield from _probes(subject, _point(cell, 1, 3, _sizes(cell, dims, _FEW), seed + 1), scale, seed, ("on everything",))
    double = _point(cell, 2, 1, _sizes(cell, dims, _FEW), seed + 2)
    yield from _probes(subject, double, scale, seed, ("on the last output", "on the output", "on the final states"))
    triple = _point(cell, 3, 1, _sizes(cell, dims, _OTHER), seed + 3)
    yield from _probes(subject, triple, scale, seed, ("on everything",))
    yield from _probes(subject, _point(cell, 3, 2, _sizes(cell, dims, _FEW), seed + 4), scale, seed, ("on everything",))
    yield from _probes(
        subject, _point(cell, 4, 3, _sizes(cell, dims, _OTHER), seed + 5), scale, seed, ("on everything",)
    )


def _sizes(cell: Cell, dims: Mapping[str, int] | None, sizes: tuple[int, ...]) -> dict[str, int]:
    return default_dims(cell, sizes) if dims is None else complete_dims(cell, dims)


def _point(cell: Cell, T: int, N: int, dims: Mapping[str, int], seed: int) -> Point:
    point, _, _ = settle(cell, T, N, dims, seed)
    return point


def _probes(subject: Subject, point: Point, scale: float, seed: int, kinds: Sequence[str]) -> Iterator[Probe]:
    """A probe for each kind of gradient from above that the code can take."""
    point = subject.settle(point)
    seen: list[Upstream] = []
    for kind in kinds:
        upstream = draw_upstream(point, kind, scale, seed)
        effective = effective_upstream(subject, point, upstream)
        empty = not any(g.any() for g in (*effective.outputs.values(), *effective.final.values()))
        if empty or any(_same(effective, other) for other in seen):
            continue
        seen.append(effective)
        yield Probe(point, upstream)


def draw_upstream(point: Point, kind: str, scale: float, seed: int) -> Upstream:
    """Random gradients from above: `on the output`, `on the last output`, `on the final states`, `on everything`, or
    on the final value of the state that `kind` names."""
    generator = np.random.default_rng([seed, point.T, point.N, 7])
    outputs = {
        name: scale * generator.standard_normal((point.T, point.N, *(size.value(point.dims) for size in shape)))
        for name, shape in point.cell.outputs.items()
    }
    final = {name: scale * generator.standard_normal(array.shape) for name, array in point.state.items()}
    if kind == "on the last output":
        for g in outputs.values():
            g[:-1] = 0
    if kind not in ("on the output", "on the last output", "on everything"):
        outputs = {name: np.zeros_like(g) for name, g in outputs.items()}
    if kind not in ("on everything", "on the final states"):
        final = {name: g if name == kind else np.zeros_like(g) for name, g in final.items()}
    return Upstream(f"on the final {kind}" if kind in final else kind, outputs, final)


def _same(one: Upstream, other: Upstream) -> bool:
    pairs = [(one.outputs, other.outputs), (one.final, other.final)]
    return all(np.array_equal(a[name], b[name]) for a, b in pairs for name in a)


# Comparing ---------------------------------------------------------------------------------------------------


def observe(subject: Subject, derivation: Derivation, probe: Probe) -> Comparison:
    """Run the code at a probe and compare every entry."""
    observation = run_code(subject, probe.point, probe.upstream)
    unit = FLOAT32 if observation.dtype == "float32" else FLOAT64
    upstream = observation.upstream or probe.upstream
    (reference,) = build_references(derivation, observation.point, [upstream])
    worst: dict[Key, Agreement] = {}
    seen: dict[Key, Array] = {}
    for reading in observation.readings:
        known = {key: array for key, array in reading.items() if key in reference.values}
        gross = {key: _is_gross(array, reference.values[key], unit) for key, array in known.items()}
        near = compare({key: array for key, array in known.items() if not gross[key]}, reference, unit)
        judged = {agreement.key: agreement for agreement in near}
        for key, array in known.items():
            agreement = _disagreement(key, array, reference, unit) if gross[key] else judged[key]
            held = worst.get(agreement.key)
            if held is None or agreement.ratio > held.ratio:
                worst[agreement.key], seen[agreement.key] = agreement, known[agreement.key]
    for key, expected in observation.expected.items():
        if key in observation.gradients:
            worst[key] = _beside(key, observation.gradients[key], expected, unit)
    wrong = tuple(key for key, agreement in worst.items() if not agreement and not _is_noise(agreement, observation))
    return Comparison(probe, observation, reference, tuple(worst.values()), seen, wrong, unit)


def _beside(key: Key, computed: Array, expected: Array, unit: float) -> Agreement:
    """A gradient of a read-out, which is no part of the cell: half of all digits must be right."""
    error = np.abs(computed - expected)
    tolerance = float(np.sqrt(unit) * np.abs(expected).max(initial=0)) or unit
    index = tuple(int(k) for k in np.unravel_index(int(np.argmax(error)), error.shape))
    largest = float(error[index])
    return Agreement(
        key,
        error.size,
        error > tolerance,
        np.zeros(error.shape, dtype=bool),
        index,
        float(computed[index]),
        float(expected[index]),
        largest,
        tolerance,
        largest / tolerance,
    )


def _is_gross(computed: Array, expected: Array, unit: float) -> bool:
    """Whether half of all digits are wrong: with weights of order one and a few steps no rounding does that, and it
    would be time lost to measure it."""
    scale = float(np.abs(expected).max(initial=0))
    return bool((np.abs(computed - expected) > np.sqrt(unit) * scale).any()) and scale > 0


def _disagreement(key: Key, computed: Array, reference: Reference, unit: float) -> Agreement:
    """An array that is grossly wrong, in units of a tolerance that costs nothing."""
    expected, tolerance = reference.values[key], reference.quick_tolerances(unit)[key]
    error = np.abs(computed - expected)
    ratios = error / np.maximum(tolerance, np.finfo(float).tiny)
    index = tuple(int(k) for k in np.unravel_index(int(np.argmax(ratios)), ratios.shape))
    numbers = (float(array[index]) for array in (computed, expected, error, tolerance, ratios))
    nowhere = np.zeros(ratios.shape, dtype=bool)
    return Agreement(key, ratios.size, ratios > 1, nowhere, index, *numbers, measured=False)


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
