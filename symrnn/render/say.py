"""A step of a derivation as a sentence: the words of its rule, with its formulas in their places."""

from __future__ import annotations

from . import tree as t
from .display import set_in
from .languages import Language
from .names import Name
from .notation import Notation
from .prose import Prose, fill
from .steps import Step

_W, _X, _DELTA, _A, _B, _LEFT, _RIGHT = (t.Symbol(Name(letter)) for letter in ("W", "x", "δ", "a", "b", "A", "B"))
# The formulas of rules in general, over columns; a notation turns them as it turns all others.
_GENERAL: dict[str, t.Tree] = {
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


def general_formulas(notation: Notation) -> dict[str, t.Tree]:
    """W x, Wᵀ δ and their like, as a notation writes them."""
    return {key: set_in(notation, tree) for key, tree in _GENERAL.items()}


def say_step(step: Step, language: Language, notation: Notation) -> Prose:
    """The rule's sentence with its formulas filled in."""
    rule = language.rules[step.rule]
    identity: list[str | t.Tree] = []
    for left, right in step.identities:
        identity += [language.phrases["comma"]] if identity else []
        identity.append(t.Equal(left, right))
    local = t.Partial(step.source, step.target) if step.source and step.target else None
    return fill(
        rule.sentence,
        **general_formulas(notation),
        label=rule.label,
        y=step.source or (),
        x=step.target or (),
        factor=step.factor or (),
        term=step.term,
        identity=tuple(identity),
        local=local or (),
        slope=t.Equal(local, step.factor) if local and step.factor else (),
    )
