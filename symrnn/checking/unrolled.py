"""A cell or a network over a few steps in scalar components: both sides of every equation that is to be proved."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import sympy

from ..derivation import Derivation
from ..equations import Cell
from ..sizes import Shape, shape_at
from .components import Evaluator, forms
from .course import Attempt, Event, Tried
from .interpreter import Interpreter, Tape, run_backward
from .kit import Array, np
from .meaning import Meaning, run_sequence
from .polynomials import Algebra, TooLarge
from .proof import EntryFailure
from .symbols import SYMBOLS, Scalar, share, spelled_out

if TYPE_CHECKING:  # oracles need NumPy, and a proof does not
    from .oracles import Key

_LONGEST = 600
# The part of the budget that an equation may take where smaller sizes are left to try: forms that are just within the
# budget fill the memory.
_EARLY = 8


class Steps(Protocol):
    """What is written out: a cell or a network with its derivation."""

    def expected(self, of: Unrolled) -> Expected:
        """What the text means, on symbols for all that it is given, and what the loss made of it is to be
        differentiated by."""
        ...

    def forward(self, of: Unrolled) -> Any:
        """The derived forward equations on the generators of the same symbols: a tape."""
        ...

    def values(self, tape: Any) -> dict[Key, Array]:
        """What the forward pass returns."""
        ...

    def gradients(self, tape: Any) -> dict[Key, Array]:
        """What the derived backward pass comes to."""
        ...


@dataclass(frozen=True, slots=True)
class Expected:
    """The loss, and the arrays that are compared."""

    loss: sympy.Expr
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Row:
    """An array that is to be proved: as it is called, its key on the derived side, and the expected entries, or what
    the loss is to be differentiated by to get them."""

    label: str
    key: Key
    expected: Array
    differentiate: bool


@dataclass(slots=True)
class Unrolled:
    """Something at given sizes and a number of steps; `held` is what `stop_gradient` stopped."""

    what: Steps
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
        full = np.empty(shape_at(shape, self.dims), dtype=object)
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
        expected = self.what.expected(self)
        self.loss = expected.loss
        rows = [row for row in expected.rows if wanted is None or row.label in wanted]
        yield Attempt(self.T, tuple(self.dims.items()), tuple((row.label, row.expected.size) for row in rows))

        tape: Any = self._evaluated(lambda: self.what.forward(self), give_up)
        values = {False: tape if isinstance(tape, _Obstacle) else self.what.values(tape)}
        again: dict[str, None] = {}
        for row in rows:
            if row.differentiate not in values:
                values[True] = self._evaluated(lambda: self.what.gradients(tape), give_up, tape)
            for index in np.ndindex(*row.expected.shape):
                start = time.perf_counter()
                mine = values[row.differentiate][row.key][index]
                failure = self._compare(index, row.expected[index], mine, row.differentiate)
                if failure is not None and not isinstance(mine, _Obstacle):
                    again.setdefault(row.label)
                yield Tried(row.label, time.perf_counter() - start, failure)
        return list(again)

    def _evaluated(self, work: Callable[[], Any], give_up: bool, before: Any = None) -> Any:
        """What work gives, or the obstacle that was met in it, or before it, in the place of each value."""
        if isinstance(before, _Obstacle):
            return before
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


@dataclass(frozen=True, slots=True)
class CellSteps:
    """A cell: its steps are the recurrence, each with gradients from above, and gradients on the final states."""

    cell: Cell
    derivation: Derivation

    def expected(self, of: Unrolled) -> Expected:
        given, cell = self._given(of), self.cell
        meaning = Meaning(cell.program, of.dims, SYMBOLS, of.hold, share)
        run = run_sequence(meaning, given.params, tuple(given.x), given.state)
        pairs = [(g[name], values[name]) for g, values in zip(given.g, run.steps, strict=True) for name in cell.outputs]
        pairs += [(given.final[name], run.final[name]) for name in cell.states]
        return Expected(
            inner(pairs),
            [
                *(Row(f"output {n}", ("output", n), np.stack([v[n] for v in run.steps]), False) for n in cell.outputs),
                *(Row(f"final {n}", ("final", n), run.final[n], False) for n in cell.states),
                *(Row(f"∂L/∂{n}", ("params", n), array, True) for n, array in given.params.items()),
                *(Row(f"∂L/∂{n}", ("x", n), np.stack([x[n] for x in given.x]), True) for n in cell.inputs),
                *(Row(f"∂L/∂{n}_0", ("state", n), array, True) for n, array in given.state.items()),
            ],
        )

    def _given(self, of: Unrolled) -> _Given:
        """A symbol for every entry of all that the loss depends on, and of the gradients from above."""
        cell, steps = self.cell, range(1, of.T + 1)
        return _Given(
            {name: of.symbols(name, shape) for name, shape in cell.params.items()},
            [{n: of.symbols(f"{n}_{t}", shape) for n, shape in cell.inputs.items()} for t in steps],
            {name: of.symbols(f"{name}_0", shape) for name, shape in cell.states.items()},
            [{n: of.symbols(f"g_{n}_{t}", shape) for n, shape in cell.outputs.items()} for t in steps],
            {name: of.symbols(f"g_{name}_final", shape) for name, shape in cell.states.items()},
        )

    def forward(self, of: Unrolled) -> Tape:
        def forms(arrays: Mapping[str, Array], names: Mapping[str, str]) -> dict[str, Array]:
            return {names.get(name, name): of.forms(array) for name, array in arrays.items()}

        derivation, given = self.derivation, self._given(of)
        interpreter = Interpreter(derivation, of.truth.kit, of.dims, begin=of.algebra.restart, name=of.names)
        steps = interpreter.forward(forms(given.params, {}), [forms(x, {}) for x in given.x], forms(given.state, {}))
        above = [forms(g, derivation.upstream) for g in given.g]
        steps = [{**values, **more} for values, more in zip(steps, above, strict=True)]
        return Tape(interpreter, steps, forms(given.final, derivation.carries))

    def values(self, tape: Tape) -> dict[Key, Array]:
        found = {("output", name): np.stack([step[name] for step in tape.steps]) for name in self.cell.outputs}
        return found | {("final", state.name): tape.steps[-1][state.new] for state in self.cell.program.states}

    def gradients(self, tape: Tape) -> dict[Key, Array]:
        return run_backward(tape).gradients


@dataclass(frozen=True, slots=True)
class _Given:
    params: Mapping[str, Array]
    x: list[dict[str, Array]]
    state: Mapping[str, Array]
    g: list[dict[str, Array]]
    final: Mapping[str, Array]


def inner(pairs: Iterable[tuple[Array, Array]]) -> sympy.Expr:
    """Σ g y over all entries of all pairs."""
    return sympy.Add(*(a * b for upstream, y in pairs for a, b in zip(upstream.flat, y.flat, strict=True)))


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
