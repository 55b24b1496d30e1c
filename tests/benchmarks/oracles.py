"""How exact the oracles are, and how honest: entries of an LSTM's gradient beside 80-digit arithmetic on scalars.

The truth shares nothing with the oracles: the LSTM is written out here once more, in scalar loops on mpmath's numbers.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np

from symrnn.checking.oracles import (
    Entry,
    Estimate,
    Key,
    Point,
    Problem,
    Upstream,
    by_complex_step,
    by_differences,
    by_extrapolation,
    by_high_precision,
    cell_problem,
)
from symrnn.checking.points import draw_point, draw_upstreams
from symrnn.errors import OptionError
from symrnn.library import load

_DIMS = {"m": 2, "n": 3}
_STEPS = 4
_DIGITS = 80

Slopes = Callable[[Problem], tuple[list[float], list[float] | None]]
"""The slopes of all entries, and their error bars if there are any."""


@dataclass(frozen=True, slots=True)
class Row:
    """One oracle: evaluations an entry, relative errors of all entries, error bars as parts of the true entries, and
    how many times its bar an entry is off."""

    name: str
    evaluations: float
    errors: tuple[float, ...]
    bars: tuple[float, ...] = ()
    excesses: tuple[float, ...] = ()

    @property
    def dishonest(self) -> float:
        """The share of the entries that are off by more than their error bar."""
        return sum(excess > 1 for excess in self.excesses) / len(self.excesses) if self.excesses else 0.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `python tests/benchmark.py oracles`."""
    parser.add_argument("--points", type=int, default=8, metavar="N", help="points of 86 entries each (8)")


def report(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the table."""
    if options.points < 1:
        raise OptionError(f"--points is a whole number from 1 on, not {options.points}")
    rows = measure(range(options.points))
    count = len(rows[0].errors)
    yield f"{count} gradient entries of an LSTM (T = {_STEPS}, m = 2, n = 3), truth from {_DIGITS}-digit arithmetic"
    yield ""
    heads = ("median", "largest", "bar", "exceeded", "by up to")
    yield f"{'oracle':<24}{'evaluations':>12}" + "".join(f"{head:>10}" for head in heads)
    for row in rows:
        line = f"{row.name:<24}{row.evaluations:>12.1f}{statistics.median(row.errors):>10.1e}{max(row.errors):>10.1e}"
        if row.bars:
            line += f"{statistics.median(row.bars):>10.1e}{row.dishonest:>10.1%}{max(row.excesses):>10.2f}"
        yield line
    yield ""
    yield "evaluations: of the loss, an entry, error bars included; median, largest, bar: as parts of the true entry;"
    yield "exceeded: the share of the entries that are off by more than their error bar; by up to: error over error bar"


def measure(seeds: Sequence[int]) -> list[Row]:
    """All oracles at the points of these seeds."""
    names = [*_ORACLES]
    found: dict[str, list[Row]] = {name: [] for name in names}
    for seed in seeds:
        point, upstream = _draw(seed)
        problem = cell_problem(point, (upstream,))
        entries = problem.entries()
        true = [truth(point, upstream, entry) for entry in entries]
        for name in names:
            found[name].append(_row(name, problem, true, _ORACLES[name]))
    return [_joined(rows) for rows in found.values()]


def _draw(seed: int) -> tuple[Point, Upstream]:
    point = draw_point(load("lstm"), _STEPS, 1, _DIMS, seed)
    return point, draw_upstreams(point, seed)[0]


def _row(name: str, problem: Problem, true: Sequence[Any], oracle: Slopes) -> Row:
    counted = [0]

    def evaluate(arrays: Any, jolt: Any) -> Any:
        counted[0] += max(array.shape[0] for array in arrays.values())
        return problem.evaluate(arrays, jolt)

    values, bars = oracle(replace(problem, evaluate=evaluate))
    errors = [abs(mpmath.mpf(v) - t) for v, t in zip(values, true, strict=True)]
    evaluations = counted[0] / len(true) if counted[0] else 4.0
    relative = tuple(float(e / abs(t)) for e, t in zip(errors, true, strict=True))
    if bars is None:
        return Row(name, evaluations, relative)
    widths = tuple(float(b / abs(t)) for b, t in zip(bars, true, strict=True))
    excesses = tuple(float(e / b) for e, b in zip(errors, bars, strict=True))
    return Row(name, evaluations, relative, widths, excesses)


def _joined(rows: Sequence[Row]) -> Row:
    errors, bars, excesses = (
        tuple(figure for row in rows for figure in getattr(row, part)) for part in ("errors", "bars", "excesses")
    )
    return Row(rows[0].name, statistics.mean(row.evaluations for row in rows), errors, bars, excesses)


# The truth ---------------------------------------------------------------------------------------------------


def truth(point: Point, upstream: Upstream, entry: Entry) -> Any:
    """∂L/∂entry by a central difference with 80 digits and a step of 1e-25, good to some 50 of them."""
    mp: Any = mpmath.MPContext()
    mp.dps = _DIGITS
    h = mp.mpf(10) ** -25
    up, down = (_loss(mp, point, upstream, entry, sign * h) for sign in (1, -1))
    return (up - down) / (2 * h)


def _loss(mp: Any, point: Point, upstream: Upstream, entry: Entry, step: Any) -> Any:
    """The loss of an LSTM with one entry moved: one sequence, scalars only."""

    def at(key: Key, *index: int) -> Any:
        array = point.arrays()[key]
        # Entries of inputs and states come without the axis of the sequences, of which there is one.
        place = {"params": index, "x": (index[0], 0, *index[1:]), "state": (0, *index)}[key[0]]
        value = mp.mpf(float(array[place]))
        return value + step if (key, index) == (entry.key, entry.index) else value

    m, n = point.dims["m"], point.dims["n"]
    W = {k: [[at(("params", f"W_{k}"), i, j) for j in range(m)] for i in range(n)] for k in "ifgo"}
    R = {k: [[at(("params", f"R_{k}"), i, j) for j in range(n)] for i in range(n)] for k in "ifgo"}
    b = {k: [at(("params", f"b_{k}"), i) for i in range(n)] for k in "ifgo"}
    h = [at(("state", "h"), i) for i in range(n)]
    c = [at(("state", "c"), i) for i in range(n)]
    loss = mp.mpf(0)
    for t in range(point.T):
        x = [at(("x", "x"), t, j) for j in range(m)]
        gates = {
            k: [
                sum(W[k][i][j] * x[j] for j in range(m)) + sum(R[k][i][j] * h[j] for j in range(n)) + b[k][i]
                for i in range(n)
            ]
            for k in "ifgo"
        }
        i_gate, f_gate, o_gate = ([1 / (1 + mp.exp(-a)) for a in gates[k]] for k in "ifo")
        c = [f_gate[i] * c[i] + i_gate[i] * mp.tanh(gates["g"][i]) for i in range(n)]
        h = [o_gate[i] * mp.tanh(c[i]) for i in range(n)]
        loss += sum(mp.mpf(float(upstream.outputs["h"][t, 0, i])) * h[i] for i in range(n))
    finals = {"h": h, "c": c}
    return loss + sum(mp.mpf(float(g[0, i])) * finals[name][i] for name, g in upstream.final.items() for i in range(n))


# The oracles -------------------------------------------------------------------------------------------------


def _of(oracle: Callable[[Problem], tuple[Estimate, ...]]) -> Slopes:
    def slopes(problem: Problem) -> tuple[list[float], list[float] | None]:
        (estimate,) = oracle(problem)
        return _listed(problem, estimate.values), _listed(problem, estimate.errors)

    return slopes


def _listed(problem: Problem, arrays: Any) -> list[float]:
    return [float(arrays[entry.key][problem.place(entry)].sum()) for entry in problem.entries()]


def _naive(offsets: Sequence[float], weights: Sequence[float], step: float) -> Slopes:
    """A stencil with a step that somebody fixed."""

    def slopes(problem: Problem) -> tuple[list[float], list[float] | None]:
        entries = problem.entries()
        moves = [problem.moved(entries, np.full(len(entries), offset * step)).values[0, :, 0] for offset in offsets]
        slopes = np.tensordot(np.array(weights), np.stack(moves), 1) / step
        return [float(slope) for slope in slopes], None

    return slopes


_ORACLES: dict[str, Slopes] = {
    "forward, step 1.5e-8": _naive((1, 0), (1, -1), 1.5e-8),
    "central, step 1e-6": _naive((1, -1), (0.5, -0.5), 1e-6),
    "five-point, step 1e-3": _naive((-2, -1, 1, 2), (1 / 12, -8 / 12, 8 / 12, -1 / 12), 1e-3),
    "five-point": _of(by_differences),
    "seven-point": _of(lambda problem: by_differences(problem, points=7)),
    "Richardson": _of(by_extrapolation),
    "complex step": _of(by_complex_step),
    "50 digits": _of(by_high_precision),
}
