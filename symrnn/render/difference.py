"""Two derivations side by side: which equations differ, forward and backward.

Equations are the same where both pages print the same summands, in whatever order; they belong together by what they
define, their left side. So the LSTM and its peepholes differ in three net inputs and in what follows from these
backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ..derivation import Derivation, derive
from ..equations import Cell
from . import tree as t
from .document import Document, Section, build_document
from .languages import Language, read_language
from .notation import STANDARD, Notation, read_notation
from .pages.text import WIDTH
from .printer import Token, fill_lines
from .printers.text import TextPrinter, columns
from .prose import Setting

_INDENT = " " * 4


@dataclass(frozen=True, slots=True)
class Side:
    """A right side as it is printed, and its summands in an order of their own."""

    printed: tuple[Token, ...]
    summands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """What one left side is in both derivations; None where one has no such equation."""

    left: str
    first: Side | None
    second: Side | None

    @property
    def same(self) -> bool:
        return self.first is not None and self.second is not None and self.first.summands == self.second.summands


@dataclass(frozen=True, slots=True)
class Difference:
    """All equations of two derivations in pairs, by section (`forward`, `backward`, `gradients`), and the symbols that
    one of the two has alone."""

    first: str
    second: str
    sections: tuple[tuple[str, tuple[Pair, ...]], ...]
    symbols: tuple[tuple[str, str], ...]
    language: Language

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return tuple(pair for _, pairs in self.sections for pair in pairs)

    @property
    def different(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if not pair.same)

    def text(self) -> str:
        """The differing lines as a diff shows them: `-` is the first cell's, `+` the second's."""
        phrases = self.language.phrases
        changed = sum(pair.first is not None and pair.second is not None for pair in self.different)
        title = phrases["difference"].format(
            first=self.first,
            second=self.second,
            changed=changed,
            alone=len(self.different) - changed,
            same=len(self.pairs) - len(self.different),
        )
        lines = [title, f"- {self.first}", f"+ {self.second}"]
        if self.symbols:
            lines += ["", phrases["symbols"], *(f"{sign} {words}" for sign, words in self.symbols)]
        for key, pairs in self.sections:
            shown = [line for pair in pairs if not pair.same for line in _lines(pair)]
            lines += ["", phrases[key], *shown] if shown else []
        return "\n".join(lines) + "\n"


Source = Derivation | Cell | str | Callable[..., Any]


def compare(
    first: Source, second: Source, *, notation: Notation | str = STANDARD, lang: Language | str = "en"
) -> Difference:
    """Which equations of two derivations differ; a cell, however it is given, stands for its derivation."""
    notation, language = read_notation(notation), read_language(lang)
    derivations = [source if isinstance(source, Derivation) else derive(source) for source in (first, second)]
    pages = [build_document(derivation, notation=notation, language=language) for derivation in derivations]
    printer = TextPrinter(notation.product)
    equations = [{section.key: _by_left(section, printer) for section in page.sections} for page in pages]
    keys = [section.key for section in max(pages, key=lambda page: len(page.sections)).sections]
    sections = tuple((key, tuple(_paired(*(mine.get(key, {}) for mine in equations)))) for key in keys)
    names = [page.name for page in pages]
    if names[0] == names[1]:  # two versions of a person's cell
        names = [f"{name} ({place})" for place, name in enumerate(names, 1)]
    symbols = [list(_symbols(page, printer)) for page in pages]
    alone = [("-", words) for words in symbols[0] if words not in symbols[1]]
    alone += [("+", words) for words in symbols[1] if words not in symbols[0]]
    return Difference(names[0], names[1], sections, tuple(alone), language)


def _by_left(section: Section, printer: TextPrinter) -> dict[str, Side]:
    return {
        printer.flat(row.left): Side(tuple(printer.write(row.right)), tuple(sorted(_summands(row.right, printer))))
        for row in section.rows
        if row.left is not None and row.right is not None
    }


def _summands(tree: t.Tree, printer: TextPrinter) -> Iterator[str]:
    if isinstance(tree, t.TimeSum):
        yield "Σ"
        tree = tree.base
    terms = tree.terms if isinstance(tree, t.Sum) else (t.signed(tree),)
    for term in terms:
        yield f"{'−' if term.negative else '+'} {printer.flat(term.node)}"


def _paired(first: dict[str, Side], second: dict[str, Side]) -> Iterator[Pair]:
    """Every left side once, in an order that goes along with both."""
    mine, theirs = list(first), list(second)
    for tag, start, stop, begin, end in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        for left in mine[start:stop]:
            yield Pair(left, first[left], second.get(left))
        for left in theirs[begin:end] if tag != "equal" else ():
            if left not in first:
                yield Pair(left, None, second[left])


def _symbols(page: Document, printer: TextPrinter) -> Iterator[str]:
    """One line for every symbol that is not computed in the step, with its shape and its kind."""
    say = Setting(str, printer.flat, str)
    for group in page.symbols:
        if group.kind != "value":
            for name in group.names:
                yield f"{printer.name(name)}  {say(group.shape)}  {page.language.phrases[group.kind]}"


def _lines(pair: Pair) -> Iterator[str]:
    """A pair under its left side where both have it, or the one equation in full."""
    both = pair.first is not None and pair.second is not None
    if both:
        yield f"  {pair.left}"
    head = _INDENT if both else f"{pair.left} = "
    for sign, side in (("-", pair.first), ("+", pair.second)):
        if side is not None:
            yield from _filled(sign, head, side.printed)


def _filled(sign: str, head: str, tokens: Sequence[Token]) -> Iterator[str]:
    lead = f"{sign} {head}"
    filled = fill_lines(tokens, WIDTH - columns(lead), columns)
    yield lead + filled[0].text
    for line in filled[1:]:
        yield f"{sign} " + " " * (columns(lead) - 2 + 4 * line.inner) + line.text
