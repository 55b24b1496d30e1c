"""Equations: one named right side each, with the terms that it is the sum of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import sympy

from ..language.nodes import Node
from ..sizes import Shape

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

    `written` keeps a forward equation as a person wrote it, because SymPy sorts.
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

    @property
    def symbol(self) -> sympy.Symbol:
        return sympy.Symbol(self.name)
