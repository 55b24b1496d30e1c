"""The sizes of a cell's dimensions, read off arrays whose shapes are known in symbols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import InputError
from ..sizes import Shape, Size, shape_at, show_shape
from .blocks import Array


def read_sizes(shapes: Mapping[str, Shape], arrays: Mapping[str, Array], what: str) -> dict[str, int]:
    """A value for every dimension, or an error that shows an array's shape, the one that it should have, and the
    array that says so. `what` is whose arrays they are."""
    for name, shape in shapes.items():
        if arrays[name].ndim != len(shape):
            raise InputError(
                f"`{name}` has the shape {arrays[name].shape}, and {what} has it as {show_shape(shape)}"
                + ("\n  mend: transpose, squeeze or reshape it" if len(shape) else "")
            )
    dims: dict[str, int] = {}
    source: dict[str, str] = {}
    axes = [(size, arrays[name].shape[axis], name) for name, shape in shapes.items() for axis, size in enumerate(shape)]
    while True:
        read = [
            _Reading(*found, name) for size, length, name in axes if (found := _solve(size, length, dims)) is not None
        ]
        if not read:
            break
        # One array of a wrong shape is outvoted by the others, so that the message is about it.
        dim = min(read, key=lambda reading: reading.effort).dim
        mine = [reading for reading in read if reading.dim == dim]
        counts = Counter(reading.value for reading in mine if reading.value)
        if not counts:
            raise InputError(_unfit(mine[0].array, shapes, arrays, what, dims, source))
        best = counts.most_common(1)[0][0]
        dims[dim] = best
        source[dim] = min((r for r in mine if r.value == best), key=lambda reading: reading.effort).array
    unknown = {dim for size, _, _ in axes for dim in size.names if dim not in dims}
    if unknown:
        raise InputError(f"the size of {', '.join(sorted(unknown))} cannot be read off the arrays of {what}")
    for size, length, name in axes:
        if size.value(dims) != length:
            raise InputError(_unfit(name, shapes, arrays, what, dims, source))
    return dims


@dataclass(frozen=True, slots=True)
class _Reading:
    """A dimension's value by one axis of one array, 0 where no whole number fits; the plainest has least effort."""

    dim: str
    value: int
    effort: int
    array: str


def _solve(size: Size, length: int, dims: Mapping[str, int]) -> tuple[str, int, int] | None:
    """What an axis says of its one unknown dimension: the name, the value and the effort; None where it has not one."""
    unknown = [name for name in size.names if name not in dims]
    if len(unknown) != 1:
        return None
    (dim,) = unknown
    factor = dict(size.coefficients)[dim]
    value, remainder = divmod(length - (size - Size.of(dim).scaled(factor)).value(dims), factor)
    effort = sum(abs(k) for _, k in size.coefficients) + bool(size.constant)
    return dim, value if not remainder and value > 0 else 0, effort


def _unfit(
    name: str,
    shapes: Mapping[str, Shape],
    arrays: Mapping[str, Array],
    what: str,
    dims: Mapping[str, int],
    source: Mapping[str, str],
) -> str:
    shape = shapes[name]
    known = [dim for dim in dict.fromkeys(n for size in shape for n in size.names) if dim in dims]
    by = ", ".join(
        f"{dim} = {dims[dim]}" + (f" by `{source[dim]}` {arrays[source[dim]].shape}" if source[dim] != name else "")
        for dim in known
    )
    message = f"`{name}` has the shape {arrays[name].shape}, and {what} has it as {show_shape(shape)}"
    if known:
        message += f" with {by}"
    if arrays[name].ndim == 2 and all(n in dims for size in shape for n in size.names):
        wanted = shape_at(shape, dims)
        if arrays[name].shape == wanted[::-1]:
            message += "\n  mend: it is transposed"
    return message
