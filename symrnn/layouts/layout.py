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

from ..arguments import instance
from ..errors import OptionError, Span, nearest
from ..sizes import Shape, show_shape
from .axes import Axes, read_axes
from .blocks import shape_of_block
from .language import Rule, Rules, read_layout
from .nodes import Block, Blocks, Cut, Fill, Parameter, Share, children, parameters_of, walk_blocks
from .plan import Plan, build_plan
from .values import Values

if TYPE_CHECKING:
    from ..equations import Cell

Order = tuple[int, ...]
"""For each free place of a list, which of the free blocks stands there."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a person's arrays hold the canonical ones; what is left out is as it is in the cell.

    `params` is text in the language of `language`, one line for each of the person's arrays, or a dict of blocks by
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
        instance("Layout.params", self.params, (str, Mapping), "text with a line for each array, or a dict of such")
        for what, axes in (("x", self.x), ("outputs", self.outputs), ("state", self.state)):
            instance(f"Layout.{what}", axes, (str, Mapping), "a text of axes such as 'T N m', or a dict of such")
        instance("Layout.names", self.names, Mapping, "a dict such as {'h': 'hidden'}")
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

    @property
    def as_written(self) -> Layout:
        """The layout with its free blocks in the order of the text."""
        return self.ordered(tuple(tuple(range(len(block.free))) for block in self.free)) if self.free else self

    def ordered(self, orders: tuple[Order, ...]) -> Layout:
        """The layout with its free blocks set in the given orders, one for each list of `free`."""
        remaining = iter(orders)
        rules = tuple(replace(rule, block=in_order(rule.block, remaining)) for rule in self.rules.rules)
        if isinstance(self.params, Mapping):
            return replace(self, params={rule.name: str(rule.block) for rule in rules})
        return replace(self, params=str(Rules(rules, self.rules.rest, self.rules.source)))

    def bind(self, cell: Cell, extra: Mapping[str, Shape] | None = None, without: tuple[str, ...] = ()) -> Bound:
        """The layout for a cell, with every name and shape checked; `extra` are parameters beside the cell's own, and
        `without` are those that the arrays have no place for."""
        shapes = {name: shape for name, shape in cell.params.items() if name not in without}
        return _bind(self, cell, {**shapes, **(extra or {})})

    def text(self) -> str:
        """The layout as a person would write it."""
        lines = [str(self.rules)]
        for what, axes in (("x", self.x), ("outputs", self.outputs), ("state", self.state)):
            if axes:
                lines.append(f"{what}: {axes if isinstance(axes, str) else dict(axes)}")
        return "\n".join(lines)


def in_order(block: Block, orders: Iterator[Order]) -> Block:
    """The block with its lists in the given orders, taken as they come."""
    if isinstance(block, Parameter | Fill):
        return block
    if not isinstance(block, Blocks):
        return replace(block, part=in_order(block.part, orders))
    parts = list(block.parts)
    if block.free:
        order = next(orders)
        for place, source in zip(block.free, order, strict=True):
            parts[place] = block.parts[block.free[source]]
    return replace(block, parts=tuple(in_order(part, orders) for part in parts), free=())


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

    def values(self, dims: Mapping[str, int]) -> Values:
        """The way from the parameters' values to the person's arrays and back, at given sizes, for weights."""
        return Values(self.blocks, self.shapes, dims, self.layout.rules)

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
    used = {name for rule in rules.rules for name in parameters_of(rule.block)}
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
    _check_pieces(rules, blocks, shapes)
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


def _check_pieces(rules: Rules, blocks: Mapping[str, Block], shapes: Mapping[str, Shape]) -> None:
    """Every entry of a parameter that is cut to pieces is somewhere."""
    cut = [block for rule in rules.rules for block in walk_blocks(rule.block) if isinstance(block, Cut)]
    if not cut:
        return
    names = sorted({name for shape in shapes.values() for size in shape for name in size.names})
    plan = build_plan(blocks, shapes, {name: 3 + 2 * k for k, name in enumerate(names)})
    held = {int(k) for entries in plan.entries.values() for k in entries.index.ravel()}
    for name, start in plan.offsets.items():
        missing = next((k for k in range(prod(plan.sizes[name])) if start + k not in held), None)
        if missing is not None:
            piece = next(block for block in cut if Parameter(name, block.span) in walk_blocks(block))
            raise rules.error(
                f"some entries of `{name}` stand nowhere",
                piece.span,
                facts=(f"`{name}` is {show_shape(shapes[name])}",),
                mend="each piece that is cut off has to be in some array",
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
