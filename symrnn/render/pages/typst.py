"""Typst pages: A4, equations aligned and numbered, the figure drawn in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..document import Row
from ..figure import on_paper
from ..printers.typst import TypstPrinter
from ..prose import Prose, Setting, ticks
from .article import Article, Block, Drawing, Explanation, Formulas, Heading, Listing, Paragraph, Table

WIDTH = 82

FONTS = ("New Computer Modern", "Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", "SimSun")
"""For Latin letters, and for Chinese ones the first that is there."""

_SETUP = """\
#set page(paper: "a4", margin: (x: 2.2cm, y: 2.4cm), numbering: "1")
#set text(font: (FONTS), size: 10pt, lang: "LANG")
#set document(title: TITLE)
#show heading.where(level: 1): set block(below: 1em)
#show heading.where(level: 2): set block(above: 1.6em, below: 0.9em)
#show heading.where(level: 3): set block(above: 1.4em, below: 0.8em)
#show raw: set text(font: ("DejaVu Sans Mono", "Noto Sans Mono CJK SC"), size: 8pt)
#let eqs(..cells) = block(width: 100%, above: 1em, below: 1em, { set text(top-edge: "bounds", bottom-edge: "bounds"); grid(columns: (auto, 1fr, auto), align: (right + horizon, left + horizon, right + horizon), row-gutter: 0.75em, column-gutter: 0.35em, ..cells) })
#let tab(columns, ..cells) = block(width: 100%, table(columns: columns, stroke: none, inset: (x: 0.4em, y: 0.35em), align: left + top, ..cells))
"""  # noqa: E501


def write_typst(article: Article) -> str:
    """The article as a Typst document that needs no package."""
    printer = TypstPrinter(article.document.notation.product)
    title = article.document.name
    setup = (
        _SETUP.replace("FONTS", ", ".join(map(json.dumps, FONTS)))
        .replace("LANG", article.document.language.code)
        .replace("TITLE", _quoted(title))
    )
    parts = [setup, f"= {_escaped(title)}"]
    for block in article.blocks:
        parts += _block(block, printer)
    return "\n\n".join(parts) + "\n"


def _block(block: Block, printer: TypstPrinter) -> Iterator[str]:
    match block:
        case Heading(text=text, level=level):
            yield f"{'=' * level} {_escaped(text)}"
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
        case Explanation(row=row, formula=formula, sentences=sentences):
            items = "\n".join(f"- {_inline(sentence, printer)}" for sentence in sentences)
            # the line stays on the page of what explains it
            yield f"#block(sticky: true, below: 0.7em)[*({row.number})* #h(0.5em) ${printer.flat(formula)}$]\n{items}"
        case Drawing(title=title, figure=figure, caption=caption):
            yield f"== {_escaped(title)}"
            yield (
                f'#figure(image(bytes({_quoted(on_paper(figure.svg))}), format: "svg", width: 100%, '
                f"alt: {_quoted(figure.alternative)}), caption: [{_escaped(caption)}], numbering: none)"
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
    number = f"({row.number})" if row.number else ""
    first, *more = printer.lines(row.right, WIDTH)
    lines = [(left, f"= {first.text}"), *(("", f"quad {'quad ' * line.inner}{line.text}") for line in more)]
    cells = [f"  [{head}], [$display({shown})$]" for head, shown in lines]
    return "".join(f"{cell}, [],\n" for cell in cells[:-1]) + f"{cells[-1]}, [{number}],\n"


def _inline(prose: Prose, printer: TypstPrinter) -> str:
    return Setting(_escaped, lambda tree: f"${printer.flat(tree)}$", _code)(prose).strip()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _code(text: str) -> str:
    return f"#raw({_quoted(text)})" if "`" in text or not text else f"`{text}`"


def _escaped(text: str) -> str:
    """Words, with what Typst would obey taken at its word: its signs, three dots, the dot of a numbered item."""
    return re.sub(r"([\\#$*_<>@\[\]`~'\"=/+-]|\.(?=\.)|(?<=\d)\.(?= ))", r"\\\1", text)
