"""Markdown with $$ blocks, as GitHub, Obsidian, VS Code and Quarto render them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..printers.latex import LatexPrinter
from ..prose import Prose, say, ticks
from .article import Article, Block, Drawing, Explained, Formulas, Heading, Listing, Paragraph, Table, with_code
from .latex import aligned_rows


def write_markdown(article: Article, figure: str | None = None) -> str:
    """The article; `figure` is the address of the drawing, which Markdown cannot hold itself."""
    printer = LatexPrinter(article.document.notation.product)
    parts = [f"# {_escaped(article.title)}"]
    for block in article.blocks:
        parts += _block(block, printer, article, figure)
    return "\n\n".join(parts) + "\n"


def _block(block: Block, printer: LatexPrinter, article: Article, figure: str | None) -> Iterator[str]:
    match block:
        case Heading(text=text):
            # The heading of a figure that is not there would stand alone.
            if figure is not None or text != article.document.language.phrases["figure"]:
                yield f"## {_escaped(text)}"
        case Paragraph(prose=prose):
            yield _OPENS.sub(r"\1\\\2", _inline(prose, printer))
        case Table(head=head, rows=rows):
            lines = [head, ("---",) * len(head)]
            lines += [tuple(_inline(cell, printer) for cell in row) for row in rows]
            yield "\n".join(f"| {' | '.join(line)} |" for line in lines)
        case Formulas(rows=rows):
            yield f"$$\n{aligned_rows(rows, printer, article.document.language)}$$"
        case Explained(items=explained):
            for item in explained:
                items = "\n".join(f"- {_inline(sentence, printer)}" for sentence in item.sentences)
                yield f"**({item.row.number})** {_math(printer.flat(item.formula))}\n\n{items}"
        case Drawing(figure=drawn, caption=caption):
            if figure is not None:
                words = drawn.alternative.replace("[", "(").replace("]", ")")
                yield f"![{words}]({figure})"
                yield f"*{_escaped(caption)}*"
        case Listing(code=code):
            fence = ticks(code, 3)
            yield f"{fence}python\n{code}\n{fence}"


def _inline(prose: Prose, printer: LatexPrinter) -> str:
    return say(prose, _escaped, lambda tree: _math(printer.flat(tree)), _code).strip()


def words_of(text: str) -> str:
    """A line of a docstring as Markdown, code in backticks as such."""
    return say(with_code(text), _escaped, lambda tree: "", _code)


def _code(text: str) -> str:
    fence = ticks(text, 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _math(latex: str) -> str:
    # A bar would end a table's cell, and an inline fraction is better set small.
    return f"${latex.replace('|', chr(92) + 'vert ')}$"


def _escaped(text: str) -> str:
    """Words, with what Markdown would obey taken at its word."""
    return re.sub(r"([\\`*_\[\]<>$|#~]|&(?=#?\w+;))", r"\\\1", text)


# What a line must not begin with to be words: a list, a heading's underline.
_OPENS = re.compile(r"\A(\d*)([-+=.)])")
