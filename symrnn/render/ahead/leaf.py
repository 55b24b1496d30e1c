"""What pages of forward derivatives share: a writer that knows the rates, rows, total derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ...derivation import Derivation
from ...equations import Equation
from ...language import Variable
from .. import tree as t
from ..display import Display
from ..document import Row, Section, Writer
from ..languages import Language
from ..names import Name
from ..notation import Notation
from ..rows import set_in


@dataclass(frozen=True, slots=True)
class Leaf:
    """A derivation, and how a notation and a language write what goes forward beside it."""

    derivation: Derivation
    notation: Notation
    language: Language
    display: Display

    @staticmethod
    def of(derivation: Derivation, notation: Notation, language: Language, rates: Mapping[str, Variable]) -> Leaf:
        """`rates` are the variables of the derivation and those that it does not have, each a rate of one that it
        has; rates stand after all else, as factors at the end."""
        display = Writer.of(replace(derivation, variables=rates), notation, language).display
        later = (name for name, variable in rates.items() if variable.role == "rate")
        order = {**display.order, **{name: len(display.order) + place for place, name in enumerate(later)}}
        return Leaf(derivation, notation, language, replace(display, order=order))

    def row(self, equation: Equation) -> Row:
        return self.formula(self.display.left(equation), self.display.right(equation), equation.number)

    def formula(self, left: t.Tree, right: t.Tree, number: int | None = None) -> Row:
        rows = [set_in(self.notation, side) for side in (left, right)]
        return Row(number, rows[0], rows[1], label=f"ahead-{number}")

    def section(self, key: str, rows: tuple[Row, ...], *words: Any) -> Section:
        """Under a title; a heading has no formulas."""
        title = self.language.phrases[key]
        heading = self.language.phrases["gradients_title"] if key == "gradients" else title
        return Section(key, rows, title, heading, words=words)

    @property
    def forward(self) -> Section:
        return self.section("forward", tuple(map(self.row, self.derivation.forward)))

    def symbol(self, name: str, time: str | None = None) -> t.Tree:
        return t.Symbol(self.display.naming(name, time))

    def total(self, value: str, param: str, time: str | None = None) -> t.Tree:
        """d h_t / d W: everything that a value owes to a parameter, all earlier steps included."""
        of, by = (self.display.naming(name) for name in (value, param))
        of = of if time is None else of.at(time)
        return t.Quotient(*(t.Symbol(Name("d", of=name, prefixed=True)) for name in (of, by)))

    def scaled(self, factor: Any, tree: t.Tree, rank: int) -> t.Signed:
        """A factor of each unit before an array that has a row for each unit."""
        if factor == 1:
            return t.Signed(False, tree)
        inner = t.signed(self.display.expression(factor))
        if rank == 2 and self.display.rank(factor) == 1:
            return t.Signed(
                inner.negative, t.MatrixProduct(t.Call("diag", r"\operatorname{diag}", (inner.node,)), tree)
            )
        if isinstance(inner.node, t.Product) and rank == self.display.rank(factor) > 0:
            return t.Signed(inner.negative, t.Product((*inner.node.factors, tree), (*inner.node.joins, "elementwise")))
        return t.Signed(inner.negative, t.join_factors([(inner.node, self.display.rank(factor)), (tree, rank)]))


def added(terms: list[t.Signed]) -> t.Tree:
    """A sum, or the lone term, or nothing."""
    if not terms:
        return t.Number(Fraction(0))
    terms = [
        inner for term in terms
        for inner in (term.node.terms if isinstance(term.node, t.Sum) and not term.negative else (term,))
    ]  # fmt: skip
    first = next((place for place, term in enumerate(terms) if not term.negative), 0)
    terms = [terms[first], *terms[:first], *terms[first + 1 :]]
    return terms[0].node if len(terms) == 1 and not terms[0].negative else t.Sum(tuple(terms))
