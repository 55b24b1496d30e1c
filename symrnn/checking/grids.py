"""Arrays of objects where NumPy is absent: as much of NumPy, under its names, as a proof asks for.

A grid is a shape and its entries, row by row. What comes out with no axes is the entry itself, as with NumPy.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

Shape = tuple[int, ...]


class Grid:
    """An array of any objects."""

    __slots__ = ("flat", "shape")

    def __init__(self, shape: Shape, flat: list[Any]) -> None:
        self.shape, self.flat = shape, flat

    def __class_getitem__(cls, types: Any) -> type[Grid]:
        return cls

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return len(self.flat)

    def __getitem__(self, index: Any) -> Any:
        shape, places = self._part(index)
        if not shape and not _has_ellipsis(index):
            return self.flat[places[0]]
        return Grid(shape, [self.flat[place] for place in places])

    def __setitem__(self, index: Any, value: Any) -> None:
        shape, places = self._part(index)
        for place, entry in zip(places, broadcast_to(value, shape).flat, strict=True):
            self.flat[place] = entry

    def _part(self, index: Any) -> tuple[Shape, list[int]]:
        """The shape of a part, and where its entries are."""
        axes = [*index] if isinstance(index, tuple) else [index]
        rest = [slice(None)] * (self.ndim - sum(axis is not None and axis is not ... for axis in axes))
        at = next((k for k, axis in enumerate(axes) if axis is ...), len(axes))
        axes[at : at + 1] = rest
        lengths, (shape, places) = iter(self.shape), (list[int](), [0])
        for axis in axes:
            if axis is None:
                shape.append(1)
                continue
            length = next(lengths)
            chosen = range(length)[axis]
            if isinstance(chosen, range):
                shape.append(len(chosen))
            places = [
                place * length + k for place in places for k in (chosen if isinstance(chosen, range) else (chosen,))
            ]
        return tuple(shape), places

    def sum(self, axis: int | tuple[int, ...]) -> Any:
        """The sums over axes; of none, what is there."""
        axes = {a % self.ndim for a in ((axis,) if isinstance(axis, int) else axis)}
        kept = tuple(length for k, length in enumerate(self.shape) if k not in axes)
        totals: dict[Shape, Any] = {}
        for place, entry in zip(ndindex(*self.shape), self.flat, strict=True):
            key = tuple(i for k, i in enumerate(place) if k not in axes)
            totals[key] = totals[key] + entry if key in totals else entry
        return _unpacked(Grid(kept, [totals.get(key, 0) for key in ndindex(*kept)]))

    def __matmul__(self, other: Grid) -> Grid:
        (rows, inner), (_, columns) = self.shape, other.shape
        return Grid(
            (rows, columns),
            [sum((self[i, k] * other[k, j] for k in range(1, inner)), self[i, 0] * other[0, j])
             for i, j in product(range(rows), range(columns))],
        )  # fmt: skip

    def __neg__(self) -> Any:
        return frompyfunc(operator.neg, 1, 1)(self)

    def __add__(self, other: Any) -> Any:
        return _ADD(self, other)

    def __radd__(self, other: Any) -> Any:
        return _ADD(other, self)

    def __sub__(self, other: Any) -> Any:
        return _SUB(self, other)

    def __rsub__(self, other: Any) -> Any:
        return _SUB(other, self)

    def __mul__(self, other: Any) -> Any:
        return _MUL(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _MUL(other, self)

    def __truediv__(self, other: Any) -> Any:
        return _DIV(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _DIV(other, self)


ndarray = Grid


def _has_ellipsis(index: Any) -> bool:
    return isinstance(index, tuple) and any(axis is ... for axis in index)


def _unpacked(grid: Grid) -> Any:
    return grid if grid.shape else grid.flat[0]


def asarray(value: Any, dtype: type = object) -> Grid:
    """A grid as it is; anything else as the one entry of a grid."""
    return value if isinstance(value, Grid) else Grid((), [value])


def empty(shape: Shape, dtype: type = object) -> Grid:
    return full(shape, None)


def full(shape: Shape, value: Any, dtype: type = object) -> Grid:
    return Grid(shape, [value] * math.prod(shape))


def eye(size: int, dtype: type = int) -> Grid:
    return Grid((size, size), [int(i == j) for i, j in ndindex(size, size)])


def prod(factors: Sequence[int]) -> int:
    return math.prod(factors)


def ndindex(*shape: int) -> Iterator[Shape]:
    return product(*map(range, shape))


def broadcast_shapes(*shapes: Shape) -> Shape:
    longest = max(map(len, shapes), default=0)
    padded = [(1,) * (longest - len(shape)) + shape for shape in shapes]
    return tuple(next((length for length in lengths if length != 1), 1) for lengths in zip(*padded, strict=True))


def broadcast_to(value: Any, shape: Shape) -> Grid:
    """A grid, or one entry, in a larger shape."""
    grid = asarray(value)
    padded = grid[(None,) * (len(shape) - grid.ndim) + (...,)]
    for k, (length, wanted) in enumerate(zip(padded.shape, shape, strict=True)):
        if length != wanted:
            if length != 1:
                raise ValueError(f"a grid of {grid.shape} does not fill {shape}")
            padded = concatenate([padded] * wanted, axis=k)
    return padded


def concatenate(parts: Sequence[Grid], axis: int) -> Grid:
    """Grids side by side along an axis."""
    first = parts[0]
    axis %= first.ndim
    outer = range(math.prod(first.shape[:axis]))
    runs = [(part.flat, math.prod(part.shape[axis:])) for part in parts]
    flat = [entry for k in outer for entries, run in runs for entry in entries[k * run : (k + 1) * run]]
    return Grid((*first.shape[:axis], sum(part.shape[axis] for part in parts), *first.shape[axis + 1 :]), flat)


def stack(parts: Sequence[Any]) -> Grid:
    return concatenate([asarray(part)[None, ...] for part in parts], axis=0)


def swapaxes(matrix: Grid, first: int, second: int) -> Grid:
    """A matrix transposed: proofs have no other axes."""
    rows, columns = matrix.shape
    return Grid((columns, rows), [matrix[i, j] for j, i in ndindex(columns, rows)])


def diagonal(matrix: Grid, axis1: int, axis2: int) -> Grid:
    return Grid((min(matrix.shape),), [matrix[k, k] for k in range(min(matrix.shape))])


def frompyfunc(function: Callable[..., Any], inputs: int, outputs: int) -> Callable[..., Any]:
    """A function of entries as one of grids, which broadcast."""

    def over(*values: Any) -> Any:
        grids = [asarray(value) for value in values]
        shape = broadcast_shapes(*(grid.shape for grid in grids))
        flats = (broadcast_to(grid, shape).flat for grid in grids)
        return _unpacked(Grid(shape, [function(*entries) for entries in zip(*flats, strict=True)]))

    return over


_ADD, _SUB = frompyfunc(operator.add, 2, 1), frompyfunc(operator.sub, 2, 1)
_MUL, _DIV = frompyfunc(operator.mul, 2, 1), frompyfunc(operator.truediv, 2, 1)
