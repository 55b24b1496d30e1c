"""What the zoo has, read from its pages without parsing a cell: names, families, aliases.

A page of `symrnn/cells` is a family: its docstring is the family's title, its functions are the cells. A cell's
docstring begins with a line that names it and its source; two of its paragraphs are lists:

    Also called: elman, simple_rnn.

    Tested against: torch.nn.RNN, Keras SimpleRNN.

Pages are searched, not parsed: `symrnn list` shall be done before Python's parser would be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from .errors import OptionError, nearest

# In the order in which one learns them; other pages come after these, by name.
_FIRST = ("rnn", "lstm", "odyssey", "gru", "gated", "parallel", "dynamics", "statespace", "attention", "exponential",
          "readout", "labels", "language", "translation")  # fmt: skip

_TITLE = re.compile(r'\A"""(.*?)(?:\n|""")')
# A definition that says nothing of itself is a cell that a network beside it scans.
_CELL = re.compile(r'^def (\w+)\((?:(?!:\n)[^"])*:\n    """(.*?)"""', re.MULTILINE | re.DOTALL)
_LIST = r"^\s*{}:\s+(.+?)\.?\s*(?:\n\s*\n|\Z)"


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell of the zoo as its page has it; `page` is the page's whole text."""

    name: str
    family: str
    about: str
    aliases: tuple[str, ...]
    page: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries by name, the families' titles, and which cell an alias means."""

    entries: Mapping[str, Entry]
    families: Mapping[str, str]
    aliases: Mapping[str, str]

    def of_family(self, family: str) -> tuple[Entry, ...]:
        """The cells of a family, in the order of its page."""
        if family not in self.families:
            meant = nearest(family, list(self.families)) or f"the families are: {', '.join(self.families)}"
            raise OptionError(f"the zoo has no family {family!r}; {meant}")
        return tuple(entry for entry in self.entries.values() if entry.family == family)


@cache
def read_catalogue(folder: str = "") -> Catalogue:
    """Read the zoo's pages, or those of the ready networks in a `folder` beside them; nothing heavy is imported."""
    entries: dict[str, Entry] = {}
    families: dict[str, str] = {}
    pages = {file.stem: file for file in (Path(__file__).with_name("cells") / folder).glob("*.py")}
    for family in sorted(pages, key=lambda name: (name not in _FIRST, name in _FIRST and _FIRST.index(name), name)):
        page = pages[family].read_text(encoding="utf-8")
        title = _TITLE.match(page)
        families[family] = title[1] if title else ""
        for found in _CELL.finditer(page):
            name, doc = found.groups()
            about = doc.split("\n")[0]
            entries[name] = Entry(name, family, about, _listed("Also called", doc), page)
    aliases = {alias: entry.name for entry in entries.values() for alias in entry.aliases}
    return Catalogue(MappingProxyType(entries), MappingProxyType(families), MappingProxyType(aliases))


@cache
def read_everything() -> Catalogue:
    """The cells, and behind them the ready networks."""
    cells, networks = read_catalogue(), read_catalogue("networks")
    return Catalogue(
        MappingProxyType({**cells.entries, **networks.entries}),
        MappingProxyType({**cells.families, **networks.families}),
        MappingProxyType({**cells.aliases, **networks.aliases}),
    )


def references_of(doc: str) -> tuple[str, ...]:
    """Whose implementations a cell's docstring says that it was tested against."""
    return _listed("Tested against", doc)


def _listed(head: str, doc: str) -> tuple[str, ...]:
    found = re.search(_LIST.format(head), doc, re.MULTILINE | re.DOTALL)
    return tuple(" ".join(item.split()) for item in found[1].split(",")) if found else ()
