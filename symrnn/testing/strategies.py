"""Hypothesis strategies for whatever takes a cell's arrays: sizes, samples with stress values, gradients from above.

A strategy draws sizes, a kind of values and one integer seed; the arrays follow from these. So an example costs a few
draws, however large its arrays are, and a failure shrinks to the smallest sizes, the plainest kind and the smallest
seed that still fail, not to a puzzle of single entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..equations import Cell
from ..equations.sample import KINDS, Arrays, Kind, Sample, complete_dims, default_dims, draw_sample
from ..errors import OptionError, nearest
from ..library import as_cell
from ..sizes import shape_at

if TYPE_CHECKING:
    CellLike = Cell | str | Callable[..., Any]

UpstreamKind = Literal["everything", "last output", "one step", "final states"]
UPSTREAM_KINDS: tuple[UpstreamKind, ...] = get_args(UpstreamKind)

_SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many steps, how many sequences, and the size of each dimension."""

    T: int
    N: int
    dims: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DrawnSample(Sample):
    """A sample that knows how it was drawn; shown as the call that draws it again."""

    cell: Cell
    sizes: Sizes
    seed: int
    kind: Kind
    dtype: str

    def __repr__(self) -> str:
        sizes = self.sizes
        options = f"T={sizes.T}, N={sizes.N}, seed={self.seed}, dims={dict(sizes.dims)}"
        options += f", dtype={self.dtype!r}" * (self.dtype != "float64") + f", kind={self.kind!r}"
        return f"{self.cell.name}.sample({options})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # Hypothesis would list the fields of a dataclass


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UpstreamGradients:
    """Gradients that come in from above, in the layout of `Kernel.backward`: ∂L/∂outputs, ∂L/∂(final state)."""

    d_outputs: np.ndarray[Any, Any] | Arrays
    d_final_state: Arrays
    kind: UpstreamKind
    step: int | None
    seed: int

    def __repr__(self) -> str:
        where = self.kind if self.step is None else f"step {self.step + 1} alone"
        return f"<gradients from above: {where}, seed {self.seed}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


def shapes(cell: CellLike | None = None, *, max_T: int = 6, max_N: int = 3, max_size: int = 6) -> SearchStrategy[Sizes]:
    """Numbers of steps and sequences from 1 on, and sizes of a cell's dimensions that fit its slices; without a cell
    the dimensions are m and n."""
    for name, value in {"max_T": max_T, "max_N": max_N, "max_size": max_size}.items():
        if value < 1:
            raise OptionError(f"{name} must be at least 1, not {value}")
    return _shapes(as_cell(cell) if cell is not None else None, max_T, max_N, max_size)


# Composites show the value that was drawn, where `builds` would show how it was made.
@st.composite
def _shapes(draw: st.DrawFn, cell: Cell | None, max_T: int, max_N: int, max_size: int) -> Sizes:
    order = ("m", "n") if cell is None else tuple(default_dims(cell))
    T, N = draw(st.integers(1, max_T)), draw(st.integers(1, max_N))
    sizes = tuple(draw(st.integers(1, max_size)) for _ in order)
    return Sizes(T, N, dict(zip(order, sizes, strict=True)) if cell is None else default_dims(cell, sizes))


def samples(
    cell: CellLike,
    *,
    sizes: SearchStrategy[Sizes] | Sizes | None = None,
    kinds: Sequence[Kind] = KINDS,
    dtype: str = "float64",
) -> SearchStrategy[DrawnSample]:
    """Parameters, inputs and initial states of a cell, as `cell.sample` draws them: ordinary ones, arrays of zeros,
    tiny weights, saturated gates, huge weights. `sizes` is what `shapes(cell)` gives, or one value of it."""
    known = as_cell(cell)
    _require("kind of sample", kinds, KINDS)
    where = shapes(known) if sizes is None else st.just(sizes) if isinstance(sizes, Sizes) else sizes

    return _samples(known, where, tuple(kinds), dtype)


@st.composite
def _samples(
    draw: st.DrawFn, cell: Cell, where: SearchStrategy[Sizes], kinds: tuple[Kind, ...], dtype: str
) -> DrawnSample:
    # Sizes come first: Hypothesis shrinks what was drawn first with the greatest zeal.
    at = draw(where)
    at = Sizes(at.T, at.N, complete_dims(cell, at.dims))
    kind, seed = draw(st.sampled_from(kinds)), draw(_SEEDS)
    drawn = draw_sample(cell, T=at.T, N=at.N, seed=seed, dims=at.dims, dtype=dtype, scale=1.0, kind=kind)
    return DrawnSample(drawn.params, drawn.x, drawn.state, cell, at, seed, kind, dtype)


def upstream(
    sample: DrawnSample, *, kinds: Sequence[UpstreamKind] = UPSTREAM_KINDS
) -> SearchStrategy[UpstreamGradients]:
    """Gradients from above for a drawn sample: on all outputs and final states, on the outputs of the last step alone,
    on those of one step alone (from which no wrong index in time can hide), on the final states alone."""
    _require("kind of gradient from above", kinds, UPSTREAM_KINDS)
    return _upstream(sample, tuple(kinds))


@st.composite
def _upstream(draw: st.DrawFn, sample: DrawnSample, kinds: tuple[UpstreamKind, ...]) -> UpstreamGradients:
    kind = draw(st.sampled_from(kinds))
    step = draw(st.integers(0, sample.sizes.T - 1)) if kind == "one step" else sample.sizes.T - 1
    seed = draw(_SEEDS)
    cell, at = sample.cell, sample.sizes
    generator = np.random.default_rng(seed)
    shapes_of = {name: shape_at(shape, at.dims) for name, shape in cell.outputs.items()}
    outputs = {
        name: generator.standard_normal((at.T, at.N, *shape)).astype(sample.dtype) for name, shape in shapes_of.items()
    }
    final = {name: generator.standard_normal(s.shape).astype(sample.dtype) for name, s in sample.state.items()}
    for array in outputs.values():
        if kind == "final states":
            array[...] = 0
        elif kind != "everything":
            array[:step], array[step + 1 :] = 0, 0
    if kind not in ("everything", "final states"):
        final = {name: np.zeros_like(array) for name, array in final.items()}
    single = outputs if len(outputs) != 1 else next(iter(outputs.values()))
    return UpstreamGradients(single, final, kind, step if kind == "one step" else None, seed)


def _require(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    if isinstance(given, str) or not given:
        raise OptionError(f"kinds is a list with at least one of: {', '.join(known)}; not {given!r}")
    for word in given:
        if word not in known:
            raise OptionError(
                f"{word!r} is not a {what}; {nearest(word, list(known)) or 'they are: ' + ', '.join(known)}"
            )
