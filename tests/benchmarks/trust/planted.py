"""Planted errors: one entry of a gradient wrong by a relative error: `python tests/benchmark.py planted`.

The code is the derived kernel or a person's; one array and one entry of it are drawn at random and made wrong. A trial
has found the error if that entry is named.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from symrnn.checking.oracles import Key
from symrnn.checking.reference import Reference, compare
from symrnn.errors import OptionError

from ..problem import Array, Problem
from ..rival_symrnn import symrnn_kernel
from .codes import run_code
from .problems import CELLS, HIDDEN, ORDINARY, UNITS, Range, draw_problems, keyed, refer

RELATIVE: Mapping[str, tuple[float, ...]] = {
    "float64": (1e-3, 1e-6, 1e-9, 1e-11, 1e-12, 1e-13, 1e-14),
    "float32": (1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
}
GOALS = {("float64", 1e-12): 0.99, ("float32", 1e-4): 0.95}
_TRIALS_A_PROBLEM = 20


@dataclass(slots=True)
class Found:
    """Trials with one relative error in one type, and those whose entry was named."""

    trials: int = 0
    found: int = 0

    @property
    def share(self) -> float:
        return self.found / self.trials if self.trials else 0.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--trials", type=int, default=2000, help="for each error and type (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which problems and entries (default: %(default)s)")


def report(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the table."""
    if options.trials < 1:
        raise OptionError(f"--trials is at least 1, not {options.trials}")
    if options.seed < 0:
        raise OptionError(f"--seed is at least 0, not {options.seed}")
    start = time.perf_counter()
    yield "LSTM, sizes 8 to 32, weight scales 0.5 to 4, T 5 to 50"
    yield from lines(find_planted(options.trials, options.seed, within=HIDDEN, cells=("lstm",)))
    yield f"six cells ({', '.join(CELLS)}), sizes 2 to 24"
    yield from lines(find_planted(options.trials, options.seed, within=ORDINARY, cells=CELLS))
    yield f"seed {options.seed}, {time.perf_counter() - start:.0f} s"


def find_planted(
    trials: int, seed: int = 0, *, within: Range = ORDINARY, cells: tuple[str, ...] = CELLS
) -> dict[tuple[str, float], Found]:
    """So many trials for each error and type, twenty in each problem."""
    tallies = {(dtype, size): Found() for dtype, sizes in RELATIVE.items() for size in sizes}
    for dtype, sizes in RELATIVE.items():
        generator = np.random.default_rng([seed, 2])
        for problem in draw_problems(within, dtype, seed, cells):
            if tallies[dtype, sizes[0]].trials >= trials:
                break
            computed, reference = _gradients(problem), refer(problem)
            for _ in range(min(_TRIALS_A_PROBLEM, trials - tallies[dtype, sizes[0]].trials)):
                key, index = draw_entry(computed, generator)
                for size in sizes:
                    tally = tallies[dtype, size]
                    tally.trials += 1
                    tally.found += is_found(computed, reference, key, index, size, UNITS[dtype])
    return tallies


def _gradients(problem: Problem) -> dict[Key, Array]:
    found = run_code(symrnn_kernel, problem)
    assert found is not None
    return {key: array for key, array in keyed(problem, found).items() if key[0] in ("params", "x", "state")}


def draw_entry(computed: Mapping[Key, Array], generator: np.random.Generator) -> tuple[Key, tuple[int, ...]]:
    """A random entry that is not zero of a random array."""
    keys = [key for key, array in computed.items() if array.any()]
    key = keys[int(generator.integers(len(keys)))]
    places = np.argwhere(computed[key])
    return key, tuple(int(k) for k in places[int(generator.integers(len(places)))])


def is_found(
    computed: Mapping[Key, Array], reference: Reference, key: Key, index: tuple[int, ...], size: float, unit: float
) -> bool:
    """Whether the entry is called wrong when it is wrong by a relative error of `size`."""
    wrong = computed[key].copy()
    wrong[index] *= 1 + size
    (agreement,) = compare({key: wrong}, reference, unit)
    return bool(agreement.wrong[index])


def lines(tallies: Mapping[tuple[str, float], Found]) -> Iterator[str]:
    """The table: relative error, type, share of trials in which the entry was named, goal."""
    yield f"{'relative error':<16}{'type':<10}{'trials':>8}{'found':>10}{'goal':>8}"
    for (dtype, size), tally in tallies.items():
        goal = GOALS.get((dtype, size))
        wanted = f"{100 * goal:.0f} %" if goal is not None else ""
        yield f"{size:<16.0e}{dtype:<10}{tally.trials:>8,}{100 * tally.share:>8.1f} %{wanted:>8}"
