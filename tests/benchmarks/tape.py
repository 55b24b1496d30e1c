"""How much memory a tape holds: the bytes of every array that can be reached from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np


def held_bytes(tape: Any, callers: Iterable[Any] = ()) -> int:
    """The bytes behind a tape, each buffer counted once; what the caller holds anyway is not counted."""
    known = {id(_buffer(array)) for array in _arrays(list(callers))}
    found = {id(buffer): buffer.nbytes for buffer in map(_buffer, _arrays(tape))}
    return sum(size for key, size in found.items() if key not in known)


def _buffer(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _arrays(value: Any) -> Iterator[np.ndarray]:
    pending, seen = [value], set()
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            yield item
        elif isinstance(item, Mapping):
            pending += item.values()
        elif isinstance(item, list | tuple | set):
            pending += item
