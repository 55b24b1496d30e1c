"""Why each term stands in its equation: its rule, the line it came through, the identity used, as a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sympy

from ..derivation import Derivation
from ..equations import Equation, Term
from ..operations import BY_HEAD, Operation
from . import tree as t
from .display import Display
from .languages import Language
from .names import Name, Naming
from .notation import Notation
from .prose import Prose, fill, listed
from .rows import set_in

_W, _X, _DELTA, _A, _B, _LEFT, _RIGHT = (t.Symbol(Name(letter)) for letter in ("W", "x", "δ", "a", "b", "A", "B"))
# The formulas of rules in general, over columns; a notation turns them as it turns all others.
_GENERAL: Mapping[str, t.Tree] = MappingProxyType(
    {
        "wx": t.MatrixProduct(_W, _X),
        "to_x": t.MatrixProduct(t.Transpose(_W), _DELTA),
        "to_w": t.Outer(_DELTA, _X),
        "ab": t.MatrixProduct(_LEFT, _RIGHT),
        "to_a": t.MatrixProduct(_DELTA, t.Transpose(_RIGHT)),
        "to_b": t.MatrixProduct(t.Transpose(_LEFT), _DELTA),
        "inner": t.Dot(_A, _B),
        "outer": t.Outer(_A, _B),
        "outer_a": t.MatrixProduct(_DELTA, _B),
        "outer_b": t.MatrixProduct(t.Transpose(_DELTA), _A),
    }
)
# The operands of an identity, as names of their own.
_GENERIC: Mapping[str, Name] = MappingProxyType({"a": Name("a"), "b": Name("b"), "u": Name("u")})


@dataclass(frozen=True, slots=True)
class Step:
    """Why a term stands in its equation: the sentence of a `rule` (a key of `Language.rules`), and the line that the
    rule was applied to, with its number."""

    rule: str
    sentence: Prose
    number: int | None = None
    line: t.Equal | None = None

    def said(self, language: Language, *, short: bool = False) -> Prose:
        """The sentence after its line; `short` names the line by its left side alone."""
        if self.line is None:
            return self.sentence
        line = (f"({self.number}) ", self.line.left if short else self.line)
        return (*fill(language.phrases["through"], line=line), *self.sentence)


def general_formulas(notation: Notation) -> dict[str, t.Tree]:
    """W x, Wᵀ δ and their like, as a notation writes them."""
    return {key: set_in(notation, tree) for key, tree in _GENERAL.items()}


def explain_equation(
    equation: Equation, derivation: Derivation, display: Display, notation: Notation, language: Language
) -> Iterator[Step]:
    """One step for each term of an adjoint or gradient equation."""
    first = "1" if equation.why == "initial" else None
    for term in equation.terms if equation.kind != "forward" else ():
        formulas: dict[str, Prose | t.Tree] = {
            "term": set_in(notation, display.term(term, len(equation.shape), first)),
            **general_formulas(notation),
        }
        if term.through is None or len(term.path) < 2:
            formulas["x"] = tuple(t.Symbol(display.naming(name)) for name in term.path[:1] if name in display.shapes)
            rule = language.rules[term.rule]
            yield Step(term.rule, fill(rule.sentence, label=rule.label, **formulas))
            continue
        source = derivation.forward[term.through - 1]
        identities = list(_identities(term, source))
        key = _rule_key(term, source, display, bool(identities))
        rule = language.rules[key]
        y, x = (t.Symbol(display.naming(name)) for name in term.path[:2])
        local = t.Partial(y, x)
        factor = set_in(notation, display.expression(term.factor)) if term.factor is not None else None
        formulas |= {"y": y, "x": x, "local": local, "identity": listed(identities, language)}
        formulas |= {"factor": factor or (), "slope": t.Equal(local, factor) if factor else ()}
        line = t.Equal(display.left(source), set_in(notation, display.right(source)))
        yield Step(key, fill(rule.sentence, label=rule.label, **formulas), source.number, line)


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


def _identities(term: Term, source: Equation) -> Iterator[t.Equal]:
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


def _identity(operation: Operation, place: int, options: tuple[sympy.Basic, ...]) -> Iterator[t.Equal]:
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
    yield t.Equal(left, display.expression(derivative))
