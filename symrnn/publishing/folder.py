"""A folder of published pages: written so that an end at any moment loses neither pages nor what is not ours."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..equations import Cell, Network
from ..errors import OptionError
from ..files import DRAFT, hold, require_file, told, write_whole
from ..records import parse_record
from .pages import Page

RECORD = ".symrnn.json"
"""The fingerprints of what symrnn wrote into a folder; a file that differs from its own has been changed by hand. While
pages are written, a page has two: that of its old content and that of its new."""

Record = dict[str, tuple[str, ...]]

_LARGEST_RECORD = 10_000_000
_MARK = re.compile("[0-9a-f]{16}")
# The table of contents; what a web server shows for the folder; what Windows takes for a device, whatever follows it.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
_RESERVED = {"readme", "index"} | _DEVICES


def distinct(cells: Iterable[Cell | Network]) -> list[Cell | Network]:
    """Cells and networks whose files do not meet: what is given twice counts once, and two of one name are an error, on
    every file system. So is a name that a file of a folder of pages cannot have."""
    found: dict[str, Cell | Network] = {}
    for cell in cells:
        key = cell.name.casefold()
        if key in _RESERVED:
            raise OptionError(
                f"a cell called {cell.name} cannot be exported: its files would have names that are reserved\n"
                "  mend: give the cell another name"
            )
        other = found.setdefault(key, cell)
        if (other.name, other.text) != (cell.name, cell.text):
            both = f"called {cell.name}" if other.name == cell.name else f"called {other.name} and {cell.name}"
            raise OptionError(
                f"two cells are {both}, and their files would have the same names\n"
                "  mend: give one of them another name, or export them to two folders"
            )
    return list(found.values())


@contextmanager
def open_folder(path: str) -> Iterator[Path]:
    """A folder to write pages to, made where there is none, and kept from a second writer meanwhile."""
    folder = Path(path)
    with told(f"to {path}"):
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        if os.path.lexists(folder) and not folder.is_dir():
            raise OSError(None, "it is not a folder")
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OSError(None, "the folder is read-only")
        handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else None
    try:
        if handle is not None and not hold(handle):
            raise OptionError(
                f"another export is writing to {folder}\n  mend: wait for its end, or give another folder"
            )
        yield folder
    finally:
        if handle is not None:
            os.close(handle)
        with suppress(OSError):  # where nothing came of it, what was made for it goes; a folder with files stays
            for place in missing:
                place.rmdir()


def write_pages(folder: Path, pages: Sequence[Page], *, force: bool = False) -> None:
    """Write pages into a folder that `open_folder` gave: all of them, or, where one would meet a file that symrnn did
    not write or that was changed since, none. Where it is cut short, a second call goes on."""
    record = refuse_foreign(folder, [page.name for page in pages], force=force)
    for page in pages:
        with told(str(folder / page.name)):
            require_file(folder / page.name, over_link=force)
    with told(f"to {folder}"):
        for draft in folder.glob(f"{DRAFT}*"):  # of an export that was killed: no other is at work here
            draft.unlink(missing_ok=True)
        after = record | {page.name: (_fingerprint(page.content),) for page in pages}
        if after != record:
            both = {name: tuple(dict.fromkeys((*record.get(name, ()), *marks))) for name, marks in after.items()}
            _write_record(folder, both)
        for page in pages:
            write_whole(folder / page.name, page.content, over_link=force)
        _write_record(folder, after)


def refuse_foreign(folder: Path, names: Iterable[str], *, force: bool = False) -> Record:
    """What symrnn wrote into a folder; an error where a file of such a name is not of it, or was changed since."""
    record = read_record(folder)
    strange = [name for name in names if not force and _is_foreign(folder / name, record)]
    if strange:
        raise OptionError(
            f"in {folder} symrnn did not write {', '.join(strange)}, or they were changed since\n"
            "  mend: another folder, or --force to write over them"
        )
    return record


def stale_pages(folder: Path, pages: Sequence[Page]) -> list[str]:
    """Which pages a folder does not hold as they would be written now."""
    return [page.name for page in pages if _read(folder / page.name, len(page.content)) != page.content]


def read_record(folder: Path) -> Record:
    """The fingerprints of what symrnn wrote into a folder. A file of that name that is not symrnn's is an error."""
    path = folder / RECORD
    content = _read(path, _LARGEST_RECORD)
    if content is None and not path.is_symlink() and not path.exists():
        return {}
    try:
        found = parse_record(content or b"", _LARGEST_RECORD)
        record = {name: (marks,) if isinstance(marks, str) else tuple(marks) for name, marks in found.items()}
        if all(isinstance(mark, str) and _MARK.fullmatch(mark) for marks in record.values() for mark in marks):
            return record
    except (ValueError, TypeError):
        pass
    raise OptionError(
        f"{path} is not a record that symrnn wrote, and is left as it is\n"
        "  mend: another folder, or move that file away (pages that are there then need --force)"
    )


def _write_record(folder: Path, record: Record) -> None:
    shown = {name: marks[0] if len(marks) == 1 else list(marks) for name, marks in sorted(record.items())}
    write_whole(folder / RECORD, json.dumps(shown, indent=1) + "\n")


def _is_foreign(path: Path, record: Record) -> bool:
    if not path.is_symlink() and not path.exists():
        return False
    content = _read(path, None)
    return content is None or _fingerprint(content) not in record.get(path.name, ())


def _read(path: Path, most: int | None) -> bytes | None:
    """What a file holds; None where there is none, where it is something else than a file, or longer than `most`."""
    try:
        held = path.lstat()
        if not stat.S_ISREG(held.st_mode) or (most is not None and held.st_size > most):
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
