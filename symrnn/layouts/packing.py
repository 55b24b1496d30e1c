"""Weights from one place to another: the cell's parameters as a framework holds them, and back.

Where a framework adds up what the cell has once, as PyTorch does with b = bias_ih + bias_hh, packing gives the whole
to the first summand and zeros to the others, and unpacking adds them up. So packing and unpacking return the very
parameters, except for the last bit where a constant is added on the way (TensorFlow 1's forget bias).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, OptionError, nearest
from ..library import zoo
from ..sizes import Shape, shape_at, show_shape
from .alike import frameworks_of, row_for
from .axes import Unlike, as_numbers, kind
from .blocks import Array
from .layout import Bound, Layout
from .presets import find_preset
from .read_sizes import read_sizes
from .row import Preset
from .trees import flat
from .values import common_type

if TYPE_CHECKING:
    from ..equations import Cell


@dataclass(frozen=True, slots=True)
class _Way:
    """A layout bound to `cell`, which is the zoo's where a framework's row was found; `label` is what messages call
    the arrays' owner."""

    bound: Bound
    cell: Cell
    label: str
    row: Preset | None = None

    @property
    def absent(self) -> Mapping[str, str]:
        return self.row.absent if self.row else {}

    @property
    def note(self) -> str:
        return f"\n  note: {self.row.note}" if self.row and self.row.note else ""


def pack(cell: Cell, params: Mapping[str, Any], target: str | Layout) -> dict[str, Array]:
    """The cell's parameters as the arrays of a framework or of a layout."""
    way = _way_to(cell, target)
    arrays = _arrays(params, cell.params, f"parameters of {cell.name}", "parameter")
    sizes = read_sizes(way.cell.params, arrays, cell.name)
    _check_absent(way, arrays)
    kept = {name: array for name, array in arrays.items() if name not in way.absent}
    with np.errstate(invalid="ignore"):  # 0 · inf, where a weight is infinite already
        return way.bound.values(sizes).lay_out(kept)


def unpack(cell: Cell, arrays: Mapping[str, Any], source: str | Layout) -> dict[str, Array]:
    """The cell's parameters that a framework's arrays hold; nested ones may come as they are."""
    way = _way_to(cell, source)
    given = _arrays(arrays, way.bound.held, way.label, "array", way.note)
    sizes = read_sizes(way.bound.held, given, way.label)
    values = way.bound.values(sizes)
    with np.errstate(invalid="ignore"):
        read = values.read(given)
        found = values.contradiction(given, read)
    if found is not None:
        place = f"{found.array}{list(found.index) if found.index else ''}"
        why = (
            f"{cell.name} has no parameter there"
            if found.holds_none
            else "its parameter stands in another place too, with that value"
        )
        raise InputError(f"{way.label}: {place} is {found.value:g} and has to be {found.wanted:g}: {why}")
    for name in way.absent:
        read[name] = np.zeros(shape_at(way.cell.params[name], sizes))
    dtype = common_type(given)
    return {name: read[name].astype(dtype) for name in cell.params}


def _way_to(cell: Cell, target: str | Layout) -> _Way:
    if isinstance(target, Layout):
        if target.free:
            raise OptionError(
                "the layout leaves the order of some blocks open (`?`), so it does not say where the weights are\n"
                "  mend: write the blocks in their order"
            )
        return _Way(target.bind(cell), cell, f"the layout of {cell.name}")
    if not isinstance(target, str):
        raise OptionError(f"weights go to a framework's name or a Layout, not to {target!r}")
    row = row_for(cell, target)
    return _Way(_bound(row.framework, row.cell), zoo[row.cell], f"{row.framework}'s {row.cell} ({row.layer})", row)


@cache
def _bound(framework: str, cell: str) -> Bound:
    """A row bound to its cell, without the parameters that the framework has no array for."""
    row = find_preset(framework, cell)
    return row.layout.bind(zoo[cell], without=tuple(row.absent))


def _arrays(
    given: Mapping[str, Any], wanted: Mapping[str, Shape], what: str, noun: str, note: str = ""
) -> dict[str, Array]:
    """Arrays by name, none missing, none unknown, in the order of `wanted`."""
    if not isinstance(given, Mapping):
        raise InputError(f"{what}: a dict by names is needed, not {kind(given)}")
    given = flat(given)
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    if missing or unknown:
        problems: list[str] = []
        if missing:
            shapes = ", ".join(f"{name} {show_shape(wanted[name])}" for name in missing)
            problems.append(f"{shapes} {'is' if len(missing) == 1 else 'are'} missing")
        if unknown:
            hint = nearest(unknown[0], missing or list(wanted))
            names = ", ".join(map(repr, unknown))
            problems.append(f"it has no {noun}{'s' * (len(unknown) > 1)} {names}{hint and f', {hint}'}")
        raise InputError(f"{what}: {'; '.join(problems)}\n  its {noun}s: {', '.join(wanted) or 'none'}{note}")
    arrays: dict[str, Array] = {}
    for name in wanted:
        try:
            array = as_numbers(given[name])
            arrays[name] = array if array.dtype.kind == "f" else array.astype("float64")
        except (Unlike, TypeError) as error:  # TypeError: a tensor of a kind that NumPy has not
            raise InputError(f"{what}: `{name}` {_plain(error)}") from None
    return arrays


def _plain(error: Exception) -> str:
    return str(error) if isinstance(error, Unlike) else f"cannot be read by NumPy: {error}\n  mend: make it float32"


def _check_absent(way: _Way, arrays: Mapping[str, Array]) -> None:
    for name, reason in way.absent.items():
        array = arrays[name]
        if not (array != 0).any():
            continue
        place = np.unravel_index(int(np.nanargmax(np.where(np.isnan(array), np.inf, abs(array)))), array.shape)
        index = f"[{', '.join(map(str, place))}]" if place else ""
        assert way.row is not None
        others = [other for other in frameworks_of(way.row.cell) if name not in find_preset(other, way.row.cell).absent]
        elsewhere = f"; there is a place for it in: {', '.join(others)}" if others else ""
        raise InputError(
            f"{way.label} has no place for `{name}`: {reason}\n"
            f"  its largest entry is {name}{index} = {array[place]:.6g}\n"
            f"  mend: weights in which it is zero can be packed{elsewhere}"
        )
