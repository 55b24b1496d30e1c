"""Random training steps: every size, weight scale and length that a verdict must bear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from symrnn.checking.oracles import Key, Point, Upstream
from symrnn.checking.reference import FLOAT32, FLOAT64, Reference, build_references

from ..problem import Array, Problem, pose

CELLS = ("lstm", "gru_reset_after", "peephole_lstm", "gru", "mgu", "rnn")
UNITS = {"float32": FLOAT32, "float64": FLOAT64}


@dataclass(frozen=True, slots=True)
class Range:
    """Between which bounds problems are drawn: weight scales and lengths evenly on a logarithmic scale. In a share of
    `saturated`, all biases are ten times as large."""

    scales: tuple[float, float]
    steps: tuple[int, int]
    sizes: tuple[int, int]
    sequences: tuple[int, int]
    saturated: float


EVERYTHING = Range(scales=(0.1, 8.0), steps=(1, 100), sizes=(2, 40), sequences=(1, 8), saturated=0.25)
HIDDEN = Range(scales=(0.5, 4.0), steps=(5, 50), sizes=(8, 32), sequences=(1, 6), saturated=0.0)
ORDINARY = Range(scales=(0.5, 4.0), steps=(5, 50), sizes=(2, 24), sequences=(1, 6), saturated=0.0)


def draw_problems(within: Range, dtype: str, seed: int, cells: tuple[str, ...] = CELLS) -> Iterator[Problem]:
    """Problems without end, the same ones for the same seed; every cell has its turn."""
    generator = np.random.default_rng([seed, int(dtype == "float32")])
    while True:
        for name in cells:
            scale = float(np.exp(generator.uniform(*np.log(within.scales))))
            T = round(float(np.exp(generator.uniform(*np.log(within.steps)))))
            m, n = (int(k) for k in generator.integers(*within.sizes, size=2, endpoint=True))
            N = int(generator.integers(*within.sequences, endpoint=True))
            saturated = generator.random() < within.saturated
            yield _scaled(name, (m, n, N, T), dtype, int(generator.integers(2**31)), scale, saturated)


def _scaled(
    name: str, sizes: tuple[int, int, int, int], dtype: str, seed: int, scale: float, saturated: bool
) -> Problem:
    problem = pose(name, sizes, dtype, seed)

    def spread(array: Array) -> Array:
        factor = scale * (10.0 if saturated and array.ndim == 1 else 1.0)
        return (array * factor).astype(dtype)

    return replace(problem, params={key: spread(array) for key, array in problem.params.items()})


def refer(problem: Problem, seed: int = 0) -> Reference:
    """What a right program computes for a problem; float32 numbers enter as they are."""

    def wide(arrays: dict[str, Array]) -> dict[str, Array]:
        return {name: array.astype(float) for name, array in arrays.items()}

    cell = problem.derivation.cell
    _, _, N, T = problem.sizes
    x = wide({next(iter(cell.inputs)): problem.x})
    point = Point(cell, problem.dims, T, N, wide(dict(problem.params)), x, wide(dict(problem.state)))
    upstream = Upstream(
        "on everything", wide({next(iter(cell.outputs)): problem.d_outputs}), wide(dict(problem.d_final))
    )
    (reference,) = build_references(problem.derivation, point, (upstream,), seed=seed)
    return reference


def keyed(problem: Problem, found: dict[Key, Array]) -> dict[Key, Array]:
    """A rival's results under the reference's names."""
    renamed = {("outputs", "y"): ("output", next(iter(problem.derivation.cell.outputs)))}
    renamed |= {("x", "x"): ("x", next(iter(problem.derivation.cell.inputs)))}
    return {renamed.get(key, key): np.asarray(array) for key, array in found.items()}
