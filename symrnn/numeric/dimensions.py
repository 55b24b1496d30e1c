"""Where each dimension's value can be read off: an axis of an input, a state or a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..equations import Cell
from ..errors import InputError
from ..sizes import Size

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


def plan_readings(cell: Cell, holders: tuple[Holder, ...] = ("x", "state", "params")) -> tuple[Reading, ...]:
    """A reading for every dimension, the plainest first, in an order in which each rests on earlier ones."""
    axes = [
        (holder, name, LEADING_AXES[holder] + axis, size)
        for holder, shapes in (("x", cell.inputs), ("state", cell.states), ("params", cell.params))
        if holder in holders
        for name, shape in shapes.items()
        for axis, size in enumerate(shape)
    ]
    known: dict[str, Reading] = {}
    while len(known) < len(cell.dims):
        best: tuple[int, Reading] | None = None
        for holder, name, axis, size in axes:
            unknown = [dim for dim in size.names if dim not in known]
            if len(unknown) == 1:
                reading = Reading.of(unknown[0], holder, name, axis, size)  # type: ignore[arg-type]
                cost = len(size.coefficients) + abs(reading.factor) + bool(size.constant)
                if best is None or cost < best[0]:
                    best = cost, reading
        if best is None:
            missing = ", ".join(dim for dim in cell.dims if dim not in known)
            mend = "annotate the shapes" if "state" in holders else "give the initial state"
            raise InputError(f"the size of {missing} in {cell.name} cannot be read off the arrays: {mend}")
        known[best[1].dim] = best[1]
    return tuple(known.values())
