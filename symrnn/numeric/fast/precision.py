"""Which sigmoids must be exact where they are small: (1 + tanh(a/2))/2 is 0 below a = −37, where log, a quotient or a
root would still tell σ(a) from 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sympy

from ...operations.functions import sigmoid
from ...operations.table import BY_HEAD
from .formula import Formula


def exact_sigmoids(lines: Iterable[Formula], states: Mapping[str, str]) -> frozenset[sympy.Expr]:
    """The applications of σ whose small values matter to some line; `states` names the new value of a previous one."""
    by_name = {line.name: line for line in lines}
    found: set[sympy.Expr] = set()
    told: set[str] = set()
    pending: list[str] = []

    def walk(expr: sympy.Basic, matters: bool) -> None:
        if expr.is_Symbol:
            if matters and expr.name not in told:
                told.add(expr.name)
                pending.append(states.get(expr.name, expr.name))
            return
        if isinstance(expr, sigmoid) and matters:
            found.add(expr)
        if isinstance(expr, sympy.Pow):
            base, exponent = expr.args
            walk(base, matters or not (exponent.is_Integer and exponent > 0))
            return
        # Beside a constant a small summand is rounded away in any case.
        small = BY_HEAD[type(expr)].small if type(expr) in BY_HEAD else ""
        lifted = small == "lifted" or (isinstance(expr, sympy.Add) and any(a.is_number for a in expr.args))
        inner = small == "told" or (matters and not lifted)
        for argument in expr.args:
            walk(argument, inner)

    for line in by_name.values():
        for term in line.terms:
            walk(term, False)
    while pending:
        line = by_name.get(pending.pop())
        for term in line.terms if line is not None else ():
            walk(term, True)
    return frozenset(found)
