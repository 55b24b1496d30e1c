"""The table of layouts: all rows of all frameworks, and the way to one of them."""

from __future__ import annotations

from functools import cache

from ..arguments import instance
from ..catalogue import read_catalogue
from ..errors import OptionError, nearest
from .frameworks import elman, jax, keras, native, onnx, programs, pytorch, tensorflow, torchrecurrent
from .layout import Layout
from .notations import in_other_notations
from .row import Preset

_ROWS = (
    *pytorch.ROWS,
    *keras.ROWS,
    *onnx.ROWS,
    *jax.ROWS,
    *tensorflow.ROWS,
    *native.ROWS,
    *torchrecurrent.ROWS,
    *programs.ROWS,
    *elman.ROWS,
)


_PRESETS = (*_ROWS, *in_other_notations(_ROWS))


def presets() -> tuple[Preset, ...]:
    """All rows of the table."""
    return _PRESETS


def frameworks() -> tuple[str, ...]:
    """The frameworks of the table, in its order."""
    return tuple(dict.fromkeys(row.framework for row in _PRESETS))


@cache
def rows_of(framework: str) -> tuple[Preset, ...]:
    """The rows of a framework; a misspelt name raises with the nearest."""
    rows = tuple(row for row in _PRESETS if row.framework == framework)
    if not rows:
        known = list(frameworks())
        raise OptionError(
            f"there is no preset for {framework!r}. {nearest(framework, known)}".rstrip()
            + f"\n  there are: {', '.join(known)}"
        )
    return rows


def find_preset(framework: str, cell: str) -> Preset:
    """The row for a framework and a cell; a misspelt name raises with the nearest."""
    rows = rows_of(framework)
    name = zoo_name(cell)
    for row in rows:
        if zoo_name(row.cell) == name:
            return row
    cells = [row.cell for row in rows]
    raise OptionError(
        f"{framework} has no preset for {cell!r}; it has: {', '.join(cells)}. {nearest(cell, cells)}".rstrip()
    )


def zoo_name(cell: str) -> str:
    """The name that rows have for a cell of the zoo, which may be called by an alias."""
    return read_catalogue().aliases.get(cell, cell)


def preset(framework: str, cell: str) -> Layout:
    """The layout of a framework's arrays for a cell."""
    instance("framework", framework, str, "the name of a framework, such as 'pytorch'")
    instance("cell", cell, str, "the name of a cell, such as 'lstm'")
    return find_preset(framework, cell).layout
