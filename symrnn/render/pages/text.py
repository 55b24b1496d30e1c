"""The derivation as a page of readable Unicode."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from ...sizes import Shape
from .. import tree as t
from ..document import Document, Section
from ..languages import Language
from ..names import Name
from ..printer import fill_lines
from ..printers.text import TextPrinter, columns, show_size
from ..prose import Prose, fill, listed, say, symbols
from ..say import say_step
from ..steps import Step

WIDTH = 100
_WIDEST_LEFT = 16


def write_text(document: Document, width: int = WIDTH) -> str:
    """The document as lines of text; with steps, each line says by which rule its terms came."""
    phrases = document.language.phrases
    page = _Page(document, width)
    lines = [f"{document.name}: {document.summary}" if document.summary else document.name]
    lines += ["", phrases["symbols"], *page.symbols(document)]
    lines += ["", phrases["notation"], *page.legend(document)]
    for section in document.sections:
        lines += ["", phrases[section.key], *page.section(section)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def show_shape(shape: Shape, language: Language) -> str:
    """(n), (n × m) or `scalar`"""
    sizes = [show_size(size) for size in shape]
    if len(sizes) > 1:
        sizes = [f"({size})" if " " in size else size for size in sizes]
    return f"({' × '.join(sizes)})" if shape else language.phrases["scalar"]


def kind_of(document: Document, kind: str, names: tuple[Name, ...], also: tuple[Name, ...]) -> Prose:
    """What a group of symbols is: `states; h is also the output`."""
    phrases = document.language.phrases
    word = phrases[kind if len(names) == 1 else f"{kind}s"]
    if not also:
        return (word,)
    key = "also_output" if len(also) == 1 else "also_outputs"
    return fill(phrases[key], kind=word, names=listed(symbols(also), document.language))


class _Page:
    def __init__(self, document: Document, width: int) -> None:
        self.language = document.language
        self.notation = document.notation
        self.printer = TextPrinter(document.notation.product)
        self.width = width

    def say(self, prose: Prose, formula: Callable[[t.Tree], str] | None = None) -> str:
        return say(prose, lambda words: words, formula or self.printer.flat)

    def symbols(self, document: Document) -> list[str]:
        entries: list[tuple[str, str, str]] = []
        for group in document.symbols:
            names = ", ".join(self.printer.name(name) for name in group.names)
            kind = self.say(kind_of(document, group.kind, group.names, group.also))
            entries.append((names, show_shape(group.shape, self.language), kind))
        return _columns(entries, self.width)

    def legend(self, document: Document) -> list[str]:
        entries = [(self.say(item.sign), self.say(item.meaning)) for item in document.legend]
        if document.kinks:
            entries.append((self.language.phrases["kink"], "; ".join(document.kinks)))
        return _columns(entries, self.width)

    def section(self, section: Section) -> list[str]:
        digits = max((len(str(row.number)) for row in section.rows if row.number), default=1)
        lefts = [self.printer.flat(row.left) if row.left else "" for row in section.rows]
        column = max((columns(left) for left in lefts if columns(left) <= _WIDEST_LEFT), default=0)
        lines: list[str] = []
        for row, left in zip(section.rows, lefts, strict=True):
            label = f"({row.number})" if row.number else ""
            head = f"  {label:<{digits + 2}}  {_padded(left, column)} = "
            if row.right is None and row.left is None:
                words, indent = self.say(row.words), " " * (digits + 6)
                lines += textwrap.wrap(words, self.width, initial_indent=indent, subsequent_indent=indent)
                continue
            if row.right is None:
                lines.append(head + self.say(row.words))
                continue
            room = columns(head)
            filled = fill_lines(self.printer.write(row.right), max(20, self.width - room), columns)
            lines.append(head + filled[0].text)
            lines += [" " * room + ("    " if line.inner else "") + line.text for line in filled[1:]]
            for step in row.steps:
                lines += self.step(step, digits + 6)
        return lines

    def step(self, step: Step, indent: int) -> list[str]:
        sentence = self.say(say_step(step, self.language, self.notation), self.kept)
        if step.through is not None:
            left, right = self.printer.flat(step.through.left), self.printer.flat(step.through.right)
            shown = _kept(f"{left} = {right}") if columns(left) + columns(right) < self.width // 2 else left
            sentence = self.language.phrases["through"].format(line=f"({step.through.number}) {shown}") + sentence
        inner = " " * (indent + 2)
        wrapped = textwrap.wrap(
            sentence, self.width, initial_indent=" " * indent + "· ", subsequent_indent=inner, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
        return [line.replace(_NO_BREAK, " ") for line in wrapped]

    def kept(self, tree: t.Tree) -> str:
        return _kept(self.printer.flat(tree))


_NO_BREAK = "\u00a0"


def _kept(formula: str) -> str:
    """A formula that no line break shall cut, unless it is longer than half a line."""
    return formula.replace(" ", _NO_BREAK) if len(formula) < WIDTH // 2 else formula


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - columns(text))


def _columns(entries: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """Entries under each other; a first column that is too wide is wrapped, and so is a last one."""
    if not entries:
        return []
    widths = [min(max(columns(entry[k]) for entry in entries), 36) for k in range(len(entries[0]) - 1)]
    lines: list[str] = []
    for entry in entries:
        first = textwrap.wrap(entry[0], widths[0], break_long_words=False) or [""]
        indent = 2 + sum(w + 2 for w in widths)
        last = textwrap.wrap(entry[-1], max(24, width - indent), break_long_words=False) or [""]
        middle = "".join(f"{_padded(cell, w)}  " for cell, w in zip(entry[1:-1], widths[1:], strict=True))
        for k in range(max(len(first), len(last))):
            head = first[k] if k < len(first) else ""
            between = middle if k == 0 else " " * columns(middle)
            lines.append(f"  {_padded(head, widths[0])}  {between}{last[k] if k < len(last) else ''}")
    return lines
