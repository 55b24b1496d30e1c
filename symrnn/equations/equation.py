"""Equations: one named right side each, with the terms that it is the sum of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Literal

import sympy

from ..language.nodes import Node
from ..sizes import Shape
from .shapes import names_in

Kind = Literal["forward", "adjoint", "carry", "gradient"]


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of an equation and how it came about.

    `rule` names the rule of differentiation: `addition`, `product`, `upstream`, `carry`, `broadcast`, or the operation
    whose rule was used (`sigmoid`, `matmul`). `path` runs from the value whose adjoint is passed on to the
    value that receives it, through the forward equation numbered `through`. `factor` is the local derivative, where
    the rule is a multiplication by one.
    """

    expr: sympy.Expr
    rule: str
    path: tuple[str, ...] = ()
    through: int | None = None
    factor: sympy.Expr | None = None


@dataclass(frozen=True, slots=True)
class Equation:
    """`name = expr` (for a parameter's gradient: the sum of `expr` over t), with a number that stays the same on
    the page and in the code.

    The terms mention what their sum mentions: what cancels (x − x) or is zero is no term of the equation. `written`
    keeps a forward equation as a person wrote it, because SymPy sorts.
    """

    number: int
    name: str
    expr: sympy.Expr
    shape: Shape
    terms: tuple[Term, ...]
    why: str
    kind: Kind
    over_time: bool = False
    written: Node | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        mentioned = frozenset[str]().union(*(names_in(term.expr) for term in self.terms))
        if mentioned != self.reads or any(term.expr is sympy.S.Zero for term in self.terms):
            object.__setattr__(self, "terms", _without_cancelled(self.terms))

    @property
    def symbol(self) -> sympy.Symbol:
        return sympy.Symbol(self.name)

    @property
    def reads(self) -> frozenset[str]:
        """The names of the values that the right side mentions."""
        return names_in(self.expr)


def _without_cancelled(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """The terms without those summands that add up to nothing."""
    summands = [sympy.Add.make_args(term.expr) for term in terms]
    total: Counter[sympy.Expr] = Counter()
    for coefficient, rest in (summand.as_coeff_Mul() for listed in summands for summand in listed):
        total[rest] += coefficient
    kept = [sympy.Add(*(s for s in listed if total[s.as_coeff_Mul()[1]] != 0)) for listed in summands]
    return tuple(replace(term, expr=expr) for term, expr in zip(terms, kept, strict=True) if expr != 0)
