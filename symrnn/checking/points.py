"""The points at which a cell is checked: samples that are finite and clear of kinks, gradients from above,
and what the cell means there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..equations import Cell
from ..equations.sample import Kind
from ..errors import InputError
from .kit import Array
from .oracles import Base, Key, Point, Upstream, run_base

_CLEAR_OF_KINKS = 1e-3
_ATTEMPTS = 24


def settle(
    cell: Cell, T: int, N: int, dims: Mapping[str, int], seed: int, kind: Kind = "ordinary"
) -> tuple[Point, Base, str]:
    """A sample at which the cell is finite and clear of kinks: the first such, or the one that keeps farthest away."""
    best: tuple[tuple[bool, float], Point, Base] | None = None
    for attempt in range(_ATTEMPTS):
        point = draw_point(cell, T, N, dims, seed + 1_000_003 * attempt, kind)
        base = run_base(point)
        if _not_finite(point, base):
            continue
        clearance = (not base.kinks.exact(), base.kinks.margin())
        if best is None or clearance > best[0]:
            best = (clearance, point, base)
        if clearance > (True, _CLEAR_OF_KINKS):
            break
    if best is None:
        point = draw_point(cell, T, N, dims, seed, kind)
        problem = _not_finite(point, run_base(point))
        raise InputError(f"{cell.name} is not finite at any of {_ATTEMPTS} samples: {problem}")
    (_, margin), point, base = best
    return point, base, f"the nearest kink is {margin:.0e} away" if margin <= _CLEAR_OF_KINKS else ""


def draw_point(cell: Cell, T: int, N: int, dims: Mapping[str, int], seed: int, kind: Kind = "ordinary") -> Point:
    """A sample of a cell as a point for the oracles."""
    sample = cell.sample(T=T, N=N, seed=seed, dims=dims, kind=kind)
    x = sample.x if isinstance(sample.x, dict) else dict.fromkeys(cell.inputs, sample.x)
    return Point(cell, dims, T, N, sample.params, x, sample.state)


def _not_finite(point: Point, base: Base) -> str:
    """Which equation first leaves the finite numbers, and what it yields; empty when none does."""
    for t, values in enumerate(base.run.steps):
        for line in point.cell.program.assignments:
            value = np.broadcast_to(values[line.name], (1, point.N, *values[line.name].shape[2:]))[0]
            bad = np.argwhere(~np.isfinite(value))
            if bad.size:
                sequence, *index = (int(k) for k in bad[0])
                place = f"[{', '.join(map(str, index))}]" if index else ""
                text = point.cell.program.source.excerpt(line.node.span)
                return (
                    f"`{point.cell.variables[line.name].written} = {text}` in line {line.span.line} gives "
                    f"{line.name}{place} = {value[tuple(bad[0])]} at step {t + 1} of sequence {sequence + 1}"
                )
    return ""


def draw_upstreams(point: Point, base: Base, seed: int) -> tuple[Upstream, ...]:
    """Random gradients from above: on everything, on the last output alone, on the final states alone."""
    generator = np.random.default_rng([seed, point.T, point.N])
    cell = point.cell
    shapes = {name: tuple(size.value(point.dims) for size in shape) for name, shape in cell.outputs.items()}
    outputs = {name: generator.standard_normal((point.T, point.N, *shape)) for name, shape in shapes.items()}
    final = {name: generator.standard_normal(array.shape) for name, array in point.state.items()}
    last = {
        name: np.where(np.arange(point.T).reshape(-1, *(1,) * (g.ndim - 1)) == point.T - 1, g, 0)
        for name, g in outputs.items()
    }
    nothing = {name: np.zeros_like(g) for name, g in outputs.items()}
    rest = {name: np.zeros_like(g) for name, g in final.items()}
    upstreams = (Upstream("on everything", outputs, final), Upstream("on the last output", last, rest))
    return (*upstreams, Upstream("on the final states", nothing, final)) if final else upstreams


def meaning_of(point: Point, base: Base | None = None) -> dict[Key, Array]:
    """The cell's outputs (T, N, …) and final states (N, …) by its meaning, in the canonical layout."""
    base = base or run_base(point)
    meant: dict[Key, Array] = {}
    for name, shape in point.cell.outputs.items():
        sizes = (point.N, *(size.value(point.dims) for size in shape))
        meant["output", name] = np.stack([np.broadcast_to(values[name], (1, *sizes))[0] for values in base.run.steps])
    for name, start in point.state.items():
        meant["final state", name] = np.broadcast_to(base.run.final[name], (1, *start.shape))[0]
    return meant
