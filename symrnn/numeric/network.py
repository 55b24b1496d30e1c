"""Running a network: the kernels of its blocks, one after the other, and the wires between them.

forward     block by block, wire by wire; the loss is a sum, or a mean, of what its block gives
backward    the same in reverse: what a value receives is the sum over its readers of their ∂L/∂x; a wire hands back
            by its adjoint (what `last` receives is a gradient at the last step, a sum over time the same at all)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..derivation import NetworkDerivation
from ..equations import Block, Network, Wire
from ..equations.sample import Arrays
from ..errors import InputError, OptionError, nearest
from ..language.wiring import EACH
from ..sizes import shape_at
from .arrays import DTYPES, Array
from .kernel import Gradients, Kernel, build_kernel
from .network_arrays import NetworkChecker
from .wires import MASKS, WIRES, counted, look_up, look_up_back, reverse, unit_vectors


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTape:
    """What a forward pass leaves for the backward pass: a tape of each block, and the values that wires led."""

    made_by: NetworkKernel
    tapes: Mapping[str, Any]
    values: Arrays
    lengths: Arrays
    params: Arrays
    sizes: Mapping[str, int]

    def __repr__(self) -> str:
        return f"<NetworkTape of {self.made_by.network.name}: {len(self.tapes)} blocks>"


@dataclass(frozen=True, slots=True, eq=False)
class NetworkKernel:
    """The forward and backward pass of a network over batches of whole sequences, in one floating-point type.

    `kernels` are those of the blocks, one for each cell. Arrays are checked by name, shape and type, and never changed.
    """

    network: Network
    dtype: str
    kernels: Mapping[str, Kernel]
    _checker: NetworkChecker = field(repr=False)

    def forward(
        self, params: Mapping[str, Array], x: Array | Mapping[str, Array], *, tape: str = "full"
    ) -> tuple[Any, NetworkTape]:
        """The loss, or a dict of outputs by name, the loss among them under `loss`; and the tape. `x` is a dict by
        name (one array where there is one input): (T, N, …), (N, …) for contexts, whole numbers for tokens.

        `tape="checkpoint"` keeps about √T states of each block and computes the steps again."""
        if tape not in ("full", "checkpoint"):
            raise OptionError(f"tape is 'full' or 'checkpoint', not {tape!r}. {nearest(tape, ['full', 'checkpoint'])}")
        net, check = self.network, self._checker
        given, inputs = check.named(params, "params"), check.named(x, "x")
        sizes = check.sizes(given, inputs)
        check.values(inputs, sizes)
        lengths = {axis: inputs[name] for axis, name in net.lengths.items()}
        values, tapes = dict(inputs), dict[str, Any]()
        for name, by in net.cleared.items():
            values[name] = counted(inputs[name], inputs[by])
        for step in net.steps:
            if isinstance(step, Wire):
                values[step.name] = self._lead(step, given, values, lengths, sizes)
            else:
                tapes[step.name] = self._run(step, given, values, lengths, sizes, tape)
        outputs = {name: values[value] for name, value in net.outputs.items()}
        made = NetworkTape(self, tapes, values, lengths, given, sizes)
        if net.loss is None:
            return outputs, made
        loss = self._weighed(values[net.loss], made)
        return ({"loss": loss} | outputs if outputs else loss), made

    def backward(self, tape: NetworkTape, d_outputs: Mapping[str, Any] | float | None = None) -> Gradients:
        """Gradients of L. Without `d_outputs` L is the loss; else they are ∂L/∂output by name (`loss` among them)."""
        if not isinstance(tape, NetworkTape) or tape.made_by is not self:
            raise InputError(f"tape must be what forward of this kernel returned last, not {tape!r:.80}")
        net = self.network
        received = self._from_above(tape, d_outputs)
        given: Arrays = {}
        for step in reversed(net.steps):
            if isinstance(step, Wire):
                above, read, lengths = received.pop(step.name, None), tape.values[step.of], tape.lengths.get(step.axis)
                if above is not None and step.table in tape.params:
                    _add(given, step.table, look_up_back(above, read, tape.params[step.table], lengths))
                elif above is not None and step.way in WIRES:
                    _add(received, step.of, WIRES[step.way][1](above, read, lengths))
            else:
                self._run_back(step, tape, received, given)
        params = {name: given.get(name, np.zeros_like(value)) for name, value in tape.params.items()}
        wanted = [name for name, a in net.arguments.items() if a.given == "value"]
        x = {name: received[name] if name in received else np.zeros_like(tape.values[name]) for name in wanted}
        for name, by in net.cleared.items():
            x[name] = counted(x[name], tape.values[by])
        return Gradients(params, x, {})

    def _lead(self, wire: Wire, params: Arrays, values: Arrays, lengths: Arrays, sizes: Mapping[str, int]) -> Array:
        value, dtype = values[wire.of], self._checker.dtype
        if wire.way in MASKS:
            return MASKS[wire.way](value, sizes[wire.axis], dtype)
        if wire.way == "one_hot":
            return unit_vectors(value, self.network.classes[wire.of].value(sizes), dtype)
        if wire.table:
            return look_up(_held(wire.table, params, values), value, lengths.get(wire.axis))
        return WIRES[wire.way][0](value, lengths.get(wire.axis))

    # Blocks -------------------------------------------------------------------------------------------------

    def _run(
        self, block: Block, params: Arrays, values: Arrays, lengths: Arrays, sizes: Mapping[str, int], tape: str
    ) -> Any:
        kernel = self.kernels[block.name]
        axis = self.network.axes
        inputs = {
            name: _onto(values[value], axis[value], block, lengths, sizes) for name, value in block.inputs.items()
        }
        own = {name: _held(param, params, values) for name, param in block.params.items()}
        state = None
        if block.init:
            N, dims, dtype = sizes[EACH], block.dims_at(sizes), self._checker.dtype
            state = {name: np.zeros((N, *shape_at(s, dims)), dtype) for name, s in block.cell.states.items()}
            for name, value in block.init.items():
                start = _held(value, params, values)
                state[name] = np.ascontiguousarray(np.broadcast_to(start, state[name].shape))
        outputs, final, made = kernel.forward(own, inputs, state, tape=tape)
        named = outputs if isinstance(outputs, dict) else {next(iter(block.outputs)): outputs}
        for name, value in block.outputs.items():
            values[value] = _off(named[name], block, lengths)
        for name, value in block.finals.items():
            values[value] = final[name]
        return made

    def _run_back(self, block: Block, tape: NetworkTape, received: Arrays, given: Arrays) -> None:
        values, lengths = tape.values, tape.lengths
        above = {name: received.pop(value, None) for name, value in block.outputs.items()}
        final = {name: received.pop(value, None) for name, value in block.finals.items()}
        if all(part is None for part in (*above.values(), *final.values())):
            return
        upstream = {
            name: _onto(
                np.zeros_like(values[block.outputs[name]]) if part is None else part,
                block.axis,
                block,
                lengths,
                tape.sizes,
            )
            for name, part in above.items()
        }
        d_final = {name: part for name, part in final.items() if part is not None}
        single = upstream if len(upstream) > 1 else next(iter(upstream.values()))
        grads = self.kernels[block.name].backward(tape.tapes[block.name], single, d_final or None)
        for name, param in block.params.items():
            if param in tape.params:
                _add(given, param, grads.params[name])
        d_x = grads.x if isinstance(grads.x, dict) else {next(iter(block.inputs)): grads.x}
        for name, value in block.inputs.items():
            if name in d_x and self.network.is_differentiable(value):
                _add(received, value, self._off_input(d_x[name], value, block, lengths))
        for name, value in block.init.items():
            if value in tape.params:
                _add(given, value, grads.state[name].sum(0))
            elif self.network.is_differentiable(value):
                _add(received, value, grads.state[name])

    def _off_input(self, gradient: Array, value: str, block: Block, lengths: Arrays) -> Array:
        """What a value receives from a block that reads it: one value a sequence gets the sum over the steps."""
        if self.network.axes[value] == EACH:
            return gradient.sum(0)
        return _off(gradient, block, lengths)

    # The loss -----------------------------------------------------------------------------------------------

    def _weights(self, tape: NetworkTape) -> tuple[Array | None, float]:
        """Which entries of the loss count, and by how many it is divided."""
        net = self.network
        assert net.loss is not None
        axis = net.axes[net.loss]
        counted = tape.values[net.counted] if net.counted else None
        count = 1.0
        if counted is not None and axis in net.mean:
            # With steps that do not count, the mean is over those that do: of all sequences, or of each.
            count = float(counted.sum()) if EACH in net.mean else 1.0
            if EACH not in net.mean:
                counted = counted / np.maximum(counted.sum(0), 1)
            return counted, count
        for name in net.mean:
            count *= tape.sizes[name]
        return counted, count

    def _weighed(self, loss: Array, tape: NetworkTape) -> float:
        counted, count = self._weights(tape)
        return float((loss if counted is None else np.where(counted != 0, loss, 0) * counted).sum()) / count

    def _from_above(self, tape: NetworkTape, d_outputs: Any) -> Arrays:
        net = self.network
        names = [*(["loss"] if net.loss else []), *net.outputs]
        if d_outputs is None and net.loss is None:
            raise InputError(f"{net.name} returns no loss: give d_outputs, a dict with {', '.join(names)}")
        if net.loss and not net.outputs and d_outputs is not None and not isinstance(d_outputs, Mapping):
            d_outputs = {"loss": d_outputs}
        above: Mapping[str, Any] = {"loss": 1.0} if d_outputs is None else d_outputs
        if not isinstance(above, Mapping):
            raise InputError(f"d_outputs must be a dict with {', '.join(names)}, not {type(above).__name__}")
        received: Arrays = {}
        for name, part in above.items():
            if name not in names:
                raise InputError(f"{net.name} has no output {name!r}; it has: {', '.join(names)}")
            array = np.asarray(part, dtype=self._checker.dtype)
            value = tape.values[net.loss if name == "loss" and net.loss else net.outputs[name]]
            wanted = () if name == "loss" and net.loss else value.shape
            if array.shape != wanted:
                raise InputError(f"d_outputs[{name!r}] has the shape {array.shape}, and the output {wanted}")
            if name == "loss" and net.loss:
                counted, count = self._weights(tape)
                array = np.full(value.shape, array / count, array.dtype)
                array = array if counted is None else array * counted.astype(array.dtype)
                _add(received, net.loss, array)
            else:
                _add(received, net.outputs[name], array)
        return received


def _held(name: str, params: Arrays, values: Arrays) -> Array:
    """A parameter, or a value that is used as one: a constant."""
    return params[name] if name in params else values[name]


def _onto(value: Array, axis: str, block: Block, lengths: Arrays, sizes: Mapping[str, int]) -> Array:
    """A value as a block reads it: with the block's axis, turned round for one that runs from the end."""
    if block.axis == EACH:
        return value[None]
    if axis == EACH:
        return np.broadcast_to(value, (sizes[block.axis], *value.shape))
    return reverse(value, lengths.get(block.axis)) if block.reverse else value


def _off(value: Array, block: Block, lengths: Arrays) -> Array:
    """What a block gives, as the network has it: the way back from `_onto`."""
    if block.axis == EACH:
        return value[0]
    return reverse(value, lengths.get(block.axis)) if block.reverse else value


def _add(received: Arrays, name: str, part: Array) -> None:
    received[name] = received[name] + part if name in received else part


def build_network_kernel(derivation: NetworkDerivation, dtype: str, *, plain: bool, backend: str) -> NetworkKernel:
    """The kernels of a network's blocks; equal cells share one."""
    if dtype not in DTYPES:
        raise OptionError(f"dtype is 'float32' or 'float64', not {dtype!r}")
    made: dict[int, Kernel] = {}
    kernels: dict[str, Kernel] = {}
    for block in derivation.network.blocks:
        own = derivation.derivations[block.name]
        if id(own) not in made:
            made[id(own)] = build_kernel(own, dtype, plain=plain, backend=backend)
        kernels[block.name] = made[id(own)]
    return NetworkKernel(derivation.network, dtype, kernels, NetworkChecker.of(derivation.network, dtype))
