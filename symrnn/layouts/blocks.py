"""What a block of a layout is: its shape in symbols, and which entries of the parameters it holds at given sizes.

An entry of a person's array is scale · w[index] + shift, where w are all parameters in one row. Whatever a layout does
(stacking, turning, reshaping) moves entries and computes nothing, so NumPy does it to an array of indices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..errors import Span, nearest
from ..sizes import Shape, Size, shape_at, show_shape
from .language import Rules
from .nodes import Affine, Block, Blocks, Cut, Fill, Parameter, Reshaped, Share, Turned, Widened, children

Array = np.ndarray[Any, Any]

UNUSED, FIXED = 0, 1
SLOTS = 2
"""Entries that hold no parameter point to slots behind the parameters, where zeros stand: one for those that nobody
reads and one for those that have to be what the layout says. Counted from the end until the total is known."""


# In symbols ------------------------------------------------------------------------------------------------------


def shape_of_block(block: Block, shapes: Mapping[str, Shape], rules: Rules) -> Shape:
    """The shape of a block, or an error that shows where it does not fit, and both sides."""
    inner = [(part, shape_of_block(part, shapes, rules)) for part in children(block)]
    match block:
        case Parameter(name=name, span=span):
            if name not in shapes:
                meant = nearest(name, list(shapes))
                known = f"its parameters: {', '.join(shapes) or 'none'}"
                raise rules.error(f"the cell has no parameter `{name}`", span, facts=(known,), mend=meant)
            return shapes[name]
        case Blocks():
            return _stacked_shape(block, inner, rules)
        case Turned():
            return _turned_shape(block, inner[0], rules)
        case Reshaped(shape=wanted, span=span):
            _check_sizes(wanted, shapes, span, rules)
            _check_entries(inner[0], wanted, span, rules)
            return wanted
        case Cut(ranges=ranges, span=span):
            return _cut_shape(inner[0], ranges, shapes, span, rules)
        case Widened():
            return _widened_shape(block, inner[0], rules)
        case Affine() | Share():
            return inner[0][1]
        case Fill(shape=shape, span=span):
            _check_sizes(shape, shapes, span, rules)
            return shape


def _turned_shape(block: Turned, inner: tuple[Block, Shape], rules: Rules) -> Shape:
    part, shape = inner
    if block.axes is None:
        return shape[::-1]
    if sorted(block.axes) != list(range(len(shape))):
        axes_of = f"`{part}` has the axes 0 … {len(shape) - 1}: {show_shape(shape)}"
        raise rules.error("transpose names every axis once", block.span, facts=(axes_of,))
    return tuple(shape[axis] for axis in block.axes)


def _check_entries(inner: tuple[Block, Shape], wanted: Shape, span: Span, rules: Rules) -> None:
    """Refuse to reshape what has more or fewer entries, decided at sizes that have no factor in common."""
    part, shape = inner
    names = sorted({name for size in (*shape, *wanted) for name in size.names})
    for start in (2, 11, 101):
        dims = {name: start + 3 * k for k, name in enumerate(names)}
        if prod(size.value(dims) for size in shape) != prod(size.value(dims) for size in wanted):
            sides = f"`{part}` is {show_shape(shape)}, and {show_shape(wanted)} is asked for"
            raise rules.error("the two shapes hold different numbers of entries", span, facts=(sides,))


def _widened_shape(block: Widened, inner: tuple[Block, Shape], rules: Rules) -> Shape:
    part, shape = inner
    if block.pattern.count(False) != len(shape):
        raise rules.error(
            f"`{part}` is {show_shape(shape)} and the subscript has {block.pattern.count(False)} `:`",
            block.span,
            mend="one `:` for each axis that there is, None for each new one",
        )
    old = iter(shape)
    return tuple(Size.number(1) if new else next(old) for new in block.pattern)


def _cut_shape(
    inner: tuple[Block, Shape],
    ranges: tuple[tuple[Size | None, Size | None], ...],
    shapes: Mapping[str, Shape],
    span: Span,
    rules: Rules,
) -> Shape:
    part, shape = inner
    if len(ranges) != len(shape):
        raise rules.error(
            f"`{part}` is {show_shape(shape)} and the subscript has {len(ranges)} `:`",
            span,
            mend="one `:` for each axis that there is, None for each new one",
        )
    found: list[Size] = []
    for size, (lower, upper) in zip(shape, ranges, strict=True):
        start, stop = lower or Size.number(0), size if upper is None else upper
        _check_sizes((start, stop), shapes, span, rules)
        names = sorted({*size.names, *start.names, *stop.names})
        for order in (names, names[::-1]):  # which of two sizes is the larger is not known
            dims = {name: 11 + 30 * k for k, name in enumerate(order)}
            if not 0 <= start.value(dims) < stop.value(dims) <= size.value(dims):
                side = f"`{part}` is {show_shape(shape)}, and {start}:{stop} is asked for"
                raise rules.error("a piece lies within what it is cut from", span, facts=(side,))
        found.append(stop - start)
    return tuple(found)


def _check_sizes(wanted: Shape, shapes: Mapping[str, Shape], span: Span, rules: Rules) -> None:
    known = {name for sizes in shapes.values() for size in sizes for name in size.names}
    strange = sorted({name for size in wanted for name in size.names if name not in known})
    if strange:
        raise rules.error(
            f"`{strange[0]}` is not a size of the cell", span, facts=(f"its sizes: {', '.join(sorted(known))}",)
        )


def _stacked_shape(block: Blocks, inner: list[tuple[Block, Shape]], rules: Rules) -> Shape:
    one = Size.number(1)
    for part, shape in inner:
        if len(shape) > 2:
            raise rules.error(
                f"`{part}` has {len(shape)} axes, and blocks have two at most",
                part.span,
                facts=(f"it is {show_shape(shape)}",),
                mend="stack first, reshape after that: [A, B].reshape(…)",
            )
    if not block.rows and all(len(shape) < 2 for _, shape in inner):
        return (_sum(shape[0] if shape else one for _, shape in inner),)
    # A vector below matrices is a row, beside them a column.
    filled = [(part, _as_matrix(shape, row=block.rows)) for part, shape in inner]
    along, across = (0, 1) if block.rows else (1, 0)
    first_part, first = filled[0]
    for part, shape in filled[1:]:
        if shape[across] != first[across]:
            what = "wide" if block.rows else "high"
            place = "one below the other" if block.rows else "side by side"
            sides = tuple(f"`{p}` is {show_shape(s)}" for p, s in ((first_part, first), (part, shape)))
            raise rules.error(
                f"blocks that stand {place} are equally {what}",
                part.span,
                facts=sides,
                mend=_stacking_hint(filled, block),
            )
    total = _sum(shape[along] for _, shape in filled)
    return (total, first[1]) if block.rows else (first[0], total)


def _stacking_hint(filled: list[tuple[Block, Shape]], block: Blocks) -> str:
    """What would fit: the other direction, or a transpose."""
    other = 0 if block.rows else 1
    if len({shape[other] for _, shape in filled}) == 1:
        names = ", ".join(str(part) if not block.rows else str(part).strip("[]") for part, _ in filled[:2])
        return f"[{names}, …] sets them side by side" if block.rows else "[[A], [B]] sets them one below the other"
    if len({frozenset(shape) for _, shape in filled}) == 1:
        return "transpose one of them: .T"
    return ""


def _as_matrix(shape: Shape, *, row: bool) -> Shape:
    one = Size.number(1)
    if len(shape) == 2:
        return shape
    length = shape[0] if shape else one
    return (one, length) if row else (length, one)


def _sum(sizes: Any) -> Size:
    total = Size()
    for size in sizes:
        total = total + size
    return total


# At given sizes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """For each entry of an array: which entry of the parameters it holds, times what, plus what, and whether it is
    one share of it among several."""

    index: Array
    scale: Array
    shift: Array
    share: Array

    def moved(self, move: Callable[[Array], Array]) -> Entries:
        return Entries(move(self.index), move(self.scale), move(self.shift), move(self.share))


def in_one_row(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Entries]:
    """The parameters as they are, one after the other in the row that an index speaks of."""
    held: dict[str, Entries] = {}
    total = 0
    for name, shape in shapes.items():
        count = prod(shape)
        index = np.arange(total, total + count).reshape(shape)
        held[name] = Entries(index, np.ones(shape), np.zeros(shape), np.full(shape, -1))
        total += count
    return held


def entries_of_block(block: Block, held: Mapping[str, Entries], dims: Mapping[str, int]) -> Entries:
    """The entries of a block whose shape is known to fit."""
    inner = [entries_of_block(part, held, dims) for part in children(block)]
    match block:
        case Parameter(name=name):
            return held[name]
        case Blocks(rows=rows):
            return _stacked(inner, rows=rows)
        case Fill(value=value, shape=shape, fixed=fixed):
            sizes = shape_at(shape, dims)
            slot = np.full(sizes, (FIXED if fixed else UNUSED) - SLOTS)
            return Entries(slot, np.ones(sizes), np.full(sizes, value), np.full(sizes, -1))
        case Affine(scale=scale, shift=shift):
            part = inner[0]
            return Entries(part.index, part.scale * scale, part.shift * scale + shift, part.share)
        case Share():
            part = inner[0]
            return Entries(part.index, part.scale, part.shift, np.ones_like(part.share))
        case Turned() | Reshaped() | Cut() | Widened():
            return inner[0].moved(lambda a: move(block, a, dims))


def move(block: Turned | Reshaped | Cut | Widened, array: Array, dims: Mapping[str, int]) -> Array:
    """An array as a block moves it, without computing anything."""
    match block:
        case Turned(axes=axes):
            return array.transpose(axes)
        case Reshaped(shape=shape):
            return array.reshape(shape_at(shape, dims))
        case Cut():
            return array[piece_of(block, dims)]
        case Widened(pattern=pattern):
            return array[tuple(None if new else slice(None) for new in pattern)]


def piece_of(block: Cut, dims: Mapping[str, int]) -> tuple[slice, ...]:
    """The slices that a block cuts at given sizes."""
    return tuple(
        slice(lower and lower.value(dims), None if upper is None else upper.value(dims))
        for lower, upper in block.ranges
    )


def stack(arrays: list[Array], *, rows: bool) -> Array:
    """Arrays side by side, or (`rows`) one below the other, as `Blocks` sets them."""
    if not rows and all(a.ndim < 2 for a in arrays):
        return np.concatenate([np.atleast_1d(a) for a in arrays])
    if rows:
        return np.concatenate([np.atleast_2d(a) for a in arrays], axis=0)
    return np.concatenate([a if a.ndim == 2 else a.reshape(-1, 1) for a in arrays], axis=1)


def _stacked(parts: list[Entries], *, rows: bool) -> Entries:
    return Entries(
        stack([part.index for part in parts], rows=rows),
        stack([part.scale for part in parts], rows=rows),
        stack([part.shift for part in parts], rows=rows),
        stack([part.share for part in parts], rows=rows),
    )
