"""The points at which a cell is checked: samples that are finite and clear of kinks, gradients from above,
and what the cell means there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np

from ..equations import Cell
from ..equations.sample import Kind
from ..errors import InputError
from ..sizes import shape_at
from .kit import Array
from .oracles import Base, Key, Kinks, Point, Upstream, run_base

_CLEAR_OF_KINKS = 1e-3
_ATTEMPTS = 24


class Kinked(Protocol):
    """A run that knows its distances from kinks."""

    @property
    def kinks(self) -> Kinks: ...


_P = TypeVar("_P")
_B = TypeVar("_B", bound=Kinked)


def find_point(
    cell: Cell, T: int, N: int, dims: Mapping[str, int], seed: int, kind: Kind = "ordinary"
) -> tuple[Point, Base, str]:
    """A sample at which the cell is finite and clear of kinks: the first such, or the one that keeps farthest away."""
    return clearest(cell.name, lambda seed: draw_point(cell, T, N, dims, seed, kind), run_base, _not_finite, seed)


def clearest(
    name: str, draw: Callable[[int], _P], run: Callable[[_P], _B], problem: Callable[[_P, _B], str], seed: int
) -> tuple[_P, _B, str]:
    """A drawn point and its run, and how near a kink is where one is near; `problem` says what is not finite."""
    best: tuple[tuple[bool, float], _P, _B] | None = None
    first = ""
    for attempt in range(_ATTEMPTS):
        point = draw(seed + 1_000_003 * attempt)
        base = run(point)
        if found := problem(point, base):
            first = first or found
            continue
        clearance = (not base.kinks.exact(), base.kinks.margin())
        if best is None or clearance > best[0]:
            best = (clearance, point, base)
        if clearance > (True, _CLEAR_OF_KINKS):
            break
    if best is None:
        raise InputError(f"{name} is not finite at any of {_ATTEMPTS} samples: {first}")
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


def draw_upstreams(point: Point, seed: int) -> tuple[Upstream, ...]:
    """Random gradients from above: on everything, on the last output alone, on the final states alone."""
    kinds = ("on everything", "on the last output", *(["on the final states"] if point.state else []))
    return tuple(draw_upstream(point, kind, (seed, point.T, point.N)) for kind in kinds)


def draw_upstream(point: Point, kind: str, seed: Sequence[int], scale: float = 1.0) -> Upstream:
    """Random gradients from above: `on the output`, `on the last output`, `on the final states`, `on everything`, or
    on the final value of the state that `kind` names."""
    generator = np.random.default_rng(seed)
    outputs = {
        name: scale * generator.standard_normal((point.T, point.N, *shape_at(shape, point.dims)))
        for name, shape in point.cell.outputs.items()
    }
    final = {name: scale * generator.standard_normal(array.shape) for name, array in point.state.items()}
    if kind == "on the last output":
        for g in outputs.values():
            g[:-1] = 0
    if kind not in ("on the output", "on the last output", "on everything"):
        outputs = {name: np.zeros_like(g) for name, g in outputs.items()}
    if kind not in ("on everything", "on the final states"):
        final = {name: g if name == kind else np.zeros_like(g) for name, g in final.items()}
    return Upstream(f"on the final {kind}" if kind in final else kind, outputs, final)


def meaning_of(point: Point, base: Base | None = None) -> dict[Key, Array]:
    """The cell's outputs (T, N, …) and final states (N, …) by its meaning, in the canonical layout."""
    base = base or run_base(point)
    meant: dict[Key, Array] = {}
    for name, shape in point.cell.outputs.items():
        sizes = (point.N, *shape_at(shape, point.dims))
        meant["output", name] = np.stack([np.broadcast_to(values[name], (1, *sizes))[0] for values in base.run.steps])
    for name, start in point.state.items():
        meant["final state", name] = np.broadcast_to(base.run.final[name], (1, *start.shape))[0]
    return meant
