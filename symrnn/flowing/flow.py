"""Where the gradient goes: `flow` runs cells along sequences and says what becomes of ∂L/∂h_t on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..arguments import choice, real, sizes, whole
from ..derivation import derive
from ..equations import Cell, Network
from ..equations.sample import fill_dims, fitting_dims
from ..errors import OptionError, nearest
from ..library import as_model
from ..sizes import shape_at, show_dims
from .passes import run_passes
from .result import Flow
from .settings import apply, read_settings, replaced, show_setting
from .trajectory import Order, measure

_SIZES = (8, 32, 4, 6, 5, 3)
"""m, n, and what else a cell has."""
_SMALLER = (32, 24, 16, 12, 8, 6, 4)
_USUAL, _LARGEST = 2**22, 2**26
"""Numbers that a trajectory holds: where nobody says how large it is to be, and at most (half a gigabyte)."""

Source = Cell | Network | str | Callable[..., Any]


def flow(
    cells: Source | Sequence[Source],
    *,
    T: int = 100,
    N: int = 8,
    dims: Mapping[str, int] | None = None,
    set: Mapping[str, Any] | None = None,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    x: Any = None,
    state: Mapping[str, Any] | None = None,
    loss: str = "last",
    transient: int | None = None,
    clip: float = 1.0,
) -> Flow:
    """The flow of the gradient through a cell, or through several that are compared.

    T steps of N sequences are run, with random parameters, inputs and states of sizes `dims` (n = 32) or with those
    given by name in `params`, `x` and `state`. `set` puts a number (`{"b_f": 5.0}`) or a kind of matrix (`{"R":
    "orthogonal"}`, `"radius 1.5"`, `"norm 0.9"`, `"identity"`) in place of what was drawn, by the name of a parameter,
    an input or a state; a list of values compares them. The loss is L = uᵀ y_T with a random unit vector u, or with
    `loss="all"` its sum over all steps. Lyapunov exponents are measured after `transient` steps (a quarter of T);
    `clip` is the threshold that the gradient's norm is held against.
    """
    T, N, seed = whole("T", T, 1), whole("N", N, 1), whole("seed", seed)
    choice("loss", loss, ("last", "all"))
    settled = T // 4 if transient is None else whole("transient", transient, 0, T - 1)
    order = Order(seed, loss, settled, real("clip", clip))
    sources: Sequence[Any] = cells if isinstance(cells, list | tuple) else [cells]
    models = [_cell_of(source) for source in sources]
    if not models:
        raise OptionError("flow(…) needs a cell, such as 'lstm', or several: ['rnn', 'lstm']")
    _require_dims(models, dims)
    given = {"params": params, "x": x, "state": state}
    found = []
    for cell, setting in read_settings(models, set):
        derivation = derive(cell)
        own = _dims_of(cell, dims, T, N)
        sample = replaced(cell, apply(cell, cell.sample(T, N, seed, own), setting), given)
        direction = _direction(shape_at(next(iter(cell.outputs.values())), own), seed)
        label = f"{cell.name}, {show_setting(setting)}" if setting else cell.name
        with np.errstate(all="ignore"):  # what explodes is shown as it is
            passes = run_passes(derivation, own, sample, direction, everywhere=loss == "all")
            found.append(measure(passes, setting, label, order))
    return Flow(tuple(found))


def _cell_of(source: Source) -> Cell:
    model = as_model(source)
    if isinstance(model, Network):
        scanned = ", ".join(dict.fromkeys(block.cell.name for block in model.blocks if block.cell.states))
        raise OptionError(
            f"{model.name} is a network, and flow follows the gradient through a cell\n"
            f"  mend: one of the cells that it scans: {scanned or 'it scans none'}"
        )
    if not model.states:
        raise OptionError(
            f"{model.name} has no state, so no gradient flows from step to step\n"
            "  mend: a cell with a state, such as def my_cell(x, h): …"
        )
    return model


def _require_dims(cells: Sequence[Cell], dims: Mapping[str, int] | None) -> None:
    known = list(dict.fromkeys(dim for cell in cells for dim in cell.dims))
    for name in sizes("dims", dims):
        if name not in known:
            meant = nearest(name, known)
            whose = " and ".join(dict.fromkeys(cell.name for cell in cells))
            raise OptionError(f"dims: {whose} has no {name!r}; sizes are {', '.join(known)}. {meant}".rstrip())


def _dims_of(cell: Cell, dims: Mapping[str, int] | None, T: int, N: int) -> dict[str, int]:
    """The sizes that a person gives; for the others those of a picture, smaller where a state is a matrix."""
    given = {name: size for name, size in sizes("dims", dims).items() if name in cell.dims}
    found: dict[str, int] = {}
    for n in _SMALLER:
        usual = fitting_dims(cell.name, cell.dims, cell.program.constraints, (_SIZES[0], n, *_SIZES[2:]))
        found = fill_dims(cell.name, cell.dims, cell.program.constraints, {**usual, **given})
        if _numbers(cell, found, T, N) <= _USUAL:
            break
    if _numbers(cell, found, T, N) > _LARGEST:
        raise OptionError(
            f"{cell.name} at {show_dims({'T': T, 'N': N, **found})} takes {_numbers(cell, found, T, N):,} numbers, and "
            f"at most {_LARGEST:,} are held\n  mend: smaller sizes; what counts most is T times the square of all "
            "states' entries together"
        )
    return found


def _numbers(cell: Cell, dims: Mapping[str, int], T: int, N: int) -> int:
    """How many numbers a trajectory holds, about: the Jacobians, the contributions, the values of both passes."""

    def entries(shapes: Iterator[Any]) -> int:
        total = 0
        for shape in shapes:
            count = 1
            for size in shape_at(shape, dims):
                count *= size
            total += count
        return total

    S, P, M = (entries(iter(group.values())) for group in (cell.states, cell.outputs, cell.inputs))
    values = entries(equation.shape for equation in cell.equations)
    return T * ((S + P) * (S + M) + entries(iter(cell.params.values())) + 3 * N * (values + S + M))


def _direction(shape: tuple[int, ...], seed: int) -> Any:
    drawn = np.random.default_rng((seed, 1)).standard_normal(shape)
    return drawn / np.sqrt((drawn**2).sum())
