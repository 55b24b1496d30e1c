"""A library's two passes with the arguments that emitted NumPy has, so that a kernel can run either."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...derivation import Derivation
from ...equations import Cell
from ...equations.sample import Arrays
from ...sizes import Shape, shape_at
from ..arrays import Array
from ..c import emit_c
from ..c.names import identifier
from ..dimensions import Reading, plan_readings
from .compiler import load_library
from .rows import Address, IntShape, Row, address, join, whole


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """Copies of the parameters with a pointer to each, and the arrays that dimensions are read off."""

    params: Arrays
    buffer: Array
    pointers: Any


@dataclass(frozen=True, slots=True)
class _Layout:
    """What follows from T, N and the dimensions: how much memory, and what is where in what a pass returns."""

    sizes: tuple[int, ...]
    tape: int
    work: int
    states: Row
    returned: Row
    """Outputs, then final states."""
    gradients: Row
    """By the parameters, by the inputs, by the initial states."""


@dataclass(frozen=True, slots=True, eq=False)
class _Room:
    """Memory for one call at some sizes, with its addresses: for the tape, for work, for the states that enter."""

    layout: _Layout
    tape: Array
    work: Array
    states: Array
    tape_at: Address
    work_at: Address
    states_at: Any

    @staticmethod
    def of(layout: _Layout, empty: Callable[..., Array], dtype: np.dtype[Any], *, tape: bool) -> _Room:
        counts = (layout.tape if tape else 0, layout.work, layout.states.size)
        numbers, work, states = (empty(count, dtype) for count in counts)
        pointers = _pointers(layout.states.addresses(states))
        return _Room(layout, numbers, work, states, address(numbers), address(work), pointers)


@dataclass(frozen=True, slots=True)
class Passes:
    """`pack`, `forward` and `backward` of a compiled cell in one floating-point type."""

    cell: Cell
    dtype: np.dtype[Any]
    readings: tuple[Reading, ...]
    library: Mapping[str, Callable[..., int]]
    """The functions by the last part of their names."""
    file: str
    """Where they came from: the name tells what is in it."""
    empty: Callable[..., Array] = np.empty

    def pack(self, params: Arrays) -> _Packed:
        row = Row.of(array.shape for array in params.values())
        buffer = self.empty(row.size, self.dtype)
        join(params.values(), buffer)
        return _Packed(params, buffer, _pointers(row.addresses(buffer)))

    def forward(self, packed: _Packed, x: Any, state: Arrays, work: dict[str, Any]) -> tuple[Any, Arrays, Any]:
        """Outputs, final state, and the tape for `backward`; `work` keeps memory for the next call."""
        cell = self.cell
        inputs = [whole(array) for array in (x.values() if len(cell.inputs) > 1 else (x,))]
        sizes = self._sizes(dict(zip(cell.inputs, inputs, strict=True)), state, packed.params)
        room: _Room | None = work.get("room")
        if room is None or room.layout.sizes != sizes:
            room = work["room"] = _Room.of(self._layout(sizes), self.empty, self.dtype, tape=True)
        layout, count = room.layout, len(cell.outputs)
        join(state.values(), room.states)
        found = self.empty(layout.returned.size, self.dtype)
        places = layout.returned.addresses(found)
        self.library["forward"](
            *sizes, *_given(packed.pointers), *map(address, inputs), *_given(room.states_at),
            *places[:count], *_given(_pointers(places[count:])), room.tape_at, room.work_at,
        )  # fmt: skip
        views = layout.returned.views(found)
        outputs = dict(zip(cell.outputs, views, strict=False)) if count > 1 else views[0]
        final = dict(zip(cell.states, views[count:], strict=True))
        return outputs, final, (packed, inputs, room)

    def backward(self, tape: Any, d_outputs: Any, d_final_state: Arrays, work: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Gradients by the parameters, the inputs and the initial state."""
        packed, inputs, taped = tape
        layout: _Layout = taped.layout
        cell = self.cell
        upstream = [whole(array) for array in (d_outputs.values() if len(cell.outputs) > 1 else (d_outputs,))]
        room: _Room | None = work.get("room")
        if room is None or room.layout.sizes != layout.sizes:
            room = work["room"] = _Room.of(layout, self.empty, self.dtype, tape=False)
        join(d_final_state.values(), room.states)
        found = self.empty(layout.gradients.size, self.dtype)
        places = layout.gradients.addresses(found)
        first, last = len(cell.params), len(cell.params) + len(cell.inputs)
        self.library["backward"](
            *layout.sizes, *_given(packed.pointers), *map(address, inputs), taped.tape_at, *map(address, upstream),
            *_given(room.states_at), *_given(_pointers(places[:first])), *places[first:last],
            *_given(_pointers(places[last:])), room.work_at,
        )  # fmt: skip
        views = layout.gradients.views(found)
        d_x = dict(zip(cell.inputs, views[first:last], strict=True)) if len(cell.inputs) > 1 else views[first]
        grads = dict(zip(cell.params, views, strict=False))
        return grads, d_x, dict(zip(cell.states, views[last:], strict=True))

    # Sizes and memory ---------------------------------------------------------------------------------------

    def _sizes(self, x: Arrays, state: Arrays, params: Arrays) -> tuple[int, ...]:
        """T, N and the dimensions, as the functions take them."""
        held = {"x": x, "state": state, "params": params}
        dims: dict[str, int] = {}
        for reading in self.readings:
            dims[reading.dim] = reading.solve(held[reading.holder][reading.array].shape[reading.axis], dims)
        return (*next(iter(x.values())).shape[:2], *(dims[dim] for dim in self.cell.dims))

    def _layout(self, sizes: tuple[int, ...]) -> _Layout:
        cell = self.cell
        T, N, *values = sizes
        dims = dict(zip(cell.dims, values, strict=True))

        def shapes(wanted: Mapping[str, Shape], *lead: int) -> list[IntShape]:
            return [(*lead, *shape_at(shape, dims)) for shape in wanted.values()]

        states, inputs = shapes(cell.states, N), shapes(cell.inputs, T, N)
        return _Layout(
            sizes, self.library["tape_size"](*sizes), self.library["work_size"](*values), Row.of(states),
            Row.of([*shapes(cell.outputs, T, N), *states]), Row.of([*shapes(cell.params), *inputs, *states]),
        )  # fmt: skip


def compiled_passes(derivation: Derivation, dtype: str) -> tuple[str, Passes]:
    """The C of a derivation, and its passes compiled for a type."""
    source, cell = emit_c(derivation), derivation.cell
    prefix = identifier(cell.name)
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    dims, structs = [size] * len(cell.dims), 2 * bool(cell.states) + bool(cell.params)
    arrays = len(cell.inputs) + len(cell.outputs)
    arguments = {
        "tape_size": [size, size, *dims],
        "work_size": dims,
        "forward": [size, size, *dims, *[pointer] * (structs + arrays + 2)],
        "backward": [size, size, *dims, *[pointer] * (structs + bool(cell.params) + arrays + len(cell.inputs) + 2)],
    }
    called = [f"{prefix}_{name}" for name in arguments]
    library = load_library(source, prefix, called, ["-DREAL_FLOAT"] if dtype == "float32" else [])
    functions = {}
    for name, types in arguments.items():
        function = functions[name] = library[f"{prefix}_{name}"]
        function.argtypes, function.restype = types, size if name.endswith("_size") else None
    return source, Passes(cell, np.dtype(dtype), plan_readings(cell), functions, Path(library._name).name)


def _pointers(addresses: list[Address]) -> Any:
    """A struct of pointers; None where it has none, because C has no such struct."""
    return (ctypes.c_void_p * len(addresses))(*addresses) if addresses else None


def _given(struct: Any) -> tuple[Any, ...]:
    return () if struct is None else (struct,)
