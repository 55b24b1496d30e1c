"""What a comparison of every entry costs when all is well: `python tests/benchmark.py cost`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np

from symrnn.checking.reference import compare
from symrnn.errors import OptionError

from ..kernels import read_sizes
from ..problem import Array, Key, Problem, Sizes, pose
from ..rival import Absent
from ..rival_symrnn import symrnn_kernel
from .codes import run_code
from .problems import UNITS, keyed, refer

LIMIT = 3.0
"""The goal, in passes of the fast kernel in float64."""
# An LSTM with about 100,000 parameters.
_SIZES: tuple[Sizes, ...] = ((64, 128, 4, 10), (64, 128, 16, 20), (64, 128, 32, 50))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--runs", type=int, default=5, help="to take the median of (default: %(default)s)")
    parser.add_argument("--sizes", default="", help="m,n,N,T (several with colons between; 100,000 parameters)")


def report(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the table: the reference and the comparison in processor time of a pass forward and backward."""
    if options.runs < 1:
        raise OptionError(f"--runs is at least 1, not {options.runs}")
    yield f"{'LSTM (m, n, N, T)':<22}{'type':<10}{'pass':>10}{'compare':>10}{'perturbed':>12}{'goal':>8}"
    for sizes in read_sizes(options.sizes) if options.sizes else _SIZES:
        one_pass = _median(_kernel(pose("lstm", sizes, "float64")), options.runs)
        for dtype in UNITS:
            problem = pose("lstm", sizes, dtype)
            found = run_code(symrnn_kernel, problem)
            assert found is not None
            computed = keyed(problem, found)

            def check(problem: Problem = problem, computed: dict[Key, Array] = computed, dtype: str = dtype) -> bool:
                return any(a.measured for a in compare(computed, refer(problem), UNITS[dtype]))

            ratio, perturbed = _median(check, options.runs) / one_pass, "yes" if check() else "no"
            yield (
                f"{', '.join(map(str, sizes)):<22}{dtype:<10}{1e3 * one_pass:>7.1f} ms{ratio:>10.1f}"
                f"{perturbed:>12}{LIMIT:>8.1f}"
            )


def _kernel(problem: Problem) -> Callable[[], object]:
    rival = symrnn_kernel(problem)
    assert not isinstance(rival, Absent)
    return rival.run


def _median(run: Callable[[], object], runs: int) -> float:
    """Processor time of a call, after one that warms up."""
    run()
    times: list[float] = []
    for _ in range(runs):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return float(np.median(times))
