"""Sentences with formulas in them: a phrase of a language, its places filled with display trees."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from . import tree as t
from .languages import Language
from .names import Name


class Code(str):
    """Words of a program, set as such where a format can."""


def ticks(text: str, least: int) -> str:
    """So many backticks that no row of them in the text ends what they open."""
    return "`" * max(least, 1 + max((len(row) for row in re.findall("`+", text)), default=0))


Prose = tuple[str | t.Tree, ...]
"""Words and formulas in the order of reading."""

_PLACE = re.compile(r"\{(\w+)\}")


def fill(phrase: str, **formulas: Prose | t.Tree | str) -> Prose:
    """A phrase with its places in braces filled."""
    pieces: list[str | t.Tree] = []
    for place, piece in enumerate(_PLACE.split(phrase)):
        if place % 2 == 0:
            pieces += [piece] if piece else []
            continue
        value = formulas[piece]
        pieces += list(value) if isinstance(value, tuple) else [value]
    return tuple(pieces)


def listed(trees: Sequence[t.Tree], language: Language) -> Prose:
    """Formulas one after the other."""
    pieces: list[str | t.Tree] = []
    for place, tree in enumerate(trees):
        pieces += [language.phrases["comma"], tree] if place else [tree]
    return tuple(pieces)


def symbols(names: Sequence[Name]) -> list[t.Tree]:
    return [t.Symbol(name) for name in names]


def say(
    prose: Prose,
    words: Callable[[str], str],
    formula: Callable[[t.Tree], str],
    code: Callable[[str], str] | None = None,
) -> str:
    """Prose as a string, with words, formulas and code each in a format's own way."""
    return "".join(
        (code or words)(piece)
        if isinstance(piece, Code)
        else words(piece)
        if isinstance(piece, str)
        else formula(piece)
        for piece in prose
    )
