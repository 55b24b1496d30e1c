"""Forward mode: the rate of every value when inputs, states and parameters move, and that of every adjoint.

    ẏ = Σ_u (∂y/∂u) u̇        of each forward equation y = f(u, …): a Jacobian–vector product, step by step
    δ̇_u = …                   of each backward equation: what ∂L/∂θ does when θ moves by v is the product H v

with the same elementwise rules as in reverse mode, and the adjoint rules of structured operations (see `push`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sympy

from ..equations import Cell, Equation, Network, Term
from ..language import Variable
from ..library import as_cell
from .derivation import Derivation
from .derive import derive
from .paged import Paged
from .push import Push

if TYPE_CHECKING:
    from ..tangents import HessianKernel, TangentKernel

Source = Cell | Network | str | Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Tangent(Paged):
    """A cell's equations and their rates: `forward` has those of the forward equations.

    `dots` names the rate of every value that moves; inputs, previous states and parameters move as one likes.
    """

    derivation: Derivation
    forward: tuple[Equation, ...]
    variables: Mapping[str, Variable] = field(repr=False)
    dots: Mapping[str, str] = field(repr=False)

    def numpy(self) -> TangentKernel:
        """Outputs and final states of whole batches of sequences, and their rates."""
        from ..tangents import TangentKernel

        return TangentKernel(self)

    def __repr__(self) -> str:
        return f"<Tangent of {self.derivation.cell.name}: {len(self.forward)} equations>"


@dataclass(frozen=True, slots=True, eq=False)
class HessianProduct(Paged):
    """A derivation differentiated once more: the rates of its forward equations (`tangent`), and `backward`, those of
    its adjoints and gradients. The rate of ∂L/∂W is the product of the Hessian and what moves."""

    tangent: Tangent
    backward: tuple[Equation, ...]
    variables: Mapping[str, Variable] = field(repr=False)
    dots: Mapping[str, str] = field(repr=False)

    @property
    def derivation(self) -> Derivation:
        return self.tangent.derivation

    def numpy(self) -> HessianKernel:
        """Gradients over whole batches of sequences, and the products of the Hessian with a direction."""
        from ..tangents import HessianKernel

        return HessianKernel(self)

    def __repr__(self) -> str:
        return f"<HessianProduct of {self.derivation.cell.name}: {len(self.backward)} equations>"


def tangent(source: Source) -> Tangent:
    """The rates of a cell's values, where inputs, states and parameters move: Jacobian–vector products, derived."""
    derivation = derive(as_cell(source))
    return move(derivation, _movable(derivation))


def move(derivation: Derivation, names: Iterable[str]) -> Tangent:
    """The rates of a step's values where some of what it begins with moves."""
    return _Rates(derivation, len(derivation.forward)).tangent(names)


def hessian_product(source: Source) -> HessianProduct:
    """The product of the Hessian of L with a direction, derived: the derived backward pass is differentiated once more.

    What the gradients from above do when the outputs move is the loss's own curvature: their rates come in as they do.
    """
    derivation = derive(as_cell(source))
    rates = _Rates(derivation, len(derivation.equations))
    first = rates.tangent(_movable(derivation))
    rates.move([*derivation.upstream.values(), *derivation.carries.values()])
    return HessianProduct(first, tuple(rates.of(derivation.backward)), rates.variables, MappingProxyType(rates.dots))


def _movable(derivation: Derivation) -> tuple[str, ...]:
    return tuple(v.name for v in derivation.variables.values() if v.role in ("parameter", "input", "previous"))


class _Rates:
    """The rates of the equations of a derivation, one after the other."""

    def __init__(self, derivation: Derivation, number: int) -> None:
        self.derivation = derivation
        self.variables: dict[str, Variable] = dict(derivation.variables)
        self.dots: dict[str, str] = {}
        self.number = number

    def tangent(self, names: Iterable[str]) -> Tangent:
        """The rates of the forward equations where some of what a step begins with moves."""
        self.move(names)
        forward = tuple(self.of(self.derivation.forward))
        variables, dots = MappingProxyType(dict(self.variables)), MappingProxyType(dict(self.dots))
        return Tangent(self.derivation, forward, variables, dots)

    def move(self, names: Iterable[str]) -> None:
        """Let values move, each at a rate of its own."""
        for name in tuple(names):
            wish = f"{name}_dot"
            while wish in self.variables:
                wish += "_"
            self.variables[wish] = Variable(wish, name, "rate", self.variables[name].shape)
            self.dots[name] = wish

    def of(self, equations: Iterable[Equation]) -> Iterator[Equation]:
        """The rates of what the equations compute; what does not move has none."""
        for equation in equations:
            terms = tuple(self._terms(equation))
            expr = sympy.Add(*(term.expr for term in terms))
            if expr == 0:
                continue
            if equation.name not in self.dots:
                self.move([equation.name])
            self.number += 1
            yield Equation(
                self.number, self.dots[equation.name], expr, equation.shape, terms, equation.why,
                equation.kind, equation.over_time,
            )  # fmt: skip

    def _terms(self, equation: Equation) -> Iterator[Term]:
        """As the equation's own terms stand: those of a forward equation as they were written."""
        shapes = {name: variable.shape for name, variable in self.variables.items()}
        push = Push(shapes, self.dots)
        for term in equation.terms:
            out = equation.symbol if term.expr == equation.expr and equation.kind == "forward" else None
            for piece in push.pieces(term.expr, out):
                if piece != 0:
                    yield Term(piece, "rate", (equation.name,), equation.number)
