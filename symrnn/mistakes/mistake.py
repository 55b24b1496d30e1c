"""What a mistake is: equations with other right sides, of what kind, in words; a mutant is a derivation with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import sympy

from ..checking.interpreter import Changes
from ..derivation import Derivation
from ..derivation.moments import moments_in
from ..equations import Equation, Term
from ..equations.shapes import shape_of
from ..operations.entry import ShapeClash
from ..sizes import Shape

Kind = Literal[
    "wrong factor",
    "missing factor",
    "extra factor",
    "missing path",
    "wrong time index",
    "missing transpose",
    "swapped gates",
    "sign",
    "scale",
    "lost accumulation",
    "missing carry",
    "truncated carry",
    "first step",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_COST_OF_TIME = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """Equations that are changed, what kind of mistake that is, and how far-fetched: the plainest explanation wins.

    `terms` are the summands of a changed equation, where it is one alone. `note` says in words what a formula of one
    step does not show, `how` what became of `was`. `about` are the equations to speak of, where these are not the
    changed ones.
    """

    changes: Changes
    kind: Kind
    cost: float = 1.0
    note: str = ""
    terms: tuple[Term, ...] = ()
    about: Changes = field(default_factory=dict[str, sympy.Expr])
    how: str = ""
    was: sympy.Expr = sympy.S.Zero
    now: sympy.Expr = sympy.S.Zero


def with_terms(equation: Equation, terms: tuple[Term, ...], kind: Kind, cost: float, note: str = "") -> Mistake:
    """Other terms in the place of all of an equation's."""
    return Mistake({equation.name: sympy.Add(*(term.expr for term in terms))}, kind, cost, note, terms)


def with_term(
    equation: Equation, place: int, result: sympy.Expr, kind: Kind, how: str, was: sympy.Expr, now: sympy.Expr
) -> Mistake:
    """Another expression in place of one term, as a single slip makes it."""
    changed = replace(equation.terms[place], expr=result, factor=None)
    terms = (*equation.terms[:place], changed, *equation.terms[place + 1 :])
    mistake = with_terms(equation, terms, kind, _COST_OF_TIME if moments_in(result) else 1.0)
    return replace(mistake, how=how, was=was, now=now)


def multiplied(equation: Equation, factor: sympy.Expr, kind: Kind, how: str) -> Mistake:
    """All terms of an equation times a factor."""
    terms = tuple(replace(term, expr=term.expr * factor, factor=None) for term in equation.terms)
    mistake = with_terms(equation, terms, kind, _COST_OF_TIME if moments_in(factor) else 1.0)
    return replace(mistake, how=how, was=equation.expr, now=factor)


def has_shape(expr: sympy.Expr, shape: Shape, shapes: Mapping[str, Shape]) -> bool:
    """Whether an expression may stand where one of this shape stood; a number may not for a vector."""
    try:
        return shape_of(expr, shapes) == shape
    except ShapeClash:
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Mutant:
    """The derivation `right` with one equation got wrong, `equation` as it is now."""

    mistake: Mistake
    equation: Equation
    right: Derivation

    @property
    def number(self) -> int:
        return self.equation.number

    @property
    def kind(self) -> Kind:
        return self.mistake.kind

    @property
    def description(self) -> str:
        """The change in words, in the names of the cell."""
        return self.mistake.how.format(was=self.mistake.was, now=self.mistake.now)

    @property
    def derivation(self) -> Derivation:
        """All of it: what somebody with this one mistake computes."""
        backward = (self.right.adjoints, self.right.gradients)
        adjoints, gradients = (
            tuple(self.equation if e.number == self.number else e for e in part) for part in backward
        )
        return replace(self.right, adjoints=adjoints, gradients=gradients)

    def __repr__(self) -> str:
        return f"<Mutant of ({self.number}), {self.kind}: {self.description}>"
