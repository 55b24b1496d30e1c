"""A layout at given sizes: which entry of the parameters every entry of a person's arrays holds, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod

import numpy as np

from ..sizes import Shape, shape_at
from .blocks import SLOTS, Array, Entries, entries_of_block, in_one_row
from .nodes import Block


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """u = scale · w[index] + shift for every array u of the person, with w all parameters in one row, and behind them
    the slots that entries without a parameter point to."""

    sizes: Mapping[str, tuple[int, ...]]
    offsets: Mapping[str, int]
    total: int
    entries: Mapping[str, Entries]
    shares: int
    # What part of its entry each share is given.
    parts: Mapping[str, Array]
    _simple: Mapping[str, bool]

    def lay_out(self, params: Mapping[str, Array]) -> dict[str, Array]:
        """The person's arrays; new ones, so that their code cannot change ours."""
        dtype = np.result_type(*(params[name] for name in self.sizes)) if self.sizes else np.dtype("float64")
        row = np.concatenate([*(params[name].ravel() for name in self.sizes), np.zeros(SLOTS, dtype)])
        arrays: dict[str, Array] = {}
        for name, entries in self.entries.items():
            array = np.asarray(row[entries.index])
            if not self._simple[name]:
                array = ((array * entries.scale + entries.shift) * self.parts[name]).astype(row.dtype)
            arrays[name] = array
        return arrays

    def read_gradients(self, arrays: Mapping[str, Array | None]) -> list[dict[str, Array]]:
        """Gradients of the parameters from those of the person's arrays: Aᵀ u. One reading, or one for each share
        where parameters are split; a parameter of which an entry is missing is left out."""
        first, missing = self._read_share(arrays, 0)
        readings = [self._cut(first, missing)]
        for share in range(1, self.shares):
            row, lacking = self._read_share(arrays, share)
            # Entries that have fewer shares repeat the first reading.
            fewer = ~self._has_share(share)
            row[fewer], lacking[fewer] = first[fewer], missing[fewer]
            readings.append(self._cut(row, lacking))
        return readings

    def _read_share(self, arrays: Mapping[str, Array | None], share: int) -> tuple[Array, Array]:
        """All gradients in one row, split entries by their share of this number, and which entries are lacking."""
        row = np.zeros(self.total + SLOTS)
        lacking = np.zeros(self.total + SLOTS, bool)
        for name, entries in self.entries.items():
            array = arrays.get(name)
            index, scale = entries.index, entries.scale
            chosen = (entries.share < 0) | (entries.share == share)
            if not chosen.all():
                index, scale = index[chosen], scale[chosen]
                array = None if array is None else array[chosen]
            if array is None:
                lacking[index] = True
            else:
                row += np.bincount(index.ravel(), np.ravel(array * scale), self.total + SLOTS)
        return row, lacking

    def places(self, name: str, index: tuple[int, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Where the person has an entry of a parameter: arrays and indices."""
        entry = self.offsets[name] + (int(np.ravel_multi_index(index, self.sizes[name])) if index else 0)
        return tuple(
            (array, tuple(int(k) for k in place))
            for array, entries in self.entries.items()
            for place in np.argwhere(entries.index == entry)
        )

    def _has_share(self, share: int) -> Array:
        found = np.zeros(self.total + SLOTS, bool)
        for entries in self.entries.values():
            found[entries.index[entries.share == share]] = True
        return found

    def _cut(self, row: Array, lacking: Array) -> dict[str, Array]:
        """The parameters in a row, each in its shape; those with a lacking entry are left out."""
        some = lacking.any()
        params: dict[str, Array] = {}
        for name, shape in self.sizes.items():
            start = self.offsets[name]
            stop = start + prod(shape)
            if not (some and lacking[start:stop].any()):
                params[name] = row[start:stop].reshape(shape)
        return params


def build_plan(blocks: Mapping[str, Block], shapes: Mapping[str, Shape], dims: Mapping[str, int]) -> Plan:
    """Which entry of the parameters every entry of every array holds."""
    sizes = {name: shape_at(shape, dims) for name, shape in shapes.items()}
    held = in_one_row(sizes)
    ends = list(accumulate((prod(shape) for shape in sizes.values()), initial=0))
    offsets, total = dict(zip(sizes, ends, strict=False)), ends[-1]
    entries = {name: _settled(entries_of_block(block, held, dims), total) for name, block in blocks.items()}
    entries, parts, shares = _split(entries, total)
    simple = {
        name: bool((e.scale == 1).all() and not e.shift.any() and (e.share < 0).all()) for name, e in entries.items()
    }
    return Plan(sizes, offsets, total, entries, shares, parts, simple)


def _settled(entries: Entries, total: int) -> Entries:
    """The entries with slots counted from the front, now that the total is known."""
    return replace(entries, index=entries.index % (total + SLOTS))


def _split(entries: Mapping[str, Entries], total: int) -> tuple[dict[str, Entries], dict[str, Array], int]:
    """Shares get numbers, and unequal parts that add up to one: with equal parts, code that takes one bias for the
    other would go unnoticed."""
    count = np.zeros(total + SLOTS, int)
    for e in entries.values():
        np.add.at(count, e.index[e.share >= 0], 1)
    seen = np.zeros(total + SLOTS, int)
    numbered: dict[str, Entries] = {}
    parts: dict[str, Array] = {}
    for name, e in entries.items():
        share, part = e.share.copy(), np.ones(e.index.shape)
        for place in map(tuple, np.argwhere(e.share >= 0)):
            entry = e.index[place]
            k = share[place] = seen[entry]
            # 3/8, 3/16, …, and the rest for the last: binary, so that the shares add up exactly but for rounding.
            part[place] = 1 - 0.75 * (1 - 0.5**k) if k == count[entry] - 1 else 0.375 * 0.5**k
            seen[entry] += 1
        numbered[name], parts[name] = Entries(e.index, e.scale, e.shift, share), part
    return numbered, parts, int(count.max(initial=0))
