"""The plain programs of a network's blocks, joined by its wires, ready to run on arrays of any class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...derivation import NetworkDerivation
from ...equations import Block
from ...language.wiring import EACH
from ...numeric import Gradients, NetworkKernel
from ...sizes import shape_at
from ..kit import Array
from ..oracles import Key
from ..rounding import plain_passes
from ..rounding.passes import Helpers, Running
from .points import LOSS, NetworkPoint

HELD = "held"
"""The group of arrays that no gradient is taken by, and that round all the same: masks and constants."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkPasses:
    """A network's forward and backward pass at a point; as with cells nothing is checked and nothing converted."""

    derivation: NetworkDerivation
    point: NetworkPoint

    def given(self) -> dict[Key, Array]:
        """Everything that enters and may round."""
        held = {(HELD, name): a for name, a in self.point.held().items() if a.dtype.kind == "f"}
        return {**self.point.arrays(), **held}

    def with_helpers(self, replace: Callable[[Helpers], Helpers]) -> NetworkRunning:
        """The programs as things to call; `replace` may put others in the place of their helper functions."""
        made: dict[int, Running] = {}
        blocks: dict[str, _Plain] = {}
        for block in self.derivation.network.blocks:
            own = self.derivation.derivations[block.name]
            if id(own) not in made:
                made[id(own)] = plain_passes(own).with_helpers(replace)
            blocks[block.name] = _Plain(block, made[id(own)], self.point.sizes)
        return NetworkRunning(self.point, blocks)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkRunning:
    """The two passes over arrays by key."""

    point: NetworkPoint
    blocks: Mapping[str, Any]

    def forward(self, arrays: Mapping[Key, Array]) -> tuple[dict[Key, Array], Any]:
        """The loss and outputs, and the tape."""
        params = {name: arrays["params", name] for name in self.point.params}
        x = {name: arrays.get(("x", name), arrays.get((HELD, name), whole)) for name, whole in self.point.x.items()}
        dtype = next((array.dtype for array in arrays.values()), np.dtype("float64"))
        unchecked: Any = _Unchecked(dtype, self.point.sizes)
        kernel = NetworkKernel(self.point.network, dtype.name, self.blocks, unchecked)
        with np.errstate(all="ignore"):
            found, tape = kernel.forward(params, x)
        return keyed(found), (kernel, tape)

    def backward(self, tape: Any, outputs: Mapping[str, Any], final: Mapping[str, Any]) -> dict[Key, Array]:
        """The gradients by parameters and inputs."""
        kernel, made = tape
        with np.errstate(all="ignore"):
            return gradients_of(kernel.backward(made, outputs))


def keyed(found: Any) -> dict[Key, Array]:
    """What a forward pass returns, by key."""
    named = found if isinstance(found, Mapping) else {LOSS: found}
    return {("output", name): np.asanyarray(array) for name, array in named.items()}


def gradients_of(gradients: Gradients) -> dict[Key, Array]:
    """What a backward pass returns, by key."""
    assert isinstance(gradients.x, dict)
    found: dict[Key, Array] = {("params", name): array for name, array in gradients.params.items()}
    return found | {("x", name): array for name, array in gradients.x.items()}


@dataclass(frozen=True, slots=True)
class _Unchecked:
    """In place of the checks of a network's arrays."""

    dtype: np.dtype[Any]
    known: Mapping[str, int]

    def named(self, given: Any, what: str) -> Any:
        return given

    def sizes(self, params: Any, x: Any) -> Mapping[str, int]:
        return self.known

    def values(self, x: Any, sizes: Any) -> None:
        pass


@dataclass(frozen=True, slots=True, eq=False)
class _Plain:
    """A block's plain program, called as its kernel is."""

    block: Block
    running: Running
    sizes: Mapping[str, int]

    def forward(self, params: Any, x: Any, state: Any = None, *, tape: str = "full") -> tuple[Any, Any, Any]:
        given: dict[Key, Array] = {("params", name): array for name, array in params.items()}
        given |= {("x", name): array for name, array in x.items()}
        like = next(iter(given.values()))
        starts = self._zeros(like) if state is None else state
        given |= {("state", name): array for name, array in starts.items()}
        found, made = self.running.forward(given)
        outputs = {name: array for (group, name), array in found.items() if group == "output"}
        final = {name: array for (group, name), array in found.items() if group == "final state"}
        return outputs, final, (made, like)

    def backward(self, tape: Any, d_outputs: Any, d_final: Any = None) -> Gradients:
        made, like = tape
        above = d_outputs if isinstance(d_outputs, dict) else {next(iter(self.block.cell.outputs)): d_outputs}
        found = self.running.backward(made, above, self._zeros(like) | (d_final or {}))
        groups: dict[str, dict[str, Array]] = {"params": {}, "x": {}, "state": {}}
        for (group, name), array in found.items():
            groups[group][name] = array
        return Gradients(groups["params"], groups["x"], groups["state"])

    def _zeros(self, like: Array) -> dict[str, Array]:
        dims, N = self.block.dims_at(self.sizes), self.sizes[EACH]
        states = self.block.cell.states.items()
        return {name: np.zeros((N, *shape_at(shape, dims)), like.dtype) for name, shape in states}
