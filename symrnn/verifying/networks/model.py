"""The network's backward pass at a point, to be bent: each block's equations may have other right sides, the loss may
be another mean, and what a table's rows receive may be seen before it is added up.

Blocks run in the interpreter of derivations, in the lines that people write (`fold`), and the network's own kernel
joins them, so that whatever is bent goes the way that gradients go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...checking.floats import FLOATS
from ...checking.interpreter import Backward, Changes, Tape, run_backward, run_forward
from ...checking.kit import Array
from ...checking.networks.points import NetworkPoint
from ...checking.oracles import Key, Point, Upstream
from ...derivation import Derivation, NetworkDerivation
from ...equations import Block, Network, Wire
from ...numeric import Gradients, Kernel, NetworkKernel
from ...sizes import shape_at
from ..fold import fold


@dataclass(slots=True, eq=False)
class BentBlock:
    """A block in place of its kernel; `run` is its last backward pass."""

    block: Block
    kernel: Kernel
    folded: Derivation
    dims: Mapping[str, int]
    changes: Changes = field(default_factory=dict)
    run: Backward | None = None
    _tape: Tape | None = None

    def forward(self, params: Any, x: Any, state: Any = None, *, tape: str = "full") -> tuple[Any, Any, Any]:
        outputs, final, _ = self.kernel.forward(params, x, state)
        T, N = next(iter(x.values())).shape[:2] if x else next(iter(_named(outputs, self.block).values())).shape[:2]
        shapes = self.block.cell.states.items()
        start = state or {s: np.zeros((N, *shape_at(shape, self.dims))) for s, shape in shapes}
        return outputs, final, Point(self.block.cell, self.dims, T, N, params, x, start)

    def backward(self, point: Point, d_outputs: Any, d_final: Any = None) -> Gradients:
        final = {name: np.zeros_like(array) for name, array in point.state.items()} | (d_final or {})
        upstream = Upstream("", _named(d_outputs, self.block), final)
        with np.errstate(all="ignore"):
            if self._tape is None:
                self._tape = run_forward(self.folded, FLOATS, point, upstream)
            self.run = run_backward(self._tape.with_upstream(upstream), self.changes)
        groups: dict[str, dict[str, Array]] = {"params": {}, "x": {}, "state": {}}
        for (group, name), array in self.run.gradients.items():
            groups[group][name] = array
        return Gradients(groups["params"], groups["x"], groups["state"])


def _named(arrays: Any, block: Block) -> dict[str, Array]:
    return dict(arrays) if isinstance(arrays, Mapping) else {next(iter(block.outputs)): arrays}


@dataclass(slots=True, eq=False)
class Model:
    """The bent network at one point."""

    network: Network
    blocks: Mapping[str, BentBlock]
    kernel: NetworkKernel
    tape: Any
    _found: dict[Key, Array] | None = field(default=None, init=False)

    def gradients(self) -> dict[Key, Array]:
        """All of them, and of every value that is a table's row what it receives, as of an input."""
        if self._found is None:
            for block in self.blocks.values():
                block.run = None
            with np.errstate(all="ignore"):
                self._found = _all(self.kernel.backward(self.tape, {"loss": 1.0}))
                loose = _without_tables(self.network)
                kernel = replace(self.kernel, network=loose)
                apart = _all(kernel.backward(replace(self.tape, made_by=kernel), {"loss": 1.0}))
            self._found |= {key: array for key, array in apart.items() if key not in self._found}
        return self._found

    def bend(self, block: str, changes: Changes) -> None:
        """Other right sides for equations of a block, in place of those that it had."""
        self.blocks[block].changes = changes
        self._found = None

    def average(self, network: Network) -> None:
        """The same network with another mean."""
        self.network, self.kernel = network, replace(self.kernel, network=network)
        self.tape = replace(self.tape, made_by=self.kernel)
        self._found = None


def build_model(derivation: NetworkDerivation, point: NetworkPoint, folded: Mapping[str, Derivation]) -> Model:
    """The network at a point, as yet unbent."""
    right, network = derivation.numpy(), derivation.network
    blocks = {
        block.name: BentBlock(
            block,
            right.kernels[block.name],
            folded[block.name],
            block.dims_at(point.sizes),
        )
        for block in network.blocks
    }
    kernels: Any = blocks
    kernel = replace(right, kernels=kernels)
    _, tape = kernel.forward(point.params, point.x)
    return Model(network, blocks, kernel, tape)


def fold_blocks(derivation: NetworkDerivation) -> dict[str, Derivation]:
    """Each block's derivation in the lines that people write; blocks of one cell share it."""
    made = {id(own): fold(own) for own in derivation.derivations.values()}
    return {name: made[id(own)] for name, own in derivation.derivations.items()}


def loss_at(network: Network, model: Model) -> float:
    """The loss with another mean."""
    kernel = replace(model.kernel, network=network)
    found, _ = kernel.forward(model.tape.params, {name: model.tape.values[name] for name in network.inputs})
    return float(found["loss"] if isinstance(found, Mapping) else found)


def tables(network: Network) -> list[Wire]:
    """The wires that look up rows of a parameter."""
    return [step for step in network.steps if isinstance(step, Wire) and step.table in network.params]


def _without_tables(network: Network) -> Network:
    """The rows of tables as inputs: a backward pass stops there and says what each has received."""
    wires = tables(network)
    rows = {w.name: replace(network.arguments[w.of], name=w.name, given="value", classes=None)
            for w in wires if w.of in network.arguments}  # fmt: skip
    steps = tuple(step for step in network.steps if step.name not in rows)
    return replace(network, steps=steps, arguments={**network.arguments, **rows})


def _all(gradients: Gradients) -> dict[Key, Array]:
    x: Any = gradients.x
    found: dict[Key, Array] = {("params", name): np.array(array) for name, array in gradients.params.items()}
    return found | {("x", name): np.array(array) for name, array in x.items()}
