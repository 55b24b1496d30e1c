"""One process' share of the benchmark: everybody agrees first, then everybody is timed in turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import Any

from symrnn import derive

from .problem import Problem, Sizes, find_cell, pose
from .rival import Absent, Prepare, Rival
from .rival_symrnn import symrnn_kernel
from .rivals import compare, rivals
from .tape import held_bytes
from .timing import TURN, in_turns, median_seconds, ratio

PRODUCTS = "bare products"
COMPILED = "symrnn in C"


@dataclass(frozen=True, slots=True)
class Record:
    """symrnn beside everybody else in one case: `ratios` of our time to theirs, why others are `absent`, and the
    tape's bytes as a multiple of those of x."""

    cell: str
    sizes: Sizes
    dtype: str
    threads: int
    ratios: Mapping[str, float]
    absent: Mapping[str, str] = field(default_factory=dict)
    tape: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(found: dict[str, Any]) -> Record:
        m, n, N, T = found["sizes"]
        return Record(**{**found, "sizes": (m, n, N, T)})


@dataclass(frozen=True, slots=True)
class Case:
    """What a process is asked to measure."""

    cells: tuple[str, ...]
    sizes: tuple[Sizes, ...]
    dtypes: tuple[str, ...]
    threads: int
    rounds: int
    turn: float = TURN


def measure(case: Case, others: Mapping[str, Prepare] | None = None) -> Iterator[Record]:
    """Every cell at every size in every type, in this process."""
    limit_threads(case.threads)
    for name in case.cells:
        for sizes in case.sizes:
            for dtype in case.dtypes:
                problem = pose(name, sizes, dtype)
                yield measure_one(problem, case, rivals() if others is None else others)


def measure_one(problem: Problem, case: Case, others: Mapping[str, Prepare]) -> Record:
    """Prepare everybody, see that all compute the same, and take turns."""
    mine = symrnn_kernel(problem)
    prepared = {who: prepare(problem) for who, prepare in others.items()}
    present = {who: rival for who, rival in prepared.items() if isinstance(rival, Rival)}
    assert mine.results is not None
    expected = mine.results(mine.run())
    for who, rival in present.items():
        if rival.results is not None:
            compare(problem, expected, rival.results(rival.run()), who)
    times = in_turns({"symrnn": mine.run, **{who: r.run for who, r in present.items()}}, case.rounds, case.turn)
    return Record(
        problem.name,
        problem.sizes,
        problem.dtype,
        case.threads,
        {who: ratio(times["symrnn"], times[who]) for who in present},
        {who: rival.reason for who, rival in prepared.items() if isinstance(rival, Absent)},
        tape_ratio(problem),
    )


def tape_ratio(problem: Problem) -> float:
    """The tape's own bytes as a multiple of the input's."""
    kernel = problem.derivation.numpy(problem.dtype)
    _, _, tape = kernel.forward(problem.params, problem.x, problem.state)
    return held_bytes(tape.values, [problem.params, problem.x, problem.state]) / problem.x.nbytes


def compile_ms(name: str, rounds: int) -> float:
    """Emitting and compiling a kernel, in milliseconds: the median over derivations that are made anew."""
    cell = find_cell(name)
    derivations = [derive(cell) for _ in range(rounds + 1)]
    derivations.pop().numpy()
    return 1e3 * median_seconds(lambda: derivations.pop().numpy(), rounds)


def limit_threads(threads: int) -> None:
    """Hold torch and the BLAS of NumPy to a number of threads; 0 leaves them as they are. JAX reads the environment
    when it starts, and so does a BLAS that threadpoolctl is not there to hold."""
    if not threads:
        return
    if find_spec("torch") is not None:
        import torch  # pyright: ignore[reportMissingImports]

        torch.set_num_threads(threads)
    if find_spec("threadpoolctl") is not None:
        import threadpoolctl  # pyright: ignore[reportMissingImports]

        threadpoolctl.threadpool_limits(threads)
