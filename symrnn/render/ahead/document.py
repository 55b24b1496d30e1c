"""Documents of what runs forward in time, and the blocks of their pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...derivation import Derivation, HessianProduct, Influence, Tangent, Traces
from ..document import Document, Legend, Section, choices_of, kinks_of, signs_of, symbols_of
from ..languages import ENGLISH, Language
from ..notation import STANDARD, Notation
from ..pages.article import (
    Article,
    Block,
    Formulas,
    Heading,
    Listing,
    Paragraph,
    Table,
    symbol_table,
    with_code,
    without_docstring,
)
from .influence import legend_of_influence, sections_of_influence
from .leaf import Leaf
from .rates import legend_of_rates, sections_of_products, sections_of_rates
from .traces import legend_of_traces, sections_of_traces

Ahead = Tangent | HessianProduct | Influence | Traces
"""What is derived besides a backward pass."""


@dataclass(frozen=True, slots=True)
class AheadDocument(Document):
    derivation: Derivation


def build_ahead_document(value: Ahead, *, notation: Notation = STANDARD, language: Language = ENGLISH) -> AheadDocument:
    """Everything that a page says about it. Each line stands by itself, and adjoints are δ: rates have the dots."""
    notation = replace(notation, adjoint="delta", weights="separate", lines="each", carries="named", net="own")
    rates = value.variables if isinstance(value, Tangent | HessianProduct) else value.derivation.variables
    leaf = Leaf.of(value.derivation, notation, language, rates)
    sections, letters = _parts(value, leaf)
    cell = value.derivation.cell
    symbols = tuple(symbols_of(value.derivation, leaf.display.naming, notation, language))
    legend = (
        *letters, *signs_of(sections, notation, language), *choices_of(notation, language),
        *kinks_of((value.derivation,), language),
    )  # fmt: skip
    return AheadDocument(cell.name, cell.doc, language, notation, symbols, legend, sections, value.derivation)


def _parts(value: Ahead, leaf: Leaf) -> tuple[tuple[Section, ...], Iterator[Legend]]:
    match value:
        case Tangent():
            return sections_of_rates(value, leaf), legend_of_rates(value, leaf)
        case HessianProduct():
            return sections_of_products(value, leaf), legend_of_rates(value, leaf)
        case Influence():
            return sections_of_influence(value, leaf), legend_of_influence(value, leaf)
        case Traces():
            return sections_of_traces(value, leaf), legend_of_traces(value, leaf)


def build_ahead_article(document: AheadDocument) -> Article:
    """The blocks of such a document."""
    return Article(document, tuple(_blocks(document)))


def _blocks(document: AheadDocument) -> Iterator[Block]:
    phrases = document.language.phrases
    yield from (Paragraph(with_code(words)) for words in document.paragraphs if words)
    yield Listing(without_docstring(document.derivation.cell.text))
    yield Heading(phrases["symbols"])
    yield symbol_table(document)
    yield Heading(phrases["notation"])
    yield Table((phrases["sign"], phrases["meaning"]), tuple((item.sign, item.meaning) for item in document.legend))
    for section in document.sections:
        yield Heading(section.heading)
        yield from map(Paragraph, section.words)
        if section.rows:
            yield Formulas(section.rows)
    yield Paragraph((phrases["made"],))
