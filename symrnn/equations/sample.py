"""Random parameters, inputs and states for a cell, reproducible from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from ..arguments import choice, real, whole
from ..arguments import sizes as sizes_of
from ..errors import InputError, OptionError, nearest
from ..sizes import Shape

if TYPE_CHECKING:
    from .cell import Cell

Arrays = dict[str, np.ndarray[Any, Any]]

Kind = Literal["ordinary", "zeros", "tiny", "saturated", "huge"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Where gradients go wrong unnoticed: arrays of zeros and with zeros in them, parameters a million times as small,
eight times as large (gates saturate, and 1 − f keeps few digits), and a thousand times (it keeps none)."""
_SPREADS: dict[str, float] = {"tiny": 2.0**-20, "saturated": 8.0, "huge": 2.0**10}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Arrays in the canonical layout: `params` by name, `x` (T, N, m) or a dict of such, `state` by name."""

    params: Arrays
    x: np.ndarray[Any, Any] | Arrays
    state: Arrays


# Small, and all different: equal sizes hide a missing transpose.
_DEFAULT_SIZES = (4, 6, 3, 5, 7, 2)


def default_dims(cell: Cell, sizes: tuple[int, ...] = _DEFAULT_SIZES) -> dict[str, int]:
    """Different sizes for a cell's dimensions, `m` below `n`, large enough for its slices."""
    order = sorted(cell.dims, key=lambda name: (name != "m", name != "n"))
    dims = {name: sizes[k] if k < len(sizes) else sizes[-1] + k for k, name in enumerate(order)}
    for _ in range(64):
        short = [need for need in cell.program.constraints if need.value(dims) < 0]
        if not short:
            return dims
        for name, k in short[0].coefficients:
            if k > 0:
                dims[name] += -(short[0].value(dims) // k)
                break
        else:
            break
    raise InputError(
        f"no sizes were found that fit {cell.name}: give dims=…, such that "
        + " and ".join(f"{need} ≥ 0" for need in cell.program.constraints)
    )


def complete_dims(cell: Cell, dims: Mapping[str, int] | None) -> dict[str, int]:
    """Given sizes with defaults for the rest; a name that the cell does not have raises."""
    given = sizes_of("dims", dims)
    for name in given:
        if name not in cell.dims:
            known = ", ".join(cell.dims) or "none"
            meant = nearest(str(name), list(cell.dims))
            raise OptionError(f"{cell.name} has no dimension {name!r}; it has: {known}. {meant}".rstrip())
    complete = given if set(given) == set(cell.dims) else {**default_dims(cell), **given}
    for need in cell.program.constraints:
        if need.value(complete) < 0:
            sizes = ", ".join(f"{name} = {value}" for name, value in complete.items())
            raise OptionError(f"{cell.name} needs {need} ≥ 0 for its slices, and the sizes are {sizes}")
    return complete


def draw_sample(
    cell: Cell,
    *,
    T: int,
    N: int,
    seed: int,
    dims: Mapping[str, int] | None,
    dtype: str,
    scale: float,
    kind: str = "ordinary",
) -> Sample:
    """Standard normal entries; matrices divided by the root of their columns, and parameters times `scale`. The kinds
    draw the same numbers and then change them."""
    T, N, seed = whole("T", T, 1), whole("N", N, 1), whole("seed", seed)
    choice("dtype", dtype, ("float32", "float64"))
    choice("kind", kind, KINDS)
    sizes = complete_dims(cell, dims)
    scale = real("scale", scale) * _SPREADS.get(kind, 1.0)
    generator = np.random.default_rng(seed)

    def draw(shape: Shape, lead: tuple[int, ...] = (), spread: float = 1.0) -> np.ndarray[Any, Any]:
        full = lead + tuple(size.value(sizes) for size in shape)
        try:
            return np.asarray(generator.standard_normal(full) * spread, dtype=dtype)
        except (MemoryError, ValueError):  # ValueError: more entries than NumPy counts
            raise OptionError(f"an array of the shape {full} does not fit into memory; take smaller sizes") from None

    params: Arrays = {}
    for name, shape in cell.params.items():
        fan = shape[1].value(sizes) if len(shape) == 2 else 1
        params[name] = draw(shape, spread=scale / fan**0.5)
    inputs = {name: draw(shape, (T, N)) for name, shape in cell.inputs.items()}
    state = {name: draw(shape, (N,)) for name, shape in cell.states.items()}
    if kind == "zeros":
        _put_zeros((*params.values(), *inputs.values(), *state.values()), generator)
    return Sample(params, inputs if len(inputs) != 1 else next(iter(inputs.values())), state)


def _put_zeros(arrays: tuple[np.ndarray[Any, Any], ...], generator: np.random.Generator) -> None:
    """A third of the arrays become all zeros, a third get zeros among their entries; the first two surely do."""
    fates = generator.permuted(np.arange(len(arrays)) % 3)
    for array, fate in zip(arrays, fates, strict=True):
        if fate == 0:
            array[...] = 0
        elif fate == 1:
            array[generator.random(array.shape) < 0.5] = 0
