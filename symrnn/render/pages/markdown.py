"""Markdown with $$ blocks, as GitHub, Obsidian, VS Code and Quarto render them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import tree as t
from ..printers.latex import LatexPrinter
from ..prose import Prose, Setting, ticks
from .article import Article, Block, Drawing, Explanation, Formulas, Heading, Listing, Paragraph, Table, with_code
from .latex import aligned_rows


def write_markdown(article: Article) -> str:
    """The article; its drawing, which Markdown cannot hold itself, at the address that the article gives."""
    printer = LatexPrinter(article.document.notation.product)
    parts = [f"# {_escaped(article.document.name)}"]
    for block in article.blocks:
        parts += _block(block, printer, article.figure)
    return "\n\n".join(parts) + "\n"


def _block(block: Block, printer: LatexPrinter, figure: str | None) -> Iterator[str]:
    def say(prose: Prose) -> str:
        return Setting(_escaped, formula, _code, lambda page: f"[{_code(page)}]({page}.md)")(prose).strip()

    def formula(tree: t.Tree) -> str:
        # A bar would end a table's cell, and an inline fraction is better set small.
        return f"${printer.flat(tree).replace('|', chr(92) + 'vert ')}$"

    match block:
        case Heading(text=text, level=level):
            yield f"{'#' * level} {_escaped(text)}"
        case Paragraph(prose=prose):
            yield _OPENS.sub(r"\1\\\2", say(prose))
        case Table(head=head, rows=rows):
            lines = [head, ("---",) * len(head), *(tuple(map(say, row)) for row in rows)]
            yield "\n".join(f"| {' | '.join(line)} |" for line in lines)
        case Formulas(rows=rows):
            yield f"$$\n{aligned_rows(rows, printer)}$$"
        case Explanation(row=row, formula=whole, sentences=sentences):
            yield f"**({row.number})** {formula(whole)}"
            yield "\n".join(f"- {say(sentence)}" for sentence in sentences)
        case Drawing(title=title, figure=drawn, caption=caption, part=part) if figure is not None:
            words = drawn.alternative.replace("[", "(").replace("]", ")")
            address = f"{figure.removesuffix('.svg')}.{part}.svg" if part else figure
            yield from (f"## {_escaped(title)}", f"![{words}]({address})", f"*{_escaped(caption)}*")
        case Drawing():
            pass
        case Listing(code=code):
            fence = ticks(code, 3)
            yield f"{fence}python\n{code}\n{fence}"


def words_of(text: str) -> str:
    """A line of a docstring as Markdown, code in backticks as such."""
    return Setting(_escaped, str, _code)(with_code(text))


def _code(text: str) -> str:
    fence = ticks(text, 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _escaped(text: str) -> str:
    """Words, with what Markdown would obey taken at its word."""
    return re.sub(r"([\\`*_\[\]<>$|#~]|&(?=#?\w+;))", r"\\\1", text)


# What a line must not begin with to be words: a list, a heading's underline.
_OPENS = re.compile(r"\A(\d*)([-+=.)])")
