"""The kernel against witnesses that know nothing of it: its forward pass against the meaning, its gradients against the
oracles, and every entry, in both types, against the derived equations with tolerances from measured rounding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import whole
from ..derivation import Derivation, NetworkDerivation, derive
from ..equations import Cell, Network
from ..equations.network_sample import complete_network_dims, default_network_dims
from ..equations.sample import Kind, dims_for
from ..errors import InputError, OptionError
from ..library import as_model
from ..numeric import Kernel, NetworkKernel
from .adjudicate import Claim, adjudicate
from .kit import Array
from .networks.points import find_network_point
from .networks.subject import NetworkAt
from .oracles import Base, Key, Point, judge_values
from .oracles.slopes import NAME as SLOPES
from .places import label
from .points import find_point
from .reference import FLOAT32, FLOAT64, Reference, compare
from .report import CheckReport, Deviation, gather
from .subject import CellAt, Subject

ENTRIES = 600
"""As many entries of a case are moved one by one; of larger cells a sample is, and slopes are taken as well."""

# (T, N) with sizes for the dimensions: all different, m below n and above it, one step and one sequence.
_CASES = ((4, 2, (3, 4, 2, 5, 6, 7)), (1, 1, (4, 6, 3, 5, 7, 2)), (3, 3, (5, 2, 4, 3, 7, 6)))

Build = Callable[[Any, str], Any]
"""A kernel of a derivation, of a cell or a network, in one type."""
Found = tuple[str, Deviation]


def _build(derivation: Derivation | NetworkDerivation, dtype: str) -> Kernel | NetworkKernel:
    return derivation.numpy(dtype)


def check(
    source: Cell | Network | str | Callable[..., Any],
    *,
    seed: int = 0,
    dims: Mapping[str, int] | None = None,
    build: Build = _build,
) -> CheckReport:
    """Run a kernel on whole sequences of several lengths, batches and sizes, and compare every entry with every oracle.
    Sizes that `dims` gives are used in every case.

    Of a cell, from non-zero initial states, with gradients entering on all outputs and final states, on the last output
    alone, and on the final states alone. Of a network, whose emitted program is run too, with its loss alone, and with
    gradients on all that it returns.
    """
    start = time.perf_counter()
    seed = whole("seed", seed)
    derivation = derive(as_model(source))
    kernels = build(derivation, "float64"), build(derivation, "float32")
    subjects = [_at(derivation, T, N, dims, sizes, seed + 1_000 * k) for k, (T, N, sizes) in enumerate(_CASES)]
    return _report(derivation, kernels, subjects, seed, start)


def check_case(
    source: Cell | Network | str | Callable[..., Any],
    *,
    T: int,
    N: int,
    dims: Mapping[str, int] | None = None,
    seed: int = 0,
    kind: Kind = "ordinary",
) -> CheckReport:
    """What `check` does at its cases, at one of your own; `kind` is that of `cell.sample`."""
    start = time.perf_counter()
    derivation = derive(as_model(source))
    kernels = _build(derivation, "float64"), _build(derivation, "float32")
    return _report(derivation, kernels, [_at(derivation, T, N, dims or {}, (), seed, kind)], seed, start)


def _at(
    derivation: Derivation | NetworkDerivation, T: int, N: int, dims: Mapping[str, int] | None,
    sizes: tuple[int, ...], seed: int, kind: Kind = "ordinary",
) -> tuple[Subject, str]:  # fmt: skip
    """A cell or a network where it is finite and clear of kinks; sizes that `dims` lacks are the usual ones, and where
    there are no `dims`, the given ones."""
    if isinstance(derivation, NetworkDerivation):
        net = derivation.network
        if kind != "ordinary":
            raise OptionError(f"samples of a network are of the kind 'ordinary', not {kind!r}")
        fitting = default_network_dims(net, sizes) if dims is None else complete_network_dims(net, dims)
        place, run, moved = find_network_point(net, T, N, fitting, seed)
        return NetworkAt(derivation, place, run), moved
    cell = derivation.cell
    fitting = dims_for(cell, dims, sizes)
    point, base, moved = find_point(cell, T, N, fitting, seed, kind)
    return CellAt(derivation, point, base), moved


def check_at(
    derivation: Derivation,
    kernels: tuple[Kernel, Kernel],
    places: Sequence[tuple[Point, Base, str]],
    seed: int,
    start: float,
) -> CheckReport:
    """Kernels in float64 and float32 at points that `find_point` found; `start` is when the check began."""
    subjects = [(CellAt(derivation, point, base), moved) for point, base, moved in places]
    return _report(derivation, kernels, subjects, seed, start)


def _report(
    derivation: Derivation | NetworkDerivation,
    kernels: tuple[Any, Any],
    subjects: Sequence[tuple[Subject, str]],
    seed: int,
    start: float,
) -> CheckReport:
    network = isinstance(derivation, NetworkDerivation)
    name = derivation.network.name if network else derivation.cell.name
    found: list[Found] = []
    cases: list[str] = []
    notes: list[str] = []
    for subject, moved in subjects:
        cases.append(subject.case)
        notes += [f"{subject.case}: {moved}"] if moved else []
        found += Case(subject, seed, notes).compare(*kernels)
    return CheckReport(name, seed, gather(found), tuple(cases), tuple(notes), time.perf_counter() - start)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One subject, and all that is compared at it; what is to be said besides goes to the `notes`."""

    subject: Subject
    seed: int
    notes: list[str]

    @property
    def label(self) -> str:
        return self.subject.case

    def compare(self, double: Any, single: Any) -> Iterator[Found]:
        """Everything that the kernels compute at this point beside every witness."""
        upstreams = self.subject.upstreams(self.seed)
        references = self.subject.references(upstreams, self.seed)
        forward, *gradients = self.subject.computed(double, upstreams)
        _same_shapes({**forward, **gradients[0]}, references[0].values)
        yield from self._by_derivation(references, forward, gradients, FLOAT64, "derivation")
        for found in self.subject.emitted(upstreams):
            yield from self._by_derivation(references, found[0], found[1:], FLOAT64, "module")
        yield from self._by_meaning(references[0], forward)
        yield from self._by_oracles(references, gradients)
        rounded, upstreams = self.subject.rounded(upstreams)
        references = rounded.references(upstreams, self.seed)
        forward, *gradients = rounded.computed(single, upstreams)
        yield from self._by_derivation(references, forward, gradients, FLOAT32, "float32")

    def _by_derivation(
        self,
        references: Sequence[Reference],
        forward: Mapping[Key, Array],
        gradients: Sequence[Mapping[Key, Array]],
        unit: float,
        witness: str,
    ) -> Iterator[Found]:
        """Every entry beside the derived equations, one by one in float64."""
        blocks = [(forward, references[0], self.label)]
        blocks += [(g, r, self._above(r)) for g, r in zip(gradients, references, strict=True)]
        for computed, reference, case in blocks:
            for a in compare(computed, reference, unit):
                numbers = (a.error, a.tolerance, a.ratio, a.computed, a.expected, 0.0)
                where = self._place(a.key, a.index)
                yield label(a.key), Deviation(witness, a.verdict, a.entries, *numbers, a.index, where, case)

    def _by_meaning(self, reference: Reference, forward: Mapping[Key, Array]) -> Iterator[Found]:
        meant = self.subject.meaning()
        tolerances = _needed(reference, forward, meant)
        for key, expected in meant.items():
            # Both are right programs, and each may be off by as much.
            bars = tolerances[key]
            j = judge_values("meaning", key, forward[key], expected, bars, bars, np.inf)
            yield label(key), Deviation.of(j, self._place(key, j.index), self.label)

    def _by_oracles(self, references: Sequence[Reference], gradients: Sequence[Mapping[Key, Array]]) -> Iterator[Found]:
        upstreams = [reference.upstream for reference in references]
        claims = [Claim(g, r.ways(FLOAT64)) for g, r in zip(gradients, references, strict=True)]
        problem = self.subject.problem(upstreams)
        found = adjudicate(problem, claims, FLOAT64, limit=ENTRIES, seed=self.seed)
        if found.moved < found.entries:
            self.notes.append(
                f"{self.label}: {found.moved:,} of {found.entries:,} entries were moved one by one, chosen at random; "
                "all of them took part in slopes"
            )
        self.notes.extend(
            f"{self.label}: {d.overruled} disputes {label(d.key)}, and {d.by} overrule it" for d in found.disputes
        )
        for k, j in found.judgements:
            case = self._above(references[k]) + ("; along a random direction" if j.oracle == SLOPES else "")
            yield label(j.key), Deviation.of(j, self._place(j.key, j.index), case)

    def _above(self, reference: Reference) -> str:
        return f"{self.label}; gradient {reference.upstream.label}"

    def _place(self, key: Key, index: tuple[int, ...]) -> str:
        return self.subject.place(key, index) if index else ""


# What is compared --------------------------------------------------------------------------------------------


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
