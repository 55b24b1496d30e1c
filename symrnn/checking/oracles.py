"""Gradients of whole sequences without any derivation: complex step and five-point differences.

The loss is L = Σ_t ⟨g_t, y_t⟩ + Σ_s ⟨g_s, s_T⟩ for given upstream arrays g. Both oracles perturb one entry at a time of
the parameters, inputs and initial states and run the cell's meaning; many perturbed copies run side by side on a
leading axis. Sequences of a batch do not see each other, so an entry of x is perturbed in all of them at once and its
gradient read off each sequence's own loss; a parameter's gradient is the sum over the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..equations import Cell
from .meaning import Array, Meaning, Recorder, Run, run_sequence
from .scalars import FLOATS

Key = tuple[str, str]
"""("params", "W"), ("x", "x"), ("state", "h"): an array of a gradient."""

_CHUNK = 256
_ROUNDING = 2.0**-52
# A difference whose error bar is below this part of it needs no shorter step.
_SHARP = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A cell with everything that its loss depends on, in float64; `x` by name, also where there is one input."""

    cell: Cell
    dims: Mapping[str, int]
    T: int
    N: int
    params: Mapping[str, Array]
    x: Mapping[str, Array]
    state: Mapping[str, Array]

    def arrays(self) -> dict[Key, Array]:
        """Every array that a gradient is taken by."""
        groups = (("params", self.params), ("x", self.x), ("state", self.state))
        return {(group, name): array for group, arrays in groups for name, array in arrays.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Upstream:
    """Gradients that come in from above: on each output (T, N, …) and on each final state (N, …)."""

    label: str
    outputs: Mapping[str, Array]
    final: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Gradients by array, and a bound on the error of every entry (infinite where nothing can be said)."""

    values: Mapping[Key, Array]
    errors: Mapping[Key, Array]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One number that is perturbed; in x and the states, the same one in every sequence of the batch."""

    key: Key
    index: tuple[int, ...]


@dataclass(slots=True)
class Kinks:
    """Signed distances from kinks in the order in which a run meets them."""

    met: list[tuple[Array, int]] = field(default_factory=list)

    def watch(self, distance: Array, rank: int) -> None:
        self.met.append((distance, rank))

    def margin(self) -> float:
        """The smallest distance that is not exactly zero."""
        sizes = [np.abs(distance[distance != 0]) for distance, _ in self.met]
        return min((float(size.min()) for size in sizes if size.size), default=np.inf)

    def exact(self) -> bool:
        """Whether a distance is exactly zero. Samples are continuous, so that is nearly always so for every sample,
        as where a relu meets the zeros of another, and what it decides is then multiplied by zero."""
        return any(bool((distance == 0).any()) for distance, _ in self.met)

    def same_sides(self, base: Kinks) -> Array | bool:
        """For every perturbed copy and sequence, whether all distances have the signs that they had in the base run."""
        same: Array | bool = True
        for (mine, rank), (theirs, _) in zip(self.met, base.met, strict=True):
            equal = np.sign(mine) == np.sign(theirs)
            same = same & equal.all(axis=tuple(range(-rank, 0)))
        return same


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """The unperturbed run: its steps, the values that `stop_gradient` holds, the distances from kinks."""

    run: Run
    held: Recorder
    kinks: Kinks


def run_base(point: Point) -> Base:
    """The cell's meaning at the point itself; values have a leading axis of length one before the batch."""
    held, kinks = Recorder(), Kinks()
    meaning = Meaning(point.cell.program, point.dims, FLOATS, held.record, watch=kinks.watch)
    with np.errstate(all="ignore"):
        run = _run(point, meaning, {key: array[None] for key, array in point.arrays().items()})
    return Base(run, held, kinks)


def _run(point: Point, meaning: Meaning, arrays: Mapping[Key, Array]) -> Run:
    params = {name: arrays["params", name][:, None] for name in point.params}
    inputs = tuple({name: arrays["x", name][:, t] for name in point.x} for t in range(point.T))
    return run_sequence(meaning, params, inputs, {name: arrays["state", name] for name in point.state})


def _losses(run: Run, upstreams: Sequence[Upstream]) -> Array:
    """L for every upstream, perturbed copy and sequence: axes (upstream, copy, sequence)."""
    losses: list[Array] = []
    for upstream in upstreams:
        terms = [
            _inner(g[t], values[name]) for name, g in upstream.outputs.items() for t, values in enumerate(run.steps)
        ]
        terms += [_inner(g, run.final[name]) for name, g in upstream.final.items()]
        losses.append(np.asarray(sum(terms)))
    return np.stack(np.broadcast_arrays(*losses))


def _inner(g: Array, y: Array) -> Array:
    return (g * y).sum(axis=tuple(range(1 - g.ndim, 0)))


def _entries(point: Point) -> Iterator[_Entry]:
    for key, array in point.arrays().items():
        shape = {"params": array.shape, "x": array.shape[:1] + array.shape[2:], "state": array.shape[1:]}[key[0]]
        for index in np.ndindex(*shape):
            yield _Entry(key, index)


def _place(entry: _Entry) -> tuple[Any, ...]:
    """Where the entry is in its array: `:` stands for the sequences of the batch."""
    match entry.key[0]:
        case "params":
            return entry.index
        case "x":
            return (entry.index[0], slice(None), *entry.index[1:])
        case _:
            return (slice(None), *entry.index)


def _perturbed(
    point: Point, base: Base, upstreams: Sequence[Upstream], entries: Sequence[_Entry], steps: Array
) -> tuple[Array, Array]:
    """Losses with entry p moved by steps[p], and whether each copy stayed on its side of every kink."""
    arrays = {key: array[None] for key, array in point.arrays().items()}
    touched = {entry.key for entry in entries}
    for key in touched:
        arrays[key] = np.repeat(arrays[key], len(entries), axis=0).astype(steps.dtype)
    for p, entry in enumerate(entries):
        arrays[entry.key][(p, *_place(entry))] += steps[p]
    kinks = Kinks()
    meaning = Meaning(point.cell.program, point.dims, FLOATS, base.held.replay(), watch=kinks.watch)
    with np.errstate(all="ignore"):
        losses = _losses(_run(point, meaning, arrays), upstreams)
        shape = (len(upstreams), len(entries), point.N)
        return np.broadcast_to(losses, shape), np.broadcast_to(kinks.same_sides(base.kinks), shape[1:])


def _assemble(
    point: Point, upstreams: Sequence[Upstream], pieces: list[tuple[Sequence[_Entry], Array]]
) -> list[dict[Key, Array]]:
    """Arrays in the canonical layout, one set for each upstream, from slopes (upstream, entry, sequence)."""
    results = [{key: np.zeros(array.shape) for key, array in point.arrays().items()} for _ in upstreams]
    for entries, slopes in pieces:
        for p, entry in enumerate(entries):
            for k, result in enumerate(results):
                slope = slopes[k, p]
                result[entry.key][_place(entry)] = slope.sum() if entry.key[0] == "params" else slope
    return results


def _chunks(point: Point) -> Iterator[list[_Entry]]:
    entries = list(_entries(point))
    for start in range(0, len(entries), _CHUNK):
        yield entries[start : start + _CHUNK]


def complex_step(point: Point, upstreams: Sequence[Upstream], base: Base | None = None) -> list[Estimate]:
    """∂L/∂v = Im L(v + ih)/h with h = 1e-30: no difference is taken, so nothing cancels."""
    base = base or run_base(point)
    h = 1e-30
    pieces: list[tuple[Sequence[_Entry], Array]] = []
    for entries in _chunks(point):
        losses, _ = _perturbed(point, base, upstreams, entries, np.full(len(entries), 1j * h))
        pieces.append((entries, losses.imag / h))
    zeros = {key: np.zeros(array.shape) for key, array in point.arrays().items()}
    return [Estimate(values, zeros) for values in _assemble(point, upstreams, pieces)]


def five_point(point: Point, upstreams: Sequence[Upstream], base: Base | None = None) -> list[Estimate]:
    """Differences over ±h/2, ±h, beside those over ±h, ±2h, whose error is some sixteen times as large: how far the two
    are apart is a bound with room to spare, and the loss's own rounding is added. Where the bound is wide, or a copy
    crosses a kink or leaves the domain, shorter steps are tried and the best is kept; an entry for which none will do
    has an infinite error."""
    base = base or run_base(point)
    noise = np.asarray(_losses(_absolute(base.run), [_positive(upstream) for upstream in upstreams]))
    values: list[tuple[Sequence[_Entry], Array]] = []
    errors: list[tuple[Sequence[_Entry], Array]] = []
    for chunk in _chunks(point):
        shape = (len(upstreams), len(chunk), point.N)
        slopes, bars = np.zeros(shape), np.full(shape, np.inf)
        open_entries = np.arange(len(chunk))
        for shrink in (1.0, 1 / 8, 1 / 64, 1 / 512):
            entries = [chunk[p] for p in open_entries]
            slope, error = _stencil(point, base, upstreams, entries, shrink, noise)
            better = error < bars[:, open_entries]
            slopes[:, open_entries] = np.where(better, slope, slopes[:, open_entries])
            bars[:, open_entries] = np.where(better, error, bars[:, open_entries])
            sharp = bars <= _SHARP * (np.abs(slopes) + 1e-2 * np.abs(slopes).max())
            open_entries = np.flatnonzero(~sharp.all(axis=(0, 2)))
            if not open_entries.size:
                break
        values.append((chunk, slopes))
        errors.append((chunk, bars))
    assembled = zip(_assemble(point, upstreams, values), _assemble(point, upstreams, errors), strict=True)
    return [Estimate(value, error) for value, error in assembled]


def _stencil(
    point: Point, base: Base, upstreams: Sequence[Upstream], entries: Sequence[_Entry], shrink: float, noise: Array
) -> tuple[Array, Array]:
    arrays = point.arrays()
    scale = np.array([max(1.0, float(np.abs(arrays[entry.key][_place(entry)]).max())) for entry in entries])
    # A power of two, so that v + h is exact or nearly so.
    h = shrink * 2.0**-9 * 2.0 ** np.round(np.log2(scale))
    losses: dict[float, Array] = {}
    good: Any = True
    for offset in (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0):
        losses[offset], same = _perturbed(point, base, upstreams, entries, offset * h)
        good = good & same & np.isfinite(losses[offset]).all(axis=0)
    with np.errstate(all="ignore"):
        width = h[None, :, None]
        inner, middle, outer = (losses[k] - losses[-k] for k in (0.5, 1.0, 2.0))
        coarse = (8.0 * middle - outer) / (12.0 * width)
        slope = (8.0 * inner - middle) / (6.0 * width)
        error = np.abs(slope - coarse) + 32.0 * _ROUNDING * noise / width
    return np.where(good, slope, 0.0), np.where(good, error, np.inf)


def _absolute(run: Run) -> Run:
    steps = tuple({name: np.abs(value) for name, value in values.items()} for values in run.steps)
    return Run(steps, {name: np.abs(value) for name, value in run.final.items()})


def _positive(upstream: Upstream) -> Upstream:
    outputs = {name: np.abs(g) for name, g in upstream.outputs.items()}
    return Upstream(upstream.label, outputs, {name: np.abs(g) for name, g in upstream.final.items()})
