"""The equations of a derivation as a notation shows them: merged lines, carries written out, σ′ of the net input.

Whatever is rewritten here stays an equation over the same quantities, and keeps the number of the line it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy

from ..derivation import Derivation
from ..equations import Equation, Term
from ..equations.shapes import names_in
from ..operations import BY_HEAD
from .notation import Notation

MOVED = "@"
"""`delta_f@t+1` is delta_f at step t+1."""
_MOST_FACTORS = 12
"""A product of more is not put into another line: nobody reads that."""


class Slope(sympy.Function):
    """σ′(a), for the application σ(a)."""

    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """An equation as it is shown, and the equations of the derivation that went into it."""

    equation: Equation
    origins: tuple[Equation, ...]

    def with_terms(self, terms: list[Term]) -> Shown:
        expr = sympy.Add(*(term.expr for term in terms))
        return replace(self, equation=replace(self.equation, terms=tuple(terms), expr=expr))


@dataclass(frozen=True, slots=True)
class View:
    """The derived equations to show."""

    backward: tuple[Shown, ...]
    gradients: tuple[Shown, ...]


def build_view(derivation: Derivation, notation: Notation) -> View:
    """Choose and rewrite the backward equations of a derivation."""
    backward = [Shown(equation, (equation,)) for equation in derivation.adjoints]
    gradients = [Shown(equation, (equation,)) for equation in derivation.gradients]
    if notation.derivative == "net":
        backward = [_with_slopes(shown, derivation) for shown in backward]
        gradients = [_with_slopes(shown, derivation) for shown in gradients]
    if notation.lines == "merged":
        backward = _merged(backward, gradients)
    if notation.carries == "inline":
        carries = {shown.equation.name: shown for shown in backward if shown.equation.kind == "carry"}
        kept = [shown for shown in backward if shown.equation.kind != "carry"]
        backward = [_written_out(shown, carries, derivation) for shown in kept]
        gradients = [_written_out(shown, carries, derivation) for shown in gradients]
    return View(tuple(backward), tuple(gradients))


# σ′(a) for f (1 − f) -------------------------------------------------------------------------------------------


def _with_slopes(shown: Shown, derivation: Derivation) -> Shown:
    terms: list[Term] = []
    for term in shown.equation.terms:
        expr: Any = term.expr
        if term.through is not None and term.factor is not None:
            source = derivation.forward[term.through - 1]
            for value, slope in _slopes_of(source, sympy.Symbol(term.path[1])):
                expr = expr.subs(value, slope)
        terms.append(replace(term, expr=expr))
    return shown.with_terms(terms)


def _slopes_of(source: Equation, target: sympy.Symbol) -> Iterator[tuple[Any, Slope]]:
    """The derivatives, as the sweep writes them, of the activations of one argument that the target goes through."""
    for inner in sympy.preorder_traversal(source.expr):
        operation = BY_HEAD.get(type(inner))
        if operation is None or not operation.activation or not operation.elementwise or len(inner.args) != 1:
            continue
        if inner.has(target):
            slope = inner.fdiff(1)
            if not slope.is_number:
                yield (slope.xreplace({inner: source.symbol}) if inner == source.expr else slope), Slope(inner)


# One line for what is used once ----------------------------------------------------------------------------------


def _merged(backward: list[Shown], gradients: list[Shown]) -> list[Shown]:
    """What is a single product, and is used by one line alone as a factor, goes into that line."""
    lines = {shown.equation.number: shown for shown in backward}
    users: dict[str, set[int]] = {}
    for shown in (*backward, *gradients):
        for name in names_in(sympy.Tuple(*(term.expr for term in shown.equation.terms))):
            users.setdefault(name, set()).add(shown.equation.number)
    for number in [*lines]:
        shown = lines[number]
        equation = shown.equation
        if equation.kind != "adjoint" or len(equation.terms) != 1 or isinstance(equation.terms[0].expr, sympy.Add):
            continue
        using = users.get(equation.name, set())
        user = lines.get(min(using, default=0))
        if len(using) != 1 or user is None or user.equation.shape != equation.shape:
            continue
        if not all(_is_factor(equation.symbol, term.expr) for term in user.equation.terms):
            continue
        inner = equation.terms[0].expr
        if len(sympy.Mul.make_args(inner)) > _MOST_FACTORS:
            continue
        terms = [replace(term, expr=term.expr.xreplace({equation.symbol: inner})) for term in user.equation.terms]
        origins = tuple(sorted({*shown.origins, *user.origins}, key=lambda origin: origin.number))
        lines[user.equation.number] = replace(user.with_terms(terms), origins=origins)
        del lines[number]
        for name in names_in(inner):
            users[name] = (users[name] - {number}) | using
    return list(lines.values())


def _is_factor(symbol: sympy.Symbol, expr: Any) -> bool:
    """Whether an expression holds a symbol as a factor of a product, if at all."""
    return not expr.has(symbol) or (symbol in sympy.Mul.make_args(expr) and not (expr / symbol).has(symbol))


# What step t+1 hands back, written out ------------------------------------------------------------------------------


def _written_out(shown: Shown, carries: dict[str, Shown], derivation: Derivation) -> Shown:
    terms: list[Term] = []
    origins = list(shown.origins)
    for term in shown.equation.terms:
        carry = carries.get(str(term.expr))
        if carry is None:
            terms.append(term)
            continue
        time = "1" if term.rule == "initial" else "t+1"
        terms += [replace(part, expr=_moved(part.expr, time, derivation)) for part in carry.equation.terms]
        origins += carry.origins
    return replace(shown.with_terms(terms), origins=tuple(origins))


def _moved(expr: Any, time: str, derivation: Derivation) -> Any:
    """An expression at another step; what it says of the step before is then of this one."""
    moved: dict[Any, Any] = {}
    for symbol in expr.free_symbols:
        variable = derivation.variables.get(symbol.name)
        if variable is not None and variable.role != "parameter":
            at = {"t+1": "t", "1": "0"}[time] if variable.role == "previous" else time
            moved[symbol] = sympy.Symbol(f"{symbol.name}{MOVED}{at}")
    return expr.xreplace(moved)
