"""How long deriving takes, and how many equations come of it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from symrnn import check, derive, load, prove, zoo

_COLD = """
import sympy, sys, time, symrnn
cell = symrnn.load(sys.argv[1])
start = time.perf_counter()
symrnn.derive(cell)
print(time.perf_counter() - start)
"""
_CHAINS = (250, 500, 1000, 2000)


def chain(length: int) -> str:
    """A cell of about `length` equations, one after the other."""
    lines = [f"    v_{k + 1} = tanh(v_{k} * b_{k} + x)" for k in range(length // 2)]
    return "\n".join(["def chain(x, h):", "    v_0 = h", *lines, f"    return v_{length // 2}"])


def report(runs: int = 15) -> Iterator[str]:
    """The lines of the table, as they are measured."""
    yield "deriving, ms                    first call   median   equations   prove, s   check, s"
    for name in zoo:
        cell = load(name)
        child = subprocess.run([sys.executable, "-c", _COLD, name], capture_output=True, text=True, check=True)
        times = [_timed(lambda cell=cell: derive(cell)) for _ in range(runs)]
        cold, warm = 1e3 * float(child.stdout), 1e3 * statistics.median(times)
        count = len(derive(cell).equations)
        proving, checking = _timed(lambda cell=cell: prove(cell)), _timed(lambda cell=cell: check(cell))
        yield f"{name:<30}{cold:>11.1f}{warm:>9.1f}{count:>12}{proving:>11.1f}{checking:>11.2f}"
    yield ""
    yield "chain of n equations            read, s   derive, s   derive per equation, ms"
    for length in _CHAINS:
        cell = None

        def read(length: int = length) -> None:
            nonlocal cell
            from symrnn.equations import cell as read_cell

            cell = read_cell(chain(length))

        reading = _timed(read)
        assert cell is not None
        deriving = statistics.median(_timed(lambda cell=cell: derive(cell)) for _ in range(3))
        yield f"{length:<30}{reading:>9.2f}{deriving:>12.2f}{1e3 * deriving / length:>18.2f}"


def _timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
