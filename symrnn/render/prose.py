"""Sentences with formulas in them: a phrase of a language, its places filled with display trees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from . import tree as t
from .languages import Language
from .names import Name


class Code(str):
    """Words of a program, set as such where a format can."""


class Link(str):
    """The name of a page that is published beside this one, set as a link to it where a format can."""


Prose = tuple[str | t.Tree, ...]
"""Words and formulas in the order of reading."""

_PLACE = re.compile(r"\{(\w+)\}")


def fill(phrase: str, **formulas: Prose | t.Tree | str) -> Prose:
    """A phrase with its places in braces filled."""
    pieces: list[str | t.Tree] = []
    for place, piece in enumerate(_PLACE.split(phrase)):
        value = formulas[piece] if place % 2 else (piece,) if piece else ()
        pieces += value if isinstance(value, tuple) else [value]
    return tuple(pieces)


def listed(formulas: Sequence[t.Tree | Name], language: Language) -> Prose:
    """Formulas and names one after the other."""
    pieces: list[str | t.Tree] = []
    for formula in formulas:
        pieces += [language.phrases["comma"]] if pieces else []
        pieces.append(t.Symbol(formula) if isinstance(formula, Name) else formula)
    return tuple(pieces)


def listed_code(pieces: Iterable[str], language: Language) -> Prose:
    """Pieces of code one after the other."""
    shown: list[str] = []
    for piece in pieces:
        shown += [language.phrases["comma"]] if shown else []
        shown.append(Code(piece))
    return tuple(shown)


def equated(formulas: Sequence[t.Tree]) -> Prose:
    """a = b = 0"""
    return (*(part for formula in formulas for part in (formula, " = ")), "0")


@dataclass(frozen=True, slots=True)
class Setting:
    """How a format sets prose: its words, its formulas, its code, and links, which are code where there are none."""

    words: Callable[[str], str]
    formula: Callable[[t.Tree], str]
    code: Callable[[str], str]
    link: Callable[[str], str] | None = None

    def __call__(self, prose: Prose) -> str:
        return "".join(self._said(piece) if isinstance(piece, str) else self.formula(piece) for piece in prose)

    def _said(self, piece: str) -> str:
        match piece:
            case Link():
                return (self.link or self.code)(piece)
            case Code():
                return self.code(piece)
            case _:
                return self.words(piece)


def ticks(text: str, least: int) -> str:
    """So many backticks that no row of them in the text ends what they open."""
    return "`" * max(least, 1 + max((len(row) for row in re.findall("`+", text)), default=0))
