"""Where cells and networks come from: the zoo, a file, text, a function; and the one way to turn any of these into a
Cell or a Network."""

from __future__ import annotations

import os
import stat
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from .arguments import instance, wrong
from .catalogue import Catalogue, read_catalogue
from .errors import CellError, OptionError, nearest, shorten

if TYPE_CHECKING:
    from .equations import Cell, Network
    from .errors import Span
    from .language import Program, Source

LARGEST_FILE = 1_000_000


M = TypeVar("M", bound="Cell | Network")


class Shelf(Mapping[str, M]):
    """What comes with symrnn in one folder of `cells/`, by name; each is read when it is first asked for. An alias is
    a name too."""

    def __init__(self, title: str, folder: str, read: Callable[[Source, str], M]) -> None:
        self._title, self._folder, self._read = title, folder, read
        self._known: dict[str, M] = {}

    @property
    def _catalogue(self) -> Catalogue:
        return read_catalogue(self._folder)

    def __getitem__(self, name: str) -> M:
        from .language import Source

        catalogue = self._catalogue
        name = catalogue.aliases.get(name, name)
        if name not in self._known:
            page = Source(catalogue.entries[name].page, f"{self._folder or 'zoo'}:{name}")
            self._known[name] = self._read(page, name)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._catalogue.entries or name in self._catalogue.aliases  # without parsing to find out

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogue.entries)

    def __len__(self) -> int:
        return len(self._catalogue.entries)

    def __repr__(self) -> str:
        return f"<{self._title}: {', '.join(self)}>"


def _read_cell(source: Source, name: str) -> Cell:
    from .equations import build_cell

    return build_cell(source, name)


def _read_network(source: Source, name: str | None) -> Network:
    found = _network_of(source, name, asked=True)
    assert found is not None
    return found


zoo: Shelf[Cell] = Shelf("Zoo", "", _read_cell)
"""The cells that come with symrnn."""
networks: Shelf[Network] = Shelf("Networks", "networks", _read_network)
"""The networks that come with symrnn, beside the cells of the zoo."""
updates: Shelf[Cell] = Shelf("Update rules", "updates", _read_cell)
"""Cells whose input is a gradient and whose first state are the parameters."""


def load(name: str | Path) -> Cell | Network:
    """A cell of the zoo, a ready network, or what is in a file: `path/to/file.py`, with `:name` where it holds several.
    A file with a network and the cells that it scans is that network."""
    name = str(instance("load(…)", name, (str, Path), "the name of a cell or a path to a file"))
    for shelf in (zoo, networks, updates):
        if name in shelf:
            return shelf[name]
    path, _, member = name.rpartition(":")
    if not path.endswith(".py"):
        path, member = name, ""
    if path.endswith(".py") or os.path.exists(path):  # a name that no file can have does not exist
        return load_file(Path(path), member or None)
    meant = nearest(name, [*zoo, *read_catalogue().aliases, *networks])
    raise OptionError(
        f"there is no cell called {shorten(name)!r}{meant and f'; {meant}'}\n"
        f"  `symrnn list` names the {len(zoo)} cells of the zoo, and the networks\n"
        "  for a cell of your own give its file, such as my_cell.py or my_cell.py:name"
    )


def load_file(path: Path, member: str | None = None) -> Cell | Network:
    """The cell or the network in a file, read as text and never imported."""
    return read_model(read_bytes(path), path.name, member)


def read_bytes(path: Path, most: int = LARGEST_FILE) -> bytes:
    """What a file holds, for whoever reads files: at most a megabyte of a regular file, or what else is said. Devices
    and pipes, whose end may never come, are refused before they are opened."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise _unreadable(path, "it is a folder", "give a file in it, such as my_cell.py")
        if not stat.S_ISREG(mode):
            raise _unreadable(path, "it is a device or a pipe, not a file", "give a file, or - for standard input")
        with path.open("rb") as file:
            return read_stream(file, str(path), most)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise _unreadable(path, reason, "check the path; `symrnn list` names the cells that need no file") from None


def read_stream(stream: BinaryIO, where: str, most: int = LARGEST_FILE) -> bytes:
    """What a stream holds, at most a megabyte; one that goes on is an error, and nobody waits for its end."""
    try:
        data = stream.read(most + 1)
    except OSError as error:
        raise _unreadable(where, error.strerror or str(error), "give a file") from None
    if len(data) > most:
        mend = "put the cell into a file of its own" if most == LARGEST_FILE else "give a part of it"
        raise _unreadable(where, f"it is longer than {most:,} bytes, and no more is read", mend)
    return data


def _unreadable(path: Path | str, reason: str, mend: str) -> OptionError:
    return OptionError(f"cannot read {shorten(str(path), 200)}: {reason}\n  mend: {mend}")


def read_model(data: bytes, where: str, member: str | None = None) -> Cell | Network:
    """The cell or the network in the bytes of a file or a stream; `where` is what messages call it."""
    from .language import Source

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CellError(
            f"this is not UTF-8 text: {error.reason} at byte {error.start}", where=where, mend="save it as UTF-8"
        ) from None
    return _model_of(Source(text, where), member)


def _model_of(source: Source, member: str | None = None) -> Cell | Network:
    from .equations import cell_of_source

    found = _network_of(source, member)
    return cell_of_source(source, member) if found is None else found


def _network_of(source: Source, member: str | None = None, *, asked: bool = False) -> Network | None:
    """The network in a text; a scan names a cell of the same text or of the zoo."""
    from .equations import network_of_source
    from .language import defined_names, infer, read_definition

    own = defined_names(source)
    read: dict[str, Program] = {}

    def find_cell(name: str, span: Span) -> Program:
        if name in own:
            if name not in read:  # once for all scans of it
                read[name] = infer(read_definition(source, name))
            return read[name]
        if name in zoo:
            return zoo[name].program
        if name in networks:
            problem, mend = f"`{name}` is a network, and a scan runs a cell", "scan the cells that it is made of"
        else:
            problem = f"there is no cell called `{name}`"
            mend = (
                nearest(name, [*own, *zoo, *read_catalogue().aliases]) or "define it in this text: def my_cell(x, h): …"
            )
        facts = (f"looked in this text ({', '.join(own)}) and in the zoo",)
        raise source.error(problem, span, facts=facts, mend=mend)

    return network_of_source(source, find_cell, member, asked=asked)


def network_in(text: str, name: str) -> Network:
    """The network of a name in a text."""
    from .language import Source

    return _read_network(Source(text), name)


def network(source: Network | str | Callable[..., Any]) -> Network:
    """A network from text that holds one (and the cells that it scans), or from a function (also as a decorator). The
    function is read from its source and never called."""
    from .equations import Network
    from .language import Source, source_of_function

    if isinstance(source, Network):
        return source
    if not isinstance(source, str) and not callable(source):
        raise wrong("network", "a Network, text with a def, or a function", source)
    text = Source(textwrap.dedent(source)) if isinstance(source, str) else source_of_function(source)
    return _read_network(text, None)


def as_model(source: Cell | Network | str | Callable[..., Any]) -> Cell | Network:
    """A Cell or a Network from whatever a person has: one of these, a name, `file.py:name`, text with a `def`, or a
    function."""
    from .language import Source, source_of_function

    if isinstance(source, str) and "\n" not in source.strip() and not source.lstrip().startswith(("def ", "@")):
        return load(source)
    if isinstance(source, str):
        return _model_of(Source(textwrap.dedent(source)))
    if callable(source):
        return _model_of(source_of_function(source))
    from .equations import Network, cell

    return source if isinstance(source, Network) else cell(source)


def as_cell(source: Cell | Network | str | Callable[..., Any]) -> Cell:
    """A Cell from whatever a person has, where a network does not serve."""
    from .equations import Cell

    model = as_model(source)
    if not isinstance(model, Cell):
        blocks = ", ".join(block.cell.name for block in model.blocks)
        raise OptionError(f"{model.name} is a network, and a cell is asked for here\n  its blocks: {blocks}")
    return model
