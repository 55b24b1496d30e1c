"""A network's derivation run as it says, over any kit: its blocks' equations one after the other, and the wires between
them, forward and backward, for one sequence. Nothing of the kernels or the emitters is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...derivation import NetworkDerivation
from ...equations import Block, Wire
from ...language.wiring import EACH
from ...sizes import Shape, shape_at
from ..interpreter import Interpreter, Tape, run_backward
from ..kit import Array, Kit, np
from ..meaning import keep
from .meaning import Values

if TYPE_CHECKING:  # oracles need NumPy, and a proof does not
    from ..oracles import Key


@dataclass(slots=True, eq=False)
class NetworkInterpreter:
    """A network's derivation at given `sizes`, those of its axes among them, for one sequence with given `lengths`."""

    derivation: NetworkDerivation
    kit: Kit
    sizes: Mapping[str, int]
    lengths: Mapping[str, int]
    begin: Callable[[], None] = lambda: None
    name: Callable[[Array], Array] = keep
    tapes: dict[str, Tape] = field(default_factory=dict)
    """Of each block: its forward pass, and with what came from above once its backward pass has run."""
    given: Values = field(default_factory=dict)

    def forward(self, given: Mapping[str, Any]) -> Values:
        """All values, from parameters and inputs other than lengths."""
        self.given = dict(given)
        values: Values = {name: self._cleared(name, value) for name, value in given.items()}
        for step in self.derivation.network.steps:
            if isinstance(step, Wire):
                values[step.name] = self._lead(step, values)
            else:
                self._run(step, values)
        return values

    def backward(self, above: Mapping[str, Any]) -> dict[Key, Array]:
        """The gradients of parameters and inputs, from those of the loss and the outputs, by value."""
        net = self.derivation.network
        received: Values = dict(above)
        for step in reversed(net.steps):
            if isinstance(step, Block):
                self._run_back(step, received)
            elif step.name in received and net.is_differentiable(step.name):
                self._lead_back(step, received)
        found: dict[Key, Array] = {}
        for name, shape in net.params.items():
            found["params", name] = received.get(name, self._zeros(shape))
        for name, argument in net.arguments.items():
            if argument.given == "value":
                absent = self.zeros_of(name)
                parts = self._cleared(name, received.get(name, absent))
                found["x", name] = np.stack(parts) if isinstance(parts, list) else parts
        return found

    def _cleared(self, name: str, value: Any) -> Any:
        """An input, or its gradient, that is zero behind the end of the sequence."""
        net = self.derivation.network
        length = self.lengths.get(net.axes.get(name, EACH))
        if name not in net.cleared or length is None:
            return value
        return [*value[:length], *self.zeros_of(name)[length:]]

    def zeros_of(self, value: str) -> Any:
        """Zero in the place of a value, at every step that it has."""
        net = self.derivation.network
        zeros = self._zeros(net.shapes[value])
        return zeros if net.axes[value] == EACH else [zeros] * self.sizes[net.axes[value]]

    def _zeros(self, shape: Shape) -> Array:
        return np.full(shape_at(shape, self.sizes), self.kit.constant(Fraction(0)), dtype=self.kit.dtype)

    # Wires --------------------------------------------------------------------------------------------------

    def _lead(self, wire: Wire, values: Values) -> Any:
        zero, one = (self.kit.constant(Fraction(k)) for k in (0, 1))
        if wire.way in ("steps", "places"):
            length, T = self.lengths[wire.axis], self.sizes[wire.axis]
            if wire.way == "steps":
                return [np.asarray(one if t < length else zero) for t in range(T)]
            places = np.full((T,), zero, dtype=self.kit.dtype)
            for t in range(length):
                places[t] = one
            return places
        steps = values[wire.of]
        if wire.way in ("embed", "one_hot"):
            picked = [self._pick(wire, number, values) for number in self._numbers(wire, steps)]
            return picked if isinstance(steps, list) else picked[0]
        length = self.lengths.get(wire.axis, len(steps))
        match wire.way:
            case "last":
                return steps[length - 1]
            case "first":
                return steps[0]
            case "reverse":
                return [*steps[:length][::-1], *steps[length:]]
            case "shift":
                return [0 * steps[0], *steps[:-1]]
            case "sum":
                return np.asarray(sum(steps[1:length], steps[0]))
            case "mean":
                return np.asarray(sum(steps[1:length], steps[0]) / self.kit.constant(Fraction(length)))
            case _:
                return np.stack([*steps[:length], *(0 * step for step in steps[length:])])

    def _numbers(self, wire: Wire, steps: Any) -> list[int]:
        if not isinstance(steps, list):
            return [steps]
        length = self.lengths.get(wire.axis, len(steps)) if wire.way == "embed" else len(steps)
        return [number if t < length else 0 for t, number in enumerate(steps)]

    def _pick(self, wire: Wire, number: int, values: Values) -> Array:
        if wire.table is not None:
            return np.asarray(values[wire.table][number, :])
        unit = self._zeros(self.derivation.network.shapes[wire.name])
        unit[number] = self.kit.constant(Fraction(1))
        return unit

    def _lead_back(self, wire: Wire, received: Values) -> None:
        above = received.pop(wire.name)
        if wire.table is not None:
            if wire.table in self.derivation.network.params:
                steps = above if isinstance(above, list) else [above]
                for number, part in zip(self._numbers(wire, self.given[wire.of]), steps, strict=True):
                    rows = self._zeros(self.derivation.network.shapes[wire.table])
                    rows[number, :] = part
                    _add(received, wire.table, rows)
            return
        T = self.sizes[wire.axis]
        length = self.lengths.get(wire.axis, T)
        zero = self._zeros(self.derivation.network.shapes[wire.of])
        match wire.way:
            case "last":
                parts = [above if t == length - 1 else zero for t in range(T)]
            case "first":
                parts = [above if t == 0 else zero for t in range(T)]
            case "reverse":
                parts = [*above[:length][::-1], *above[length:]]
            case "shift":
                parts = [*above[1:], zero]
            case "sum":
                parts = [above if t < length else zero for t in range(T)]
            case "mean":
                share = np.asarray(above / self.kit.constant(Fraction(length)))
                parts = [share if t < length else zero for t in range(T)]
            case _:
                parts = [above[t, :] if t < length else zero for t in range(T)]
        _add(received, wire.of, parts)

    # Blocks -------------------------------------------------------------------------------------------------

    def _order(self, block: Block) -> list[int]:
        """The steps as the block meets them."""
        if block.axis == EACH:
            return [0]
        T = self.sizes[block.axis]
        length = self.lengths.get(block.axis, T)
        return [*reversed(range(length)), *range(length, T)] if block.reverse else [*range(T)]

    def _at(self, value: Any, t: int) -> Array:
        return value[t] if isinstance(value, list) else value

    def _run(self, block: Block, values: Values) -> None:
        own, dims = self.derivation.derivations[block.name], block.dims_at(self.sizes)
        of = Interpreter(own, self.kit, dims, begin=self.begin, name=self.name)
        order, cell = self._order(block), block.cell
        params = {name: values[param] for name, param in block.params.items()}
        x = [{name: np.asarray(self._at(values[v], t)) for name, v in block.inputs.items()} for t in order]
        state = {
            name: values[block.init[name]] if name in block.init else self._start(block, name) for name in cell.states
        }
        steps = of.forward(params, x, state)
        self.tapes[block.name] = Tape(of, steps, {})
        for name, value in block.outputs.items():
            found = dict(zip(order, (step[name] for step in steps), strict=True))
            values[value] = found[0] if block.axis == EACH else [found[t] for t in range(len(order))]
        for state_ in cell.program.states:
            if state_.name in block.finals:
                values[block.finals[state_.name]] = steps[-1][state_.new]

    def _start(self, block: Block, state: str) -> Array:
        return self._zeros(tuple(size.substituted(block.dims) for size in block.cell.states[state]))

    def _run_back(self, block: Block, received: Values) -> None:
        net, derivation = self.derivation.network, self.derivation.derivations[block.name]
        order = self._order(block)
        above = {own: received.pop(v, None) for own, v in block.outputs.items()}
        final = {own: received.pop(v, None) for own, v in block.finals.items()}
        if all(part is None for part in (*above.values(), *final.values())):
            return
        steps: list[Values] = []
        for step, t in zip(self.tapes[block.name].steps, order, strict=True):
            entering = {}
            for own, part in above.items():
                whole = self.zeros_of(block.outputs[own]) if part is None else part
                entering[derivation.upstream[own]] = self._at(whole, t)
            steps.append({**step, **entering})
        ends = {derivation.carries[name]: final[name] if final.get(name) is not None else self._start(block, name)
                for name in block.cell.states}  # fmt: skip
        self.tapes[block.name] = Tape(self.tapes[block.name].of, steps, ends)
        gradients = run_backward(self.tapes[block.name]).gradients
        for own, name in block.params.items():
            if name in net.params:
                _add(received, name, gradients["params", own])
        for own, value in block.inputs.items():
            if not net.is_differentiable(value):
                continue
            parts = dict(zip(order, gradients["x", own], strict=True))
            ordered = [parts[t] for t in range(len(order))]
            _add(received, value, ordered if isinstance(self.zeros_of(value), list) else sum(ordered[1:], ordered[0]))
        for own, value in block.init.items():
            if value in net.params or net.is_differentiable(value):
                _add(received, value, gradients["state", own])


def _add(received: Values, name: str, part: Any) -> None:
    if name not in received:
        received[name] = part
    elif isinstance(part, list):
        received[name] = [a + b for a, b in zip(received[name], part, strict=True)]
    else:
        received[name] = received[name] + part
