"""Layouts: how a person's arrays hold the canonical ones, and the exact way there and back.

The map from the cell's parameters w to the person's arrays u is u = A w + k, with k the constants that the code adds by
itself. So by the chain rule a gradient comes back as ∂L/∂w = Aᵀ ∂L/∂u: a block is cut out again, a transposed one is
turned back, and where a parameter stands in several places their gradients are summed, because each place is a use of
its own. A `share` is the exception: the code adds the shares up before it uses them, so each share's gradient is the
whole gradient, and each is read by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations, product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ..errors import OptionError, Span, nearest
from ..sizes import Shape, show_shape
from .axes import Axes, read_axes
from .blocks import Array, Entries, entries_of_block, shape_of_block
from .layout_text import Block, Blocks, Parameter, Rule, Rules, Share, children, read_layout, walk_blocks

if TYPE_CHECKING:
    from ..equations import Cell

Order = tuple[int, ...]
"""For each free place of a list, which of the free blocks stands there."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a person's arrays hold the canonical ones; what is left out is as it is in the cell.

    `params` is text in the language of `layout_text`, one line for each of the person's arrays, or a dict of blocks by
    the arrays' names. `x`, `outputs` and
    `state` name axes (see `axes`): one string for all arrays, or a dict of strings by name. `names` says what the
    person calls inputs, states and outputs: {"h": "hidden"}.
    """

    params: str | Mapping[str, str] = "..."
    x: str | Mapping[str, str] = ""
    outputs: str | Mapping[str, str] = ""
    state: str | Mapping[str, str] = ""
    names: Mapping[str, str] = field(default_factory=dict)
    rules: Rules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", read_layout(self.params))

    @staticmethod
    def preset(framework: str, cell: str) -> Layout:
        """The layout of a framework's arrays: `Layout.preset("pytorch", "lstm")`; `presets()` lists them."""
        from .presets import preset

        return preset(framework, cell)

    @property
    def free(self) -> tuple[Blocks, ...]:
        """The lists whose order is to be found by trial, in the order of the text."""
        blocks = (block for rule in self.rules.rules for block in walk_blocks(rule.block))
        return tuple(block for block in blocks if isinstance(block, Blocks) and block.free)

    def ordered(self, orders: tuple[Order, ...]) -> Layout:
        """The layout with its free blocks set in the given orders, one for each list of `free`."""
        remaining = iter(orders)
        rules = tuple(replace(rule, block=settle_block(rule.block, remaining)) for rule in self.rules.rules)
        if isinstance(self.params, Mapping):
            return replace(self, params={rule.name: str(rule.block) for rule in rules})
        return replace(self, params=str(Rules(rules, self.rules.rest, self.rules.source)))

    def bind(self, cell: Cell, extra: Mapping[str, Shape] | None = None) -> Bound:
        """The layout for a cell, with every name and shape checked; `extra` are parameters beside the cell's own."""
        return _bind(self, cell, {**cell.params, **(extra or {})})

    def text(self) -> str:
        """The layout as a person would write it."""
        lines = [str(self.rules)]
        for what, axes in (("x", self.x), ("outputs", self.outputs), ("state", self.state)):
            if axes:
                lines.append(f"{what}: {axes if isinstance(axes, str) else dict(axes)}")
        return "\n".join(lines)


def settle_block(block: Block, orders: Iterator[Order]) -> Block:
    """The block with its lists in the given orders, taken as they come."""
    if isinstance(block, Parameter):
        return block
    if not isinstance(block, Blocks):
        return replace(block, part=settle_block(block.part, orders))
    parts = list(block.parts)
    if block.free:
        order = next(orders)
        for place, source in zip(block.free, order, strict=True):
            parts[place] = block.parts[block.free[source]]
    return replace(block, parts=tuple(settle_block(part, orders) for part in parts), free=())


def joint_orders(free: tuple[Blocks, ...]) -> list[tuple[Order, ...]]:
    """All orders in which lists of equally many free blocks change places alike, as gates do."""
    counts = list(dict.fromkeys(len(block.free) for block in free))
    choices = product(*(permutations(range(count)) for count in counts))
    return [tuple(dict(zip(counts, choice, strict=True))[len(block.free)] for block in free) for choice in choices]


def separate_orders(free: tuple[Blocks, ...]) -> Iterator[tuple[Order, ...]]:
    """All orders, each list by itself: an iterator, because there may be many."""
    return product(*(permutations(range(len(block.free))) for block in free))


# Bound to a cell -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A layout for a cell: names and axes of every array, and a plan for each set of sizes."""

    layout: Layout
    shapes: Mapping[str, Shape]
    held: Mapping[str, Shape]
    inputs: Mapping[str, Axes]
    outputs: Mapping[str, Axes]
    states: Mapping[str, Axes]
    called: Mapping[str, str]
    blocks: Mapping[str, Block]
    _plans: dict[tuple[tuple[str, int], ...], Plan] = field(default_factory=dict, repr=False)

    @property
    def batched(self) -> bool:
        """Whether the code takes a batch of sequences at once."""
        return all(axes.batched for axes in (*self.inputs.values(), *self.outputs.values(), *self.states.values()))

    @property
    def last_only(self) -> bool:
        """Whether the code has the outputs of the last step alone."""
        return any(axes.last_only for axes in self.outputs.values())

    def plan(self, dims: Mapping[str, int]) -> Plan:
        """The way from the parameters to the person's arrays and back, at given sizes."""
        key = tuple(dims.items())
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = build_plan(self.blocks, self.shapes, dims)
        return plan


def _bind(layout: Layout, cell: Cell, shapes: Mapping[str, Shape]) -> Bound:
    rules = layout.rules
    held = {rule.name: shape_of_block(rule.block, shapes, rules) for rule in rules.rules}
    used = {block.name for rule in rules.rules for block in walk_blocks(rule.block) if isinstance(block, Parameter)}
    blocks = {rule.name: rule.block for rule in rules.rules}
    left = [name for name in shapes if name not in used]
    if left and not rules.rest:
        last = rules.rules[-1].span if rules.rules else Span(1, 0, 1, 1)
        raise rules.error(
            f"the layout says nothing of {', '.join(left)}, which {cell.name} has",
            last,
            mend="add a line for each array that holds them, or the line `...` if they are what they are in the cell; "
            "if the code has no such parameter, it is another cell: write its text without it",
        )
    for name in left:
        if name in blocks:
            raise rules.error(
                f"`{name}` is an array of the layout and a parameter that stands in none",
                next(rule.span for rule in rules.rules if rule.name == name),
                mend=f"say which array holds the cell's {name}",
            )
        blocks[name], held[name] = Parameter(name, Span(1, 0, 1, 1)), shapes[name]
    _check_shares(rules)
    batch = "N " if _names_the_batch(layout) else ""
    inputs = _read_all(layout.x, cell.inputs, "x", "T " + batch, timed=True)
    outputs = _read_all(layout.outputs, cell.outputs, "outputs", "T " + batch, timed=True)
    states = _read_all(layout.state, cell.states, "state", batch, timed=False)
    return Bound(layout, shapes, held, inputs, outputs, states, _called(layout, cell), blocks)


def _names_the_batch(layout: Layout) -> bool:
    """Whether the axes that are given have N; code without a batch has it nowhere."""
    given: dict[str, str] = {}
    for what, axes in (("x", layout.x), ("outputs", layout.outputs), ("state", layout.state)):
        named = {what: axes} if isinstance(axes, str) else {f"{what} {name}": text for name, text in axes.items()}
        given |= {name: text for name, text in named.items() if text}
    without = [name for name, text in given.items() if "N" not in text.split()]
    with_batch = [name for name in given if name not in without]
    if without and with_batch:
        raise OptionError(
            f"the layout has a batch axis N in {with_batch[0]} (`{given[with_batch[0]]}`) and none in "
            f"{without[0]} (`{given[without[0]]}`)\n  mend: N stands in all of them, or in none"
        )
    return not without


def _check_shares(rules: Rules) -> None:
    """A share needs another one, and a parameter that is split stands nowhere whole."""
    shared: dict[str, list[Share]] = {}
    whole: dict[str, Rule] = {}

    def visit(block: Block, rule: Rule, share: Share | None) -> None:
        if isinstance(block, Share):
            share = block
        if isinstance(block, Parameter):
            if share is None:
                whole[block.name] = rule
            else:
                shared.setdefault(block.name, []).append(share)
        for child in children(block):
            visit(child, rule, share)

    for rule in rules.rules:
        visit(rule.block, rule, None)
    for name, places in shared.items():
        if len(places) == 1 or name in whole:
            other = f"in `{whole[name].name}` it stands whole" if name in whole else "there is only one"
            raise rules.error(
                f"the shares of `{name}` do not add up: {other}",
                places[0].span,
                mend=f"write share({name}) in every array that is added up to {name}, "
                f"or {name} in the one that holds it",
            )


def _called(layout: Layout, cell: Cell) -> dict[str, str]:
    known = [*cell.inputs, *cell.states, *cell.outputs]
    for name in layout.names:
        if name not in known:
            raise OptionError(
                f"names of the layout: {cell.name} has no input, state or output {name!r}; it has: "
                f"{', '.join(dict.fromkeys(known))}. {nearest(name, known)}".rstrip()
            )
    return {name: layout.names.get(name, name) for name in known}


def _read_all(
    given: str | Mapping[str, str], shapes: Mapping[str, Shape], what: str, lead: str, *, timed: bool
) -> dict[str, Axes]:
    if isinstance(given, Mapping):
        for name in given:
            if name not in shapes:
                known = ", ".join(shapes) or "none"
                raise OptionError(
                    f"{what} of the layout has {name!r}; the cell has: {known}. {nearest(name, list(shapes))}"
                )
    axes: dict[str, Axes] = {}
    for name, shape in shapes.items():
        text = given if isinstance(given, str) else given.get(name, "")
        as_in_cell = lead + " ".join(str(size).replace(" ", "") for size in shape)
        axes[name] = read_axes(
            text or as_in_cell.strip(), shape, name if name == what else f"{what} {name}", timed=timed
        )
    return axes


# At given sizes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """u = scale · w[index] + shift for every array u of the person, with w all parameters in one row."""

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
        row = np.concatenate([params[name].ravel() for name in self.sizes]) if self.sizes else np.zeros(0)
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
        row = np.zeros(self.total)
        lacking = np.zeros(self.total, bool)
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
                row += np.bincount(index.ravel(), np.ravel(array * scale), self.total)
        return row, lacking

    def read_params(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The parameters that the person's arrays hold: w from u. Shares are added up."""
        row = np.zeros(self.total)
        for name, entries in self.entries.items():
            value = (arrays[name] - entries.shift * self.parts[name]) / entries.scale
            split = entries.share >= 0
            row[entries.index[~split]] = value[~split]
            np.add.at(row, entries.index[split], value[split])
        return self._cut(row, np.zeros(self.total, bool))

    def places(self, name: str, index: tuple[int, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Where the person has an entry of a parameter: arrays and indices."""
        entry = self.offsets[name] + (int(np.ravel_multi_index(index, self.sizes[name])) if index else 0)
        return tuple(
            (array, tuple(int(k) for k in place))
            for array, entries in self.entries.items()
            for place in np.argwhere(entries.index == entry)
        )

    def _has_share(self, share: int) -> Array:
        found = np.zeros(self.total, bool)
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
    sizes = {name: tuple(size.value(dims) for size in shape) for name, shape in shapes.items()}
    offsets: dict[str, int] = {}
    held: dict[str, Entries] = {}
    total = 0
    for name, shape in sizes.items():
        offsets[name] = total
        count = prod(shape)
        index = np.arange(total, total + count).reshape(shape)
        held[name] = Entries(index, np.ones(shape), np.zeros(shape), np.full(shape, -1))
        total += count
    entries = {name: entries_of_block(block, held, dims) for name, block in blocks.items()}
    entries, parts, shares = _split(entries, total)
    simple = {
        name: bool((e.scale == 1).all() and not e.shift.any() and (e.share < 0).all()) for name, e in entries.items()
    }
    return Plan(sizes, offsets, total, entries, shares, parts, simple)


def _split(entries: Mapping[str, Entries], total: int) -> tuple[dict[str, Entries], dict[str, Array], int]:
    """Shares get numbers, and unequal parts that add up to one: with equal parts, code that takes one bias for the
    other would go unnoticed."""
    count = np.zeros(total, int)
    for e in entries.values():
        np.add.at(count, e.index[e.share >= 0], 1)
    seen = np.zeros(total, int)
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


def describe(bound: Bound) -> str:
    """The person's arrays with their shapes, for messages."""
    return ", ".join(f"{name} {show_shape(shape)}" for name, shape in bound.held.items())
