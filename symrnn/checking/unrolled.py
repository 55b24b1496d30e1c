"""A cell over a few steps in scalar components: both sides of every equation that is to be proved."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from ..derivation import Derivation
from ..equations import Cell
from ..sizes import Shape
from .components import Evaluator, forms
from .kit import Array
from .meaning import Meaning, run_sequence
from .polynomials import Algebra, TooLarge
from .proof import ArrayProof, EntryFailure
from .symbols import SYMBOLS, Scalar, share, spelled_out

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

    def prove(self, give_up: bool = False) -> list[ArrayProof]:
        """Compare the forward pass, then every gradient, array by array; with `give_up` nothing, where the derived
        equations are beyond a part of the budget."""
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

        budget = self.algebra.budget
        try:
            self.algebra.budget = budget // _EARLY if give_up else budget
            derived: Mapping[tuple[str, str], Any] = self._derived(params, x, state, g, g_final)
        except (TooLarge, ZeroDivisionError) as problem:
            if give_up:
                return []
            reason = f"the derived equations could not be evaluated: {problem}"
            derived = defaultdict(lambda: _Everywhere(reason))
        finally:
            self.algebra.budget = budget
        proofs = [
            self._compare(f"output {name}", np.stack([values[name] for values in run.steps]), derived["output", name])
            for name in cell.outputs
        ]
        proofs += [self._compare(f"final {name}", run.final[name], derived["final", name]) for name in cell.states]
        wanted = {("params", name): array for name, array in params.items()}
        wanted |= {("x", name): np.stack([given[name] for given in x]) for name in cell.inputs}
        wanted |= {("state", name): array for name, array in state.items()}
        for (group, name), array in wanted.items():
            label = f"∂L/∂{name}_0" if group == "state" else f"∂L/∂{name}"
            proofs.append(self._compare(label, array, derived[group, name], differentiate=True))
        return proofs

    def _compare(self, label: str, expected: Array, derived: Array, differentiate: bool = False) -> ArrayProof:
        """Each entry of `expected`, or the loss's derivative by it, against the derived one."""
        start = time.perf_counter()
        failures: list[EntryFailure] = []
        for index in np.ndindex(*expected.shape):
            mine, truth = derived[index], expected[index]
            if differentiate:
                truth = sympy.diff(self.loss, truth)
            reason = self._difference(truth, mine)
            if reason:
                sides = (_cut(str(mine)), _cut(str(spelled_out(truth, _LONGEST // 4))))
                failures.append(EntryFailure(index, *sides, reason))
        seconds = time.perf_counter() - start
        return ArrayProof(label, self.T, tuple(self.dims.items()), expected.size, tuple(failures), seconds)

    def _difference(self, truth: sympy.Expr, derived: Any) -> str:
        """Empty when the two sides are equal; else what stands in the way."""
        if isinstance(derived, str):
            return derived
        self.algebra.restart()
        try:
            difference = self.truth(truth)[()] - derived
            return "" if self.algebra.vanishes(difference) else "the two sides were not found to be equal"
        except (TooLarge, ZeroDivisionError) as problem:
            return str(problem)

    def _derived(self, params: Any, x: Any, state: Any, g: Any, g_final: Any) -> dict[tuple[str, str], Array]:
        """The derived equations on the same symbols: forwards, then backwards with the carry."""
        cell, algebra = self.cell, self.algebra
        kit = self.truth.kit
        fixed = {name: self.forms(array) for name, array in params.items()}
        current = {name: self.forms(array) for name, array in state.items()}
        tape: list[Evaluator] = []
        lines = {line.name for line in cell.program.assignments}
        for t in range(self.T):
            values = {**fixed, **{name: self.forms(array) for name, array in x[t].items()}}
            values |= {s.previous: current[s.name] for s in cell.program.states}
            step = Evaluator(kit, self.dims, values)
            for equation in self.derivation.forward:
                algebra.restart()
                value = step.spread(equation.expr, equation.shape)
                values[equation.name] = self.names(value) if equation.name in lines else value
            current = {s.name: values[s.new] for s in cell.program.states}
            tape.append(step)
        found = {("output", n): np.stack([step.values[n] for step in tape]) for n in cell.outputs}
        found |= {("final", n): value for n, value in current.items()}

        carry = {self.derivation.carries[name]: self.forms(array) for name, array in g_final.items()}
        totals: dict[tuple[str, str], list[Array]] = {}
        for t in reversed(range(self.T)):
            upstream = {self.derivation.upstream[name]: self.forms(array) for name, array in g[t].items()}
            values = {**tape[t].values, **upstream, **carry}
            step = Evaluator(kit, self.dims, values)
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
                start = Evaluator(kit, self.dims, carry).spread(equation.expr, equation.shape)
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


@dataclass(frozen=True, slots=True)
class _Everywhere:
    """In place of an array that could not be evaluated: the reason, at every index."""

    reason: str

    def __getitem__(self, index: tuple[int, ...]) -> str:
        return self.reason


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text) - _LONGEST} more characters)"
