"""The derivation as a page of readable Unicode."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from .. import tree as t
from ..document import Document, Section
from ..languages import Language
from ..printers.text import TextPrinter, columns
from ..prose import Setting
from ..steps import Step

WIDTH = 100
_WIDEST_LEFT = 16
_WIDEST_CELL = 36
_NO_BREAK = "\u00a0"


def write_text(document: Document) -> str:
    """The document as lines of text; with steps, each line says by which rule its terms came."""
    phrases = document.language.phrases
    printer = TextPrinter(document.notation.product)
    say = Setting(str, printer.flat, str)
    names = [", ".join(map(printer.name, group.names)) for group in document.symbols]
    symbols = [
        (name, say(group.shape), say(group.meaning)) for name, group in zip(names, document.symbols, strict=True)
    ]
    legend = [(say(item.sign), say(item.meaning)) for item in document.legend]
    lines = [f"{document.name}: {document.summary}" if document.summary else document.name]
    lines += ["", phrases["symbols"], *_columns(symbols)]
    lines += ["", phrases["notation"], *_columns(legend)]
    for section in document.sections:
        lines += ["", section.title, *_section(section, printer, document.language)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _section(section: Section, printer: TextPrinter, language: Language) -> Iterator[str]:
    say = Setting(str, printer.flat, str)
    digits = max((len(str(row.number)) for row in section.rows if row.number), default=1)
    lefts = [printer.flat(row.left) if row.left else "" for row in section.rows]
    column = max((columns(left) for left in lefts if columns(left) <= _WIDEST_LEFT), default=0)
    indent = " " * (digits + 6)
    for words in section.words:
        yield from textwrap.wrap(say(words), WIDTH, initial_indent="  ", subsequent_indent="  ")
    for row, left in zip(section.rows, lefts, strict=True):
        label = f"({row.number})" if row.number else ""
        head = f"  {label:<{digits + 2}}  {_padded(left, column)} = "
        if row.right is None:
            words = say(row.words)
            yield from (
                (head + words,)
                if left
                else textwrap.wrap(words, WIDTH, initial_indent=indent, subsequent_indent=indent)
            )
            continue
        room = columns(head)
        first, *more = printer.lines(row.right, max(20, WIDTH - room))
        yield head + first.text
        yield from (" " * room + ("    " if line.inner else "") + line.text for line in more)
        for step in row.steps:
            yield from _step(step, printer, language, indent)


def _step(step: Step, printer: TextPrinter, language: Language, indent: str) -> Iterator[str]:
    def kept(tree: t.Tree) -> str:
        """A formula that no line break shall cut, unless it is longer than half a line."""
        formula = printer.flat(tree)
        return formula.replace(" ", _NO_BREAK) if len(formula) < WIDTH // 2 else formula

    sides = (printer.flat(step.line.left), printer.flat(step.line.right)) if step.line else ()
    said = step.said(language, short=sum(map(columns, sides)) >= WIDTH // 2)
    wrapped = textwrap.wrap(
        Setting(str, kept, str)(said), WIDTH, initial_indent=f"{indent}· ", subsequent_indent=f"{indent}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return (line.replace(_NO_BREAK, " ") for line in wrapped)


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - columns(text))


def _columns(entries: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Entries under each other; a first column that is too wide is wrapped, and so is a last one."""
    widths = [min(max(map(columns, column)), _WIDEST_CELL) for column in zip(*entries, strict=True)][:-1]
    indent = 2 + sum(width + 2 for width in widths)
    for start, *inner, end in entries:
        first = textwrap.wrap(start, widths[0], break_long_words=False) or [""]
        last = textwrap.wrap(end, max(24, WIDTH - indent), break_long_words=False) or [""]
        middle = "".join(f"{_padded(cell, width)}  " for cell, width in zip(inner, widths[1:], strict=True))
        for left, right in zip_longest(first, last, fillvalue=""):
            yield f"  {_padded(left, widths[0])}  {middle}{right}"
            middle = " " * columns(middle)
