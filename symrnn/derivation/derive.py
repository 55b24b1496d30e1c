"""From a cell to its backward equations: one step swept backwards, the recurrence over t kept symbolic.

    δ_h,t = ε_h,t + κ_h,t+1      ε: the gradient that enters at step t from above; κ: what step t+1 hands back
    κ_h,t = …                    the adjoint of h_{t−1} within step t
    t = T: κ_{T+1} is the gradient with respect to the final state;   t = 1: ∂L/∂h_0 = κ_h,1
    ∂L/∂W = Σ_t …                a parameter is used at every step

Neither T nor any size appears, so the cost and the length of a derivation do not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

import sympy

from ..equations import Cell, Equation, Term
from ..errors import OptionError
from ..language import Variable
from ..library import as_model
from .derivation import Derivation
from .sweep import PullBack

if TYPE_CHECKING:
    from ..equations import Network
    from .network import NetworkDerivation


@overload
def derive(source: Cell) -> Derivation: ...
@overload
def derive(source: Network, *, truncate: tuple[int, int] | None = None) -> NetworkDerivation: ...
@overload
def derive(source: Cell | Network, *, truncate: tuple[int, int] | None = None) -> Derivation | NetworkDerivation: ...
@overload
def derive(source: str | Callable[..., Any], *, truncate: tuple[int, int] | None = None) -> Any: ...
def derive(
    source: Cell | Network | str | Callable[..., Any], *, truncate: tuple[int, int] | None = None
) -> Derivation | NetworkDerivation:
    """The backward equations of a cell or a network: one of these, a name, `file.py:name`, text, or a function.

    `truncate=(k1, k2)`, of a network: after every k1 steps the gradient of their loss goes back through k2."""
    model = as_model(source)
    if not isinstance(model, Cell):
        return _derive_network(model, truncate)
    if truncate is not None:
        raise OptionError(f"{model.name} is a cell, and truncate= is for a network with a loss at every step")
    return _Sweep(model).run()


def _derive_network(network: Network, truncate: tuple[int, int] | None) -> NetworkDerivation:
    """Every cell once, however many blocks run it."""
    from ..equations.carry import read_truncation
    from .network import join

    derived: dict[int, Derivation] = {}
    for block in network.blocks:
        if id(block.cell) not in derived:
            derived[id(block.cell)] = _Sweep(block.cell).run()
    joined = join(network, {block.name: derived[id(block.cell)] for block in network.blocks})
    return joined if truncate is None else replace(joined, truncation=read_truncation(network, truncate))


class _Sweep:
    """The state of one derivation: what each name has received so far."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.variables: dict[str, Variable] = dict(cell.variables)
        self.received: dict[str, list[Term]] = {}
        self.number = len(cell.equations)
        self.upstream: dict[str, str] = {}
        self.carries: dict[str, str] = {}
        self.adjoint_of: dict[str, str] = {}
        order = {name: index for index, name in enumerate(cell.variables)}
        self.pull_back = PullBack(cell.variables, order)

    def run(self) -> Derivation:
        self._seed()
        adjoints: list[Equation] = []
        for equation in reversed(self.cell.equations):
            terms = self.received.pop(equation.name, [])
            if not terms:
                continue
            name = self._new(f"delta_{equation.name}", equation.name, "adjoint")
            self.adjoint_of[equation.name] = name
            adjoints.append(self._equation(name, terms, equation.shape, "adjoint", "adjoint"))
            for target, term in self.pull_back(equation, sympy.Symbol(name)):
                self.received.setdefault(target, []).append(term)
        for state in self.cell.program.states:
            terms = self.received.pop(state.previous, [])
            shape = self.variables[state.previous].shape
            adjoints.append(self._equation(self.carries[state.name], terms, shape, "carry", "carry"))
        gradients = self._gradients()
        return Derivation(
            self.cell,
            tuple(adjoints),
            tuple(gradients),
            _frozen(self.variables),
            _frozen(self.upstream),
            _frozen(self.carries),
            _frozen(self.adjoint_of),
        )

    def _seed(self) -> None:
        """What enters from outside the step: gradients on the outputs, and what later steps hand back."""
        for name in self.cell.program.outputs:
            if name in self.upstream:
                continue
            self.upstream[name] = self._new(f"upstream_{name}", name, "upstream")
            term = Term(sympy.Symbol(self.upstream[name]), "upstream", (name,))
            self.received.setdefault(name, []).append(term)
        for state in self.cell.program.states:
            carry = self._new(f"carry_{state.name}", state.previous, "carry")
            self.carries[state.name] = carry
            self.received.setdefault(state.new, []).append(Term(sympy.Symbol(carry), "carry", (state.name,)))

    def _gradients(self) -> list[Equation]:
        gradients: list[Equation] = []
        for name in self.cell.program.params:
            grad = self._new(f"grad_{name}", name, "gradient")
            terms = self.received.pop(name, [])
            gradients.append(self._equation(grad, terms, self.variables[name].shape, "parameter", "gradient", True))
        for name in self.cell.program.inputs:
            grad = self._new(f"grad_{name}", name, "gradient")
            terms = self.received.pop(name, [])
            gradients.append(self._equation(grad, terms, self.variables[name].shape, "input", "gradient"))
        for state in self.cell.program.states:
            grad = self._new(f"grad_{state.name}_0", state.previous, "gradient")
            carry = Term(sympy.Symbol(self.carries[state.name]), "initial", (state.name,))
            shape = self.variables[state.previous].shape
            gradients.append(self._equation(grad, [carry], shape, "initial", "gradient"))
        return gradients

    def _equation(
        self, name: str, terms: list[Term], shape: Any, why: str, kind: Any, over_time: bool = False
    ) -> Equation:
        self.number += 1
        terms = _in_order(terms, kind)
        expr = sympy.Add(*(term.expr for term in terms))
        return Equation(self.number, name, expr, shape, tuple(terms), why, kind, over_time)

    def _new(self, wish: str, of: str, role: Any) -> str:
        """A name for a derived quantity, kept apart from the cell's own names."""
        while wish in self.variables:
            wish += "_"
        self.variables[wish] = Variable(wish, of, role, self.variables[of].shape)
        return wish


def _in_order(terms: list[Term], kind: str) -> list[Term]:
    """As a person would write it: what comes from above first, what comes from step t+1 last; between them an
    adjoint's terms in the order of the backward computation, a sum over many gates in the order of the gates."""
    places = {"upstream": 0, "carry": 2}
    if kind == "adjoint":
        return sorted(terms, key=lambda term: places.get(term.rule, 1))
    return sorted(terms, key=lambda term: (places.get(term.rule, 1), term.through or 0))


def _frozen(mapping: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(mapping))
