"""Arrays one after the other in one buffer: asking NumPy for an address can take longer than a small cell's step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np

from ..arrays import Array

Address = int
IntShape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Where each array begins and ends, in entries, and its shape; `size` is that of the buffer."""

    places: tuple[tuple[int, int, IntShape], ...]
    size: int

    @staticmethod
    def of(shapes: Iterable[IntShape]) -> Row:
        places: list[tuple[int, int, IntShape]] = []
        start = 0
        for shape in shapes:
            places.append((start, start + prod(shape), shape))
            start = places[-1][1]
        return Row(tuple(places), start)

    def views(self, buffer: Array) -> list[Array]:
        """The arrays in a buffer."""
        return [buffer[start:stop].reshape(shape) for start, stop, shape in self.places]

    def addresses(self, buffer: Array) -> list[Address]:
        """Where each array in a buffer begins."""
        base, itemsize = address(buffer), buffer.itemsize
        return [base + start * itemsize for start, _, _ in self.places]


def join(arrays: Iterable[Array], out: Array) -> None:
    """Copy arrays into a buffer, one after the other."""
    pieces = [array.ravel() for array in arrays]
    if pieces:
        np.concatenate(pieces, out=out)


def whole(array: Array) -> Array:
    """An array as C reads it, row-major and without gaps: a copy where it is not."""
    flags = array.flags
    return array if flags.c_contiguous and flags.aligned else array.copy()


def address(array: Array) -> Address:
    return array.ctypes.data
