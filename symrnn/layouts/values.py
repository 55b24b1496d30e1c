"""Arrays laid out as blocks say, and read back: whole arrays at a time, for weights of any size.

`plan` knows of every entry where it stands, which gradients need; weights are only moved, so that here every block is a
few NumPy calls. A parameter that is split into shares is whole in its first place and zero in the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..sizes import Shape, shape_at
from .blocks import Array, move, piece_of, shape_of_block, stack
from .language import Rules
from .nodes import (
    Affine,
    Block,
    Blocks,
    Cut,
    Fill,
    Parameter,
    Reshaped,
    Share,
    Turned,
    Widened,
    children,
    parameters_of,
)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An entry of an array that holds `value` and has to be `wanted`: because no parameter stands there, or because
    its parameter stands in another place too, with another value."""

    array: str
    index: tuple[int, ...]
    value: float
    wanted: float
    holds_none: bool


@dataclass(frozen=True, slots=True)
class Values:
    """The blocks of all arrays at given sizes; `shapes` are those of the parameters."""

    blocks: Mapping[str, Block]
    shapes: Mapping[str, Shape]
    sizes: Mapping[str, int]
    rules: Rules
    # Which entries of a split parameter have been met already.
    _met: dict[str, Array] = field(default_factory=dict)

    def lay_out(self, params: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays that hold the parameters; new ones."""
        self._met.clear()
        dtype = common_type(params)
        return {
            name: np.array(self._make(block, lambda leaf: params[leaf]), dtype) for name, block in self.blocks.items()
        }

    def read(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The parameters that arrays hold; shares are added up."""
        self._met.clear()
        dtype = common_type(arrays)
        params = {name: np.zeros(self._sizes(shape), dtype) for name, shape in self.shapes.items()}
        for name, block in self.blocks.items():
            array = arrays[name]
            self._take(block, array, np.ones(array.shape, bool), None, params)
        return params

    def contradiction(self, arrays: Mapping[str, Array], params: Mapping[str, Array]) -> Contradiction | None:
        """An entry of the arrays that is not what the parameters read from them say."""
        for name, block in self.blocks.items():
            array, wanted = arrays[name], self._make(block, lambda leaf: params[leaf], shared=False)
            held = self._moved(block, lambda leaf: np.ones(self._sizes(self.shapes[leaf]), bool), lambda fill: False)
            bound = self._moved(
                block, lambda leaf: np.ones(self._sizes(self.shapes[leaf]), bool), _is_fixed, share=False
            )
            room = 8 * np.finfo(array.dtype).eps * (1 + abs(array))
            alike = (abs(array - wanted) <= room) | (array == wanted) | (np.isnan(array) & np.isnan(wanted))
            # Zeros that nobody stands for are zeros, not nearly so.
            alike &= held | (array == wanted)
            wrong = np.argwhere(bound & ~alike)
            if len(wrong):
                place = tuple(int(k) for k in wrong[0])
                return Contradiction(name, place, float(array[place]), float(wanted[place]), not held[place])
        return None

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        return shape_at(shape, self.sizes)

    def _moved(
        self, block: Block, leaf: Callable[[str], Array], fill: Callable[[Fill], object], share: bool = True
    ) -> Array:
        """What a block makes of its leaves without computing anything; without `share`, shares are False."""

        def kept(block: Affine | Share, inner: Array) -> Array:
            return np.zeros_like(inner) if isinstance(block, Share) and not share else inner

        return self._built(block, leaf, fill, kept)

    def _make(self, block: Block, leaf: Callable[[str], Array], shared: bool = True) -> Array:
        """What a block makes of its parameters; with `shared`, a share is zero where another one came first."""

        def computed(block: Affine | Share, inner: Array) -> Array:
            if isinstance(block, Affine):
                return inner * block.scale + block.shift
            return np.where(self._first(block.part), inner, 0) if shared else inner

        return self._built(block, leaf, lambda fill: fill.value, computed)

    def _built(
        self,
        block: Block,
        leaf: Callable[[str], Array],
        fill: Callable[[Fill], object],
        computed: Callable[[Affine | Share, Array], Array],
    ) -> Array:
        """A block from its leaves up: moved as it says, with `computed` for what is more than moving."""
        match block:
            case Parameter(name=name):
                return leaf(name)
            case Fill(shape=shape):
                return np.full(self._sizes(shape), fill(block))
        inner = [self._built(part, leaf, fill, computed) for part in children(block)]
        match block:
            case Blocks(rows=rows):
                return stack(inner, rows=rows)
            case Affine() | Share():
                return computed(block, inner[0])
            case _:
                return move(block, inner[0], self.sizes)

    def _first(self, block: Block) -> Array:
        """Which entries of a share are the first ones of their parameters; they have been met after that."""
        for part in parameters_of(block):
            self._met.setdefault(part, np.zeros(self._sizes(self.shapes[part]), bool))
        first = ~self._moved(block, lambda leaf: self._met[leaf], lambda fill: False)
        met = {part: np.zeros_like(self._met[part]) for part in parameters_of(block)}
        self._take(_plain(block), np.ones(first.shape, bool), np.ones(first.shape, bool), None, met)
        for part, now in met.items():
            self._met[part] = self._met[part] | now
        return first

    def _take(self, block: Block, array: Array, where: Array, first: Array | None, params: Mapping[str, Array]) -> None:
        """Put into the parameters what an array holds `where` it holds something. Inside of a share, values are added
        and `first` says where constants have to be taken off."""
        match block:
            case Parameter(name=name):
                held = params[name]
                held[where] = array[where] + (0 if first is None else held[where])
            case Fill():
                pass
            case Affine(part=part, scale=scale, shift=shift):
                shifts = shift if first is None else np.where(first, shift, 0).astype(array.dtype)
                self._take(part, (array - shifts) / scale, where, first, params)
            case Share(part=part):
                self._take(part, array, where, self._first(part), params)
            case Blocks(parts=parts, rows=rows):
                self._take_apart(parts, rows, array, where, first, params)
            case Turned() | Reshaped() | Cut() | Widened():
                shape = self._sizes(shape_of_block(block.part, self.shapes, self.rules))
                back = [None if a is None else self._back(block, a, shape) for a in (array, where, first)]
                assert back[0] is not None
                assert back[1] is not None
                self._take(block.part, back[0], back[1], back[2], params)

    def _take_apart(
        self,
        parts: tuple[Block, ...],
        rows: bool,
        array: Array,
        where: Array,
        first: Array | None,
        params: Mapping[str, Array],
    ) -> None:
        start = 0
        for part in parts:
            shape = self._sizes(shape_of_block(part, self.shapes, self.rules))
            if array.ndim == 1:
                length = shape[0] if shape else 1
            elif rows:
                length = shape[0] if len(shape) == 2 else 1
            else:
                length = shape[1] if len(shape) == 2 else 1
            piece: tuple[slice, ...] = (slice(start, start + length),)
            if array.ndim == 2 and not rows:
                piece = (slice(None), *piece)
            cut = [None if a is None else a[piece].reshape(shape) for a in (array, where, first)]
            assert cut[0] is not None
            assert cut[1] is not None
            self._take(part, cut[0], cut[1], cut[2], params)
            start += length

    def _back(self, block: Turned | Reshaped | Cut | Widened, array: Array, shape: tuple[int, ...]) -> Array:
        """The way back of `move`, to an array of `shape`; what was cut off is zero, or False."""
        match block:
            case Turned(axes=axes):
                return array.transpose(None if axes is None else np.argsort(axes))
            case Cut():
                whole = np.zeros(shape, array.dtype)
                whole[piece_of(block, self.sizes)] = array
                return whole
            case _:
                return array.reshape(shape)


def common_type(arrays: Mapping[str, Array]) -> np.dtype[Any]:
    """The type that holds all of some arrays; a cell may have none."""
    return np.result_type(*arrays.values()) if arrays else np.dtype("float64")


def _is_fixed(fill: Fill) -> bool:
    return fill.fixed


def _plain(block: Block) -> Block:
    """The block with its constants and factors left out: what moves, and not what is computed."""
    match block:
        case Parameter() | Fill():
            return block
        case Affine(part=part) | Share(part=part):
            return _plain(part)
        case Blocks(parts=parts):
            return replace(block, parts=tuple(map(_plain, parts)))
        case _:
            return replace(block, part=_plain(block.part))
