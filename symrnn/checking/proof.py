"""Exact proof: every entry of the derived gradient is SymPy's own derivative of what the cell means.

At small sizes, all different, a cell's steps are written out in scalar components with a symbol for every entry of the
parameters, inputs, initial states and incoming gradients g. On one side is the loss L = Σ_t ⟨g_t, y_t⟩ + Σ_s ⟨g_s, s_T⟩
from the cell's meaning, differentiated by SymPy's `diff`, which is given the derivatives of the scalar functions as
lemmas that are proved from elementary definitions. On the other side are the derived equations, evaluated on the same
symbols as the recurrence says: the carry into the last step is the gradient on the final states, gradients of
parameters are summed over t, the carry out of the first step is the gradient of the initial states. The difference of
the two is brought to an exact normal form (see `polynomials`), and it must vanish.

So a proof holds for all real values of all symbols at which the cell is defined, away from kinks, at the sizes and the
numbers of steps that it names. For other sizes and more steps it is evidence of the strongest kind, not a proof: the
formulas are the same there, and sizes enter them only as the number of summands.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from ..derivation import Derivation, derive
from ..equations import Cell
from ..equations.sample import complete_dims, default_dims
from ..errors import OptionError
from ..library import as_cell
from ..sizes import Shape
from .components import Evaluator
from .meaning import Array, Meaning, run_sequence
from .polynomials import Algebra, TooLarge
from .symbols import LEMMAS, SYMBOLS, Scalar, prove_lemma, share, spelled_out

# Sizes for one step, all different, and for more steps; expressions grow with the product of all sizes and the number
# of steps, so where the first sizes are beyond the budget, the next are tried.
_ONE_STEP = ((2, 3, 4, 5, 6, 7), (2, 3, 1, 2, 1, 2), (1, 2, 1, 2, 1, 2))
_MORE_STEPS = ((1, 2, 3, 4, 5, 6), (1, 2, 2, 1, 2, 1), (1, 1, 2, 1, 2, 1), (1, 1, 1, 1, 1, 1))
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """An entry that was not proved: both sides as text, and why."""

    index: tuple[int, ...]
    derived: str
    expected: str
    reason: str


@dataclass(frozen=True, slots=True)
class ArrayProof:
    """One array at one number of steps: how many of its entries are proved."""

    array: str
    steps: int
    dims: tuple[tuple[str, int], ...]
    entries: int
    failures: tuple[EntryFailure, ...]
    seconds: float

    @property
    def proved(self) -> int:
        return self.entries - len(self.failures)

    def __bool__(self) -> bool:
        return not self.failures


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether every entry was proved, with the lemmas about scalar functions that the proof rests on (all proved)."""

    cell: str
    arrays: tuple[ArrayProof, ...]
    lemmas: tuple[str, ...]
    seconds: float

    def __bool__(self) -> bool:
        return bool(self.arrays) and all(self.arrays)

    @property
    def entries(self) -> int:
        return sum(array.entries for array in self.arrays)

    @property
    def proved(self) -> int:
        return sum(array.proved for array in self.arrays)

    def text(self) -> str:
        """A table with the proved entries of each array by number of steps; what is not proved, with both sides."""
        verdict = (
            f"all {self.entries:,} entries proved" if self else f"{self.proved:,} of {self.entries:,} entries proved"
        )
        lines = [f"{self.cell}: {verdict}, exactly ({self.seconds:.2f} s)"]
        columns = {array.steps: array.dims for array in self.arrays}
        head = ["array"]
        for steps, dims in columns.items():
            sizes = ", ".join(f"{name} = {value}" for name, value in dims)
            head.append(f"{steps} step{'s' * (steps > 1)}" + (f" ({sizes})" if sizes else ""))
        found: dict[str, dict[int, str]] = {}
        for array in self.arrays:
            found.setdefault(array.array, {})[array.steps] = f"{array.proved}/{array.entries}"
        table = [head] + [[name, *(row.get(steps, "") for steps in columns)] for name, row in found.items()]
        widths = [max(len(row[k]) for row in table) for k in range(len(head))]
        lines += ["  " + "  ".join(w.ljust(n) for w, n in zip(row, widths, strict=True)).rstrip() for row in table]
        if self.lemmas:
            lines.append("with the lemmas: " + "; ".join(self.lemmas))
        for array in self.arrays:
            for failure in array.failures[:3]:
                lines += _story(array, failure)
            if len(array.failures) > 3:
                lines.append(f"  … and {len(array.failures) - 3} more entries of {array.array}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The whole proof as a JSON object."""
        return json.dumps(
            {
                "cell": self.cell,
                "ok": bool(self),
                "entries": self.entries,
                "proved": self.proved,
                "seconds": self.seconds,
                "lemmas": list(self.lemmas),
                "arrays": [
                    {
                        "array": array.array,
                        "steps": array.steps,
                        "dims": dict(array.dims),
                        "entries": array.entries,
                        "proved": array.proved,
                        "seconds": array.seconds,
                        "unproved": [
                            {"index": list(f.index), "derived": f.derived, "expected": f.expected, "reason": f.reason}
                            for f in array.failures
                        ],
                    }
                    for array in self.arrays
                ],
            },
            ensure_ascii=False,
        )

    def __repr__(self) -> str:
        return f"<Proof {self.cell}: {self.proved} of {self.entries} entries proved>"


def _story(array: ArrayProof, failure: EntryFailure) -> list[str]:
    place = f"[{', '.join(map(str, failure.index))}]" if failure.index else ""
    return [
        f"{array.array}{place} at {array.steps} step{'s' * (array.steps > 1)}: {failure.reason}",
        f"  derived:  {failure.derived}",
        f"  expected: {failure.expected}",
    ]


def prove(
    source: Cell | str | Callable[..., Any],
    *,
    derivation: Derivation | None = None,
    dims: Mapping[str, int] | None = None,
    steps: tuple[int, ...] = (1, 2),
    budget: int = 2_000_000,
) -> Proof:
    """Prove a cell's derived gradient in scalar components, at one step and at two.

    `derivation` is proved in place of the cell's own. `dims` sets sizes for every number of steps. `budget` bounds the
    algebra of one entry, in products of terms: an entry beyond it is listed as not proved.
    """
    start = time.perf_counter()
    cell = as_cell(source)
    for T in steps:
        if T < 1:
            raise OptionError(f"a proof takes at least one step, not {T}")
    derived = derivation if derivation is not None else derive(cell)
    arrays: list[ArrayProof] = []
    used: dict[type[sympy.Function], None] = {}
    for T in steps:
        found: list[ArrayProof] = []
        sizes = _sizes(cell, dims, T)
        # With names first: it is quick and nearly always enough. Without, equal arguments are equal however written.
        for names in (True, False):
            tried, functions, sizes = _attempt(cell, derived, sizes, T, budget, names)
            used |= dict.fromkeys(functions)
            found = [min(pair, key=lambda a: len(a.failures)) for pair in zip(found or tried, tried, strict=True)]
            if all(found):
                break
        arrays += found
    lemmas: list[str] = []
    for function, lemma in LEMMAS.items():
        if function in used:
            if not prove_lemma(function):
                raise AssertionError(f"the lemma {lemma.statement} does not hold")
            lemmas.append(lemma.statement)
    return Proof(cell.name, tuple(arrays), tuple(lemmas), time.perf_counter() - start)


def _sizes(cell: Cell, dims: Mapping[str, int] | None, T: int) -> list[dict[str, int]]:
    """Sizes to try, the most telling first."""
    if dims is not None:
        return [complete_dims(cell, dims)]
    sizes = [default_dims(cell, choice) for choice in (_ONE_STEP if T == 1 else _MORE_STEPS)]
    return [choice for k, choice in enumerate(sizes) if choice not in sizes[:k]]


def _attempt(
    cell: Cell, derivation: Derivation, sizes: list[dict[str, int]], T: int, budget: int, names: bool
) -> tuple[list[ArrayProof], set[type[sympy.Function]], list[dict[str, int]]]:
    """The proof at the first sizes at which the derived equations are within the budget; those sizes, to stay with."""
    for number, choice in enumerate(sizes, start=1):
        unrolled = _Unrolled(cell, derivation, choice, T, Algebra(budget, names))
        proofs = unrolled.prove(give_up=number < len(sizes))
        if proofs:
            return proofs, unrolled.functions(), [choice]
    raise AssertionError("the last sizes always give a proof")


@dataclass(slots=True)
class _Unrolled:
    """A cell over a few steps at given sizes: both sides of every equation that is to be proved."""

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
        self.truth = Evaluator(self.algebra, self.dims, _Names(self))

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
        equations are beyond the budget."""
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

        try:
            derived: Mapping[tuple[str, str], Any] = self._derived(params, x, state, g, g_final)
        except (TooLarge, ZeroDivisionError) as problem:
            if give_up:
                return []
            reason = f"the derived equations could not be evaluated: {problem}"
            derived = defaultdict(lambda: _Everywhere(reason))
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
                sides = (_cut(str(mine)), _cut(str(spelled_out(truth, _LONGEST))))
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
        fixed = {name: self.forms(array) for name, array in params.items()}
        current = {name: self.forms(array) for name, array in state.items()}
        tape: list[Evaluator] = []
        lines = {line.name for line in cell.program.assignments}
        for t in range(self.T):
            values = {**fixed, **{name: self.forms(array) for name, array in x[t].items()}}
            values |= {s.previous: current[s.name] for s in cell.program.states}
            step = Evaluator(algebra, self.dims, values)
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
            step = Evaluator(algebra, self.dims, values)
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
                start = Evaluator(algebra, self.dims, carry).spread(equation.expr, equation.shape)
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

    def __init__(self, unrolled: _Unrolled) -> None:
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
