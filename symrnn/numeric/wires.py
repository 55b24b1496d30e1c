"""Wires on arrays: what a value becomes that is led along, onto or off a time axis, and what it gets back.

Where sequences have lengths, a wire knows nothing of the steps behind their ends: `last` is each one's own last step,
`reverse` turns within the length, sums and means are over the steps that count, and rows behind the end are zero.

Each function stands by itself: programs that are emitted for a network have copies of those that they call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
else:
    with suppress(ModuleNotFoundError):  # their text is emitted also where there is no NumPy to run them
        import numpy as np


def steps_of(lengths: Any, T: Any, dtype: Any) -> Any:
    """1 at the steps of each sequence, 0 behind its end: (T, N)."""
    return (np.arange(T)[:, None] < lengths).astype(dtype)


def places_of(lengths: Any, T: Any, dtype: Any) -> Any:
    """The same as a vector of each sequence: (N, T)."""
    return (np.arange(T) < lengths[:, None]).astype(dtype)


def counted(value: Any, lengths: Any = None) -> Any:
    """The steps that count, and zeros behind a sequence's end; for a mask, zeros where it is zero."""
    if lengths is None:
        return value
    keep = np.arange(len(value))[:, None] < lengths if lengths.ndim == 1 else lengths != 0
    return np.where(keep.reshape(keep.shape + (1,) * (value.ndim - 2)), value, 0)


def reverse(value: Any, lengths: Any = None) -> Any:
    """The steps from the last to the first; those behind a sequence's end stay where they are. Its own inverse."""
    if lengths is None:
        return value[::-1]
    step = np.arange(len(value))[:, None]
    return value[np.where(step < lengths, lengths - 1 - step, step), np.arange(len(lengths))]


def last(value: Any, lengths: Any = None) -> Any:
    return value[-1] if lengths is None else value[lengths - 1, np.arange(len(lengths))]


def last_back(above: Any, value: Any, lengths: Any = None) -> Any:
    back = np.zeros_like(value)
    if lengths is None:
        back[-1] = above
    else:
        back[lengths - 1, np.arange(len(lengths))] = above
    return back


def first(value: Any, lengths: Any = None) -> Any:
    return value[0]


def first_back(above: Any, value: Any, lengths: Any = None) -> Any:
    back = np.zeros_like(value)
    back[0] = above
    return back


def reverse_back(above: Any, value: Any, lengths: Any = None) -> Any:
    return reverse(above, lengths)


def shift(value: Any, lengths: Any = None) -> Any:
    """Every step has the value of the step before, the first one zero."""
    return np.concatenate([np.zeros_like(value[:1]), value[:-1]])


def shift_back(above: Any, value: Any, lengths: Any = None) -> Any:
    return np.concatenate([above[1:], np.zeros_like(above[:1])])


def sum_over(value: Any, lengths: Any = None) -> Any:
    return counted(value, lengths).sum(0)


def sum_over_back(above: Any, value: Any, lengths: Any = None) -> Any:
    return counted(np.broadcast_to(above, value.shape), lengths)


def mean_over(value: Any, lengths: Any = None) -> Any:
    """The mean of the steps that there are, or that count."""
    number = len(value) if lengths is None else lengths.reshape(lengths.shape + (1,) * (value.ndim - 2))
    return (counted(value, lengths).sum(0) / number).astype(value.dtype)


def mean_over_back(above: Any, value: Any, lengths: Any = None) -> Any:
    number = len(value) if lengths is None else lengths.reshape(lengths.shape + (1,) * (value.ndim - 2))
    return counted(np.broadcast_to((above / number).astype(value.dtype), value.shape), lengths)


def rows_of(value: Any, lengths: Any = None) -> Any:
    """All steps of a sequence as the rows of a matrix: (N, T, n)."""
    return np.ascontiguousarray(counted(value, lengths).swapaxes(0, 1))


def rows_of_back(above: Any, value: Any, lengths: Any = None) -> Any:
    return counted(np.ascontiguousarray(above.swapaxes(0, 1)), lengths)


def look_up(table: Any, ids: Any, lengths: Any = None) -> Any:
    """The rows of a table that whole numbers name."""
    return table.take(counted(ids, lengths), axis=0)


def look_up_back(above: Any, ids: Any, table: Any, lengths: Any = None) -> Any:
    """What rows of the table receive: the sum over the places that read them."""
    ids, above = counted(ids, lengths).ravel(), above.reshape(-1, table.shape[1])
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    begins = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    back = np.zeros_like(table)
    back[ids[begins]] = np.add.reduceat(above[order], begins, axis=0)
    return back


def unit_vectors(ids: Any, classes: Any, dtype: Any) -> Any:
    """1 in the place of its class, 0 elsewhere; what names no class is 0 throughout."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(dtype)


WIRES: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "last": (last, last_back),
    "first": (first, first_back),
    "reverse": (reverse, reverse_back),
    "shift": (shift, shift_back),
    "sum": (sum_over, sum_over_back),
    "mean": (mean_over, mean_over_back),
    "rows": (rows_of, rows_of_back),
}
"""How a value is led, and what is led back, by the way of the wire."""
MASKS: Mapping[str, Callable[..., Any]] = {"steps": steps_of, "places": places_of}
"""What lengths become."""
