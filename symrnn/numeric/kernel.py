"""Running the emitted source: kernels with checked inputs, gradients with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..derivation import Derivation
from ..equations import Cell
from ..equations.sample import Arrays
from ..errors import InputError, OptionError, nearest
from ..sizes import Shape
from .dimensions import LEADING_AXES, plan_readings
from .emit import emit

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Gradients:
    """Gradients in the layout of what they belong to: `params` and `state` by name, `x` like the input."""

    params: Arrays
    x: Array | Arrays
    state: Arrays


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """What a forward pass leaves for the backward pass, with the sizes that it ran at."""

    values: Any
    T: int
    N: int
    dims: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """The forward and backward pass of a cell over batches of whole sequences, in one floating-point type.

    `source` is the text that runs. Arrays are checked by name, shape and type, and never changed.
    """

    cell: Cell
    dtype: str
    source: str
    _namespace: Mapping[str, Any]

    def forward(
        self, params: Mapping[str, Array], x: Array | Mapping[str, Array], state: Mapping[str, Array] | None = None
    ) -> tuple[Array | Arrays, Arrays, Tape]:
        """Outputs at every step, the final state, and the tape; without `state` the initial one is zero."""
        cell = self.cell
        inputs = self._named(x, cell.inputs, "x")
        given = self._checked_names(params, cell.params, "params")
        T, N = self._sequence(inputs)
        start = self._checked_names(state, cell.states, "state") if state is not None else {}
        dims = self._dimensions({"x": inputs, "state": start, "params": given})
        self._check_shapes(given, cell.params, dims, (), "params")
        self._check_shapes(inputs, cell.inputs, dims, (T, N), "x")
        start = start or self._zeros(cell.states, dims, (N,))
        self._check_shapes(start, cell.states, dims, (N,), "state")
        passed = inputs if len(cell.inputs) > 1 else next(iter(inputs.values()))
        outputs, final, values = self._namespace["forward"](given, passed, start)
        return outputs, {name: np.array(value) for name, value in final.items()}, Tape(values, T, N, dims)

    def backward(
        self,
        tape: Tape,
        d_outputs: Array | Mapping[str, Array],
        d_final_state: Mapping[str, Array] | None = None,
    ) -> Gradients:
        """Gradients of L, given ∂L/∂outputs at every step and ∂L/∂(final state); what is left out is zero."""
        cell = self.cell
        upstream = self._named(d_outputs, cell.outputs, "d_outputs")
        self._check_shapes(upstream, cell.outputs, tape.dims, (tape.T, tape.N), "d_outputs")
        final = self._zeros(cell.states, tape.dims, (tape.N,))
        if d_final_state is not None:
            final |= self._checked_names(d_final_state, cell.states, "d_final_state", partial=True)
        self._check_shapes(final, cell.states, tape.dims, (tape.N,), "d_final_state")
        passed = upstream if len(cell.outputs) > 1 else next(iter(upstream.values()))
        grads, d_x, d_state = self._namespace["backward"](tape.values, passed, final)
        return Gradients(grads, d_x, d_state)

    # Checks of what a person hands in -----------------------------------------------------------------------

    def _named(self, given: Any, wanted: Mapping[str, Shape], what: str) -> Arrays:
        """One array, or a dict of them where the cell has several."""
        if len(wanted) == 1 and not isinstance(given, Mapping):
            name = next(iter(wanted))
            return {name: self._array(given, what)}
        if not isinstance(given, Mapping):
            raise InputError(f"{what} must be a dict with the arrays {', '.join(wanted)}, not {type(given).__name__}")
        return self._checked_names(given, wanted, what)

    def _checked_names(self, given: Any, wanted: Mapping[str, Shape], what: str, *, partial: bool = False) -> Arrays:
        if not isinstance(given, Mapping):
            raise InputError(f"{what} must be a dict of arrays by name, not {type(given).__name__}")
        unknown = [name for name in given if name not in wanted]
        if unknown:
            known, hint = ", ".join(wanted) or "none", nearest(str(unknown[0]), list(wanted))
            raise InputError(
                f"{what} has {unknown[0]!r}, which {self.cell.name} does not; it has: {known}. {hint}".rstrip()
            )
        missing = [name for name in wanted if name not in given]
        if missing and not partial:
            raise InputError(f"{what} lacks {', '.join(missing)}; {self.cell.name} has: {', '.join(wanted)}")
        return {name: self._array(given[name], f"{what}[{name!r}]") for name in wanted if name in given}

    def _array(self, value: Any, what: str) -> Array:
        if isinstance(value, np.ndarray | np.generic):
            if value.dtype != self.dtype:
                raise InputError(
                    f"{what} is {value.dtype} and this kernel computes in {self.dtype}: "
                    f"convert it with .astype({self.dtype!r}), or derive(…).numpy(dtype={str(value.dtype)!r})"
                )
            return np.asarray(value)
        try:
            return np.asarray(value, dtype=self.dtype)
        except (TypeError, ValueError) as error:
            raise InputError(f"{what} is not an array of numbers: {error}") from None

    def _sequence(self, inputs: Arrays) -> tuple[int, int]:
        name, first = next(iter(inputs.items()))
        if first.ndim < 2:
            raise InputError(f"{name} has the shape {first.shape}; a sequence has (T, N, …): steps, batch, features")
        T, N = first.shape[:2]
        if T < 1 or N < 1:
            raise InputError(f"{name} has the shape {first.shape}; T and N are at least 1")
        return T, N

    def _dimensions(self, arrays: Mapping[str, Arrays]) -> dict[str, int]:
        """The value of each dimension, read off the arrays."""
        dims: dict[str, int] = {}
        holders = ("x", "state", "params") if arrays["state"] else ("x", "params")
        for reading in plan_readings(self.cell, holders):
            held = arrays[reading.holder][reading.array]
            if held.ndim <= reading.axis:
                axes = LEADING_AXES[reading.holder]
                raise InputError(
                    f"{reading.holder} {reading.array} has the shape {held.shape}: too few axes"
                    + (f" behind its {axes} leading ones ({', '.join('TN'[-axes:])})" if axes else "")
                )
            dims[reading.dim] = (held.shape[reading.axis] - reading.rest.value(dims)) // reading.factor
        return dims

    def _check_shapes(
        self, arrays: Arrays, shapes: Mapping[str, Shape], dims: Mapping[str, int], lead: tuple[int, ...], what: str
    ) -> None:
        for name, array in arrays.items():
            wanted = lead + tuple(size.value(dims) for size in shapes[name])
            if array.shape != wanted:
                words = ["T", "N"][2 - len(lead) :] if lead else []
                symbols = ", ".join([*words, *map(str, shapes[name])])
                values = ", ".join(f"{dim} = {value}" for dim, value in dims.items())
                raise InputError(
                    f"{what} {name} has the shape {array.shape} and {self.cell.name} needs ({symbols}) = {wanted}"
                    + (f" with {values}" if values else "")
                )
        for need in self.cell.program.constraints:
            if need.value(dims) < 0:
                raise InputError(f"{self.cell.name} needs {need} ≥ 0 for its slices; the sizes are {dims}")

    def _zeros(self, shapes: Mapping[str, Shape], dims: Mapping[str, int], lead: tuple[int, ...]) -> Arrays:
        return {n: np.zeros(lead + tuple(s.value(dims) for s in shape), self.dtype) for n, shape in shapes.items()}


def build_kernel(derivation: Derivation, dtype: str = "float64") -> Kernel:
    """Emit the source of a derivation and compile it."""
    if dtype not in ("float32", "float64"):
        raise OptionError(f"dtype is 'float32' or 'float64', not {dtype!r}")
    source = emit(derivation)
    namespace: dict[str, Any] = {"__name__": f"symrnn_kernel_{derivation.cell.name}"}
    exec(compile(source, f"<kernel {derivation.cell.name}>", "exec"), namespace)
    return Kernel(derivation.cell, dtype, source, namespace)
