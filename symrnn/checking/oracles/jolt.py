"""Random rounding: the same program with every operation's operands and result jolted, to see what rounding does to it.

The spread of a result under jolts, over their size, is how much the program magnifies rounding; no bound has to be
guessed. A jolt is larger than rounding, so that rounding itself does not blur it, and small enough for the response to
be linear. Real and imaginary parts are jolted apart, as a product rounds them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..kit import Array

RUNS = 8
"""Jolted runs; with SAFETY, what no right gradient exceeded in millions of entries."""
SAFETY = 16.0
_GAIN = 2.0**12


class Jolt:
    """Multiplies numbers by 1 + size · ξ, each by a ξ of its own, uniform in [−1, 1]."""

    __slots__ = ("generator", "size")

    def __init__(self, seed: tuple[int, ...], size: float) -> None:
        self.generator = np.random.default_rng(seed)
        self.size = size

    def __call__(self, value: Array) -> Array:
        match value.dtype.kind:
            case "f":
                return np.asarray(value + value * self._noise(value))
            case "c":
                jolted = np.empty_like(value)
                jolted.real = value.real + value.real * self._noise(value.real)
                jolted.imag = value.imag + value.imag * self._noise(value.imag)
                return jolted
            case _:
                return value

    def _noise(self, value: Array) -> Array:
        noise = self.generator.random(value.shape)
        noise -= 0.5
        noise *= 2.0 * self.size
        return noise.astype(value.dtype, copy=False)


def jolts(seed: int, unit: float, gain: float = _GAIN) -> list[Jolt]:
    """One jolt a run, of `gain` times a type's unit roundoff."""
    return [Jolt((seed, run), gain * unit) for run in range(RUNS)]


def tolerance(deviations: Array, gain: float = _GAIN) -> Array:
    """What rounding may do, from the largest deviation of jolted runs: scaled back, and SAFETY times that."""
    return SAFETY / gain * deviations


_EXACT = frozenset(
    {
        np.maximum, np.minimum, np.fmax, np.fmin, np.sign, np.absolute, np.negative, np.positive, np.conjugate,
        np.copysign, np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isfinite,
        np.isnan,
        np.floor, np.ceil, np.rint, np.trunc,
    }
)  # fmt: skip
_MOVES = frozenset(
    {
        np.amax, np.amin, np.max, np.min, np.clip, np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack,
        np.where, np.select, np.copy, np.copyto, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.real,
        np.imag, np.broadcast_to, np.broadcast_arrays, np.swapaxes, np.moveaxis, np.transpose, np.reshape, np.ravel,
        np.squeeze, np.expand_dims, np.take, np.take_along_axis, np.repeat, np.tile, np.roll, np.flip, np.diag,
        np.diagonal, np.triu, np.tril, np.sort, np.split, np.array_split, np.pad, np.append, np.insert, np.delete,
    }
)  # fmt: skip
"""What picks or moves numbers and rounds none: a program may rely on it, as `a == a.max()` does."""


class Jolted(np.ndarray[Any, Any]):
    """An array whose every operation is jolted, for programs that were not written with that in mind. Where a program
    strips the subclass, that part of it is not jolted."""

    jolt: Jolt | None

    def __array_finalize__(self, origin: Any) -> None:
        self.jolt = getattr(origin, "jolt", None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        carrier = next(a.jolt for a in (*inputs, *(out or ())) if isinstance(a, Jolted) and a.jolt is not None)
        jolt = _keep if ufunc in _EXACT or ufunc.__name__ == "clip" else carrier  # np.clip calls a ufunc
        if method == "at":
            getattr(ufunc, method)(_bare(inputs[0]), *map(_bare, inputs[1:]), **options)
            return None
        # Sums and matrix products round inside: jolted operands show that, and do no harm elsewhere.
        operands = [jolt(_bare(a)) if isinstance(a, Jolted) else a for a in inputs]
        if out is not None:
            options["out"] = tuple(map(_bare, out))
        result = getattr(ufunc, method)(*operands, **options)
        if out is not None:
            for target in options["out"]:
                if target is not None:
                    target[...] = jolt(target)
            return out[0] if len(out) == 1 else out
        if isinstance(result, tuple):
            return tuple(_carrying(part, jolt, carrier) for part in result)
        return _carrying(result, jolt, carrier)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = super().__array_function__(func, types, args, kwargs)
        if isinstance(result, Jolted) and result.jolt is not None and func not in _MOVES and "out" not in kwargs:
            return wrap(_bare(result), result.jolt)
        return result


def _keep(value: Array) -> Array:
    return value


def _bare(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Jolted) else value


def _carrying(value: Any, jolt: Callable[[Array], Array], carrier: Jolt) -> Any:
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fc":
        array = np.asarray(jolt(np.asarray(value))).view(Jolted)
        array.jolt = carrier
        return array
    return value


def wrap(value: Any, jolt: Jolt) -> Any:
    """A number or an array, jolted, as an array that goes on being jolted."""
    return _carrying(value, jolt, jolt)
