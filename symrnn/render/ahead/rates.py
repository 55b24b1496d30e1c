"""Rates on paper: ẏ for every forward equation, and H v for every gradient."""

from __future__ import annotations

from collections.abc import Iterator

from ...derivation import HessianProduct, Tangent
from .. import tree as t
from ..document import Legend, Section, letters_of
from ..names import Name
from ..prose import fill, listed
from .leaf import Leaf


def sections_of_rates(tangent: Tangent, leaf: Leaf) -> tuple[Section, ...]:
    words = (leaf.language.phrases["rates_words"],)
    return leaf.forward, leaf.section("rates", tuple(map(leaf.row, tangent.forward)), words)


def sections_of_products(product: HessianProduct, leaf: Leaf) -> tuple[Section, ...]:
    derivation = product.derivation
    second = {e.kind == "gradient": [] for e in product.backward}
    for equation in product.backward:
        second[equation.kind == "gradient"].append(leaf.row(equation))
    parts = (
        *sections_of_rates(product.tangent, leaf),
        leaf.section("backward", tuple(map(leaf.row, derivation.adjoints))),
        leaf.section("backward_rates", tuple(second.get(False, ())), (leaf.language.phrases["backward_rates_words"],)),
        leaf.section("gradients", tuple(map(leaf.row, derivation.gradients))),
        leaf.section("products", tuple(second.get(True, ()))),
    )
    return tuple(section for section in parts if section.rows)


def legend_of_rates(value: Tangent | HessianProduct, leaf: Leaf) -> Iterator[Legend]:
    phrases, program = leaf.language.phrases, leaf.derivation.cell.program
    moving = [*program.inputs, *(state.previous for state in program.states), *program.params]
    rate = Name("v", accents=("dot",))
    free = listed([leaf.display.naming(value.dots[name]) for name in moving], leaf.language)
    yield Legend(listed([rate], leaf.language), fill(phrases["rate"], v=t.Symbol(Name("v")), free=free))
    if isinstance(value, HessianProduct):
        yield from letters_of(leaf.derivation, leaf.display.naming, leaf.notation, leaf.language)
        name = Name("Hv", of=Name("θ"))
        yield Legend(listed([name], leaf.language), fill(phrases["product_with_hessian"], theta=t.Symbol(Name("θ"))))
