"""Which mistakes a check finds: `python tests/benchmark.py mutation` runs and judges every mutant of every derivation.

Two judges see each mutant's gradients: complex step (differences, where that says nothing), which share nothing with a
derivation, and the tolerances by measured rounding. Whether a mutant is a mistake at all, a change of a number, is
decided apart from both, in 40 digits. The right kernel goes through the same judges, and must pass.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrnn import derive, load, zoo
from symrnn.checking.oracles import Estimate, Key, Point, Upstream, by_complex_step, by_differences, cell_problem
from symrnn.checking.points import draw_upstreams, find_point
from symrnn.checking.reference import FLOAT64, Reference, build_references, compare
from symrnn.derivation import Derivation
from symrnn.equations.sample import default_dims
from symrnn.errors import OptionError, SymrnnError
from symrnn.mistakes import KINDS, Mutant, mutate
from symrnn.numeric import Kernel

from .mutants import Exact, build_mutant, run_exact, why_equivalent

Arrays = Mapping[Key, np.ndarray[Any, Any]]

# (T, N) with sizes for the dimensions: all different, so that nothing fits by chance.
_CASES = ((4, 2, (3, 4, 2, 5, 6, 7)), (3, 3, (5, 2, 4, 3, 7, 6)))
_EXACT = (3, 2, (2, 3, 4, 5, 6, 7))
_SAMPLES = 3
JUDGES = ("an oracle", "measured rounding")


class RightCodeRefused(SymrnnError):
    """A judge that refuses the right kernel cannot judge mutants."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A mutant with the judges that it escaped, and the reason for which it is none where it changes no number."""

    mutant: Mutant
    escaped: tuple[str, ...] = ()
    equivalent: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What became of a cell's mutants."""

    cell: str
    judged: tuple[Judged, ...]
    seconds: float

    @property
    def equivalent(self) -> tuple[Judged, ...]:
        return tuple(one for one in self.judged if one.equivalent)

    @property
    def missed(self) -> tuple[Judged, ...]:
        return tuple(one for one in self.judged if one.escaped)

    @property
    def found(self) -> int:
        return len(self.judged) - len(self.equivalent) - len(self.missed)

    def __bool__(self) -> bool:
        return not self.missed


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A point with gradients from above, and for each of these what the two judges know."""

    point: Point
    upstreams: tuple[Upstream, ...]
    oracles: tuple[Estimate, ...]
    references: tuple[Reference, ...]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--cells", default="", help="names or files, with commas (default: the whole zoo)")
    parser.add_argument("--seed", type=int, default=0, help="of the samples (default: %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="judge every k-th mutant alone (default: all)")


def report(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the tables, as they are measured."""
    if options.every < 1:
        raise OptionError(f"--every is at least 1, not {options.every}")
    names = [name for name in options.cells.split(",") if name] or list(zoo)
    scores: list[Score] = []
    yield _row("cell", "mutants", "equivalent", "found", "missed", "score", "seconds")
    for name in names:
        derivation = derive(load(name))
        scores.append(score(derivation, options.seed, mutate(derivation)[:: options.every]))
        yield _row(scores[-1].cell, *_figures(scores[-1:]), f"{scores[-1].seconds:.0f}")
    yield _row("all", *_figures(scores), f"{sum(s.seconds for s in scores):.0f}")
    yield ""
    yield from kinds_table(scores)
    yield from stories(scores)


def score(derivation: Derivation, seed: int, mutants: Sequence[Mutant]) -> Score:
    """Run and judge mutants of a derivation."""
    start = time.perf_counter()
    cases = tuple(_prepare(derivation, *case, seed) for case in _CASES)
    exact: dict[int, Exact] = {}

    def samples(number: int) -> Exact:
        if number not in exact:
            exact[number] = _exact_sample(derivation, seed + number)
        return exact[number]

    escaped = judge(derivation.numpy(plain=True), cases)
    if len(escaped) < len(JUDGES):
        who = " and ".join(name for name in JUDGES if name not in escaped)
        raise RightCodeRefused(f"{derivation.cell.name}: {who} refused the right kernel (seed {seed})")
    judged: list[Judged] = []
    for mutant in mutants:
        reason = why_equivalent(mutant, samples, _SAMPLES)
        judged.append(Judged(mutant, () if reason else judge(build_mutant(mutant), cases), reason))
    return Score(derivation.cell.name, tuple(judged), time.perf_counter() - start)


def judge(kernel: Kernel, cases: Sequence[_Case]) -> tuple[str, ...]:
    """The judges in whose eyes a kernel's gradients are right in all cases."""
    content = set(JUDGES)
    for case in cases:
        for upstream, oracle, reference in zip(case.upstreams, case.oracles, case.references, strict=True):
            gradients = run_backward(kernel, case.point, upstream)
            if JUDGES[0] in content and not _oracle_agrees(gradients, oracle, reference):
                content.remove(JUDGES[0])
            if JUDGES[1] in content and not all(compare(gradients, reference, FLOAT64)):
                content.remove(JUDGES[1])
            if not content:
                return ()
    return tuple(name for name in JUDGES if name in content)


def _oracle_agrees(gradients: Arrays, oracle: Estimate, reference: Reference) -> bool:
    """Whether no entry is farther from the oracle's than the two roundings allow: the oracle's by its error bar, the
    kernel's by its tolerance."""
    own = reference.tolerances(FLOAT64)
    for key, value in oracle.values.items():
        with np.errstate(invalid="ignore"):
            allowed = oracle.errors[key] + own[key]
            if not (np.isinf(allowed) | (np.abs(gradients[key] - value) <= allowed)).all():
                return False
    return True


def _prepare(derivation: Derivation, T: int, N: int, sizes: tuple[int, ...], seed: int) -> _Case:
    point, base, _ = find_point(derivation.cell, T, N, default_dims(derivation.cell, sizes), seed)
    upstreams = draw_upstreams(point, seed)
    problem = cell_problem(point, upstreams, base)
    oracles = by_complex_step(problem)
    if not all(oracle.applies for oracle in oracles):
        oracles = by_differences(problem)
    return _Case(point, upstreams, oracles, build_references(derivation, point, upstreams, seed=seed))


def _exact_sample(derivation: Derivation, seed: int) -> Exact:
    T, N, sizes = _EXACT
    point, base, _ = find_point(derivation.cell, T, N, default_dims(derivation.cell, sizes), seed)
    return run_exact(derivation, point, draw_upstreams(point, seed)[0])


def run_backward(kernel: Kernel, point: Point, upstream: Upstream) -> dict[Key, np.ndarray[Any, Any]]:
    """A kernel's gradients at a point, by array."""

    def passed(arrays: Mapping[str, Any]) -> Any:
        return dict(arrays) if len(arrays) > 1 else next(iter(arrays.values()))

    with np.errstate(all="ignore"):
        _, _, tape = kernel.forward(point.params, passed(point.x), point.state)
        grads = kernel.backward(tape, passed(upstream.outputs), upstream.final)
    x = grads.x if isinstance(grads.x, dict) else dict.fromkeys(point.x, grads.x)
    groups = {"params": grads.params, "x": x, "state": grads.state}
    return {(group, name): np.array(array) for group, arrays in groups.items() for name, array in arrays.items()}


# What is printed ---------------------------------------------------------------------------------------------


def _row(first: str, *words: object) -> str:
    return (f"{first:<22}" + "".join(f"{word!s:>12}" for word in words)).rstrip()


def _figures(scores: Sequence[Score]) -> tuple[object, ...]:
    mutants, equivalent = sum(len(s.judged) for s in scores), sum(len(s.equivalent) for s in scores)
    found, missed = sum(s.found for s in scores), sum(len(s.missed) for s in scores)
    share = f"{100 * found / (found + missed):.4g} %" if found + missed else "-"
    return mutants, equivalent, found, missed, share


def kinds_table(scores: Sequence[Score]) -> Iterator[str]:
    """Mutants by kind: all, equivalent, found, missed."""
    judged = [one for s in scores for one in s.judged]
    counts = {
        "mutants": Counter(one.mutant.kind for one in judged),
        "equivalent": Counter(one.mutant.kind for one in judged if one.equivalent),
        "missed": Counter(one.mutant.kind for one in judged if one.escaped),
    }
    yield _row("kind", "mutants", "equivalent", "found", "missed")
    for kind in KINDS:
        mutants, equivalent, missed = (count[kind] for count in counts.values())
        yield _row(kind, mutants, equivalent, mutants - equivalent - missed, missed)


def stories(scores: Sequence[Score]) -> Iterator[str]:
    """A line on each mutant that escaped or that changes no number."""
    for s in scores:
        for one in (*s.missed, *s.equivalent):
            mutant = one.mutant
            fate = f"missed by {' and '.join(one.escaped)}" if one.escaped else f"equivalent, {one.equivalent}"
            yield f"{s.cell} ({mutant.number}) {mutant.kind}: {mutant.description}: {fate}"
