"""Orders of blocks found by trial: which order of the marked blocks makes the person's forward the cell's.

The code is called once, with its arrays filled in the order of the text. For every other order those same arrays hold
other parameters, and the cell's meaning is run for all of them side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from math import factorial, prod

import numpy as np

from ..checking.oracles import Key, Point
from ..errors import OptionError
from ..layouts.blocks import SLOTS, Array, entries_of_block, in_one_row
from ..layouts.language import Rule
from ..layouts.layout import Layout, Order, in_order, joint_orders, separate_orders
from ..layouts.nodes import Blocks, Parameter, walk_blocks
from .observing import Observation
from .search import agreeing_lanes
from .subject import Subject

_LANES = 512
_MOST = 20_000


def find_order(layout: Layout, subject: Subject, seen: Observation) -> tuple[tuple[Order, ...] | None, str]:
    """The order that agrees with what a forward was seen to give, and in words; None when none does. `subject` has the
    blocks as they are written. Lists of equally many blocks change places alike at first, and each by itself after
    that."""
    free, point = layout.free, seen.point
    arrays = subject.bound.plan(point.dims).lay_out(point.params)
    number = prod(factorial(len(block.free)) for block in free)
    found = _find(layout, point, arrays, seen.forward, joint_orders(free))
    if found is None and number <= _MOST:
        found = _find(layout, point, arrays, seen.forward, separate_orders(free))
    if found is None and number > _MOST:
        raise OptionError(
            f"the marked blocks have {number:,} orders; those in which all lists change places alike were tried and "
            f"none agrees, and more than {_MOST:,} are not tried one by one\n  mend: mark fewer blocks with ?"
        )
    return found, "no order of the marked blocks agrees" if found is None else _words(free, found)


def _words(free: tuple[Blocks, ...], orders: tuple[Order, ...]) -> str:
    """`gate order i, f, o, g` where the blocks are named by gates, or the blocks themselves."""
    lists: list[str] = []
    for block, order in zip(free, orders, strict=True):
        parts = [block.parts[block.free[k]] for k in order]
        names = [[leaf.name for leaf in walk_blocks(part) if isinstance(leaf, Parameter)] for part in parts]
        gates = [each[0].rpartition("_")[2] if len(each) == 1 and "_" in each[0] else "" for each in names]
        lists.append(", ".join(gates) if all(gates) else ", ".join(map(str, parts)))
    distinct = list(dict.fromkeys(lists))
    return f"order {' and '.join(distinct)}, found by trial"


def _find(
    layout: Layout,
    point: Point,
    arrays: Mapping[str, Array],
    wanted: Mapping[Key, Array],
    candidates: Iterable[tuple[Order, ...]],
) -> tuple[Order, ...] | None:
    reader = _Reader(layout, point)
    stream = iter(candidates)
    while chosen := list(islice(stream, _LANES)):
        rows = np.stack([reader.row(arrays, orders) for orders in chosen])
        lanes = agreeing_lanes(point.cell.program, point, reader.params(rows), wanted)
        if lanes.size:
            return chosen[int(lanes[0])]
    return None


class _Reader:
    """Parameters read out of the person's arrays under an order; each array's part is worked out once an order."""

    def __init__(self, layout: Layout, point: Point) -> None:
        self.layout = layout
        self.sizes = {name: array.shape for name, array in point.params.items()}
        self.dims = point.dims
        self.held = in_one_row(self.sizes)
        self.total = sum(each.index.size for each in self.held.values())
        self.rules = layout.rules.rules
        self.counts = [sum(isinstance(b, Blocks) and bool(b.free) for b in walk_blocks(r.block)) for r in self.rules]
        self.parts: dict[tuple[int, tuple[Order, ...]], Array] = {}

    def row(self, arrays: Mapping[str, Array], orders: tuple[Order, ...]) -> Array:
        total = np.zeros(self.total + SLOTS)
        start = 0
        for k, rule in enumerate(self.rules):
            mine = orders[start : start + self.counts[k]]
            start += self.counts[k]
            key = (k, mine)
            if key not in self.parts:
                self.parts[key] = self._part(rule, mine, arrays[rule.name])
            total += self.parts[key]
        named = {leaf.name for rule in self.rules for leaf in walk_blocks(rule.block) if isinstance(leaf, Parameter)}
        for name in self.sizes:
            if name not in named:
                np.add.at(total, self.held[name].index, arrays[name])
        return total

    def _part(self, rule: Rule, orders: tuple[Order, ...], array: Array) -> Array:
        """What one array says of the parameters: an entry that stands there twice counts once, a share as a share."""
        entries = entries_of_block(in_order(rule.block, iter(orders)), self.held, self.dims)
        values = (array - entries.shift) / entries.scale
        total, count = np.zeros(self.total + SLOTS), np.zeros(self.total + SLOTS)
        np.add.at(total, entries.index, values)
        np.add.at(count, entries.index[entries.share < 0], 1.0)
        return total / np.maximum(count, 1.0)

    def params(self, rows: Array) -> dict[str, Array]:
        params: dict[str, Array] = {}
        for name, shape in self.sizes.items():
            start = int(self.held[name].index.ravel()[0])
            params[name] = rows[:, start : start + int(np.prod(shape))].reshape(len(rows), 1, *shape)
        return params
