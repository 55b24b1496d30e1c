"""Typst pages: A4, equations aligned and numbered, the figure drawn in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .. import tree as t
from ..document import Row
from ..figure import on_paper
from ..printer import fill_lines
from ..printers.typst import TypstPrinter, finish, measure
from ..prose import Prose, say, ticks
from .article import Article, Block, Drawing, Explained, Formulas, Heading, Listing, Paragraph, Table

WIDTH = 82

FONTS = ("New Computer Modern", "Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", "SimSun")
"""For Latin letters, and for Chinese ones the first that is there."""

_SETUP = """\
#set page(paper: "a4", margin: (x: 2.2cm, y: 2.4cm), numbering: "1")
#set text(font: (FONTS), size: 10pt, lang: "LANG")
#set document(title: TITLE)
#show heading.where(level: 1): set block(below: 1em)
#show heading.where(level: 2): set block(above: 1.6em, below: 0.9em)
#show raw: set text(font: ("DejaVu Sans Mono", "Noto Sans Mono CJK SC"), size: 8pt)
#let eqs(..cells) = block(width: 100%, above: 1em, below: 1em, { set text(top-edge: "bounds", bottom-edge: "bounds"); grid(columns: (auto, 1fr, auto), align: (right + horizon, left + horizon, right + horizon), row-gutter: 0.75em, column-gutter: 0.35em, ..cells) })
#let tab(columns, ..cells) = block(width: 100%, table(columns: columns, stroke: none, inset: (x: 0.4em, y: 0.35em), align: left + top, ..cells))
"""  # noqa: E501


def write_typst(article: Article) -> str:
    """The article as a Typst document that needs no package."""
    printer = TypstPrinter(article.document.notation.product)
    language = article.document.language.code
    fonts = ", ".join(json.dumps(name) for name in FONTS)
    setup = (
        _SETUP.replace("FONTS", fonts)
        .replace("LANG", language)
        .replace("TITLE", json.dumps(article.title, ensure_ascii=False))
    )
    parts = [setup, f"= {_escaped(article.title)}"]
    for block in article.blocks:
        parts += _block(block, printer)
    return "\n\n".join(parts) + "\n"


def _block(block: Block, printer: TypstPrinter) -> Iterator[str]:
    match block:
        case Heading(text=text):
            yield f"== {_escaped(text)}"
        case Paragraph(prose=prose):
            yield _inline(prose, printer)
        case Table(head=head, rows=rows):
            widths = {2: "(auto, 1fr)", 4: "(1.2fr, auto, 1fr, 1.2fr)"}[len(head)]
            cells = [f"table.hline(stroke: 0.6pt), table.header({', '.join(f'[*{_escaped(word)}*]' for word in head)})"]
            cells.append("table.hline(stroke: 0.4pt)")
            cells += [", ".join(f"[{_inline(cell, printer)}]" for cell in row) for row in rows]
            cells.append("table.hline(stroke: 0.6pt)")
            yield f"#tab({widths},\n  " + ",\n  ".join(cells) + ",\n)"
        case Formulas(rows=rows):
            yield "#eqs(\n" + "".join(_row(row, printer) for row in rows) + ")"
        case Explained(items=explained):
            for item in explained:
                items = "\n".join(f"- {_inline(sentence, printer)}" for sentence in item.sentences)
                head = f"*({item.row.number})* #h(0.5em) ${printer.flat(item.formula)}$"
                # the line stays on the page of what explains it
                yield f"#block(sticky: true, below: 0.7em)[{head}]\n{items}"
        case Drawing(figure=figure, caption=caption):
            drawing = json.dumps(on_paper(figure.svg), ensure_ascii=False)
            words = json.dumps(figure.alternative, ensure_ascii=False)
            yield (
                f'#figure(image(bytes({drawing}), format: "svg", width: 100%, alt: {words}), '
                f"caption: [{_escaped(caption)}], numbering: none)"
            )
        case Listing(code=code):
            fence = ticks(code, 3)
            yield f"{fence}python\n{code}\n{fence}"


def _row(row: Row, printer: TypstPrinter) -> str:
    left = f"$display({printer.flat(row.left)})$" if row.left is not None else ""
    if row.right is None:
        words = _inline(row.words, printer)
        if row.left is None:
            return f"  grid.cell(colspan: 3, align: left)[{words}],\n"
        return f"  [{left}], [$=$ {words}], [],\n"
    lines = fill_lines(printer.write(row.right), WIDTH, measure)
    number = f"({row.number})" if row.number else ""
    shown: list[str] = []
    for place, line in enumerate(lines):
        sign = "= " if place == 0 else "quad quad " if line.inner else "quad "
        last = place == len(lines) - 1
        shown.append(
            f"  [{left if place == 0 else ''}], [$display({sign}{finish(line.text)})$], [{number if last else ''}],\n"
        )
    return "".join(shown)


def _inline(prose: Prose, printer: TypstPrinter) -> str:
    def formula(tree: t.Tree) -> str:
        return f"${printer.flat(tree)}$"

    return say(prose, _escaped, formula, _code).strip()


def _code(text: str) -> str:
    return f"#raw({json.dumps(text, ensure_ascii=False)})" if "`" in text or not text else f"`{text}`"


def _escaped(text: str) -> str:
    """Words, with what Typst would obey taken at its word: its signs, three dots, the dot of a numbered item."""
    return re.sub(r"([\\#$*_<>@\[\]`~'\"=/+-]|\.(?=\.)|(?<=\d)\.(?= ))", r"\\\1", text)
