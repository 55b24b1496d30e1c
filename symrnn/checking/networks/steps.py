"""A network over a few steps in scalar components: what its text means, and what its derivation comes to.

The sequences of a batch share the parameters and nothing else, so one sequence is written out. Where sequences have
lengths, it has one step behind its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy

from ...derivation import NetworkDerivation
from ...language.wiring import STEPS, has_steps
from ..kit import Array, Kit, np
from ..symbols import SYMBOLS, share
from ..unrolled import Expected, Row, Unrolled, inner
from .interpreter import NetworkInterpreter
from .meaning import NetworkMeaning, steps_of

if TYPE_CHECKING:  # oracles need NumPy, and a proof does not
    from ..oracles import Key

_HIDDEN = -(10**29)
"""A score below stands for one of a place that does not count: its weight is zero."""


@dataclass(frozen=True, slots=True)
class NetworkTape:
    """A forward pass with what enters from above, by value."""

    of: NetworkInterpreter
    values: Mapping[str, Any]
    above: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NetworkSteps:
    """A network and its derivation; T is the number of steps that count."""

    derivation: NetworkDerivation

    def sizes(self, dims: Mapping[str, int], T: int) -> dict[str, int]:
        """All sizes with those of the axes: T steps, two of other axes, and one more behind the end."""
        net = self.derivation.network
        axes = {axis for axis in net.axes.values() if has_steps(axis)}
        counting = {axis: T if axis == STEPS else 2 for axis in axes}
        return {**dims, **{axis: size + (axis in net.lengths) for axis, size in counting.items()}}

    def _lengths(self, of: Unrolled) -> dict[str, int]:
        return {axis: of.dims[axis] - 1 for axis in self.derivation.network.lengths}

    def _given(self, of: Unrolled) -> dict[str, Any]:
        """Symbols for all that the loss depends on; whole numbers that come again; a mask without every second step."""
        net = self.derivation.network
        given: dict[str, Any] = {name: of.symbols(name, shape) for name, shape in net.params.items()}
        for name, argument in net.arguments.items():
            steps = range(of.dims[argument.axis]) if has_steps(argument.axis) else None
            match argument.given:
                case "lengths":
                    continue
                case "integer":
                    classes = net.classes[name].value(of.dims) if name in net.classes else 1
                    given[name] = 1 % classes if steps is None else [(1 + t % 2) % classes for t in steps]
                case "mask":
                    given[name] = [np.asarray(sympy.Integer(1 - t % 2), dtype=object) for t in steps or ()]
                case _ if steps is None:
                    given[name] = of.symbols(name, net.inputs[name])
                case _:
                    given[name] = [of.symbols(f"{name}_{t + 1}", net.inputs[name]) for t in steps]
        return given

    def _weights(self, of: Unrolled) -> list[Fraction]:
        """By how much each step counts in the loss."""
        net = self.derivation.network
        assert net.loss is not None
        axis = net.axes[net.loss]
        if not has_steps(axis):
            return [Fraction(1)]
        counts = [Fraction(1)] * of.dims[axis]
        for argument in net.arguments.values():
            if argument.axis == axis and argument.given == "mask":
                counts = [count * (1 - t % 2) for t, count in enumerate(counts)]
            if argument.axis == axis and argument.given == "lengths":
                counts = [count * (t < of.dims[axis] - 1) for t, count in enumerate(counts)]
        return [count / sum(counts) for count in counts] if axis in net.mean else counts

    def _above(self, of: Unrolled) -> dict[str, Any]:
        """A symbol for every entry of the gradients from above, by output; that of the loss is a number."""
        net = self.derivation.network
        above: dict[str, Any] = {} if net.loss is None else {"loss": of.symbols("g_loss", ())}
        for name, value in net.outputs.items():
            axis, shape = net.axes[value], net.shapes[value]
            steps = range(of.dims[axis]) if has_steps(axis) else None
            above[name] = (
                of.symbols(f"g_{name}", shape)
                if steps is None
                else [of.symbols(f"g_{name}_{t + 1}", shape) for t in steps]
            )
        return above

    # The expected side --------------------------------------------------------------------------------------

    def expected(self, of: Unrolled) -> Expected:
        net, given, above = self.derivation.network, self._given(of), self._above(of)
        meaning = NetworkMeaning(net.plan, of.dims, self._lengths(of), SYMBOLS, 0, of.hold, share)
        values = meaning.run(given)
        pairs: list[tuple[Array, Array]] = []
        rows: list[Row] = []
        if net.loss is not None:
            weighed = [np.asarray(sympy.Rational(w.numerator, w.denominator) * step, dtype=object)
                       for w, step in zip(self._weights(of), steps_of(values[net.loss]), strict=True)]  # fmt: skip
            loss = np.asarray(sum(weighed[1:], weighed[0]), dtype=object)
            pairs.append((above["loss"], loss))
            rows.append(Row("output loss", ("output", "loss"), loss, False))
        for name, value in net.outputs.items():
            pairs += list(zip(steps_of(above[name]), steps_of(values[value]), strict=True))
            rows.append(Row(f"output {name}", ("output", name), _stacked(values[value]), False))
        rows += [Row(f"∂L/∂{n}", ("params", n), given[n], True) for n in net.params]
        rows += [
            Row(f"∂L/∂{n}", ("x", n), _stacked(given[n]), True)
            for n, argument in net.arguments.items()
            if argument.given == "value"
        ]
        return Expected(inner((np.asarray(g), np.asarray(y)) for g, y in pairs), rows)

    # The derived side ---------------------------------------------------------------------------------------

    def forward(self, of: Unrolled) -> NetworkTape:
        net = self.derivation.network
        kit = _hiding(of.truth.kit)
        interpreter = NetworkInterpreter(self.derivation, kit, of.dims, self._lengths(of), of.algebra.restart, of.names)
        given = {name: _forms(of, value) for name, value in self._given(of).items()}
        values = interpreter.forward(given)
        above: dict[str, Any] = {}
        for name, part in self._above(of).items():
            form = _forms(of, part)
            if name == "loss" and net.loss is not None:
                scaled = [np.asarray(form * kit.constant(w)) for w in self._weights(of)]
                value, entering = net.loss, scaled if isinstance(values[net.loss], list) else scaled[0]
                weighed = zip(self._weights(of), steps_of(values[value]), strict=True)
                values["loss itself"] = np.asarray(sum(kit.constant(w) * step for w, step in weighed))
            else:
                value, entering = net.outputs[name], form
            if value in above:  # an output that is the loss at every step, or under two names
                before = above[value]
                entering = (
                    [a + b for a, b in zip(before, entering, strict=True)]
                    if isinstance(before, list)
                    else before + entering
                )
            above[value] = entering
        return NetworkTape(interpreter, values, above)

    def values(self, tape: NetworkTape) -> dict[Key, Array]:
        net = self.derivation.network
        found: dict[Key, Array] = {("output", name): _stacked(tape.values[v]) for name, v in net.outputs.items()}
        return found | ({} if net.loss is None else {("output", "loss"): tape.values["loss itself"]})

    def gradients(self, tape: NetworkTape) -> dict[Key, Array]:
        return tape.of.backward(tape.above)


def _hiding(kit: Kit) -> Kit:
    """The kit of exact forms, in which a score that stands for a place that does not count has no weight."""

    def exp(a: Any) -> Any:
        numbers = np.frompyfunc(lambda form: _is_hidden(form), 1, 1)(np.asarray(a))
        hidden = np.asarray(numbers)
        safe = np.frompyfunc(lambda form, off: kit.constant(Fraction(0)) if off else form, 2, 1)(a, hidden)
        found = kit.exp(np.asarray(safe))
        return np.asarray(
            np.frompyfunc(lambda form, off: kit.constant(Fraction(0)) if off else form, 2, 1)(found, hidden)
        )

    return replace(kit, exp=exp)


def _is_hidden(form: Any) -> bool:
    number = form.as_number()
    return number is not None and number < _HIDDEN


def _forms(of: Unrolled, value: Any) -> Any:
    """The generators of symbols; numbers as they are."""
    if isinstance(value, list):
        return [_forms(of, step) for step in value]
    if isinstance(value, int):
        return value
    if value.shape == () and isinstance(number := value[()], sympy.Integer):
        return np.asarray(of.algebra.constant(int(number)), dtype=object)
    return of.forms(value)


def _stacked(value: Any) -> Array:
    return np.stack(value) if isinstance(value, list) else np.asarray(value)
