"""Everything that a published derivation says, as blocks in the order of reading, before any format."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...errors import InputError, visible
from ...language import Source
from .. import tree as t
from ..document import CellDocument, Document, Row, Section
from ..figure import LARGEST, Figure, draw_figure
from ..jacobian import jacobian_tree, local_jacobians, read_jacobians
from ..languages import Language
from ..printers import TextPrinter
from ..prose import Code, Prose, fill, listed


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    prose: Prose


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[Prose, ...], ...]


@dataclass(frozen=True, slots=True)
class Formulas:
    """Numbered equations under each other."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A numbered equation, in full where it is short, and a sentence for each of its terms."""

    row: Row
    formula: t.Tree
    sentences: tuple[Prose, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture; `part` tells it from the figure of the page, which has none."""

    title: str
    figure: Figure
    caption: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    code: str


Block = Heading | Paragraph | Table | Formulas | Explanation | Drawing | Listing


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proof and check came to: entries proved and not proved, arrays that agree and that do not; what ended the
    proof too early ("time", "memory", "depth", "process"), if anything did, and its limit in seconds; and lemmas that
    it assumed without a check."""

    proved: int
    unproved: int
    agreeing: int
    differing: int
    gave_up: str | None = None
    seconds: float = 0.0
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """A document and the blocks of its pages; `figure` is the address of the drawing, where a page cannot hold it."""

    document: Document
    blocks: tuple[Block, ...]
    figure: str | None = None

    @property
    def drawing(self) -> Figure | None:
        """The figure, if there is one."""
        return next((block.figure for block in self.drawings if not block.part), None)

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """All pictures."""
        return tuple(block for block in self.blocks if isinstance(block, Drawing))


def build_article(
    document: CellDocument, *, evidence: Evidence | None = None, code: bool = True, figure: str | None = None
) -> Article:
    """The blocks of a document; the document must have been built with steps for the derivation step by step."""
    return Article(document, tuple(_blocks(document, evidence, code)), figure)


def _blocks(document: CellDocument, evidence: Evidence | None, code: bool) -> Iterator[Block]:
    phrases = document.language.phrases
    yield from definition(document, document.derivation.cell.text)
    yield from signs(document)
    for section in document.sections:
        yield Heading(section.heading)
        yield from rows_of(section)
        if section.key == "forward":
            figure = draw_figure(document.derivation, document.naming, document.language)
            if figure is not None:
                yield Drawing(phrases["figure"], figure, phrases["figure_caption"])
            else:
                yield Paragraph((phrases["figure_none"].format(count=LARGEST),))
    if any(row.steps for section in document.sections for row in section.rows):
        yield Heading(phrases["steps"])
        yield from explained((row for section in document.sections for row in section.rows), document.language)
    yield from _jacobian(document)
    yield from ending(document, evidence, phrases["code_intro"] if code else None)
    yield Paragraph((phrases["made"],))


def definition(document: Document, text: str) -> Iterator[Block]:
    """What it is, in words and in its own text."""
    yield from (Paragraph(with_code(words)) for words in document.paragraphs if words)
    yield Listing(without_docstring(text))


def signs(document: Document) -> Iterator[Block]:
    """What the names and the signs mean."""
    phrases = document.language.phrases
    yield Heading(phrases["symbols"])
    yield symbol_table(document)
    yield Heading(phrases["notation"])
    yield Table((phrases["sign"], phrases["meaning"]), tuple((item.sign, item.meaning) for item in document.legend))


def rows_of(section: Section) -> Iterator[Block]:
    """A section's words, then its equations."""
    yield from (Paragraph(row.words) for row in section.rows if row.left is None)
    yield Formulas(tuple(row for row in section.rows if row.left is not None))


def ending(document: Document, evidence: Evidence | None, intro: str | None) -> Iterator[Block]:
    """Why it is to be believed, and the program, after its introduction."""
    phrases = document.language.phrases
    if evidence is not None:
        yield Heading(phrases["trust"])
        yield from map(Paragraph, trust(document.language, evidence))
    if intro is not None:
        yield Heading(phrases["code"])
        yield from _program(document, intro)


def _program(document: Document, intro: str) -> Iterator[Block]:
    """The NumPy program, or that there is none: it reads sizes off its arrays, which formulas do not need."""
    phrases = document.language.phrases
    try:
        source = document.derivation.code(plain=True)
    except InputError:
        yield Paragraph((phrases["code_none"],))
        return
    yield Paragraph((intro,))
    yield Listing(source.strip())


_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)")


def with_code(text: str) -> Prose:
    """Words with what stands between equally many backticks as code; other backticks are words."""
    pieces: list[str] = []
    end = 0
    for span in _SPAN.finditer(text):
        pieces += [text[end : span.start()], Code(span[2].strip() or span[2])]
        end = span.end()
    return tuple(piece for piece in (*pieces, text[end:]) if piece)


def without_docstring(text: str) -> str:
    """A cell's text; what its docstring says stands above it, unless it shares a line with something else."""
    definition = next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    first, *rest = definition.body
    lines = [visible(line.expandtabs()) for line in Source(text).lines]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and rest:
        begin, end = first.lineno, first.end_lineno or first.lineno
        alone = lines[begin - 1][: first.col_offset].isspace() and rest[0].lineno > end
        if alone:
            del lines[begin - 1 : end]
    return "\n".join(lines).strip()


def symbol_table(document: Document) -> Table:
    phrases = document.language.phrases
    rows = [
        (listed(group.names, document.language), group.shape, group.meaning, (Code(", ".join(group.code)),))
        for group in document.symbols
    ]
    return Table((phrases["symbol"], phrases["shape"], phrases["meaning"], phrases["in_code"]), tuple(rows))


_SHORT = 64


def explained(rows: Iterable[Row], language: Language) -> Iterator[Explanation]:
    """Each row that has steps, and these."""
    printer = TextPrinter()
    for row in rows:
        if row.steps and row.left is not None and row.right is not None:
            whole = t.Equal(row.left, row.right)
            short = len(printer.flat(whole)) <= _SHORT
            sentences = dict.fromkeys(step.said(language) for step in row.steps)
            yield Explanation(row, whole if short else row.left, tuple(sentences))


def _jacobian(document: CellDocument) -> Iterator[Block]:
    derivation, language, display = document.derivation, document.language, document.display
    if not derivation.cell.program.states:
        return
    jacobians = local_jacobians(derivation)
    yield Heading(language.phrases["jacobian"])
    closed = [jacobian for jacobian in jacobians if jacobian.paths]
    if closed:
        intro = language.phrases["jacobian_intro"]
        if document.notation.vectors == "row":
            intro += " " + language.phrases["jacobian_rows"]
        yield Paragraph((intro,))
        yield Formulas(tuple(Row(None, *jacobian_tree(jacobian, display)) for jacobian in closed))
    for sentence in read_jacobians(jacobians, derivation, display, language):
        yield Paragraph(sentence)


def trust(language: Language, evidence: Evidence) -> Iterator[Prose]:
    """What proof and check came to, in words."""
    phrases = language.phrases
    whole = f"{evidence.proved + evidence.unproved:,}"
    complete = not evidence.unproved and evidence.gave_up is None
    yield fill(phrases["proved" if complete else "proved_part"], count=f"{evidence.proved:,}", whole=whole)
    if evidence.gave_up is not None:
        why = phrases[f"gave_up_{evidence.gave_up}"].format(seconds=f"{evidence.seconds:g}")
        yield fill(phrases["gave_up"], why=why)
    elif evidence.unproved:
        yield fill(phrases["unproved"], count=f"{evidence.unproved:,}")
    if evidence.assumed:
        yield fill(phrases["assumed"], lemmas="; ".join(evidence.assumed))
    if evidence.differing:
        yield fill(phrases["unchecked"], count=f"{evidence.differing:,}")
    else:
        yield fill(phrases["checked"], count=f"{evidence.agreeing:,}")
