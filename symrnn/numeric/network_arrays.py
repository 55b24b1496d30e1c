"""Checks of the arrays that a person hands to a network: by name, type and shape, with both sides in the message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..equations import Network, Wire
from ..equations.sample import Arrays
from ..errors import InputError, nearest
from ..sizes import Shape, shape_at
from .arrays import Array, as_array
from .dimensions import Reading, full_shape, network_readings

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class NetworkChecker:
    """Knows a network's names and shapes, axes among them, and one floating-point type."""

    network: Network
    dtype: np.dtype[Any]
    wanted: Mapping[str, Mapping[str, Shape]]
    readings: tuple[Reading, ...]
    known: dict[tuple[Any, ...], dict[str, int]] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(network: Network, dtype: str) -> NetworkChecker:
        x = {name: full_shape(network, name) for name in network.inputs}
        return NetworkChecker(network, np.dtype(dtype), {"params": network.params, "x": x}, network_readings(network))

    def named(self, given: Any, what: str) -> Arrays:
        """The arrays of `params` or `x`: exactly those that the network has, each of its type."""
        wanted = self.wanted[what]
        if not isinstance(given, Mapping):
            if len(wanted) != 1:
                raise InputError(f"{what} must be a dict with {', '.join(wanted)}, not {type(given).__name__}")
            given = {next(iter(wanted)): given}
        unknown = [name for name in given if name not in wanted]
        if unknown:
            hint = nearest(str(unknown[0]), list(wanted))
            problem = f"{what} has {unknown[0]!r}, which {self.network.name} does not; it has: {', '.join(wanted)}"
            raise InputError(f"{problem}. {hint}".rstrip())
        missing = [name for name in wanted if name not in given]
        if missing:
            raise InputError(f"{what} lacks {', '.join(missing)}; {self.network.name} has: {', '.join(wanted)}")
        return {name: self._array(given[name], what, name) for name in wanted}

    def _array(self, value: Any, what: str, name: str) -> Array:
        kind = self.network.arguments[name].given if what == "x" else "value"
        if kind in ("integer", "lengths"):
            array = np.asarray(value)
            if array.dtype.kind not in "iu":
                raise InputError(
                    f"{what}[{name!r}] holds whole numbers, and this is {array.dtype}: convert it with .astype(int)"
                )
            return array
        return as_array(value, self.dtype, f"{what}[{name!r}]")

    def sizes(self, params: Arrays, x: Arrays) -> dict[str, int]:
        """The value of every size and of every axis; arrays that do not fit together are refused."""
        key = tuple(array.shape for arrays in (params, x) for array in arrays.values())
        if key not in self.known:
            if len(self.known) >= _REMEMBERED:
                self.known.clear()
            self.known[key] = self._solved(params, x)
        return self.known[key]

    def _solved(self, params: Arrays, x: Arrays) -> dict[str, int]:
        held = {"params": params, "x": x}
        for what, arrays in held.items():
            for name, array in arrays.items():
                if array.ndim != len(self.wanted[what][name]):
                    raise self._misfit(what, name, array)
        sizes: dict[str, int] = {}
        origins: dict[str, str] = {}
        for reading in self.readings:
            array = held[reading.holder][reading.array]
            value = sizes[reading.dim] = reading.solve(array.shape[reading.axis], sizes)
            origins[reading.dim] = f"{reading.dim} = {value}, as {reading.holder}[{reading.array!r}] is {array.shape}"
            if value < 1:
                raise InputError(f"{origins[reading.dim]}; sizes are at least 1")
        for what, arrays in held.items():
            for name, array in arrays.items():
                shape = self.wanted[what][name]
                if array.shape != shape_at(shape, sizes):
                    names = dict.fromkeys(dim for size in shape for dim in size.names)
                    raise self._misfit(what, name, array, tuple(origins[dim] for dim in names))
        for need in self.network.constraints:
            if need.value(sizes) < 0:
                raise InputError(f"{self.network.name} needs {need} ≥ 0 for its slices; the sizes are {sizes}")
        return sizes

    def _misfit(self, what: str, name: str, array: Array, facts: tuple[str, ...] = ()) -> InputError:
        symbols = ", ".join(map(str, self.wanted[what][name]))
        problem = f"{what}[{name!r}] has the shape {array.shape}, and {self.network.name} needs ({symbols})"
        return InputError("\n  ".join([problem, *facts]))

    def values(self, x: Arrays, sizes: Mapping[str, int]) -> None:
        """Refuse lengths and whole numbers out of range."""
        for axis, name in self.network.lengths.items():
            _within(x[name], 1, sizes[axis], name, f"lengths along {axis} are at least 1 and at most {sizes[axis]}")
        for name, size in self.network.classes.items():
            count = size.value(sizes)
            rule = f"{size} = {count}, so whole numbers from 0 to {count - 1} are meant"
            _within(x[name], 0, count - 1, name, rule, self._told(name, x))

    def _told(self, name: str, x: Arrays) -> Array | None:
        """Where whole numbers count: behind a sequence's end, and of mere targets where a mask is zero, stands what
        will."""
        net, axis = self.network, self.network.arguments[name].axis
        if axis in net.lengths:
            return np.arange(len(x[name]))[:, None] < x[net.lengths[axis]]
        looked_up = any(isinstance(step, Wire) and step.table and step.of == name for step in net.steps)
        mask = net.counted if net.counted in x and not looked_up else None
        return x[mask] != 0 if mask and net.axes[mask] == axis else None


def _within(array: Array, low: int, high: int, name: str, rule: str, counts: Array | None = None) -> None:
    if array.size and (array.min() < low or array.max() > high):
        wrong = (array < low) | (array > high)
        if counts is not None:
            wrong &= counts
        if not wrong.any():
            return
        place = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise InputError(f"x[{name!r}] has {array[place]} at {place}; {rule}")
