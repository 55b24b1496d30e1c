"""The kernel against witnesses that know nothing of it: its forward pass against the meaning, its gradients against the
oracles, and every entry, in both types, against the derived equations with tolerances from measured rounding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arguments import whole
from ..derivation import Derivation, derive
from ..equations import Cell
from ..equations.sample import complete_dims, default_dims
from ..errors import InputError
from ..library import as_cell
from ..numeric import Gradients, Kernel, build_kernel
from .kit import Array
from .oracles import (
    Base,
    Entry,
    Estimate,
    Key,
    Point,
    Problem,
    Upstream,
    by_complex_step,
    by_differences,
    by_high_precision,
    by_slopes,
    cell_problem,
)
from .oracles.verdict import Judgement, judge, judge_values, resolutions
from .places import label, place
from .points import draw_point, draw_upstreams, meaning_of, settle
from .reference import FLOAT32, FLOAT64, Reference, build_references, compare
from .report import CheckReport, Deviation, gather

__all__ = ["check", "draw_point", "draw_upstreams", "settle"]

ENTRIES = 600
"""As many entries of a case are moved one by one; of larger cells a sample is, and slopes are taken as well."""
# Entries of an array, and of one gradient from above, about which 50 digits are asked: each costs tens of milliseconds.
_DISPUTED = 2

# (T, N) with sizes for the dimensions: all different, m below n and above it, one step and one sequence.
_CASES = ((4, 2, (3, 4, 2, 5, 6, 7)), (1, 1, (4, 6, 3, 5, 7, 2)), (3, 3, (5, 2, 4, 3, 7, 6)))

Build = Callable[[Derivation, str], Kernel]
Found = tuple[str, Deviation]


def check(
    source: Cell | str | Callable[..., Any],
    *,
    seed: int = 0,
    dims: Mapping[str, int] | None = None,
    build: Build = build_kernel,
) -> CheckReport:
    """Run a cell's kernel on whole sequences of several lengths, batches and sizes, from non-zero initial states, with
    gradients entering on all outputs and final states, on the last output alone, and on the final states alone; and
    compare every entry with every oracle. Sizes that `dims` gives are used in every case."""
    start = time.perf_counter()
    seed = whole("seed", seed)
    cell = as_cell(source)
    derivation = derive(cell)
    kernels = build(derivation, "float64"), build(derivation, "float32")
    found: list[Found] = []
    cases: list[str] = []
    notes: list[str] = []
    for number, (T, N, sizes) in enumerate(_CASES):
        wanted = default_dims(cell, sizes) if dims is None else complete_dims(cell, dims)
        point, base, moved = settle(cell, T, N, wanted, seed + 1_000 * number)
        case = Case(
            derivation, point, base, seed, ", ".join(f"{k} = {v}" for k, v in {"T": T, "N": N, **wanted}.items())
        )
        cases.append(case.label)
        notes += [f"{case.label}: {moved}"] if moved else []
        found += case.compare(*kernels, notes)
    return CheckReport(cell.name, seed, gather(found), tuple(cases), tuple(notes), time.perf_counter() - start)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One point, and all that is compared at it."""

    derivation: Derivation
    point: Point
    base: Base
    seed: int
    label: str

    def compare(self, double: Kernel, single: Kernel, notes: list[str]) -> Iterator[Found]:
        """Everything that the kernels compute at this point beside every witness."""
        upstreams = draw_upstreams(self.point, self.base, self.seed)
        references = build_references(self.derivation, self.point, upstreams, seed=self.seed)
        forward, *gradients = run_kernel(double, self.point, upstreams)
        meant = {**meaning_of(self.point, self.base)}
        _same_shapes({**forward, **gradients[0]}, references[0].values)
        yield from self._by_derivation(references, forward, gradients, upstreams, FLOAT64, "derivation")
        yield from self._by_meaning(references[0], forward, meant)
        yield from self._by_oracles(references, gradients, upstreams, notes)
        rounded = _rounded(self.point, upstreams)
        upstreams = rounded[1]
        references = build_references(self.derivation, *rounded, seed=self.seed)
        forward, *gradients = run_kernel(single, *rounded)
        yield from self._by_derivation(references, forward, gradients, upstreams, FLOAT32, "float32")

    def _by_derivation(
        self,
        references: Sequence[Reference],
        forward: Mapping[Key, Array],
        gradients: Sequence[Mapping[Key, Array]],
        upstreams: Sequence[Upstream],
        unit: float,
        witness: str,
    ) -> Iterator[Found]:
        """Every entry beside the derived equations, one by one in float64."""
        blocks = [(forward, references[0], self.label)]
        blocks += [(g, r, self._above(u)) for g, r, u in zip(gradients, references, upstreams, strict=True)]
        for computed, reference, case in blocks:
            for a in compare(computed, reference, unit):
                numbers = (a.error, a.tolerance, a.ratio, a.computed, a.expected, 0.0)
                yield label(a.key), Deviation(witness, a.verdict, a.entries, *numbers, a.index, self._place(a), case)

    def _by_meaning(
        self, reference: Reference, forward: Mapping[Key, Array], meant: Mapping[Key, Array]
    ) -> Iterator[Found]:
        tolerances = _needed(reference, forward, meant)
        for key, expected in meant.items():
            # Both are right programs, and each may be off by as much.
            bars = tolerances[key]
            yield self._found(judge_values("meaning", key, forward[key], expected, bars, bars, np.inf), self.label)

    def _by_oracles(
        self,
        references: Sequence[Reference],
        gradients: Sequence[Mapping[Key, Array]],
        upstreams: Sequence[Upstream],
        notes: list[str],
    ) -> Iterator[Found]:
        problem = cell_problem(self.point, upstreams, self.base)
        entries = problem.entries()
        if len(entries) > ENTRIES:
            notes.append(
                f"{self.label}: {ENTRIES:,} of {len(entries):,} entries were moved one by one, chosen at random; all "
                "of them took part in slopes"
            )
            entries = choose_entries(problem, ENTRIES, self.seed)
            yield from self._by_slopes(problem, references, gradients, upstreams)
        losses = problem.at().values
        # Arrays that 50 digits have found wrong once need not be put to them again.
        settled: set[Key] = set()
        asked = ("complex step", "five-point")
        answers = by_complex_step(problem, entries, seed=self.seed), by_differences(problem, entries, seed=self.seed)
        for k, upstream in enumerate(upstreams):
            estimates = [answer[k] for answer in answers]
            widest = resolutions(self.point.arrays(), estimates[0].values, FLOAT64, float(np.abs(losses[k]).max()))
            quick = references[k].quick_tolerances(FLOAT64)
            for key, computed in gradients[k].items():
                if not computed.size:
                    continue
                judgements = [_judged(key, computed, references[k], quick[key], e, widest[key]) for e in estimates]
                if key not in settled:
                    judgements += self._last_word(problem, k, key, computed, references[k], judgements, notes)
                    settled |= {j.key for j in judgements if j.wrong.any() and j.oracle not in asked}
                yield from (self._found(judgement, self._above(upstream)) for judgement in judgements)

    def _last_word(
        self,
        problem: Problem,
        k: int,
        key: Key,
        computed: Array,
        reference: Reference,
        judgements: list[Judgement],
        notes: list[str],
    ) -> list[Judgement]:
        """What 50 digits say of the entries that an oracle disputes; an oracle that they contradict is taken back."""
        disputing = [j for j in judgements if j.wrong.any() and np.isfinite(computed[j.index])]
        if not disputing:
            return []
        others = np.argwhere(np.any([j.wrong for j in disputing], axis=0) & np.isfinite(computed))
        worst = [j.index for j in disputing]
        places = list(dict.fromkeys([*worst, *(tuple(int(i) for i in index) for index in others)]))[:_DISPUTED]
        axis = problem.lane_axes.get(key)
        chosen = {p if axis is None else (*p[:axis], *p[axis + 1 :]) for p in places}
        estimate = by_high_precision(problem, [Entry(key, index) for index in sorted(chosen)])[k]
        final = judge(key, computed, estimate, reference.tolerances(FLOAT64)[key], np.inf)
        settled = final.asked & ~final.blind
        for number, judgement in enumerate(judgements):
            if judgement.wrong.any() and not judgement.wrong[~settled].any() and not final.wrong.any():
                notes.append(f"{self.label}: {judgement.oracle} disputes {label(key)}, and {final.oracle} overrule it")
                judgements[number] = replace(judgement, wrong=np.zeros_like(judgement.wrong), blind=judgement.asked)
        return [final]

    def _by_slopes(
        self,
        problem: Problem,
        references: Sequence[Reference],
        gradients: Sequence[Mapping[Key, Array]],
        upstreams: Sequence[Upstream],
    ) -> Iterator[Found]:
        claims = tuple({key: gradient[key] for key in problem.arrays} for gradient in gradients)
        for slope in by_slopes(problem, claims, seed=self.seed):
            tolerance = slope.tolerance(references[slope.upstream].quick_tolerances(FLOAT64)[slope.key])
            widest = FLOAT64**0.5 * slope.magnitude
            found = judge_values("slopes", slope.key, slope.computed, slope.expected, tolerance, slope.bar, widest)
            size = gradients[slope.upstream][slope.key].size
            _, deviation = self._found(found, f"{self._above(upstreams[slope.upstream])}; along a random direction")
            yield label(slope.key), replace(deviation, entries=size)

    def _above(self, upstream: Upstream) -> str:
        return f"{self.label}; gradient {upstream.label}"

    def _found(self, j: Judgement, case: str) -> Found:
        numbers = j.error, j.allowed, j.ratio, j.computed, j.expected, j.bar
        return label(j.key), Deviation(j.oracle, j.verdict, int(j.asked.sum()), *numbers, j.index, self._place(j), case)

    def _place(self, found: Any) -> str:
        return place(self.point.cell, self.point.dims, found.key, found.index) if found.index else ""


def choose_entries(problem: Problem, count: int, seed: int) -> list[Entry]:
    """So many entries at random, of every array as many as its share, and some of the smallest too."""
    generator = np.random.default_rng(seed)
    everything = problem.entries()
    by_array: dict[Key, list[Entry]] = {}
    for entry in everything:
        by_array.setdefault(entry.key, []).append(entry)
    chosen: list[Entry] = []
    for entries in by_array.values():
        share = min(len(entries), max(count // (4 * len(by_array)), count * len(entries) // len(everything)))
        chosen += [entries[k] for k in sorted(generator.choice(len(entries), share, replace=False))]
    return chosen


# What is compared --------------------------------------------------------------------------------------------


def run_kernel(kernel: Kernel, point: Point, upstreams: Sequence[Upstream]) -> list[dict[Key, Array]]:
    """Outputs and final states, and then for every upstream the gradients, by array."""
    cell, dtype = point.cell, kernel.dtype

    def cast(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: array.astype(dtype) for name, array in arrays.items()}

    def passed(arrays: dict[str, Array]) -> Any:
        return arrays if len(arrays) != 1 else next(iter(arrays.values()))

    def named(value: Any, names: Mapping[str, Any]) -> dict[str, Any]:
        return dict(value) if isinstance(value, dict) else dict.fromkeys(names, value)

    with np.errstate(all="ignore"):
        outputs, final, _ = kernel.forward(cast(point.params), passed(cast(point.x)), cast(point.state))
        forward = {("output", name): value for name, value in named(outputs, cell.outputs).items()}
        forward |= {("final state", name): value for name, value in final.items()}
        forward = {key: np.array(value) for key, value in forward.items()}
        gradients: list[dict[Key, Array]] = []
        for upstream in upstreams:
            # A tape serves one backward pass; a kernel may reuse its arrays.
            _, _, tape = kernel.forward(cast(point.params), passed(cast(point.x)), cast(point.state))
            grads: Gradients = kernel.backward(tape, passed(cast(upstream.outputs)), cast(upstream.final))
            groups = {"params": grads.params, "x": named(grads.x, cell.inputs), "state": grads.state}
            gradients.append(
                {(group, name): np.array(a) for group, arrays in groups.items() for name, a in arrays.items()}
            )
    return [forward, *gradients]


def _rounded(point: Point, upstreams: Sequence[Upstream]) -> tuple[Point, tuple[Upstream, ...]]:
    """The point and what comes in from above with every number rounded to float32: both types start from the same."""

    def cast(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: array.astype("float32").astype("float64") for name, array in arrays.items()}

    rounded = replace(point, params=cast(point.params), x=cast(point.x), state=cast(point.state))
    return rounded, tuple(replace(u, outputs=cast(u.outputs), final=cast(u.final)) for u in upstreams)


def _same_shapes(computed: Mapping[Key, Array], right: Mapping[Key, Array]) -> None:
    for key, expected in right.items():
        mine = computed.get(key)
        if mine is None or mine.shape != expected.shape:
            shape = None if mine is None else mine.shape
            raise InputError(f"the kernel's {label(key)} has the shape {shape}, and {expected.shape} is right")


def _needed(reference: Reference, computed: Mapping[Key, Array], expected: Mapping[Key, Array]) -> Mapping[Key, Array]:
    """The quick tolerances where they settle everything, the measured ones where they do not."""
    quick = reference.quick_tolerances(FLOAT64)
    with np.errstate(invalid="ignore"):
        settled = all((np.abs(computed[key] - value) <= quick[key]).all() for key, value in expected.items())
    return quick if settled else reference.tolerances(FLOAT64)


def _judged(
    key: Key, computed: Array, reference: Reference, quick: Array, estimate: Estimate, widest: float
) -> Judgement:
    """An array beside an oracle. What costs runs is asked for where what costs less does not settle every entry: the
    quick tolerance comes first, then the measured one, and the error bars of complex step, which are no wider, last."""
    if estimate.oracle != "complex step":
        found = judge(key, computed, estimate, quick, widest)
        return (
            judge(key, computed, estimate, reference.tolerances(FLOAT64)[key], widest) if found.wrong.any() else found
        )
    kinked = estimate.kinked[key]
    exact = np.where(kinked, np.inf, 0.0)
    for tolerance in (lambda: quick, lambda: reference.tolerances(FLOAT64)[key]):
        found = judge_values(estimate.oracle, key, computed, estimate.values[key], tolerance(), exact, widest, kinked)
        if not found.wrong.any():
            return found
    return judge(key, computed, estimate, reference.tolerances(FLOAT64)[key], widest)
