"""The equations of a derivation as a notation shows them: merged lines, carries written out, σ′ of the net input.

Whatever is rewritten here stays an equation over the same quantities, and keeps the number of the line it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from ..derivation import Derivation
from ..equations import Equation, Term
from ..equations.shapes import names_in
from ..operations import BY_HEAD
from .notation import Notation

MOVED = "@"
"""`delta_f@t+1` is delta_f at step t+1."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An equation as it is shown, and the equations of the derivation that went into it."""

    equation: Equation
    origins: tuple[Equation, ...]


@dataclass(frozen=True, slots=True)
class View:
    """All equations to show. `slopes` are stand-ins for derivatives such as σ′(a): name -> (head, argument);
    `moved` are names at another step: name -> (name, time)."""

    backward: tuple[Shown, ...]
    gradients: tuple[Shown, ...]
    slopes: Mapping[str, Any] = field(default_factory=dict)
    moved: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def build_view(derivation: Derivation, notation: Notation) -> View:
    """Choose and rewrite the backward equations of a derivation."""
    backward = [Shown(equation, (equation,)) for equation in derivation.adjoints]
    gradients = [Shown(equation, (equation,)) for equation in derivation.gradients]
    slopes: dict[str, Any] = {}
    moved: dict[str, tuple[str, str]] = {}
    if notation.derivative == "net":
        backward = [_with_slopes(shown, derivation, slopes) for shown in backward]
        gradients = [_with_slopes(shown, derivation, slopes) for shown in gradients]
    if notation.lines == "merged":
        backward = _merged(backward, gradients)
    if notation.carries == "inline":
        backward, gradients = _inlined(backward, gradients, derivation, moved, slopes)
    return View(tuple(backward), tuple(gradients), slopes, moved)


# σ′(a) for f (1 − f) -------------------------------------------------------------------------------------------


def _with_slopes(shown: Shown, derivation: Derivation, slopes: dict[str, Any]) -> Shown:
    terms: list[Term] = []
    for term in shown.equation.terms:
        if term.through is None or term.factor is None:
            terms.append(term)
            continue
        source = derivation.forward[term.through - 1]
        expr: Any = term.expr
        for value, slope in _slopes_of(source, sympy.Symbol(term.path[1])):
            name = f"{type(slope).__name__}'({slope.args[0]})"
            stand_in = sympy.Symbol(name)
            changed = expr.subs(value, stand_in)
            if changed != expr:
                slopes[name] = slope
                expr = changed
        terms.append(replace(term, expr=expr))
    return replace(shown, equation=_with_terms(shown.equation, terms))


def _slopes_of(source: Equation, target: sympy.Symbol) -> Iterator[tuple[Any, Any]]:
    """The derivatives, as the sweep writes them, of the activations of one argument that the target goes through."""
    for inner in sympy.preorder_traversal(source.expr):
        operation = BY_HEAD.get(type(inner))
        if operation is None or not operation.activation or not operation.elementwise or len(inner.args) != 1:
            continue
        if inner.has(target):
            slope = inner.fdiff(1)
            if not slope.is_number:
                yield (slope.xreplace({inner: source.symbol}) if inner == source.expr else slope), inner


# One line for what is used once ----------------------------------------------------------------------------------


_MOST_FACTORS = 12
"""A product of more is not put into another line: nobody reads that."""


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
        lines[user.equation.number] = Shown(_with_terms(user.equation, terms), origins)
        del lines[number]
        for name in names_in(inner):
            users[name] = (users[name] - {number}) | using
    return list(lines.values())


def _is_factor(symbol: sympy.Symbol, expr: Any) -> bool:
    """Whether an expression holds a symbol as a factor of a product, if at all."""
    return not expr.has(symbol) or (symbol in sympy.Mul.make_args(expr) and not (expr / symbol).has(symbol))


# What step t+1 hands back, written out ------------------------------------------------------------------------------


def _inlined(
    backward: list[Shown],
    gradients: list[Shown],
    derivation: Derivation,
    moved: dict[str, tuple[str, str]],
    slopes: dict[str, Any],
) -> tuple[list[Shown], list[Shown]]:
    carries = {shown.equation.name: shown for shown in backward if shown.equation.kind == "carry"}

    def written_out(shown: Shown) -> Shown:
        terms: list[Term] = []
        origins = list(shown.origins)
        for term in shown.equation.terms:
            name = str(term.expr) if term.expr.is_Symbol else ""
            if name not in carries:
                terms.append(term)
                continue
            time = "1" if term.rule == "initial" else "t+1"
            carry = carries[name]
            terms += [replace(part, expr=shift(part.expr, time)) for part in carry.equation.terms]
            origins += carry.origins
        return Shown(_with_terms(shown.equation, terms), tuple(origins))

    def shift(expr: Any, time: str) -> Any:
        replaced: dict[Any, Any] = {}
        for symbol in expr.free_symbols:
            name = symbol.name
            if name in slopes:
                inner = slopes[name]
                later = type(inner)(shift(inner.args[0], time))
                replaced[symbol] = sympy.Symbol(f"{type(inner).__name__}'({later.args[0]})")
                slopes[replaced[symbol].name] = later
            elif name in derivation.variables and derivation.variables[name].role != "parameter":
                previous = derivation.variables[name].role == "previous"
                at = {"t+1": "t", "1": "0"}[time] if previous else time
                replaced[symbol] = sympy.Symbol(f"{name}{MOVED}{at}")
                moved[replaced[symbol].name] = (name, at)
        return expr.xreplace(replaced)

    kept = [written_out(shown) for shown in backward if shown.equation.kind != "carry"]
    return kept, [written_out(shown) for shown in gradients]


def _with_terms(equation: Equation, terms: list[Term]) -> Equation:
    return replace(equation, terms=tuple(terms), expr=sympy.Add(*(term.expr for term in terms)))
