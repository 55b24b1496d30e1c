"""Random parameters, inputs and states for a cell, reproducible from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..arguments import choice, real, whole
from ..arguments import sizes as sizes_of
from ..errors import InputError, MissingExtraError, OptionError, nearest
from ..sizes import Shape, Size, shape_at, show_dims

if TYPE_CHECKING:
    import numpy as np

    from .cell import Cell

Arrays = dict[str, "np.ndarray[Any, Any]"]

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
    return fitting_dims(cell.name, cell.dims, cell.program.constraints, sizes)


def fitting_dims(
    name: str, names: Sequence[str], constraints: Sequence[Size], sizes: tuple[int, ...]
) -> dict[str, int]:
    """The sizes for so many names, `m` and `n` first, the larger where slices need the room."""
    order = sorted(names, key=lambda dim: (dim != "m", dim != "n"))
    dims = {dim: sizes[k] if k < len(sizes) else sizes[-1] + k for k, dim in enumerate(order)}
    for _ in range(64):
        short = [need for need in constraints if need.value(dims) < 0]
        if not short:
            return dims
        for dim, k in short[0].coefficients:
            if k > 0:
                dims[dim] += -(short[0].value(dims) // k)
                break
        else:
            break
    raise InputError(
        f"no sizes were found that fit {name}: give dims=…, such that "
        + " and ".join(f"{need} ≥ 0" for need in constraints)
    )


def dims_for(cell: Cell, dims: Mapping[str, int] | None, sizes: tuple[int, ...]) -> dict[str, int]:
    """The dimensions that a person gives, in every case of a check; where they give none, the case's own sizes."""
    return default_dims(cell, sizes) if dims is None else complete_dims(cell, dims)


def complete_dims(cell: Cell, dims: Mapping[str, int] | None) -> dict[str, int]:
    """Given sizes with defaults for the rest; a name that the cell does not have raises."""
    given = sizes_of("dims", dims)
    strange = [name for name in given if name not in cell.dims]
    if not strange:
        return fill_dims(cell.name, cell.dims, cell.program.constraints, given)
    known = ", ".join(cell.dims) or "none"
    meant = nearest(str(strange[0]), list(cell.dims))
    raise OptionError(f"{cell.name} has no dimension {strange[0]!r}; it has: {known}. {meant}".rstrip())


def fill_dims(name: str, names: Sequence[str], constraints: Sequence[Size], given: dict[str, int]) -> dict[str, int]:
    """Given sizes with defaults for the rest, if slices have room in them."""
    complete = (
        given if set(given) == set(names) else {**fitting_dims(name, names, constraints, _DEFAULT_SIZES), **given}
    )
    for need in constraints:
        if need.value(complete) < 0:
            raise OptionError(f"{name} needs {need} ≥ 0 for its slices, and the sizes are {show_dims(complete)}")
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
    try:
        import numpy as np
    except ModuleNotFoundError:  # sizes, which the equations are printed with, need none
        raise MissingExtraError("a sample", "NumPy", None) from None
    T, N, seed = whole("T", T, 1), whole("N", N, 1), whole("seed", seed)
    choice("dtype", dtype, ("float32", "float64"))
    choice("kind", kind, KINDS)
    sizes = complete_dims(cell, dims)
    scale = real("scale", scale) * _SPREADS.get(kind, 1.0)
    generator = np.random.default_rng(seed)

    def draw(shape: Shape, lead: tuple[int, ...] = (), spread: float = 1.0) -> np.ndarray[Any, Any]:
        full = lead + shape_at(shape, sizes)
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
    fates = generator.permuted([k % 3 for k in range(len(arrays))])
    for array, fate in zip(arrays, fates, strict=True):
        if fate == 0:
            array[...] = 0
        elif fate == 1:
            array[generator.random(array.shape) < 0.5] = 0
