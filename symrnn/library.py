"""Where cells come from: the zoo, a file, text, a function; and the one way to turn any of these into a Cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .catalogue import read_catalogue
from .errors import CellError, OptionError, nearest

if TYPE_CHECKING:
    from .equations import Cell


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


def load(name: str) -> Cell:
    """A cell of the zoo, or one from a file: `path/to/file.py`, with `:name` where the file holds several."""
    if name in zoo:
        return zoo[name]
    path, _, member = name.rpartition(":")
    if not path.endswith(".py"):
        path, member = name, ""
    if path.endswith(".py") or Path(path).is_file():
        return load_file(Path(path), member or None)
    meant = nearest(name, [*zoo, *read_catalogue().aliases])
    raise OptionError(
        f"there is no cell called {name!r}{meant and f'; {meant}'}\n"
        f"  `symrnn list` names the {len(zoo)} cells of the zoo\n"
        "  for a cell of your own give its file, such as my_cell.py or my_cell.py:name"
    )


def load_file(path: Path, member: str | None = None) -> Cell:
    """The cell in a file, read as text and never imported."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = error.strerror if isinstance(error, OSError) else error
        raise OptionError(f"cannot read {path}: {reason}") from None
    return read_cell(data, path.name, member)


def read_cell(data: bytes, where: str, member: str | None = None) -> Cell:
    """The cell in the bytes of a file or a stream; `where` is what messages call it."""
    from .equations import build_cell
    from .language import Source

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CellError(f"this is not UTF-8 text: {error.reason} at byte {error.start}", where=where) from None
    return build_cell(Source(text, where), member)


def as_cell(source: Cell | str | Callable[..., Any]) -> Cell:
    """A Cell from whatever a person has: a Cell, a zoo name, `file.py:name`, text with a `def`, or a function."""
    from .equations import cell

    if isinstance(source, str) and "\n" not in source.strip() and not source.lstrip().startswith("def "):
        return load(source)
    return cell(source)
