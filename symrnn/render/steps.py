"""What there is to say about each term of an equation: its rule, the line it came through, the identity used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sympy

from ..derivation import Derivation
from ..equations import Equation, Term
from ..operations import BY_HEAD, Operation
from . import tree as t
from .display import Display
from .names import Name, Naming


@dataclass(frozen=True, slots=True)
class Line:
    """An equation on paper: its number, its left and its right side."""

    number: int
    left: t.Tree
    right: t.Tree


@dataclass(frozen=True, slots=True)
class Step:
    """Why a term stands in its equation; `rule` is a key of `Language.rules`."""

    rule: str
    term: t.Tree
    through: Line | None = None
    source: t.Tree | None = None
    target: t.Tree | None = None
    factor: t.Tree | None = None
    identities: tuple[tuple[t.Tree, t.Tree], ...] = ()


def explain_equation(equation: Equation, derivation: Derivation, display: Display) -> tuple[Step, ...]:
    """One step for each term of an adjoint or gradient equation."""
    if equation.kind == "forward":
        return ()
    return tuple(_explain_term(term, equation, derivation, display) for term in equation.terms)


def set_step(step: Step, setting: Callable[[t.Tree], t.Tree]) -> Step:
    """A step with its formulas turned, by what turns the formulas of the page."""

    def turned(tree: t.Tree | None) -> t.Tree | None:
        return setting(tree) if tree is not None else None

    line = step.through
    return Step(
        step.rule,
        setting(step.term),
        Line(line.number, line.left, setting(line.right)) if line else None,
        step.source,
        step.target,
        turned(step.factor),
        step.identities,
    )


def _explain_term(term: Term, equation: Equation, derivation: Derivation, display: Display) -> Step:
    first = "1" if equation.why == "initial" else None
    shown = display.term(term, len(equation.shape), first)
    if term.through is None or len(term.path) < 2:
        target = t.Symbol(display.naming(term.path[0])) if term.path and term.path[0] in display.shapes else None
        return Step(term.rule, shown, target=target)
    source = derivation.forward[term.through - 1]
    identities = tuple(_identities(term, source))
    return Step(
        _rule_key(term, source, display, bool(identities)),
        shown,
        Line(source.number, display.left(source), display.right(source)),
        t.Symbol(display.naming(term.path[0])),
        t.Symbol(display.naming(term.path[1])),
        display.expression(term.factor) if term.factor is not None else None,
        identities,
    )


def _rule_key(term: Term, source: Equation, display: Display, has_identity: bool) -> str:
    """The words to use: a rule's own, or those of a case that deserves its own."""
    match term.rule:
        case "product" if has_identity:
            return "chain"
        case "broadcast" if has_identity:
            return "broadcast_chain"
        case "matmul" if not source.shape:
            return "matmul_vectors"
        case "matmul" if len(source.shape) == 2:
            return "matmul_matrices"
        case "matmul" if len(display.shapes[term.path[1]]) == 2:
            return "matmul_left"
        case "softmax" if len(source.shape) == 2:
            return "softmax_rows"
        case rule:
            return rule


def _identities(term: Term, source: Equation) -> Iterator[tuple[t.Tree, t.Tree]]:
    """The derivatives of the functions that stand between the source and the target, as identities in a and b."""
    if term.factor is None or term.factor.is_number:
        return
    target = sympy.Symbol(term.path[1])
    seen: set[tuple[type, int]] = set()
    for inner in sympy.preorder_traversal(source.expr):
        operation = BY_HEAD.get(type(inner))
        if operation is None or not operation.elementwise:
            continue
        for place, operand in enumerate(inner.args[: len(operation.operands)]):
            if operand.has(target) and (type(inner), place) not in seen:
                seen.add((type(inner), place))
                yield from _identity(operation, place, inner.args[len(operation.operands) :])


_GENERIC: Mapping[str, Name] = MappingProxyType({"a": Name("a"), "b": Name("b"), "u": Name("u")})


def _identity(operation: Operation, place: int, options: tuple[sympy.Basic, ...]) -> Iterator[tuple[t.Tree, t.Tree]]:
    """σ′(a) = σ(a)(1 − σ(a)): what the table's derivative says, for a scalar a."""
    if operation.head is None or "condition" in operation.operands:
        return
    letters = [sympy.Symbol(letter) for letter in operation.operands]
    value: Any = operation.head(*letters, *options)
    derivative = value.diff(letters[place])
    if derivative == 0:
        return
    display = Display(Naming(_GENERIC, ()), {"a": 0, "b": 1, "u": 2}, {}, frozenset(), frozenset())
    whole = display.expression(value)
    if len(letters) == 1 and isinstance(whole, t.Call):
        left: t.Tree = t.Call(whole.text, whole.latex, whole.arguments, whole.options, primes=1)
    else:
        left = t.Partial(whole, t.Symbol(_GENERIC[letters[place].name]))
    yield left, display.expression(derivative)
