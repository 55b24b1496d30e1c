"""Where each dimension's value can be read off: an axis of an input, a state or a parameter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..equations import Cell, Network
from ..errors import InputError
from ..language.wiring import EACH, FIXED
from ..sizes import Shape, Size

Holder = Literal["x", "state", "params"]
LEADING_AXES: dict[Holder, int] = {"x": 2, "state": 1, "params": 0}


@dataclass(frozen=True, slots=True)
class Reading:
    """`dim` follows from one axis of one array: the axis' length is `size`, whose other dimensions are known."""

    dim: str
    holder: Holder
    array: str
    axis: int
    size: Size

    factor: int
    rest: Size
    """What the axis holds besides `factor` times `dim`."""

    @property
    def plain(self) -> bool:
        """Whether the axis' length is the dimension itself."""
        return self.factor == 1 and not self.rest.coefficients and not self.rest.constant

    def solve(self, length: int, dims: Mapping[str, int]) -> int:
        """The dimension's value, given the axis' length and the values of earlier ones."""
        return length if self.plain else (length - self.rest.value(dims)) // self.factor

    @staticmethod
    def of(dim: str, holder: Holder, array: str, axis: int, size: Size) -> Reading:
        factor = dict(size.coefficients)[dim]
        return Reading(dim, holder, array, axis, size, factor, size - Size.of(dim).scaled(factor))


Axis = tuple[Holder, str, int, Size]
"""An axis of an array: who holds the array, its name, the axis, and its length as a size."""


def plan_readings(cell: Cell, holders: tuple[Holder, ...] = ("x", "state", "params")) -> tuple[Reading, ...]:
    """A reading for every dimension of a cell."""
    axes: list[Axis] = [
        (holder, name, LEADING_AXES[holder] + axis, size)
        for holder, shapes in (("x", cell.inputs), ("state", cell.states), ("params", cell.params))
        if holder in holders
        for name, shape in shapes.items()
        for axis, size in enumerate(shape)
    ]
    mend = "annotate the shapes" if "state" in holders else "give the initial state"
    return readings_of(cell.name, cell.dims, axes, mend)


def readings_of(owner: str, dims: Collection[str], axes: Sequence[Axis], mend: str) -> tuple[Reading, ...]:
    """A reading for every dimension, the plainest first, in an order in which each rests on earlier ones."""
    known: dict[str, Reading] = {}
    while len(known) < len(dims):
        best: tuple[int, Reading] | None = None
        for holder, name, axis, size in axes:
            unknown = [dim for dim in size.names if dim not in known]
            if len(unknown) == 1:
                reading = Reading.of(unknown[0], holder, name, axis, size)
                cost = len(size.coefficients) + abs(reading.factor) + bool(size.constant)
                if best is None or cost < best[0]:
                    best = cost, reading
        if best is None:
            missing = ", ".join(dim for dim in dims if dim not in known)
            raise InputError(f"the size of {missing} in {owner} cannot be read off the arrays: {mend}")
        known[best[1].dim] = best[1]
    return tuple(known.values())


def network_readings(network: Network) -> tuple[Reading, ...]:
    """Where each size and the length of each axis can be read off."""
    shapes: dict[tuple[Holder, str], Shape] = {("x", name): full_shape(network, name) for name in network.inputs}
    given = dict.fromkeys(name for shape in shapes.values() for size in shape for name in size.names)
    shapes |= {("params", name): shape for name, shape in network.params.items()}
    axes: list[Axis] = [(*key, place, size) for key, shape in shapes.items() for place, size in enumerate(shape)]
    return readings_of(network.name, given | dict.fromkeys(network.dims), axes, "annotate the shapes of arguments")


def full_shape(network: Network, name: str) -> Shape:
    """The shape of an input with its axes: (T, N, m), (N, n) for a context, (C, C) for a constant."""
    argument, shape = network.arguments[name], network.inputs[name]
    if argument.given == "lengths" or argument.axis == EACH:
        return (Size.of(EACH), *shape)
    if argument.axis == FIXED:
        return shape
    return (Size.of(argument.axis), Size.of(EACH), *shape)
