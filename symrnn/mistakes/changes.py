"""One change somewhere in an expression, with the whole expression that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import sympy

from ..operations.entry import SizeSymbol
from .mistake import Kind


@dataclass(frozen=True, slots=True)
class Change:
    """What `was` in its place and is `now`, and the `result` with everything around it; `how` says it in words."""

    kind: Kind
    was: sympy.Expr
    now: sympy.Expr
    how: str = "{now} in place of {was}"
    result: sympy.Expr = sympy.S.Zero


Rule = Callable[[sympy.Expr], Iterator[Change]]


def everywhere(expr: sympy.Expr, rule: Rule) -> Iterator[Change]:
    """The changes that a rule makes to an expression and to each of its parts, from the outside to the inside."""
    for change in rule(expr):
        yield replace(change, result=change.now)
    for place, argument in enumerate(expr.args):
        if isinstance(argument, sympy.Tuple | SizeSymbol):  # the bounds of a slice, the n of a mean
            continue
        if isinstance(expr, sympy.Pow) and place == 1:
            continue
        for change in everywhere(argument, rule):
            around = (*expr.args[:place], change.result, *expr.args[place + 1 :])
            yield replace(change, result=expr.func(*around))
