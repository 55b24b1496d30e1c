"""Checks of the arrays that a person hands to a kernel: by name, shape and type, with both sides in the message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..equations import Cell
from ..equations.sample import Arrays
from ..errors import InputError, nearest
from ..sizes import Shape, shape_at
from .dimensions import LEADING_AXES, Reading, plan_readings

Array = np.ndarray[Any, Any]

_REMEMBERED = 256
DTYPES = ("float32", "float64")
"""The types that kernels compute in."""
_NO_NUMBERS = (str, bytes, type(None))


@dataclass(frozen=True, slots=True)
class Checker:
    """Knows a cell's names and shapes and one floating-point type."""

    cell: Cell
    dtype: np.dtype[Any]
    readings: tuple[Reading, ...]
    # Shapes that were worked out before, by what they are of and at which sizes: small sequences would feel them.
    known: dict[tuple[Any, ...], dict[str, tuple[int, ...]]] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(cell: Cell, dtype: str) -> Checker:
        return Checker(cell, np.dtype(dtype), plan_readings(cell))

    def one_or_named(self, given: Any, wanted: Mapping[str, Shape], what: str) -> Arrays:
        """One array, or a dict of them where the cell has several."""
        if len(wanted) == 1 and not isinstance(given, Mapping):
            return {next(iter(wanted)): self.array(given, what)}
        if not isinstance(given, Mapping):
            raise InputError(f"{what} must be a dict with the arrays {', '.join(wanted)}, not {type(given).__name__}")
        return self.named(given, wanted, what)

    def named(self, given: Any, wanted: Mapping[str, Shape], what: str, *, partial: bool = False) -> Arrays:
        """A dict of arrays with exactly the wanted names (`partial`: at most these)."""
        if not isinstance(given, Mapping):
            raise InputError(f"{what} must be a dict of arrays by name, not {type(given).__name__}")
        if given.keys() - wanted.keys():
            unknown = next(name for name in given if name not in wanted)
            known, hint = ", ".join(wanted) or "none", nearest(str(unknown), list(wanted))
            raise InputError(
                f"{what} has {unknown!r}, which {self.cell.name} does not; it has: {known}. {hint}".rstrip()
            )
        missing = [name for name in wanted if name not in given]
        if missing and not partial:
            raise InputError(f"{what} lacks {', '.join(missing)}; {self.cell.name} has: {', '.join(wanted)}")
        arrays: Arrays = {}
        for name in wanted:
            if name in given:
                value = given[name]
                # The usual case is decided here: a small cell's step would feel thirty calls.
                usual = type(value) is np.ndarray and value.dtype is self.dtype
                arrays[name] = value if usual else self.array(value, what, name)
        return arrays

    def array(self, value: Any, what: str, name: str = "") -> Array:
        """An array of the kernel's type; plain numbers and lists are converted, other types refused."""
        return as_array(value, self.dtype, f"{what}[{name!r}]" if name else what)

    def sequence(self, inputs: Arrays) -> tuple[int, int]:
        """T and N."""
        name, first = next(iter(inputs.items()))
        if first.ndim < 2:
            raise InputError(f"{name} has the shape {first.shape}; a sequence has (T, N, …): steps, batch, features")
        T, N = first.shape[:2]
        if T < 1 or N < 1:
            size = "T = 0" if T < 1 else "N = 0"
            raise InputError(f"{name} has the shape {first.shape}, so {size}; T and N are at least 1")
        return T, N

    def dimensions(self, x: Arrays, state: Arrays, params: Arrays) -> dict[str, int]:
        """The value of each dimension, read off the arrays."""
        dims: dict[str, int] = {}
        held = {"x": x, "state": state, "params": params}
        readings = self.readings if state or not self.cell.states else plan_readings(self.cell, ("x", "params"))
        for reading in readings:
            array = held[reading.holder][reading.array]
            if array.ndim <= reading.axis:
                axes = LEADING_AXES[reading.holder]
                raise InputError(
                    f"{_called(reading.holder, reading.array)} has the shape {array.shape}: too few axes"
                    + (f" behind its {axes} leading ones ({', '.join('TN'[-axes:])})" if axes else "")
                )
            size = dims[reading.dim] = reading.solve(array.shape[reading.axis], dims)
            if size < 1:
                raise InputError(
                    f"{_called(reading.holder, reading.array)} has the shape {array.shape}, so {reading.dim} = {size}; "
                    "sizes are at least 1"
                )
        for need in self.cell.program.constraints:
            if need.value(dims) < 0:
                raise InputError(f"{self.cell.name} needs {need} ≥ 0 for its slices; the sizes are {dims}")
        return {dim: dims[dim] for dim in self.cell.dims}  # in one order, whatever was given

    def fit(self, x: Arrays, state: Arrays, params: Arrays, dims: Mapping[str, int], lead: tuple[int, int]) -> None:
        """Refuse arrays that do not fit together; the one to blame is that which most of the others contradict."""
        cell = self.cell
        groups = (
            (params, cell.params, (), "params"), (x, cell.inputs, lead, "x"), (state, cell.states, lead[1:], "state")
        )  # fmt: skip
        try:
            for arrays, wanted, axes, what in groups:
                self.shapes(arrays, wanted, dims, axes, what)
        except InputError:
            votes = {dim: Counter({value: 0}) for dim, value in dims.items()}  # what was read wins a tie
            for arrays, wanted, axes, _ in groups:
                for name, array in arrays.items():
                    for size, length in zip(wanted[name], array.shape[len(axes) :], strict=False):
                        if size.coefficients == ((str(size), 1),):
                            votes[str(size)][length] += 1
            voted = {dim: count.most_common(1)[0][0] for dim, count in votes.items()}
            for arrays, wanted, axes, what in groups:
                self.shapes(arrays, wanted, voted, axes, what)
            raise

    def shapes(
        self, arrays: Arrays, wanted: Mapping[str, Shape], dims: Mapping[str, int], lead: tuple[int, ...], what: str
    ) -> None:
        """Refuse an array whose shape is not the one that the dimensions give."""
        key = (what, lead, *dims.values())
        shapes = self.known.get(key)
        if shapes is None:
            shapes = {name: lead + shape_at(shape, dims) for name, shape in wanted.items()}
            if len(self.known) < _REMEMBERED:
                self.known[key] = shapes
        for name, array in arrays.items():
            expected = shapes[name]
            if array.shape != expected:
                words = ["T", "N"][2 - len(lead) :] if lead else []
                symbols = ", ".join([*words, *map(str, wanted[name])])
                values = ", ".join(f"{dim} = {value}" for dim, value in dims.items())
                needed = f"{self.cell.name} needs ({symbols}) = {expected}" + (f" with {values}" if values else "")
                raise InputError(f"{_called(what, name)} has the shape {array.shape} and {needed}")

    def zeros(self, wanted: Mapping[str, Shape], dims: Mapping[str, int], lead: tuple[int, ...]) -> Arrays:
        return {n: np.zeros(lead + tuple(s.value(dims) for s in shape), self.dtype) for n, shape in wanted.items()}


def as_array(value: Any, dtype: np.dtype[Any], label: str) -> Array:
    """An array of the kernel's type; plain numbers and lists are converted, other types refused."""
    if type(value) is np.ndarray and value.dtype == dtype:
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{label} is a masked array, and kernels know no masks: fill it with .filled(…)")
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufcO" or any(isinstance(v, _NO_NUMBERS) for v in _objects(array)):
            raise TypeError(f"it is {_described(value)}")
        if array.dtype.kind != "c" and not isinstance(value, np.ndarray | np.generic):
            return array.astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{label} is not an array of numbers: {error}") from None
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "c":
        mend = "take .real where the imaginary parts are zero"
    else:
        mend = f"convert it with .astype({str(dtype)!r})"
        if array.dtype in DTYPES:
            mend += f", or derive(…).numpy(dtype={str(array.dtype)!r})"
    raise InputError(f"{label} is {array.dtype} and this kernel computes in {dtype}: {mend}")


def _called(what: str, name: str) -> str:
    """`params W`; an input x is x."""
    return what if what == name else f"{what} {name}"


def _objects(array: Array) -> Iterable[Any]:
    return array.flat if array.dtype.kind == "O" else ()


def _described(value: Any) -> str:
    return f"{value.dtype}" if isinstance(value, np.ndarray | np.generic) else f"{value!r:.60}"
