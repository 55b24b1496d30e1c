"""Everything that a published network says, as blocks in the order of reading."""

from __future__ import annotations

from collections.abc import Iterator

from ...equations import Network
from ..figure import Figure
from ..pages.article import (
    Article,
    Block,
    Drawing,
    Evidence,
    Heading,
    Listing,
    Paragraph,
    definition,
    ending,
    explained,
    rows_of,
    signs,
    with_code,
    without_docstring,
)
from ..prose import Code, Link, Prose, fill, listed_code
from .document import NetworkDocument
from .figure import LARGEST, draw_network


def build_network_article(
    document: NetworkDocument, *, evidence: Evidence | None = None, code: bool = True, figure: str | None = None,
    links: bool = False,
) -> Article:  # fmt: skip
    """The blocks of a network's document; `links` lead to the pages of its cells, where these are published too."""
    return Article(document, tuple(_blocks(document, evidence, code, links)), figure)


def _blocks(document: NetworkDocument, evidence: Evidence | None, code: bool, links: bool) -> Iterator[Block]:
    phrases, network = document.language.phrases, document.derivation.network
    yield from definition(document, network.text)
    figure = draw_network(network, document.names, document.language)
    yield _drawing(figure, document)
    yield from signs(document)
    part = ""
    for section in document.sections:
        if section.part != part:
            part = section.part
            yield Heading(part)
        if section.heading != part:
            yield Heading(section.heading, 3)
        yield from map(Paragraph, section.words)
        yield from rows_of(section)
    rows = [(section, row) for section in document.sections for row in section.rows]
    if any(row.steps for _, row in rows):
        yield Heading(phrases["steps"])
        yield Paragraph((phrases["network_steps"],))
        yield from explained((row for _, row in rows), document.language)
    yield from _cells(document, links)
    yield from ending(document, evidence, phrases["network_code"] if code else None)
    yield Paragraph((phrases["network_made"],))


def _drawing(figure: Figure | None, document: NetworkDocument) -> Block:
    phrases = document.language.phrases
    if figure is None:
        return Paragraph((phrases["network_figure_none"].format(count=LARGEST),))
    return Drawing(phrases["network_figure"], figure, phrases["network_figure_caption"])


def _cells(document: NetworkDocument, links: bool) -> Iterator[Block]:
    """Each cell once: which layers run it, its text, and where its own page is."""
    network, phrases = document.derivation.network, document.language.phrases
    found = cells_of(network)
    if not found:
        return
    yield Heading(phrases["network_cells"])
    for name, (text, doc, layers) in found.items():
        own = Link(name) if links else Code(f"symrnn show {name}")
        summary: Prose = with_code(doc.strip().split("\n")[0])
        shown = fill(
            phrases["network_cell"], cell=Code(name), layers=listed_code(layers, document.language), page=own
        )  # fmt: skip
        yield Paragraph((*shown, " ", *summary))
        yield Listing(without_docstring(text))


def cells_of(network: Network) -> dict[str, tuple[str, str, list[str]]]:
    """The cells that are scanned, by name: the text of each, its docstring, and the blocks that run it."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    for block in network.blocks:
        if block.scanned:
            cell = block.cell
            found.setdefault(cell.name, (cell.text, cell.doc, []))[2].append(block.name)
    return found
