"""Where the gradient goes: `flow` runs cells along sequences and says what becomes of ∂L/∂h_t on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arguments import choice, real, sizes, whole
from ..derivation import derive
from ..equations import Cell, Network
from ..equations.sample import Sample, fill_dims, fitting_dims
from ..errors import OptionError, nearest
from ..library import as_model
from ..sizes import shape_at, show_dims
from .networks import network_dims, network_passes, scans_of
from .passes import Passes, run_passes
from .result import Flow
from .settings import Setting, apply, read_settings, replaced, show_setting
from .trajectory import Order, Trajectory, measure

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
    loss: str | None = None,
    transient: int | None = None,
    clip: float = 1.0,
) -> Flow:
    """The flow of the gradient through a cell, or through several that are compared.

    T steps of N sequences are run, with random parameters, inputs and states of sizes `dims` (n = 32) or with those
    given by name in `params`, `x` and `state`. `set` puts a number (`{"b_f": 5.0}`) or a kind of matrix (`{"R":
    "orthogonal"}`, `"radius 1.5"`, `"norm 0.9"`, `"identity"`) in place of what was drawn, by the name of a parameter,
    an input or a state; a list of values compares them. The loss is L = uᵀ y_T with a random unit vector u, or with
    `loss="all"` its sum over all steps; a network has its own, and each cell that it scans is a trajectory. Lyapunov
    exponents are measured after `transient` steps (a quarter of T); `clip` is the threshold that the gradient's norm is
    held against.
    """
    T, N, seed = whole("T", T, 1), whole("N", N, 1), whole("seed", seed)
    word = choice("loss", "last" if loss is None else loss, ("last", "all"))
    settled = None if transient is None else whole("transient", transient, 0, T - 1)
    sources: Sequence[Any] = cells if isinstance(cells, list | tuple) else [cells]
    models = [_model_of(source, loss) for source in sources]
    if not models:
        raise OptionError("flow(…) needs a cell, such as 'lstm', or several: ['rnn', 'lstm']")
    asked = _Asked(T, N, seed, sizes("dims", dims), word, {"params": params, "x": x, "state": state})
    order = Order(seed, word, settled, real("clip", clip))
    _require_dims(models, asked.dims)
    with np.errstate(all="ignore"):  # what explodes is shown as it is
        return Flow(tuple(found for each in read_settings(models, set) for found in asked.measured(*each, order)))


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What a call asks of every cell and network."""

    T: int
    N: int
    seed: int
    dims: Mapping[str, int]
    loss: str
    given: Mapping[str, Any]

    def measured(self, model: Cell | Network, setting: Setting, order: Order) -> Iterator[Trajectory]:
        """The trajectories of a cell, or of a network, at a setting."""
        own = replace(order, loss="own") if isinstance(model, Network) else order
        for label, passes in self.run(model, setting):
            yield measure(passes, setting, f"{label}, {show_setting(setting)}" if setting else label, own)

    def run(self, model: Cell | Network, setting: Setting) -> Iterator[tuple[str, Passes]]:
        """A cell's passes; or those of every cell that a network scans."""
        if isinstance(model, Network):
            dims = self.network_dims(model)
            sample = self.sample(model, dims, setting)
            found = network_passes(derive(model), dims, self.T, self.N, sample)
            yield from ((f"{model.name} {name}", passes) for name, passes in found.items())
            return
        dims = self.cell_dims(model)
        u = _direction(shape_at(next(iter(model.outputs.values())), dims), self.seed)
        sample = self.sample(model, dims, setting)
        yield model.name, run_passes(derive(model), dims, sample, u, everywhere=self.loss == "all")

    def sample(self, model: Cell | Network, dims: Mapping[str, int], setting: Setting) -> Sample:
        drawn = model.sample(self.T, self.N, self.seed, dims)
        return replaced(model, apply(model, drawn, setting), self.given)

    def cell_dims(self, cell: Cell) -> dict[str, int]:
        """The sizes that a person gives; for the others those of a picture, smaller where a state is a matrix."""
        given = {name: size for name, size in self.dims.items() if name in cell.dims}
        found: dict[str, int] = {}
        for n in _SMALLER:
            usual = fitting_dims(cell.name, cell.dims, cell.program.constraints, (_SIZES[0], n, *_SIZES[2:]))
            found = fill_dims(cell.name, cell.dims, cell.program.constraints, {**usual, **given})
            if _numbers(cell, found, self.T, self.N) <= _USUAL:
                break
        self.refuse_more(cell.name, cell, found)
        return found

    def network_dims(self, network: Network) -> dict[str, int]:
        """The same of a network, whose scans have one size where a person says nothing."""
        found = network_dims(network, self.dims, _SMALLER[0])
        for block in scans_of(network):
            self.refuse_more(f"{network.name}: {block.name}", block.cell, block.dims_at({"T": self.T, **found}))
        return found

    def refuse_more(self, name: str, cell: Cell, dims: Mapping[str, int]) -> None:
        """Nothing is begun that memory would not hold."""
        numbers = _numbers(cell, dims, self.T, self.N)
        if numbers > _LARGEST:
            raise OptionError(
                f"{name} at {show_dims({'T': self.T, 'N': self.N, **dims})} takes {numbers:,} numbers, and at most "
                f"{_LARGEST:,} are held\n  mend: smaller sizes; what counts most is T times the square of all states' "
                "entries together"
            )


def _model_of(source: Source, loss: str | None) -> Cell | Network:
    model = as_model(source)
    if isinstance(model, Network):
        scans_of(model)
        if loss is not None:
            raise OptionError(f"{model.name} has a loss of its own; leave `loss` out, which is for cells")
    elif not model.states:
        raise OptionError(
            f"{model.name} has no state, so no gradient flows from step to step\n"
            "  mend: a cell with a state, such as def my_cell(x, h): …"
        )
    return model


def _require_dims(cells: Sequence[Cell | Network], dims: Mapping[str, int]) -> None:
    if any(isinstance(cell, Network) for cell in cells):
        return  # their sizes have several names, and are looked at one network at a time
    known = list(dict.fromkeys(dim for cell in cells for dim in cell.dims))
    for name in dims:
        if name not in known:
            meant = nearest(name, known)
            whose = " and ".join(dict.fromkeys(cell.name for cell in cells))
            raise OptionError(f"dims: {whose} has no {name!r}; sizes are {', '.join(known)}. {meant}".rstrip())


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
