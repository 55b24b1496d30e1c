"""The loss of a cell over whole sequences, by its meaning: L = Σ_t ⟨g_t, y_t⟩ + Σ_s ⟨g_s, s_T⟩ for given upstream g.

The sequences of a batch are the lanes of the problem: they share the parameters and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from ...equations import Cell
from ...sizes import show_dims
from ..floats import FLOATS
from ..kit import Array, Kit
from ..meaning import Meaning, Recorder, Run, keep, run_sequence
from .complex_step import by_complex_step
from .differences import by_differences
from .jolt import Jolt
from .precise import exactly
from .problem import Arrays, Estimate, Key, Losses, Problem, inner, meant_problem


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

    def case(self) -> str:
        """Its sizes in words."""
        return show_dims({"T": self.T, "N": self.N, **self.dims})

    def rounded(self) -> Point:
        """The point whose numbers are float32's."""
        params, x, state = map(in_float32, (self.params, self.x, self.state))
        return replace(self, params=params, x=x, state=state)

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

    def rounded(self) -> Upstream:
        """The gradients whose numbers are float32's."""
        return replace(self, outputs=in_float32(self.outputs), final=in_float32(self.final))


def in_float32(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Numbers that float32 holds, in float64; what is no floating-point number stays."""
    return {n: a.astype("float32").astype("float64") if a.dtype.kind == "f" else a for n, a in arrays.items()}


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
        """For every moved copy and sequence, whether all distances have the signs that they had in the base run; a
        distance that is zero and that a complex step moves sits on its kink."""
        same: Array | bool = True
        for (mine, rank), (theirs, _) in zip(self.met, base.met, strict=True):
            equal = np.sign(mine.real) == np.sign(theirs)
            if np.iscomplexobj(mine):
                equal = equal & ~((mine.real == 0) & (mine.imag != 0))
            same = same & equal.all(axis=tuple(range(-rank, 0)))
        return same


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """The unperturbed run: its steps, the values that `stop_gradient` holds, the distances from kinks."""

    run: Run
    held: Recorder
    kinks: Kinks


def run_base(point: Point, numbers: Kit = FLOATS) -> Base:
    """The cell's meaning at the point itself; values have a leading axis of length one before the batch."""
    held, kinks = Recorder(), Kinks()
    meaning = Meaning(point.cell.program, point.dims, numbers, held.record, watch=kinks.watch)
    arrays = {key: array[None] for key, array in point.arrays().items()}
    if numbers is not FLOATS:
        arrays = {key: exactly(array, numbers) for key, array in arrays.items()}
    with np.errstate(all="ignore"):
        run = _run(point, meaning, arrays)
    return Base(run, held, kinks)


def cell_problem(point: Point, upstreams: Sequence[Upstream], base: Base | None = None) -> Problem:
    """The losses of a cell at a point, one for each upstream, as the oracles ask for them."""
    axes = {("x", name): 1 for name in point.x} | {("state", name): 0 for name in point.state}
    run, evaluate = partial(run_base, point), partial(_evaluate, point, upstreams)
    return meant_problem(point.arrays(), axes, len(upstreams), point.N, base or run(), run, evaluate)


def _evaluate(
    point: Point, upstreams: Sequence[Upstream], base: Base, arrays: Arrays, numbers: Kit, jolt: Jolt | None
) -> Losses:
    kinks = Kinks()
    meaning = Meaning(point.cell.program, point.dims, numbers, base.held.replay(), watch=kinks.watch, jolt=jolt or keep)
    run = _run(point, meaning, arrays)
    # Jolts move what sits on a kink; which side it is on is asked without them.
    smooth = kinks.same_sides(base.kinks) if jolt is None else True
    return Losses(_losses(run, upstreams), np.asarray(smooth))


def _run(point: Point, meaning: Meaning, arrays: Arrays) -> Run:
    params = {name: arrays["params", name][:, None] for name in point.params}
    inputs = tuple({name: arrays["x", name][:, t] for name in point.x} for t in range(point.T))
    return run_sequence(meaning, params, inputs, {name: arrays["state", name] for name in point.state})


def _losses(run: Run, upstreams: Sequence[Upstream]) -> Array:
    """L for every upstream, copy and sequence."""
    losses: list[Array] = []
    for upstream in upstreams:
        terms = [
            inner(g[t], values[name]) for name, g in upstream.outputs.items() for t, values in enumerate(run.steps)
        ]
        terms += [inner(g, run.final[name]) for name, g in upstream.final.items()]
        losses.append(np.asarray(sum(terms)))
    return np.stack(np.broadcast_arrays(*losses))


def complex_step(point: Point, upstreams: Sequence[Upstream], base: Base | None = None) -> tuple[Estimate, ...]:
    """A cell's gradients by complex step, one estimate for each upstream."""
    return by_complex_step(cell_problem(point, upstreams, base))


def five_point(point: Point, upstreams: Sequence[Upstream], base: Base | None = None) -> tuple[Estimate, ...]:
    """A cell's gradients by five-point differences, one estimate for each upstream."""
    return by_differences(cell_problem(point, upstreams, base))
