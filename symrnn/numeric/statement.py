"""Source as values: a piece of text and a statement know which variables they speak of and which operations they call.

Nothing is read back from text: a function's opening, its loops' headers and a module's helpers follow from these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import sympy

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly source text binds, in every language here: of an operand that binds less, parentheses are needed."""

Call = type | str
"""What source calls: an operation by its head, or a function by its name."""
NOTHING: frozenset[str] = frozenset()
NO_HEADS: frozenset[Call] = frozenset()


@dataclass(frozen=True, slots=True)
class Text:
    """Source text and how tightly it binds; `names` are the variables in it, `heads` what it calls.

    In a loop over the entries of arrays `elsewhere` are those of which another entry is read than the loop's own.
    """

    code: str
    binding: int = ATOM
    names: frozenset[str] = NOTHING
    heads: frozenset[Call] = NO_HEADS
    elsewhere: frozenset[str] = NOTHING

    def within(self, binding: int) -> Text:
        """The text as an operand beside an operator."""
        return self if self.binding >= binding else replace(self, code=f"({self.code})", binding=ATOM)

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, over several lines where it holds others: `names` are the variables that it speaks of before it
    makes them, `makes` those that it makes."""

    code: str
    names: frozenset[str] = NOTHING
    makes: frozenset[str] = NOTHING
    heads: frozenset[Call] = NO_HEADS

    def with_note(self, note: str) -> Statement:
        """The statement with a comment behind it."""
        return replace(self, code=self.code + note)


Piece = Text | str


def local(name: str) -> Text:
    """A variable."""
    return Text(name, ATOM, frozenset((name,)))


def piece(template: str, *parts: Piece, binding: int = ATOM) -> Text:
    """A template with pieces in its places; it speaks of what they speak of."""
    return Text(template.format(*parts), binding, *_spoken(parts))


def joined(separator: str, parts: Iterable[Piece], binding: int = ATOM) -> Text:
    """Pieces one after the other."""
    listed = list(parts)
    return Text(separator.join(map(str, listed)), binding, *_spoken(listed))


def say(template: str, *parts: Piece) -> Statement:
    """A statement that makes no variable."""
    names, heads, _ = _spoken(parts)
    return Statement(template.format(*parts), names, NOTHING, heads)


def let(name: str, template: str, *parts: Piece) -> Statement:
    """`name = value`."""
    return replace(say(f"{name} = {template}", *parts), makes=frozenset((name,)))


def block(
    header: str, parts: Iterable[Piece], makes: Iterable[str], body: Iterable[Statement], end: str = ""
) -> Statement:
    """A header with statements under it, and what closes it; `makes` are the variables that the header makes for
    them."""
    listed, made = list(body), frozenset(makes)
    names, heads, _ = _spoken(list(parts))
    lines = [header, *indented(listed), *([end] if end else [])]
    return Statement("\n".join(lines), names | (unmade(listed) - made), made, heads | heads_of(listed))


def heads_of(statements: Iterable[Statement]) -> frozenset[Call]:
    """What statements call."""
    return NO_HEADS.union(*(statement.heads for statement in statements))


def needed(declared: list[Statement], body: Iterable[Statement]) -> list[Statement]:
    """Those of the declarations that a body, or a later declaration, speaks of."""
    spoken, kept = set(unmade(body)), list[Statement]()
    for statement in reversed(declared):
        if not spoken.isdisjoint(statement.makes):
            kept.append(statement)
            spoken |= statement.names
    return kept[::-1]


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
def heads_in(expr: sympy.Basic) -> frozenset[Call]:
    """The operations that an expression applies."""
    return frozenset(map(type, expr.atoms(sympy.Function))) if expr.args else NO_HEADS


def _spoken(parts: Iterable[Piece]) -> tuple[frozenset[str], frozenset[Call], frozenset[str]]:
    names, heads, elsewhere = NOTHING, NO_HEADS, NOTHING
    for part in parts:
        if isinstance(part, Text):
            names = names | part.names if names else part.names
            if part.heads:
                heads = heads | part.heads
            if part.elsewhere:
                elsewhere = elsewhere | part.elsewhere
    return names, heads, elsewhere
