"""Orders of blocks found by trial: which order of the marked blocks makes the person's forward the cell's.

The code is called once, with its arrays filled in the order of the text. For every other order those same arrays hold
other parameters, and the cell's meaning is run for all of them side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from math import factorial, prod

import numpy as np

from ..checking.oracles import Key, Point
from ..errors import OptionError
from ..layouts.blocks import SLOTS, Array, Entries, entries_of_block
from ..layouts.language import Rule
from ..layouts.layout import Layout, Order, joint_orders, separate_orders, settle_block
from ..layouts.nodes import Blocks, Parameter, walk_blocks
from .observing import Observation
from .search import agreeing_lanes

_LANES = 512
_MOST = 20_000


def settle_orders(layout: Layout, point: Point, run: Callable[[Layout], Observation]) -> tuple[Layout, str] | None:
    """The layout with its open orders settled, and the order in words; None when no order agrees. `run` runs the
    forward under a layout. Lists of equally many blocks change places alike at first, and each by itself after that."""
    free = layout.free
    straight = tuple(tuple(range(len(block.free))) for block in free)
    base = layout.ordered(straight)
    seen = run(base)
    wanted: dict[Key, Array] = {("output", name): array for name, array in seen.outputs.items()}
    wanted |= {("final state", name): array for name, array in seen.final.items()}
    # Without its settled layout the plan of the base order says what the arrays held.
    arrays = base.bind(point.cell).plan(seen.point.dims).lay_out(seen.point.params)
    number = prod(factorial(len(block.free)) for block in free)
    found = _find(layout, seen.point, arrays, wanted, joint_orders(free))
    if found is None and number <= _MOST:
        found = _find(layout, seen.point, arrays, wanted, separate_orders(free))
    if found is None and number > _MOST:
        raise OptionError(
            f"the marked blocks have {number:,} orders; those in which all lists change places alike were tried and "
            f"none agrees, and more than {_MOST:,} are not tried one by one\n  mend: mark fewer blocks with ?"
        )
    if found is None:
        return None
    return layout.ordered(found), _words(free, found)


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
        self.held: dict[str, Entries] = {}
        self.total = 0
        for name, shape in self.sizes.items():
            count = int(np.prod(shape))
            index = np.arange(self.total, self.total + count).reshape(shape)
            self.held[name] = Entries(index, np.ones(shape), np.zeros(shape), np.full(shape, -1))
            self.total += count
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
        entries = entries_of_block(settle_block(rule.block, iter(orders)), self.held, self.dims)
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
