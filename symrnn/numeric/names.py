"""The names of an emitted program, each handed out once: no two quantities meet, whatever a cell calls its own."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Iterable

from ..operations.table import BY_HEAD

KEYWORDS = frozenset(keyword.kwlist)
PYTHON = frozenset([*KEYWORDS, *dir(builtins), "_"])
"""What Python keeps for itself, or calls by name."""
HELPERS = frozenset(row.head.__name__ for row in BY_HEAD.values() if row.head is not None)
"""The helper functions of NumPy modules are called like the operations."""


def spelt(name: str) -> str:
    """The name of what belongs to a part or a family, `h1.W_i`, as an identifier."""
    return name.replace(".", "_")


class Names:
    """Hands out the names of one program. It starts with the words that a target keeps for itself; a cell's names are
    taken next, so that they stay as they are where they can, and the emitter's own names last."""

    def __init__(self, *reserved: Iterable[str], spell: Callable[[str], str] = spelt) -> None:
        self._taken = {word for words in reserved for word in words}
        self._spell = spell

    def take(self, wish: str, prefix: str = "") -> str:
        """A new name as near to a wish as it can be; a `prefix` is tried before underscores are."""
        name = self._spell(wish)
        while name in self._taken:
            name = prefix + name if prefix else name + "_"
        self._taken.add(name)
        return name

    def take_pair(self, wish: str, suffix: str) -> tuple[str, str]:
        """A new name, and the same with a suffix: a value in a step, and over the whole sequence."""
        wish = self._spell(wish)
        while {wish, wish + suffix} & self._taken:
            wish += "_"
        self._taken |= {wish, wish + suffix}
        return wish, wish + suffix

    def first_free(self, choices: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
        """The first group of which no name is taken; else the last one's, with underscores."""
        tried: tuple[str, ...] = ()
        for tried in choices:
            if not self._taken.intersection(tried):
                self._taken.update(tried)
                return tried
        return tuple(self.take(name) for name in tried)

    def inner(self) -> Names:
        """The same names taken, for what only one function has."""
        return Names(self._taken, spell=self._spell)
