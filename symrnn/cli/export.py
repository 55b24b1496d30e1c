"""Files of published derivations: written whole, and never over what symrnn did not write itself."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OptionError
from ..records import read_record
from .output import write_whole
from .parser import Call

if TYPE_CHECKING:
    from ..equations import Cell
    from ..publishing import Page, Published

RECORD = ".symrnn.json"
"""The fingerprints of what symrnn wrote into a folder; a file that differs from its own has been changed by hand."""


def export(call: Call, cells: list[Cell]) -> tuple[str, bool]:
    """Write the pages of cells and an index. Says what was done, and whether everything was as it should be."""
    from ..campaign.executors import available_processors
    from ..checking import PROOF_LIMIT
    from ..publishing import Order, index_page, publish, read_formats
    from ..render import read_language, read_notation

    if not call.folder:
        raise OptionError("say where to: symrnn export -o DIR\n  try: symrnn export --help")
    folder = Path(call.folder)
    formats = read_formats(call.format or "md,tex,py")
    limit = call.proof_limit or PROOF_LIMIT
    order = Order(formats, read_notation(call.notation), read_language(call.lang).code, not call.quick, limit)
    published: list[Published] = []
    for place, item in enumerate(publish(cells, order, jobs=call.jobs or available_processors()), start=1):
        print(f"{item.name} ({place} of {len(cells)})", file=sys.stderr, flush=True)
        published.append(item)
    pages = [page for item in published for page in item.pages]
    if len(published) > 1:
        pages.append(index_page(cells, published, call.lang))
    if call.check:
        return _compare(folder, pages, whole=not call.cells)
    return _write(folder, pages, call.force), True


def _write(folder: Path, pages: list[Page], force: bool) -> str:
    record = _read_record(folder)
    strange = [page.name for page in pages if not force and _is_foreign(folder / page.name, record)]
    if strange:
        raise OptionError(
            f"in {folder} symrnn did not write {', '.join(strange)}, or they were changed since\n"
            "  mend: another folder, or --force to write over them"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for page in pages:
            write_whole(folder / page.name, page.content)
            record[page.name] = _fingerprint(page.content)
        write_whole(folder / RECORD, json.dumps(dict(sorted(record.items())), indent=1) + "\n")
    except OSError as error:
        raise OptionError(f"cannot write to {folder}: {error.strerror or error}") from None
    return f"{len(pages)} files in {folder}"


def _compare(folder: Path, pages: list[Page], whole: bool) -> tuple[str, bool]:
    """Whether a folder holds what would be written now, and, for the whole zoo, nothing that no longer would be."""
    stale = [page.name for page in pages if not _holds(folder / page.name, page.content)]
    left = sorted(set(_read_record(folder)) - {page.name for page in pages}) if whole else []
    lines = [f"{name} differs from what symrnn writes now" for name in stale]
    lines += [f"{name} is left over: symrnn no longer writes it" for name in left]
    return "\n".join(lines) or f"{len(pages)} files in {folder} are up to date", not lines


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _is_foreign(path: Path, record: dict[str, str]) -> bool:
    try:
        return _fingerprint(path.read_bytes()) != record.get(path.name)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _read_record(folder: Path) -> dict[str, str]:
    try:
        found = read_record(folder / RECORD)
        if not all(isinstance(mark, str) for mark in found.values()):
            raise ValueError("a fingerprint is not a text")
        return found
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise OptionError(f"cannot read {folder / RECORD}: {error.strerror or error}") from None
    except ValueError as error:
        raise OptionError(
            f"{folder / RECORD}, which says what symrnn wrote there, is damaged: {error}\n"
            "  mend: delete it, and export with --force"
        ) from None


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
