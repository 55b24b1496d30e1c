"""A cell over a few steps in scalar components: both sides of every equation that is to be proved."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from ..derivation import Derivation
from ..equations import Cell
from ..sizes import Shape
from .components import Evaluator, forms
from .course import Attempt, Event, Tried
from .kit import Array
from .meaning import Meaning, run_sequence
from .polynomials import Algebra, TooLarge
from .proof import EntryFailure
from .symbols import SYMBOLS, Scalar, share, spelled_out

Key = tuple[str, str]

_LONGEST = 600
# The part of the budget that an equation may take where smaller sizes are left to try: forms that are just within the
# budget fill the memory.
_EARLY = 8


@dataclass(slots=True)
class Unrolled:
    """A cell with its derivation at given sizes and a number of steps; `held` is what `stop_gradient` stopped."""

    cell: Cell
    derivation: Derivation
    dims: Mapping[str, int]
    T: int
    algebra: Algebra
    held: dict[sympy.Symbol, sympy.Expr] = field(default_factory=dict)
    loss: sympy.Expr = sympy.S.Zero
    # SymPy expression -> normal form, for all of the expected side
    truth: Evaluator = field(init=False)

    def __post_init__(self) -> None:
        self.truth = Evaluator(forms(self.algebra), self.dims, _Names(self), self.names)

    # Symbols ------------------------------------------------------------------------------------------------

    def symbols(self, name: str, shape: Shape) -> Array:
        """An array with a symbol for every entry, such as `W[0, 2]`."""
        full = np.empty(tuple(size.value(self.dims) for size in shape), dtype=object)
        for index in np.ndindex(*full.shape):
            full[index] = sympy.Symbol(f"{name}[{', '.join(map(str, index))}]" if index else name)
        return full

    def forms(self, array: Array) -> Array:
        """The generators for an array of symbols."""
        return np.asarray(np.frompyfunc(lambda symbol: self.algebra.symbol(symbol.name), 1, 1)(array), dtype=object)

    def names(self, array: Array) -> Array:
        """Long forms of forward values get names, as they do on the expected side."""
        return np.asarray(np.frompyfunc(self.algebra.named, 1, 1)(array), dtype=object)

    def hold(self, value: Array) -> Array:
        """Symbols in place of what `stop_gradient` stops: constants for `diff`, and the value again after it."""
        kept = np.empty(value.shape, dtype=object)
        for index in np.ndindex(*value.shape):
            kept[index] = sympy.Symbol(f"held {len(self.held)}")
            self.held[kept[index]] = value[index]
        return kept

    def functions(self) -> set[type[sympy.Function]]:
        """The scalar functions that the loss is made of, and those that their derivatives bring in."""
        return {type(e) for e in self.truth.known if isinstance(e, Scalar)}

    # The proof ----------------------------------------------------------------------------------------------

    def prove(self, wanted: Collection[str] | None, give_up: bool) -> Generator[Event, None, list[str]]:
        """Compare the forward pass, then every gradient, array by array, or only those that are wanted: the arrays with
        entries that were not proved. With `give_up` `Beyond` is raised where the derived equations are beyond a part of
        the budget."""
        cell, program = self.cell, self.cell.program
        params = {name: self.symbols(name, shape) for name, shape in cell.params.items()}
        x = [{n: self.symbols(f"{n}_{t + 1}", shape) for n, shape in cell.inputs.items()} for t in range(self.T)]
        state = {name: self.symbols(f"{name}_0", shape) for name, shape in cell.states.items()}
        g = [{n: self.symbols(f"g_{n}_{t + 1}", shape) for n, shape in cell.outputs.items()} for t in range(self.T)]
        g_final = {name: self.symbols(f"g_{name}_final", shape) for name, shape in cell.states.items()}

        run = run_sequence(Meaning(program, self.dims, SYMBOLS, self.hold, share), params, tuple(x), state)
        pairs = [(g[t][name], values[name]) for t, values in enumerate(run.steps) for name in cell.outputs]
        pairs += [(g_final[name], run.final[name]) for name in cell.states]
        self.loss = sympy.Add(*(a * b for upstream, y in pairs for a, b in zip(upstream.flat, y.flat, strict=True)))

        sides = {f"output {name}": (("output", name), np.stack([v[name] for v in run.steps])) for name in cell.outputs}
        sides |= {f"final {name}": (("final", name), run.final[name]) for name in cell.states}
        forward = len(sides)
        sides |= {f"∂L/∂{name}": (("params", name), array) for name, array in params.items()}
        sides |= {f"∂L/∂{name}": (("x", name), np.stack([given[name] for given in x])) for name in cell.inputs}
        sides |= {f"∂L/∂{name}_0": (("state", name), array) for name, array in state.items()}
        rows = [(label, *side, number >= forward) for number, (label, side) in enumerate(sides.items())]
        if wanted is not None:
            rows = [row for row in rows if row[0] in wanted]
        yield Attempt(self.T, tuple(self.dims.items()), tuple((label, array.size) for label, _, array, _ in rows))

        tape: list[Evaluator] = []
        derived = self._evaluated(lambda: self._forward(params, x, state, tape), give_up)
        backward_too = isinstance(derived, _Obstacle)
        again: dict[str, None] = {}
        for label, key, expected, differentiate in rows:
            if differentiate and not backward_too:
                derived = self._evaluated(lambda: self._backward(tape, g, g_final), give_up)
                backward_too = True
            for index in np.ndindex(*expected.shape):
                start = time.perf_counter()
                mine = derived[key][index]
                failure = self._compare(index, expected[index], mine, differentiate)
                if failure is not None and not isinstance(mine, _Obstacle):
                    again.setdefault(label)
                yield Tried(label, time.perf_counter() - start, failure)
        return list(again)

    def _evaluated(self, work: Callable[[], Mapping[Key, Array]], give_up: bool) -> Any:
        """Derived values, or the obstacle that was met in the place of each of them."""
        budget = self.algebra.budget
        try:
            self.algebra.budget = budget // _EARLY if give_up else budget
            return work()
        except _OBSTACLES as problem:
            if give_up:
                raise Beyond from None
            return _Obstacle(f"the derived equations could not be evaluated: {_words(problem)}", _gave_up(problem))
        finally:
            self.algebra.budget = budget

    def _compare(
        self, index: tuple[int, ...], truth: sympy.Expr, derived: Any, differentiate: bool
    ) -> EntryFailure | None:
        """An entry of what is expected, or the loss's derivative by it, against the derived one."""
        if isinstance(derived, _Obstacle):
            return EntryFailure(index, "", "", derived.reason, derived.gave_up)
        self.algebra.restart()
        try:
            if differentiate:
                truth = sympy.diff(self.loss, truth)
            if self.algebra.vanishes(self.truth(truth)[()] - derived):
                return None
            reason, gave_up = "the two sides were not found to be equal", False
        except _OBSTACLES as problem:
            reason, gave_up = _words(problem), _gave_up(problem)
        return EntryFailure(index, _cut(str(derived)), self._expected(truth), reason, gave_up)

    def _expected(self, truth: sympy.Expr) -> str:
        try:
            count = truth.count_ops()
            if count > _LONGEST:  # a string that is only made to be cut can be longer than the memory
                return f"an expression of {count:,} operations"
            return _cut(str(spelled_out(truth, _LONGEST // 4)))
        except (RecursionError, MemoryError):
            return "too deeply nested to be shown"

    def _forward(self, params: Any, x: Any, state: Any, tape: list[Evaluator]) -> dict[Key, Array]:
        """The derived forward equations on the same symbols; the tape gets every step's values."""
        cell, algebra = self.cell, self.algebra
        fixed = {name: self.forms(array) for name, array in params.items()}
        current = {name: self.forms(array) for name, array in state.items()}
        lines = {line.name for line in cell.program.assignments}
        for t in range(self.T):
            values = {**fixed, **{name: self.forms(array) for name, array in x[t].items()}}
            values |= {s.previous: current[s.name] for s in cell.program.states}
            step = Evaluator(self.truth.kit, self.dims, values)
            for equation in self.derivation.forward:
                algebra.restart()
                value = step.spread(equation.expr, equation.shape)
                values[equation.name] = self.names(value) if equation.name in lines else value
            current = {s.name: values[s.new] for s in cell.program.states}
            tape.append(step)
        found = {("output", n): np.stack([step.values[n] for step in tape]) for n in cell.outputs}
        return found | {("final", n): value for n, value in current.items()}

    def _backward(self, tape: list[Evaluator], g: Any, g_final: Any) -> dict[Key, Array]:
        """The derived backward equations, from the last step to the first, with the carry."""
        algebra, found = self.algebra, {}
        carry = {self.derivation.carries[name]: self.forms(array) for name, array in g_final.items()}
        totals: dict[tuple[str, str], list[Array]] = {}
        for t in reversed(range(self.T)):
            upstream = {self.derivation.upstream[name]: self.forms(array) for name, array in g[t].items()}
            values = {**tape[t].values, **upstream, **carry}
            step = Evaluator(self.truth.kit, self.dims, values)
            handed: dict[str, Array] = {}
            for equation in self.derivation.adjoints:
                algebra.restart()
                # A carry's name is read as what came in, until the step is done.
                target = handed if equation.kind == "carry" else values
                target[equation.name] = step.spread(equation.expr, equation.shape)
            for equation in self.derivation.gradients:
                if self._group(equation.name) != "state":
                    algebra.restart()
                    key = (self._group(equation.name), self._owner(equation.name))
                    totals.setdefault(key, []).append(step.spread(equation.expr, equation.shape))
            carry = handed
        for equation in self.derivation.gradients:
            if self._group(equation.name) == "state":
                start = Evaluator(self.truth.kit, self.dims, carry).spread(equation.expr, equation.shape)
                found["state", self._owner(equation.name)] = start
        for key, steps in totals.items():
            found[key] = np.stack(steps[::-1]) if key[0] == "x" else np.asarray(sum(steps[1:], steps[0]), dtype=object)
        return found

    def _group(self, gradient: str) -> str:
        owner = self.derivation.variables[self.derivation.variables[gradient].written]
        return {"parameter": "params", "input": "x", "previous": "state"}[owner.role]

    def _owner(self, gradient: str) -> str:
        """The parameter, input or state that a gradient belongs to."""
        written = self.derivation.variables[gradient].written
        states = {state.previous: state.name for state in self.cell.program.states}
        return states.get(written, written)


class _Names(dict[str, Array]):
    """The normal form of every symbol of the expected side: its generator, or what `stop_gradient` held."""

    def __init__(self, unrolled: Unrolled) -> None:
        super().__init__()
        self.unrolled = unrolled

    def __missing__(self, name: str) -> Array:
        held = self.unrolled.held.get(sympy.Symbol(name))
        form = self.unrolled.algebra.symbol(name) if held is None else self.unrolled.truth(held)[()]
        self[name] = np.asarray(form, dtype=object)
        return self[name]


class Beyond(Exception):
    """The derived equations are beyond what may be spent on them at these sizes."""


# What stands in the way of an entry; that the time is over stands in the way of all.
_OBSTACLES = (TooLarge, ZeroDivisionError, RecursionError, MemoryError)


def _gave_up(problem: BaseException) -> bool:
    return not isinstance(problem, ZeroDivisionError)


def _words(problem: BaseException) -> str:
    match problem:
        case RecursionError():
            return "it is nested too deeply"
        case MemoryError():
            return "it takes more memory than there is"
        case _:
            return str(problem)


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """In place of values that could not be evaluated, and of each of their entries."""

    reason: str
    gave_up: bool

    def __getitem__(self, place: Any) -> _Obstacle:
        return self


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text) - _LONGEST} more characters)"
