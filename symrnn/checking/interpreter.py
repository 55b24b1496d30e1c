"""A derivation run as its equations say, over any kit: the steps of the forward pass, and the backward pass upon them.

The backward pass may be bent: any equation may have another right side, one that speaks of other moments, too (see
`derivation.moments`), and the numbers follow. This is what a proof, the judges of mutants and the explanations of
`verify` run. Nothing of the emitters is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy

from ..derivation import Derivation
from ..derivation.moments import PAST, At, moments_in
from ..equations import Equation
from ..equations.shapes import names_in
from .components import Evaluator
from .kit import Array, Kit, np
from .meaning import keep

if TYPE_CHECKING:  # oracles need NumPy, and a proof does not
    from .oracles import Key, Point, Upstream

Values = dict[Any, Array]
"""By name; numbers that a dial turns stand under their moment."""
Changes = Mapping[str, sympy.Expr]
"""Equation's name -> the right side that stands in its place."""


@dataclass(frozen=True, slots=True, eq=False)
class Interpreter:
    """A derivation at given sizes and for a kind of number.

    With `sequences`, arrays have an axis of so many in front of their own (of length one for what all share), which the
    gradients by parameters are summed over. `begin` is called before each equation; `name` gets the value of each line
    of the cell's text and returns what is used in its place.
    """

    derivation: Derivation
    kit: Kit
    dims: Mapping[str, int]
    sequences: int = 0
    begin: Callable[[], None] = lambda: None
    name: Callable[[Array], Array] = keep

    def forward(
        self, params: Mapping[str, Array], x: Sequence[Mapping[str, Array]], state: Mapping[str, Array]
    ) -> tuple[Values, ...]:
        """The values of all steps; `state` by the states' names."""
        program = self.derivation.cell.program
        lines = {line.name for line in program.assignments}
        steps: list[Values] = []
        current = dict(state)
        for given in x:
            values: Values = {**params, **given, **{s.previous: current[s.name] for s in program.states}}
            step = self.evaluator(values)
            for equation in self.derivation.forward:
                self.begin()
                value = step.spread(equation.expr, equation.shape)
                values[equation.name] = self.name(value) if equation.name in lines else value
            current = {s.name: values[s.new] for s in program.states}
            steps.append(values)
        return tuple(steps)

    def evaluator(self, values: Values, moment: Callable[[At], Any] | None = None) -> Evaluator:
        """What gives expressions their values at a step."""
        return Evaluator(self.kit, self.dims, values, moment=moment, lead=int(self.sequences > 0))


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """What a backward pass needs: the values of all steps, with the gradients from above among them; and the gradients
    of the final states, by the names of the carries."""

    of: Interpreter
    steps: Sequence[Values]
    final: Values

    def with_upstream(self, upstream: Upstream, lift: Callable[[Array], Array] = keep) -> Tape:
        """The same with other gradients from above."""
        derivation = self.of.derivation
        outputs = {derivation.upstream[name]: lift(array) for name, array in upstream.outputs.items()}
        steps = [{**step, **{name: array[t] for name, array in outputs.items()}} for t, step in enumerate(self.steps)]
        final = {derivation.carries[name]: lift(array) for name, array in upstream.final.items()}
        return Tape(self.of, steps, final)


def run_forward(
    derivation: Derivation, kit: Kit, point: Point, upstream: Upstream, lift: Callable[[Array], Array] = keep
) -> Tape:
    """The forward pass at a point; `lift` makes numbers of the kit of floating-point ones."""
    of = Interpreter(derivation, kit, point.dims, point.N)
    params = {name: lift(array)[None] for name, array in point.params.items()}
    x = [{name: lift(array[t]) for name, array in point.x.items()} for t in range(point.T)]
    steps = of.forward(params, x, {name: lift(array) for name, array in point.state.items()})
    return Tape(of, steps, {}).with_upstream(upstream, lift)


def run_backward(tape: Tape, changes: Changes | None = None, since: Backward | None = None) -> Backward:
    """The backward pass upon a tape, with some equations changed. With `since`, an earlier pass on the same tape, only
    what differs is computed."""
    backward = Backward(tape, changes or {})
    carry = tape.final
    for t in reversed(range(len(tape.steps))):
        backward.step(t, carry, since)
        carry = backward.handed[t]
    backward.finish(carry, since)
    return backward


@dataclass(slots=True, eq=False)
class Backward:
    """A backward pass: all values of each step, what each hands back, and the gradients."""

    tape: Tape
    changes: Changes
    steps: list[Values] = field(init=False)
    handed: list[Values] = field(init=False)
    gradients: dict[Key, Array] = field(init=False)
    _alone: dict[tuple[int, bool], tuple[Values, Values]] = field(init=False)

    def __post_init__(self) -> None:
        self.steps, self.handed = [{} for _ in self.tape.steps], [{} for _ in self.tape.steps]
        self.gradients, self._alone = {}, {}

    @property
    def derivation(self) -> Derivation:
        return self.tape.of.derivation

    def step(self, t: int, carry: Values, since: Backward | None) -> None:
        """One step; of a pass that there was before, all that is written and read as it was."""
        values = dict(self.tape.steps[t] if since is None else since.steps[t])
        dirty = {name for name in carry if carry[name] is not values.get(name)}
        values |= carry
        handed = {} if since is None else dict(since.handed[t])
        self.steps[t], self.handed[t] = values, handed
        evaluate = self.evaluator(t)
        for equation in _in_a_step(self.derivation):
            expr = self.expr(equation)
            if since is not None and expr == since.expr(equation) and not _reads(expr, dirty):
                continue
            self.tape.of.begin()
            value = evaluate.spread(expr, equation.shape)
            # A carry's name is read as what came in, until the step is done.
            place = handed if equation.kind == "carry" else values
            if since is not None and np.array_equal(value, place[equation.name]):
                continue
            place[equation.name] = value
            if place is values:
                dirty.add(equation.name)

    def finish(self, carry: Values, since: Backward | None) -> None:
        """The gradients: by parameter summed over steps and sequences, by input step by step, by initial state."""
        N = self.tape.of.sequences
        for equation in self.derivation.gradients:
            name, key = equation.name, key_of(self.derivation, equation)
            if key[0] == "state":
                found = self.start(carry).spread(self.expr(equation), equation.shape)
                self.gradients[key] = _for_all(found, N)
                continue
            if since is not None and all(a[name] is b[name] for a, b in zip(self.steps, since.steps, strict=True)):
                self.gradients[key] = since.gradients[key]
                continue
            steps = [values[name] for values in self.steps]
            if key[0] == "x":
                self.gradients[key] = np.stack([_for_all(step, N) for step in steps])
            else:
                total = np.asarray(sum(steps[-2::-1], steps[-1]))
                self.gradients[key] = np.asarray(total.sum(axis=0)) if N else total

    def expr(self, equation: Equation) -> sympy.Expr:
        """The right side of an equation, as it is here."""
        return self.changes.get(equation.name, equation.expr)

    def evaluator(self, t: int) -> Evaluator:
        """What gives expressions their values at a step."""
        return self.tape.of.evaluator(self.steps[t], lambda at: self._moment(at, t, self.steps[t]))

    def start(self, carry: Values) -> Evaluator:
        """The same before the first step, when a carry's name means what that step hands back."""
        values = {**self.steps[0], **carry}
        return self.tape.of.evaluator(values, lambda at: self._moment(at, 0, values))

    def same_value(self, name: str, expr: sympy.Expr) -> bool | None:
        """Whether an equation of a single step has the value that it has here by another right side, too; None where
        that takes another pass."""
        equation = next(e for e in self.derivation.backward if e.name == name)
        before = self.expr(equation)
        if any(at.when in (*PAST, "own") for at in moments_in(expr) | moments_in(before)):
            return None
        evaluate = self.start(self.handed[0]) if equation.why == "initial" else self.evaluator(0)
        old, new = (evaluate.spread(e, equation.shape) for e in (before, expr))
        return bool(np.allclose(new, old, rtol=1e-9, atol=0))

    # Moments -------------------------------------------------------------------------------------------------

    def _moment(self, at: At, t: int, values: Values) -> Any:
        tape, name, when = self.tape.steps, at.name, at.when
        last = len(tape) - 1
        if not name:
            return self.tape.of.kit.constant(_number(when, t, last + 1, self.tape.of.sequences))
        after = next((s.new for s in self.derivation.cell.program.states if s.previous == name), "")
        match when:
            case "t-1" | "t+1":
                there = t + (1 if when == "t+1" else -1)
                return tape[there][name] if 0 <= there <= last else 0 * tape[t][name]
            case "T":
                return tape[last][name]
            case "zero":
                return values[name] if t else 0 * values[name]
            case "wrap":
                return values[name] if t else tape[last][after]
            case "start":
                return tape[0][name]
            case "back":
                return tape[t - 1][name] if t or not after else tape[last][after]
            case "ahead":
                return values[after] if t else values[name]
            case "end":
                return self.tape.final[name]
            case "dial":
                return tape[t][at]
            case "own":
                equation = next(e for e in self.derivation.adjoints if e.name == name)
                return self.evaluator(0).spread(equation.expr, equation.shape)
            case "alone":
                return self.tape.final[name] if t == last else self._without_past(t + 1, bare=False)[1][name]
            case _:
                return self._without_past(t, bare=when == "bare")[0][name]

    def _without_past(self, t: int, *, bare: bool) -> tuple[Values, Values]:
        """The values of step t when nothing comes back from later steps, and what it hands back then; when `bare`,
        nothing from the final states either."""
        if (t, bare) not in self._alone:
            ends = t == len(self.tape.steps) - 1 and not bare
            final = self.tape.final if ends else {name: 0 * g for name, g in self.tape.final.items()}
            values: Values = {**self.tape.steps[t], **final}
            handed: Values = {}
            evaluate = self.tape.of.evaluator(values, lambda at: self._moment(at, t, values))
            for equation in self.derivation.adjoints:
                expr = self.expr(equation)
                expr = expr.xreplace({at: sympy.Symbol(at.name) for at in moments_in(expr) if at.when in PAST})
                place = handed if equation.kind == "carry" else values
                place[equation.name] = evaluate.spread(expr, equation.shape)
            self._alone[t, bare] = values, handed
        return self._alone[t, bare]


def _number(when: str, t: int, T: int, N: int) -> int:
    """A moment that is a number, at step t = 0 … T − 1."""
    match when:
        case "steps":
            return T
        case "sequences":
            return N
        case "first":
            return int(t == 0)
        case "odd":
            return int(t % 2 == 0)
        case _:
            return int(t >= T - int(when.removeprefix("late")))


def key_of(derivation: Derivation, gradient: Equation) -> Key:
    """The array that a gradient belongs to."""
    written = derivation.variables[gradient.name].written
    if gradient.why == "initial":
        return "state", next(s.name for s in derivation.cell.program.states if s.previous == written)
    return "params" if gradient.why == "parameter" else "x", written


def _reads(expr: sympy.Expr, dirty: set[str]) -> bool:
    return not dirty.isdisjoint(names_in(expr)) or any(at.when in PAST for at in moments_in(expr))


def _for_all(array: Array, sequences: int) -> Array:
    """An array with as many sequences as there are, where it stands for all of them."""
    return np.broadcast_to(array, (sequences, *array.shape[1:])) if sequences else array


@lru_cache(maxsize=16)
def _in_a_step(derivation: Derivation) -> tuple[Equation, ...]:
    return (*derivation.adjoints, *(e for e in derivation.gradients if e.why != "initial"))
