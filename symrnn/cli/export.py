"""`symrnn export`: pages of cells and networks into a folder, or a look at whether it holds them as they are now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OptionError
from .output import is_same, say
from .parser import Call

if TYPE_CHECKING:
    from ..equations import Cell, Network
    from ..publishing import Order, Page, Published


def export(call: Call, models: list[Cell | Network]) -> tuple[str, bool]:
    """Write the pages of models and an index. Says what was done, and whether everything was as it should be."""
    from ..checking import PROOF_LIMIT
    from ..publishing import (
        Order,
        distinct,
        names_of_pages,
        open_folder,
        read_formats,
        refuse_foreign,
        with_cells,
        write_pages,
    )
    from ..render import read_language, read_notation

    if not call.folder:
        raise OptionError("say where to: symrnn export -o DIR\n  try: symrnn export --help")
    formats = read_formats(call.format or "md,tex,py")
    limit = call.proof_limit or PROOF_LIMIT
    order = Order(
        formats, read_notation(call.notation), read_language(call.lang).code, not call.quick, limit, call.charts
    )
    models = distinct(with_cells(models, order))
    if call.check:
        return _compare(Path(call.folder), _make_pages(call, models, order), whole=not call.cells)
    with open_folder(call.folder) as folder:  # before the work, which may be long
        refuse_foreign(folder, names_of_pages(models, order), force=call.force)
        pages = _make_pages(call, models, order)
        for page in pages:
            if any(is_same(cell, folder / page.name) for cell in call.cells):
                raise OptionError(f"the cell is read from {folder / page.name}\n  mend: another folder")
        write_pages(folder, pages, force=call.force)
    return f"{len(pages)} files in {folder}", True


def _make_pages(call: Call, models: list[Cell | Network], order: Order) -> list[Page]:
    from ..campaign.executors import available_processors
    from ..publishing import index_page, publish

    published: list[Published] = []
    for place, item in enumerate(publish(models, order, jobs=call.jobs or available_processors()), start=1):
        say(f"{item.name} ({place} of {len(models)})")
        published.append(item)
    pages = [page for item in published for page in item.pages]
    if len(published) > 1:
        pages.append(index_page(models, published, call.lang))
    return pages


def _compare(folder: Path, pages: list[Page], whole: bool) -> tuple[str, bool]:
    """Whether a folder holds what would be written now, and, for the whole zoo, nothing that no longer would be."""
    from ..publishing import read_record, stale_pages

    left = sorted(set(read_record(folder)) - {page.name for page in pages}) if whole else []
    lines = [f"{name} differs from what symrnn writes now" for name in stale_pages(folder, pages)]
    lines += [f"{name} is left over: symrnn no longer writes it" for name in left]
    return "\n".join(lines) or f"{len(pages)} files in {folder} are up to date", not lines
