"""Source as values: a piece of text and a statement know which variables they speak of and which operations they call.

Nothing is read back from text: a function's opening, its loops' headers and a module's helpers follow from these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import sympy

SUM, PRODUCT, POWER, ATOM = range(4)
NOTHING: frozenset[str] = frozenset()
NO_HEADS: frozenset[type] = frozenset()


@dataclass(frozen=True, slots=True)
class Text:
    """Source text and how tightly it binds; `names` are the variables in it, `heads` the operations that it calls."""

    code: str
    binding: int = ATOM
    names: frozenset[str] = NOTHING
    heads: frozenset[type] = NO_HEADS

    def within(self, binding: int) -> Text:
        """The text as an operand beside an operator."""
        return self if self.binding >= binding else Text(f"({self.code})", ATOM, self.names, self.heads)

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, over several lines where it holds others: `names` are the variables that it speaks of before it
    makes them, `makes` those that it makes."""

    code: str
    names: frozenset[str] = NOTHING
    makes: frozenset[str] = NOTHING
    heads: frozenset[type] = NO_HEADS

    def with_note(self, note: str) -> Statement:
        """The statement with a comment behind it."""
        return Statement(self.code + note, self.names, self.makes, self.heads)


Piece = Text | str


def local(name: str) -> Text:
    """A variable."""
    return Text(name, ATOM, frozenset((name,)))


def piece(template: str, *parts: Piece, binding: int = ATOM) -> Text:
    """A template with pieces in its places; it speaks of what they speak of."""
    names, heads = _spoken(parts)
    return Text(template.format(*parts), binding, names, heads)


def joined(separator: str, parts: Iterable[Piece], binding: int = ATOM) -> Text:
    """Pieces one after the other."""
    listed = list(parts)
    names, heads = _spoken(listed)
    return Text(separator.join(map(str, listed)), binding, names, heads)


def say(template: str, *parts: Piece) -> Statement:
    """A statement that makes no variable."""
    names, heads = _spoken(parts)
    return Statement(template.format(*parts), names, NOTHING, heads)


def let(name: str, template: str, *parts: Piece) -> Statement:
    """`name = value`."""
    names, heads = _spoken(parts)
    return Statement(f"{name} = {template.format(*parts)}", names, frozenset((name,)), heads)


def block(header: str, parts: Iterable[Piece], makes: Iterable[str], body: Iterable[Statement]) -> Statement:
    """A header with statements under it; `makes` are the variables that the header makes for them."""
    listed, made = list(body), frozenset(makes)
    names, heads = _spoken(list(parts))
    inner = unmade(listed) - made
    return Statement(
        "\n".join([header, *indented(listed)]), names | inner, made, heads.union(*(s.heads for s in listed))
    )


def unmade(statements: Iterable[Statement]) -> frozenset[str]:
    """What statements speak of before they make it."""
    made: set[str] = set()
    needed: set[str] = set()
    for statement in statements:
        needed |= statement.names - made
        made |= statement.makes
    return frozenset(needed)


def indented(statements: Iterable[Statement]) -> list[str]:
    """The lines of statements, one step to the right."""
    return [f"    {line}" if line else "" for statement in statements for line in statement.code.split("\n")]


@lru_cache(maxsize=2**14)
def heads_in(expr: sympy.Basic) -> frozenset[type]:
    """The operations that an expression applies."""
    return frozenset(map(type, expr.atoms(sympy.Function))) if expr.args else NO_HEADS


def _spoken(parts: Iterable[Piece]) -> tuple[frozenset[str], frozenset[type]]:
    names, heads = NOTHING, NO_HEADS
    for part in parts:
        if isinstance(part, Text):
            names = names | part.names if names else part.names
            if part.heads:
                heads = heads | part.heads
    return names, heads
