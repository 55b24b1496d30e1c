"""The derived backward pass as a model that can be bent: any equation may be replaced, and the numbers follow.

Formulas may speak of more than the derivation does, under names with a bar:

    |T |N             the number of steps, of sequences
    |first |final     1 at t = 1, at t = T, and 0 elsewhere; |late2 at the last two steps
    f|-1, f|+1        the value of the step before or after (zero beyond the ends)
    f|T               the value of the last step, at every step
    h_prev|zero       an initial state that was forgotten: zero in the first step
    h_prev|wrap       Python's list[-1]: in the first step the value of the last
    h_prev|start      the initial state, at every step
    x|back h_prev|back  a value one step too old, as list[t - 1] gives it: in the first step the last of all
    h_prev|ahead      the state after the step, but for the first
    delta_c|local     an adjoint as it is when no step hands anything back
    delta_c|bare      the same, and without the gradient of the final states
    carry_h|end       the gradient of a final state
    carry_h|own       what step 1 hands back by the derivation, where the code has another carry
    delta_c|dial      numbers that the tape has under this name
    carry_h|alone     what one step later hands back by itself: the recurrence is cut after one step
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from ..checking.oracles import Key, Point, Upstream
from ..derivation import Derivation
from ..equations import Equation
from ..equations.shapes import names_in
from ..numeric.parts import helper_sources
from ..numeric.printer import NumpyPrinter
from ..numeric.statement import heads_in

Array = np.ndarray[Any, Any]
Values = dict[str, Array]
Changes = Mapping[str, sympy.Expr]
"""Equation's name -> the right side that stands in its place."""

BAR = "|"
_PAST = ("|local", "|alone", "|bare")


def special(name: str, tag: str) -> sympy.Symbol:
    """A value as a formula may speak of it besides: at another step, at the boundary, without its past."""
    return sympy.Symbol(f"{name}{BAR}{tag}")


def base_of(name: str) -> str:
    """The value that a name with a bar belongs to."""
    return name.partition(BAR)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """A probe with everything that the forward pass gives, step by step."""

    point: Point
    upstream: Upstream
    steps: tuple[Values, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a bent model gives for a probe; `values` are those of the step, where there is one step alone."""

    gradients: dict[Key, Array]
    changes: Changes
    values: Values | None


@dataclass(slots=True, eq=False)
class Model:
    """Runs the backward equations one by one; each formula is compiled once."""

    derivation: Derivation
    _printer: NumpyPrinter = field(init=False)
    _equations: Mapping[str, Equation] = field(init=False)
    _compiled: dict[tuple[sympy.Expr, bool, int], Callable[[Values], Array]] = field(default_factory=dict)
    _names: dict[sympy.Expr, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._printer = _printer(self.derivation)
        self._equations = {e.name: e for e in (*self.derivation.adjoints, *self.derivation.gradients)}

    # Running -------------------------------------------------------------------------------------------------

    def prepare(self, point: Point, upstream: Upstream) -> Tape:
        """The forward pass."""
        program = self.derivation.cell.program
        current = {state.name: point.state[state.name] for state in program.states}
        constants = {**point.params, **{f"#{name}": np.asarray(size) for name, size in point.dims.items()}}
        steps: list[Values] = []
        for t in range(point.T):
            values: Values = {**constants, **{name: x[t] for name, x in point.x.items()}}
            values |= {state.previous: current[state.name] for state in program.states}
            for equation in self.derivation.forward:
                values[equation.name] = self._value(equation, equation.expr, values, point)
            current = {state.name: values[state.new] for state in program.states}
            steps.append(values)
        return Tape(point, upstream, tuple(steps))

    def run(self, tape: Tape, changes: Changes, since: Run | None = None) -> Run:
        """The gradients, with some equations changed. With `since`, an earlier run of the same probe, a probe of one
        step computes anew only what differs."""
        derivation, point = self.derivation, tape.point
        backward = [(e, changes.get(e.name, e.expr)) for e in (*derivation.adjoints, *derivation.gradients)]
        wanted = {name for _, expr in backward for name in self._specials(expr)}
        if point.T == 1 and since is not None and since.values is not None:
            return self._again(tape, changes, backward, wanted, since, since.values)
        local: list[Values] = []
        if any(name.endswith(_PAST) for name in wanted):
            local = [self._alone(tape, t, changes) for t in range(point.T)]
        grads: dict[Key, Array] = {("params", name): np.zeros(a.shape) for name, a in point.params.items()}
        grads |= {("x", name): np.zeros(a.shape) for name, a in point.x.items()}
        carried = {derivation.carries[name]: g for name, g in tape.upstream.final.items()}
        values: Values = {}
        for t in reversed(range(point.T)):
            values = self._given(tape, t) | carried
            values |= {
                name: self._special(name, t, tape, values, local) for name in wanted if not name.endswith("|own")
            }
            carried = {}
            for equation, expr in backward:
                if equation.why == "initial":
                    continue
                value = self._value(equation, expr, values, point)
                if equation.kind == "carry":
                    carried[equation.name] = value
                    continue
                values[equation.name] = value
                if equation.why == "parameter":
                    grads["params", derivation.variables[equation.name].written] += value
                elif equation.why == "input":
                    grads["x", derivation.variables[equation.name].written][t] = value
        own = {name: self._special(name, 0, tape, values, local) for name in wanted if name.endswith("|own")}
        for equation, expr in backward:
            if equation.why == "initial":
                grads["state", equation.terms[0].path[0]] = self._value(equation, expr, values | carried | own, point)
        kept = values | {f"{name}{BAR}": value for name, value in carried.items()} if point.T == 1 else None
        return Run(grads, changes, kept)

    def same_value(self, tape: Tape, name: str, expr: sympy.Expr, run: Run) -> bool | None:
        """Whether an equation has the value that it had in a run of one step, with another right side; None where that
        takes another run."""
        assert run.values is not None
        equation = self._equations[name]
        before = run.changes.get(name, equation.expr)
        wanted = self._specials(expr) | self._specials(before)
        if any(n.endswith((*_PAST, "|own")) for n in wanted):
            return None
        values = run.values | {n: self._special(n, 0, tape, run.values, []) for n in wanted}
        if equation.why == "initial":
            values |= {c: values[f"{c}{BAR}"] for c in self.derivation.carries.values()}
        new = self._value(equation, expr, values, tape.point)
        old = self._value(equation, before, values, tape.point)
        return bool(np.allclose(new, old, rtol=1e-9, atol=0))

    def evaluate(self, equation: Equation, expr: sympy.Expr, values: Values, tape: Tape) -> Array:
        """The value of an expression in the place of an equation's right side."""
        return self._value(equation, expr, values, tape.point)

    def _again(
        self,
        tape: Tape,
        changes: Changes,
        backward: list[tuple[Equation, sympy.Expr]],
        wanted: set[str],
        since: Run,
        known: Values,
    ) -> Run:
        """One step once more: equations that are changed, and those that read what came out differently. What a step
        hands back is kept under its name with a bar, beside what came in under the plain one."""
        point = tape.point
        values = dict(known)
        local = [self._alone(tape, 0, changes)] if any(name.endswith(_PAST) for name in wanted) else []
        values |= {name: self._special(name, 0, tape, values, local) for name in wanted if not name.endswith("|own")}
        grads = dict(since.gradients)
        dirty: set[str] = set()
        for equation, expr in backward:
            initial = equation.why == "initial"
            read = self._read(expr)
            if initial:
                read = frozenset(f"{name}{BAR}" if name in self.derivation.carries.values() else name for name in read)
            old = since.changes.get(equation.name, equation.expr)
            if expr == old and not (read & dirty) and not any(base_of(n) in dirty for n in self._specials(expr)):
                continue
            seen = values
            if initial:
                own = {n: self._special(n, 0, tape, values, local) for n in self._specials(expr) if n.endswith("|own")}
                seen = values | own | {c: values[f"{c}{BAR}"] for c in self.derivation.carries.values()}
            value = self._value(equation, expr, seen, point)
            place = f"{equation.name}{BAR}" if equation.kind == "carry" else equation.name
            if equation.kind in ("carry", "adjoint"):
                if not np.array_equal(value, values[place]):
                    values[place] = value
                    dirty.add(place)
                continue
            written = self.derivation.variables[equation.name].written
            if initial:
                grads["state", equation.terms[0].path[0]] = value
            elif equation.why == "parameter":
                grads["params", written] = value
            else:
                grads["x", written] = value[None]
        return Run(grads, changes, values)

    def _given(self, tape: Tape, t: int) -> Values:
        upstream = {self.derivation.upstream[name]: g[t] for name, g in tape.upstream.outputs.items()}
        return {**tape.steps[t], **upstream}

    def _alone(self, tape: Tape, t: int, changes: Changes, *, bare: bool = False) -> Values:
        """The adjoints and carries of step t when nothing comes back from later steps; when `bare`, not from outside
        either."""
        derivation, point = self.derivation, tape.point
        last = t == point.T - 1
        values = self._given(tape, t)
        for name, g in tape.upstream.final.items():
            values[derivation.carries[name]] = g if last and not bare else np.zeros_like(g)
        handed: Values = {}
        for equation in derivation.adjoints:
            expr = changes.get(equation.name, equation.expr)
            wanted = self._specials(expr)
            plain = {n: sympy.Symbol(base_of(n)) for n in wanted if n.endswith(_PAST)}
            expr = expr.xreplace({sympy.Symbol(n): s for n, s in plain.items()})
            values |= {n: self._special(n, t, tape, values, []) for n in wanted - plain.keys()}
            place = handed if equation.kind == "carry" else values
            place[equation.name] = self._value(equation, expr, values, point)
        made = {**values, **handed}
        if bare or not any(n.endswith("|bare") for expr in changes.values() for n in self._specials(expr)):
            return made
        alone = self._alone(tape, t, changes, bare=True)
        return made | {f"{name}|bare": value for name, value in alone.items()}

    def _special(self, name: str, t: int, tape: Tape, values: Mapping[str, Array], local: list[Values]) -> Array:
        base, _, tag = name.partition(BAR)
        T, N = tape.point.T, tape.point.N
        if not base:
            truth = {"T": T, "N": N, "first": t == 0, "final": t == T - 1}
            truth |= {f"late{k}": t >= T - k for k in (1, 2, 3)}
            return np.asarray(float(truth[tag]))
        match tag:
            case "+1" | "-1":
                other = t + int(tag)
                return self._given(tape, other)[base] if 0 <= other < T else np.zeros_like(self._given(tape, t)[base])
            case "T":
                return self._given(tape, T - 1)[base]
            case "zero":
                return values[base] if t else np.zeros_like(values[base])
            case "wrap":
                return values[base] if t else tape.steps[T - 1][self._new_of(base)]
            case "start":
                return tape.steps[0][base]
            case "back":
                new = self._new_of(base) if not t else ""
                return tape.steps[T - 1][new] if new else tape.steps[t - 1][base]
            case "ahead":
                return tape.steps[t][self._new_of(base)] if t else values[base]
            case "end":
                return tape.upstream.final[self._state_of(base)]
            case "own":
                equation = self._equations[base]
                return self._value(equation, equation.expr, dict(values), tape.point)
            case "bare":
                return local[t][name]
            case "dial":
                return tape.steps[t][name]
            case "local":
                return local[t].get(base, np.zeros(()))
            case "alone":
                return values[base] if t == T - 1 else local[t + 1][base]
            case _:
                raise AssertionError(f"no meaning of {name}")

    def _state_of(self, carry: str) -> str:
        return next(state for state, name in self.derivation.carries.items() if name == carry)

    def _new_of(self, previous: str) -> str:
        """A state after the step; empty for what is no state before it."""
        return next((s.new for s in self.derivation.cell.program.states if s.previous == previous), "")

    # Formulas ------------------------------------------------------------------------------------------------

    def _read(self, expr: sympy.Expr) -> frozenset[str]:
        found = self._names.get(expr)
        if found is None:
            found = self._names[expr] = frozenset(names_in(expr))
        return found

    def _specials(self, expr: sympy.Expr) -> set[str]:
        return {name for name in self._read(expr) if BAR in name}

    def _value(self, equation: Equation, expr: sympy.Expr, values: Values, point: Point) -> Array:
        """The value of a right side, in the full shape of what it defines."""
        owner = equation.name if equation.kind == "forward" else self.derivation.variables[equation.name].written
        batched = self._printer.batched[owner] and self.derivation.variables[owner].role != "parameter"
        reduce = equation.kind != "forward" and not batched
        value = self._function(expr, reduce, len(equation.shape))(values)
        shape = tuple(size.value(point.dims) for size in equation.shape)
        whole = (point.N, *shape) if batched else shape
        return np.asarray(value) if np.shape(value) == whole else np.broadcast_to(value, whole)

    def _function(self, expr: sympy.Expr, reduce: bool, rank: int) -> Callable[[Values], Array]:
        key = (expr, reduce, rank)
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = self._compile(expr, reduce, rank)
        return found

    def _compile(self, expr: sympy.Expr, reduce: bool, rank: int) -> Callable[[Values], Array]:
        printer = self._printer
        for name in self._specials(expr):
            _admit(printer, name)
        terms = sympy.Add.make_args(expr)
        code = " ".join(printer.sum_of(terms, rank, reduce=reduce)) if reduce else printer.at_rank(expr, rank).code
        namespace: dict[str, Any] = {"np": np}
        exec(helper_sources(heads_in(expr)), namespace)
        return eval(f"lambda v: {code}", namespace)


def _printer(derivation: Derivation) -> NumpyPrinter:
    """A printer whose names are places in a dict `v`."""
    variables = derivation.variables
    batched = derivation.batched
    return NumpyPrinter(
        {variable.name: variable.role for variable in variables.values()},
        {variable.name: variable.shape for variable in variables.values()},
        {name: name in batched for name in variables},
        {name: f"v[{name!r}]" for name in variables},
        {dim: f"v['#{dim}']" for dim in derivation.cell.dims},
        {name: index for index, name in enumerate(variables)},
    )


def _admit(printer: NumpyPrinter, name: str) -> None:
    """Let the printer know a name with a bar; it behaves like the value that it stands beside."""
    base = base_of(name)
    tables: tuple[Any, ...] = (printer.roles, printer.shapes, printer.batched, printer.order)
    for table, alone in zip(tables, ("value", (), False, 0), strict=True):
        table.setdefault(name, table[base] if base else alone)
    names: Any = printer.names
    names.setdefault(name, f"v[{name!r}]")
