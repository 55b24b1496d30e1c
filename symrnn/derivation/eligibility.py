"""Eligibility traces: RTRL along the diagonal alone, one number for each weight, not one for each weight and unit.

Where a step mixes no units but through the weights that are learned, the unit of row i alone feels W_ij, and the
influence of W has the shape of W:

    E_t = diag(∂s_t/∂s_{t−1}) E_{t−1} + ∂s_t/∂a x_tᵀ        of a weight in a = W x_t
    ∂L/∂W = Σ_t diag(λ_t) E_t                               λ: the gradient that enters at step t from above

This is exact for cells whose recurrence is elementwise. Of others it leaves out what goes through R h_{t−1}: e-prop
(Bellec et al. 2020), and the derivation says what was dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sympy

from ..equations import Equation
from ..equations.shapes import names_in
from ..errors import OptionError
from ..language.program import State
from ..library import as_cell
from ..operations.structured import Structured, matmul
from .ahead import Source
from .analysis import live, reached
from .derivation import Derivation
from .derive import derive
from .differentiate import differentiate
from .paged import Paged

if TYPE_CHECKING:
    from ..tangents import TraceKernel


@dataclass(frozen=True, slots=True)
class Dropped:
    """A path that a trace does not follow: through `expr`, in the forward equation `number`."""

    number: int
    expr: sympy.Expr


@dataclass(frozen=True, slots=True)
class Seed:
    """What a parameter does to a value at once: `factor`, for a matrix beside the `row` that it is multiplied by."""

    factor: sympy.Expr
    row: sympy.Symbol | None


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace of a parameter at a value: the factor of each state's trace before the step, and what is new."""

    value: str
    param: str
    decays: Mapping[str, sympy.Expr]
    seeds: tuple[Seed, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Traces(Paged):
    """The eligibility traces of a cell.

    `traces` has those at each value that learning reads: the new states, and what outputs that are no states are made
    of. `signals` are the learning signals λ, the gradients that come to these values from above at once, and `direct`
    the gradients by parameters of the outputs alone. `refused` names the parameters that have no trace, each with the
    equation in which its entries move more than a row; `dropped` is what no trace follows. The traces are `exact` where
    nothing was dropped or refused.
    """

    derivation: Derivation
    traces: tuple[Trace, ...]
    signals: Mapping[str, sympy.Expr]
    direct: Mapping[str, sympy.Expr]
    beyond: tuple[Equation, ...] = field(repr=False)
    refused: Mapping[str, int]
    dropped: tuple[Dropped, ...]

    @property
    def exact(self) -> bool:
        return not self.dropped and not self.refused

    def numpy(self) -> TraceKernel:
        """The gradients that the traces give, without a way back."""
        from ..tangents import TraceKernel

        return TraceKernel(self)

    def __repr__(self) -> str:
        return f"<Traces of {self.derivation.cell.name}: {'exact' if self.exact else 'e-prop'}>"


def traces(source: Source) -> Traces:
    """The eligibility traces of a cell: exact where its recurrence is elementwise, e-prop's elsewhere."""
    derivation = derive(as_cell(source))
    cell = derivation.cell
    for name, shape in cell.states.items():
        if len(shape) == 2:
            raise OptionError(
                f"{cell.name} has no traces: a weight moves a whole row of its state {name}, a matrix, and a trace has "
                "one number for each weight\n  mend: symrnn.rtrl keeps all of them"
            )
    return _Build(derivation).run()


class _Build:
    """What flows along the diagonal of one step, and what does not."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.shapes = {name: variable.shape for name, variable in derivation.variables.items()}
        states = derivation.cell.program.states
        new = {state.new for state in states}
        inside = {equation.name for equation in live(derivation.forward, new)}
        self.beyond = [e for e in live(derivation.forward, derivation.cell.program.outputs) if e.name not in inside]
        previous = [state.previous for state in states]
        moving = reached([*previous, *derivation.cell.program.params], derivation.forward) | set(previous)
        own = {equation.name for equation in self.beyond}
        read = frozenset[str]().union(*(e.reads for e in self.beyond)) & moving - own
        self.targets = tuple(dict.fromkeys([*(s.new for s in states), *sorted(read)]))
        self.needed = [e for e in live(derivation.forward, {*self.targets}) if e.name not in own]
        self.dropped: dict[Dropped, None] = {}
        self.refused: dict[str, int] = {}

    def run(self) -> Traces:
        derivation, program = self.derivation, self.derivation.cell.program
        flows = {
            state.name: self.flow({state.previous: sympy.S.One}) for state in learned_states(derivation, program.params)
        }
        found: list[Trace] = []
        for param in program.params:
            seeds = self.seeds(param)
            if param in self.refused:
                continue
            for target in self._reached(seeds, flows):
                decays = {name: flow[target] for name, flow in flows.items() if target in flow}
                own = tuple(Seed(flow[target], row) for flow, row in seeds if target in flow)
                found.append(Trace(target, param, decays, own))
        return Traces(
            derivation, tuple(found), self.signals(), self.direct(), tuple(self.adjoints()), self.refused,
            tuple(sorted(self.dropped, key=lambda dropped: dropped.number)),
        )  # fmt: skip

    def _reached(
        self, seeds: list[tuple[dict[str, sympy.Expr], sympy.Symbol | None]], flows: Mapping[str, Mapping[str, object]]
    ) -> Iterator[str]:
        """The values at which a parameter has a trace: reached at once, or from a state that is."""
        found = {target for target in self.targets if any(target in flow for flow, _ in seeds)}
        states = {s.name: s for s in self.derivation.cell.program.states}
        for _ in states:
            held = [flow for name, flow in flows.items() if {states[name].new, states[name].previous} & found]
            found |= {target for target in self.targets if any(target in flow for flow in held)}
        return (target for target in self.targets if target in found)

    def flow(self, start: Mapping[str, sympy.Expr]) -> dict[str, sympy.Expr]:
        """∂v/∂u of every value that u reaches entry by entry within the step."""
        owed = dict(start)
        for equation in self.needed:
            known = owed.pop(equation.name, sympy.S.Zero) if equation.name in start else sympy.S.Zero
            total = known + sympy.Add(*self._through(equation, owed))
            if total != 0:
                owed[equation.name] = total
        return owed

    def _through(self, equation: Equation, owed: Mapping[str, sympy.Expr]) -> Iterator[sympy.Expr]:
        smooth, structured = split(equation)
        for atom in structured:
            if not owed.keys().isdisjoint(names_in(atom)):
                self.dropped[Dropped(equation.number, atom)] = None
        for name in sorted(names_in(smooth) & owed.keys()):
            factor = slope(equation, smooth, name)
            if factor == 0:
                continue
            if self.shapes[name] == equation.shape:
                yield factor * owed[name]
            else:  # one number that every unit reads
                self.dropped[Dropped(equation.number, sympy.Symbol(name))] = None

    def seeds(self, param: str) -> list[tuple[dict[str, sympy.Expr], sympy.Symbol | None]]:
        """For each equation that reads a parameter what flows from there, and the row that a matrix is beside."""
        found: list[tuple[dict[str, sympy.Expr], sympy.Symbol | None]] = []
        for equation in self.needed:
            if param not in equation.reads:
                continue
            smooth, structured = split(equation)
            for atom in structured:
                if param not in names_in(atom):
                    continue
                row = self._row(atom, param)
                if row is None:
                    self.refused[param] = equation.number
                    return []
                coefficient = equation.expr.coeff(atom)
                found.append((self.flow({equation.name: coefficient}), row))
            factor = slope(equation, smooth, param)
            if factor == 0:
                continue
            if self.shapes[param] not in (equation.shape, ()) or len(equation.shape) == 2:
                self.refused[param] = equation.number
                return []
            found.append((self.flow({equation.name: factor}), None))
        return found

    def _row(self, atom: sympy.Expr, param: str) -> sympy.Symbol | None:
        if not isinstance(atom, matmul) or len(self.shapes[param]) != 2:
            return None
        left, right = atom.args
        alone = left == sympy.Symbol(param) and isinstance(right, sympy.Symbol) and len(self.shapes[right.name]) == 1
        return right if alone else None

    # What comes from above ---------------------------------------------------------------------------------------

    def adjoints(self) -> Iterator[Equation]:
        """The adjoints of what the outputs alone are made of; nothing comes to them from other steps."""
        own = {self.derivation.adjoint_of.get(equation.name) for equation in self.beyond}
        return (equation for equation in self.derivation.adjoints if equation.name in own)

    def signals(self) -> dict[str, sympy.Expr]:
        carries = {s.previous: self.derivation.carries[s.name] for s in self.derivation.cell.program.states}
        by_name = {equation.name: equation for equation in self.derivation.adjoints}
        found: dict[str, sympy.Expr] = {}
        for target in self.targets:
            name = carries.get(target) or self.derivation.adjoint_of.get(target)
            terms = by_name[name].terms if name in by_name else ()
            found[target] = self._from_above(terms)
        return found

    def direct(self) -> dict[str, sympy.Expr]:
        variables = self.derivation.variables
        of = {variables[e.name].written: e for e in self.derivation.gradients if e.why == "parameter"}
        return {name: self._from_above(of[name].terms) for name in self.derivation.cell.program.params}

    def _from_above(self, terms: Iterable[object]) -> sympy.Expr:
        own = {equation.name for equation in self.beyond}
        return sympy.Add(*(t.expr for t in terms if t.rule == "upstream" or t.path[0] in own))  # pyright: ignore


def learned_states(derivation: Derivation, params: Sequence[str]) -> tuple[State, ...]:
    """The states that owe something to some parameters, at once or by other states; a last input that is kept as a
    state owes nothing to any."""
    states, found = derivation.cell.program.states, frozenset[str]()
    for _ in states:
        before = [state.previous for state in states if state.new in found]
        found = reached([*params, *before], derivation.forward)
    return tuple(state for state in states if state.new in found)


def split(equation: Equation) -> tuple[sympy.Expr, list[sympy.Expr]]:
    """The elementwise part of a right side, and the structured operations beside it."""
    smooth: list[sympy.Expr] = []
    structured: list[sympy.Expr] = []
    for term in sympy.Add.make_args(equation.expr):
        rest = term.as_coeff_Mul()[1]
        (structured if isinstance(rest, Structured) else smooth).append(rest if isinstance(rest, Structured) else term)
    return sympy.Add(*smooth), structured


def slope(equation: Equation, smooth: sympy.Expr, name: str) -> sympy.Expr:
    """The derivative of the elementwise part by a name, by the output where the part is all."""
    factor = differentiate(smooth, sympy.Symbol(name))
    return factor.xreplace({smooth: equation.symbol}) if smooth == equation.expr else factor
