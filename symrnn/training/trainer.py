"""Parameters that move by gradients: those of a network stand in one vector, which the cell of an update rule moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..derivation import derive
from ..equations import Cell
from ..equations.sample import Arrays
from ..numeric import Kernel

Array = np.ndarray[Any, Any]


class Trainer:
    """`params` are views of one vector; `update` moves it. `state` are the rule's own vectors: momenta, counts."""

    def __init__(self, params: Arrays, update: Cell, scalars: Mapping[str, float], *, backend: str = "numpy") -> None:
        first = next(iter(params.values()))
        self._whole = np.concatenate([value.ravel() for value in params.values()])
        self.params: Arrays = _views(self._whole, params)
        self._gradient = np.empty_like(self._whole)
        self._parts: Arrays = _views(self._gradient, params)
        self._kernel: Kernel = derive(update).numpy(str(first.dtype), backend=backend)
        self._scalars = {name: np.asarray(scalars[name], first.dtype) for name in update.params}
        self._first, *rest = update.states
        shapes = {name: len(update.states[name]) for name in rest}
        self.state: Arrays = {
            name: np.zeros((1, self._whole.size) if rank else (1,), first.dtype) for name, rank in shapes.items()
        }

    def step(self, gradients: Arrays) -> None:
        """One update by the gradients of all parameters."""
        for name, part in self._parts.items():
            part[...] = gradients[name]
        state = {self._first: self._whole[None], **self.state}
        _, last, _ = self._kernel.forward(self._scalars, self._gradient[None, None], state)
        self._whole[...] = last.pop(self._first)[0]
        self.state = {name: np.array(value) for name, value in last.items()}

    def held(self) -> Arrays:
        """Everything that a later `restore` needs."""
        return {"w": self._whole, **{f"state.{name}": value for name, value in self.state.items()}}

    def restore(self, held: Mapping[str, Array]) -> None:
        """Stand where `held` was taken."""
        self._whole[...] = held["w"]
        self.state = {name: np.array(held[f"state.{name}"]) for name in self.state}


def _views(whole: Array, like: Arrays) -> Arrays:
    """Pieces of a vector with the names and shapes of other arrays."""
    views: Arrays = {}
    start = 0
    for name, value in like.items():
        views[name] = whole[start : start + value.size].reshape(value.shape)
        start += value.size
    return views
