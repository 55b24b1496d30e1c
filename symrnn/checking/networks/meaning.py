"""What a network's text computes: its plan, walked line by line and step by step, on numbers of any kind.

As the meaning of cells it is written from the language's definition alone: it reads the plan before that is cut into
blocks, and knows neither held cells nor the masks that lengths are made into. All sequences that are walked together
are of one length along each axis. Behind the end of a sequence inputs are zero, whatever is given, and states stay as
they are; such a step counts in no sum, mean or loss, and a softmax over an axis gives its place exactly zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...language import Program
from ...language.wiring import Computed, Plan, Scanned, Wired, has_steps
from ...sizes import Shape, Size, shape_at
from ..kit import Array, Kit, Watch, np
from ..meaning import Meaning, keep

Values = dict[str, Any]
"""An array for each value, a list of them, one a step, where it has steps."""


def steps_of(value: Any) -> list[Array]:
    """A value at each of its steps, or at the one that there is."""
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class NetworkMeaning:
    """A plan at given `sizes`, those of its axes among them, for a kind of number and sequences of one length along
    each axis that has `lengths`. Arrays have `lead` axes in front of their own; `hold`, `name`, `watch` and `jolt` are
    those of `Meaning`."""

    plan: Plan
    sizes: Mapping[str, int]
    lengths: Mapping[str, int]
    kit: Kit
    lead: int
    hold: Callable[[Array], Array] = keep
    name: Callable[[Array], Any] = keep
    watch: Watch | None = None
    jolt: Callable[[Array], Array] = keep

    def run(self, given: Mapping[str, Any]) -> Values:
        """Every value of the network, from parameters and inputs other than lengths."""
        values: Values = dict(given)
        for argument in self.plan.wiring.arguments:
            if argument.given == "value" and argument.axis in self.lengths:
                steps, length = values[argument.name], self.lengths[argument.axis]
                absent = self._zeros(self.plan.variables[argument.name].shape)
                values[argument.name] = [*steps[:length], *[absent] * (len(steps) - length)]
        lines = self._meaning(None, self.sizes, {axis: Size.of(axis) for axis in self.lengths})
        for step in self.plan.steps:
            match step:
                case Computed(line=line, axis=axis):
                    found = [np.asarray(self.name(lines.value(line.node, at))) for at in self._moments(axis, values)]
                    values[line.name] = found if has_steps(axis) else found[0]
                case Wired(way="embed" | "one_hot"):
                    values[step.name] = self._look_up(step, values)
                case Wired():
                    values[step.name] = self._lead(step, values[step.of])
                case Scanned():
                    self._scan(step, values)
        return values

    def _meaning(self, program: Program | None, dims: Mapping[str, int], named: Mapping[str, Size]) -> Meaning:
        """`named` are the sizes as the program names them."""
        counting = {
            Size.of(name): self.lengths[axis]
            for name, size in named.items()
            for axis in self.lengths
            if size == Size.of(axis)
        }
        return Meaning(program, dims, self.kit, self.hold, self.name, self.watch, self.jolt, counting)

    def _moments(self, axis: str, values: Values) -> Iterator[Values]:
        """What is there at each step of an axis; without one, what is there once."""
        if not has_steps(axis):
            yield values
            return
        for t in range(self.sizes[axis]):
            yield _At(values, t)

    def _zeros(self, shape: Shape) -> Array:
        return np.full(
            (*(1,) * self.lead, *shape_at(shape, self.sizes)), self.kit.constant(Fraction(0)), dtype=self.kit.dtype
        )

    def _lead(self, wired: Wired, steps: list[Array]) -> Any:
        length = self.lengths.get(wired.axis, len(steps))
        counted, padding = steps[:length], steps[length:]
        match wired.way:
            case "last":
                return counted[-1]
            case "first":
                return steps[0]
            case "reverse":
                return [*counted[::-1], *padding]
            case "shift":
                return [self._zeros(self.plan.variables[wired.of].shape), *steps[:-1]]
            case "sum":
                return np.asarray(sum(counted[1:], counted[0]))
            case "mean":
                return np.asarray(sum(counted[1:], counted[0]) / self.kit.constant(Fraction(length)))
            case "rows":
                absent = self._zeros(self.plan.variables[wired.of].shape)
                rows = [row[..., None, :] for row in (*counted, *[absent] * len(padding))]
                lead = np.broadcast_shapes(*(row.shape[:-2] for row in rows))
                return np.concatenate([np.broadcast_to(row, (*lead, *row.shape[-2:])) for row in rows], axis=-2)

    def _look_up(self, wired: Wired, values: Values) -> Any:
        """Rows of a table, or unit vectors, one for each whole number; behind the end of a sequence it is the row 0."""
        numbers = values[wired.of]
        if not isinstance(numbers, list):
            return self._of_classes(wired, np.asarray(numbers), values)
        length = self.lengths.get(wired.axis, len(numbers))
        steps = [np.asarray(step) for step in numbers]
        if wired.way == "embed":
            steps[length:] = [np.asarray(0 * step) for step in steps[length:]]
        return [self._of_classes(wired, step, values) for step in steps]

    def _of_classes(self, wired: Wired, numbers: Array, values: Values) -> Array:
        places = [*np.ndindex(*numbers.shape)]
        if wired.table is not None:
            rows = [values[wired.table][..., int(numbers[place]), :] for place in places]
            return np.concatenate(rows, axis=self.lead - 1) if self.lead else rows[0]
        (size,) = self.plan.variables[wired.name].shape
        classes = size.value(self.sizes)
        units = np.full((*numbers.shape, classes), self.kit.constant(Fraction(0)), dtype=self.kit.dtype)
        for place in places:
            if 0 <= (k := int(numbers[place])) < classes:
                units[(*place, k)] = self.kit.constant(Fraction(1))
        return units

    def _scan(self, scan: Scanned, values: Values) -> None:
        """The recurrence, from the last step that counts where it runs from the end."""
        program, T = scan.cell, self.sizes[scan.axis]
        length = self.lengths.get(scan.axis, T)
        meaning = self._meaning(program, {dim: s.value(self.sizes) for dim, s in scan.dims.items()}, scan.dims)
        params = {name: values[scan.parameter(name)] for name in program.params}
        shapes = {s.name: tuple(size.substituted(scan.dims) for size in program.variables[s.previous].shape)
                  for s in program.states}  # fmt: skip
        current = {
            name: values[scan.init[name]] if name in scan.init else self._zeros(shape) for name, shape in shapes.items()
        }
        counted = range(length)
        outputs: dict[str, list[Any]] = {name: [None] * T for name in scan.outputs}
        for t in (*(reversed(counted) if scan.reverse else counted), *range(length, T)):
            given = {own: _At(values, t)[value] for own, value in scan.inputs.items()}
            previous = {s.previous: current[s.name] for s in program.states}
            found = meaning.step({**params, **given, **previous})
            if t < length:
                current = {s.name: found[s.new] for s in program.states}
            for name, steps in outputs.items():
                steps[t] = found[name]
        values |= {value: outputs[own] for own, value in scan.outputs.items()}
        values |= {value: current[own] for own, value in scan.finals.items()}


class _At(dict[str, Any]):
    """The values of a network as a line sees them at one step: of what has steps, that of the moment."""

    def __init__(self, values: Values, t: int) -> None:
        super().__init__()
        self.values_of, self.t = values, t

    def __missing__(self, name: str) -> Array:
        value = self.values_of[name]
        return value[self.t] if isinstance(value, list) else value
