"""The plain program of a derivation, one equation a line, ready to run on arrays of any class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any, Protocol

import numpy as np

from ...derivation import Derivation
from ...equations import Cell
from ...numeric import emit

Array = np.ndarray[Any, Any]
Key = tuple[str, str]
"""("output", "h"), ("final state", "c"), ("params", "W"), ("x", "x"), ("state", "h")."""
Helpers = Mapping[str, Callable[..., Any]]


class _Numpy:
    """NumPy, but `np.array` keeps the class of an array, which NumPy's own cannot be told to do."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def array(value: Any) -> Any:
        return value.copy() if isinstance(value, np.ndarray) else np.array(value)


class Runs(Protocol):
    """A forward and a backward pass over arrays by key."""

    def forward(self, arrays: Mapping[Key, Array]) -> tuple[dict[Key, Array], Any]: ...

    def backward(self, tape: Any, outputs: Mapping[str, Array], final: Mapping[str, Array]) -> dict[Key, Array]: ...


class Passes(Protocol):
    """The two passes of a cell or a network, once something stands in the place of their helper functions or not."""

    def with_helpers(self, replace: Callable[[Helpers], Helpers]) -> Runs: ...


@dataclass(frozen=True, slots=True, eq=False)
class CellPasses:
    """A cell's forward and backward pass. Nothing is checked and nothing converted: whatever arrays come in, the
    program's operations act on them."""

    cell: Cell
    code: CodeType

    def with_helpers(self, replace: Callable[[Helpers], Helpers]) -> Running:
        """The program as a thing to call; `replace` may put others in the place of its helper functions."""
        namespace: dict[str, Any] = {"__name__": f"symrnn_plain_{self.cell.name}"}
        exec(self.code, namespace)
        namespace["np"] = _Numpy()
        helpers = {name: value for name, value in namespace.items() if callable(value) and name not in _PASSES}
        namespace |= replace(helpers)
        return Running(self.cell, namespace["forward"], namespace["backward"])


_PASSES = ("forward", "backward", "np", "__builtins__")


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """The two passes over arrays by key."""

    cell: Cell
    _forward: Callable[..., Any]
    _backward: Callable[..., Any]

    def forward(self, arrays: Mapping[Key, Array]) -> tuple[dict[Key, Array], Any]:
        """Outputs and final states, and the tape."""
        x = _one_or_all(_group(arrays, "x"), len(self.cell.inputs))
        with np.errstate(all="ignore"):
            outputs, final, tape = self._forward(_group(arrays, "params"), x, _group(arrays, "state"))
        return {**_keyed("output", outputs, self.cell.outputs), **_keyed("final state", final, final)}, tape

    def backward(self, tape: Any, outputs: Mapping[str, Array], final: Mapping[str, Array]) -> dict[Key, Array]:
        """The gradients by parameters, inputs and initial states."""
        d_outputs = _one_or_all({name: outputs[name] for name in self.cell.outputs}, len(self.cell.outputs))
        with np.errstate(all="ignore"):
            params, x, state = self._backward(tape, d_outputs, final)
        return {
            **_keyed("params", params, self.cell.params),
            **_keyed("x", x, self.cell.inputs),
            **_keyed("state", state, self.cell.states),
        }


@lru_cache(maxsize=16)
def plain_passes(derivation: Derivation) -> CellPasses:
    """Emit and compile the plain program of a derivation; the same derivation is asked for again and again."""
    name = derivation.cell.name
    return CellPasses(derivation.cell, compile(emit(derivation), f"<plain {name}>", "exec"))


def _group(arrays: Mapping[Key, Array], group: str) -> dict[str, Array]:
    return {name: array for (of, name), array in arrays.items() if of == group}


def _one_or_all(arrays: dict[str, Array], count: int) -> Any:
    return arrays if count != 1 else next(iter(arrays.values()))


def _keyed(group: str, found: Any, names: Mapping[str, Any]) -> dict[Key, Array]:
    """A pass returns one array where there is one name, a dict otherwise."""
    if isinstance(found, Mapping):
        return {(group, name): array for name, array in found.items()}
    return {(group, next(iter(names))): found}
