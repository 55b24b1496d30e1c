"""Where cells come from: the zoo, a file, text, a function; and the one way to turn any of these into a Cell."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .arguments import instance
from .catalogue import read_catalogue
from .errors import CellError, OptionError, nearest, shorten

if TYPE_CHECKING:
    from .equations import Cell

LARGEST_FILE = 1_000_000


class Zoo(Mapping[str, "Cell"]):
    """The cells that come with symrnn, by name; each is read when it is first asked for. An alias finds its cell."""

    def __getitem__(self, name: str) -> Cell:
        return _zoo_cell(read_catalogue().aliases.get(name, name))

    def __contains__(self, name: object) -> bool:
        catalogue = read_catalogue()  # without parsing a cell to find out
        return name in catalogue.entries or name in catalogue.aliases

    def __iter__(self) -> Iterator[str]:
        return iter(read_catalogue().entries)

    def __len__(self) -> int:
        return len(read_catalogue().entries)

    def __repr__(self) -> str:
        return f"<Zoo: {', '.join(self)}>"


@cache
def _zoo_cell(name: str) -> Cell:
    from .equations import build_cell
    from .language import Source

    entries = read_catalogue().entries
    if name not in entries:
        raise KeyError(name)
    return build_cell(Source(entries[name].page, f"zoo:{name}"), name)


zoo = Zoo()


def load(name: str | Path) -> Cell:
    """A cell of the zoo, or one from a file: `path/to/file.py`, with `:name` where the file holds several."""
    name = str(instance("load(…)", name, (str, Path), "the name of a cell or a path to a file"))
    if name in zoo:
        return zoo[name]
    path, _, member = name.rpartition(":")
    if not path.endswith(".py"):
        path, member = name, ""
    if path.endswith(".py") or os.path.exists(path):  # a name that no file can have does not exist
        return load_file(Path(path), member or None)
    meant = nearest(name, [*zoo, *read_catalogue().aliases])
    raise OptionError(
        f"there is no cell called {shorten(name)!r}{meant and f'; {meant}'}\n"
        f"  `symrnn list` names the {len(zoo)} cells of the zoo\n"
        "  for a cell of your own give its file, such as my_cell.py or my_cell.py:name"
    )


def load_file(path: Path, member: str | None = None) -> Cell:
    """The cell in a file, read as text and never imported."""
    return read_cell(read_bytes(path), path.name, member)


def read_bytes(path: Path) -> bytes:
    """What a file holds, for whoever reads files: at most a megabyte of a regular file. Devices and pipes, whose end
    may never come, are refused before they are opened."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise _unreadable(path, "it is a folder", "give a file in it, such as my_cell.py")
        if not stat.S_ISREG(mode):
            raise _unreadable(path, "it is a device or a pipe, not a file", "give a file, or - for standard input")
        with path.open("rb") as file:
            return read_stream(file, str(path))
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise _unreadable(path, reason, "check the path; `symrnn list` names the cells that need no file") from None


def read_stream(stream: BinaryIO, where: str) -> bytes:
    """What a stream holds, at most a megabyte; one that goes on is an error, and nobody waits for its end."""
    try:
        data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _unreadable(where, error.strerror or str(error), "give a file") from None
    if len(data) > LARGEST_FILE:
        problem = f"it is longer than {LARGEST_FILE:,} bytes, and no more is read"
        raise _unreadable(where, problem, "put the cell into a file of its own")
    return data


def _unreadable(path: Path | str, reason: str, mend: str) -> OptionError:
    return OptionError(f"cannot read {shorten(str(path), 200)}: {reason}\n  mend: {mend}")


def read_cell(data: bytes, where: str, member: str | None = None) -> Cell:
    """The cell in the bytes of a file or a stream; `where` is what messages call it."""
    from .equations import cell_of_source
    from .language import Source

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CellError(
            f"this is not UTF-8 text: {error.reason} at byte {error.start}", where=where, mend="save it as UTF-8"
        ) from None
    return cell_of_source(Source(text, where), member)


def as_cell(source: Cell | str | Callable[..., Any]) -> Cell:
    """A Cell from whatever a person has: a Cell, a zoo name, `file.py:name`, text with a `def`, or a function."""
    from .equations import cell

    if isinstance(source, str) and "\n" not in source.strip() and not source.lstrip().startswith("def "):
        return load(source)
    return cell(source)
