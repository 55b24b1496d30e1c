"""How fast the kernels are: `python tests/benchmark.py kernels`, one table of ratios.

Each number of threads has a process of its own, because a BLAS and JAX read theirs from the environment when they
start; within a process everybody takes turns on the same arrays.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from symrnn.errors import OptionError, SymrnnError

from .measure import Case, Record, compile_ms, measure
from .problem import SIZES, Sizes
from .table import lines

COMMAND = Path(__file__).parents[1] / "benchmark.py"
CELLS = ("lstm", "gru_reset_after", "peephole_lstm", "mgu")
# Threads that wait for work must not keep the cores from whoever has the next turn, nor from each other on a busy
# machine: OpenMP's waits burn 200 ms there for a step of 1 ms. OpenBLAS' wait is 2^20 cycles instead of 2^26.
_WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "20"}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NPROC")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--cells", default=",".join(CELLS), help="names, with commas (default: %(default)s)")
    parser.add_argument("--sizes", default="all", help="all, small, or m,n,N,T (several with colons between)")
    parser.add_argument("--dtype", default="float64,float32", help="with commas (default: %(default)s)")
    parser.add_argument("--threads", default="1,2", help="numbers, with commas (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=9, help="turns that everybody has (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="measure in this process and print a record a line")


def report(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the table; with `--json`, of the records that it is made of."""
    cells, dtypes = tuple(options.cells.split(",")), tuple(options.dtype.split(","))
    sizes = read_sizes(options.sizes)
    threads = read_numbers(options.threads, "--threads")
    for dtype in dtypes:
        if dtype not in ("float32", "float64"):
            raise OptionError(f"--dtype is float32 or float64 or both, not {dtype!r}")
    if options.runs < 1:
        raise OptionError(f"--runs is at least 1, not {options.runs}")
    cases = [Case(cells, sizes, dtypes, count, options.runs) for count in threads]
    if options.json:
        for case in cases:
            yield from (json.dumps(record.to_json()) for record in measure(case))
        return
    yield from busy()
    records = [record for case in cases for record in _in_child(case)]
    yield from lines(records, {name: compile_ms(name, options.runs) for name in cells})


def busy() -> Iterator[str]:
    """A word about other work on the machine, which no order of turns makes up for."""
    load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    if load > 0.25 * cores:
        yield f"note: the load is {load:.1f} on {cores} cores before anything is measured; do not trust these figures"
        yield ""


def read_sizes(text: str) -> tuple[Sizes, ...]:
    """`all`, `small`, or four numbers (several sets with colons between)."""
    if text in ("all", "small"):
        return SIZES if text == "all" else SIZES[:1]
    found: list[Sizes] = []
    for piece in text.split(":"):
        numbers = read_numbers(piece, "--sizes")
        if len(numbers) != 4:
            raise OptionError(f"--sizes is all, small, or m,n,N,T such as 64,128,16,20, not {text!r}")
        m, n, N, T = numbers
        found.append((m, n, N, T))
    return tuple(found)


def read_numbers(text: str, option: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise OptionError(f"{option} takes numbers with commas between, not {text!r}") from None
    if min(numbers) < 1:
        raise OptionError(f"{option} takes numbers from 1 on, not {text!r}")
    return numbers


def _in_child(case: Case) -> Iterator[Record]:
    """Measure a case in a process that starts with its number of threads."""
    environment = {**_WAITING, **os.environ, **dict.fromkeys(_THREADS, str(case.threads))}
    if case.threads == 1:
        flags = environment.get("XLA_FLAGS", "")
        environment["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    command = [sys.executable, str(COMMAND), "kernels", "--json"]
    command += ["--cells", ",".join(case.cells), "--dtype", ",".join(case.dtypes), "--runs", str(case.rounds)]
    command += ["--sizes", ":".join(",".join(map(str, size)) for size in case.sizes)]
    command += ["--threads", str(case.threads)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SymrnnError(done.stderr.strip() or f"the measuring process ended with {done.returncode}")
    for line in done.stdout.splitlines():
        yield Record.from_json(json.loads(line))
