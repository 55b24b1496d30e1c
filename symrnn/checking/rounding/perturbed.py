"""Arrays whose every operation rounds at random, as coarsely as a type with a given unit roundoff rounds.

Each result is multiplied by 1 + u ξ with ξ uniform in [−1, 1]. An operation that rounds inside counts for what it is:
a sum of L terms rounds L − 1 times. If the terms have random signs, its error grows like √(L/2) roundings of a term;
if they have one sign, like √(L/3) roundings of the sum. Both are in what follows, so that it does not matter in
which order a right program sums, nor whether it stacks its products. That holds for sums over the steps as well, which
the program takes from the last step to the first: another one may begin with the largest term and round the sum, not
the small ones, every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...operations.table import ALL
from .magnitude import MOVES, ROUNDS, bare, inside
from .passes import Array, Helpers

# Names of ufuncs whose results are exact, and so are those that are not floating-point numbers. The one that np.clip
# calls has no other public name.
_EXACT = frozenset({"negative", "positive", "copysign", "clip"}).union(
    getattr(np, row.ufunc.removeprefix("np.")).__name__ for row in ALL if row.ufunc and row.exact
)

# Rounding to the nearest number is off by some 0.35 u in the root mean square, ξ by 0.58: many roundings are counted
# for what they are, single ones with room.
_NEAREST = 0.6

# Functions that right programs also write in a form whose error is a part of 1, not of the result, with that part:
# σ(a) = ½ + ½ tanh ½a, log(1 + exp a), exp a − 1, ½ (1 + erf a/√2).
_ABSOLUTE = {getattr(np, name.removeprefix("np.")): part for name, part in ROUNDS.items() if name.startswith("np.")}


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Random roundings of a unit; results below `smallest` lose the more of their digits, as they do in the type. What
    is added up in place has `together` terms: one for every step and sequence."""

    generator: np.random.Generator
    unit: float
    smallest: float
    together: int = 1

    def draw(self, shape: tuple[int, ...], size: float) -> Array:
        """Uniform between −size and size."""
        noise = self.generator.random(shape)
        noise -= 0.5
        noise *= 2.0 * size
        return noise

    def rounded(self, value: Any, *, grown: float = 1.0, absolute: float = 0.0) -> Any:
        """A result as the type might have it, or one that is `grown` times as coarse."""
        exact = np.asarray(value)
        if exact.dtype.kind != "f":
            return exact
        noise = self.draw(exact.shape, self.unit * grown)
        found = exact + exact * noise
        if absolute:
            found += absolute * noise
        if exact.size and np.abs(exact).min() < self.smallest / self.unit:
            # Below the normal numbers a type rounds by a fixed amount; zero itself is exact.
            found += np.where(exact != 0, self.smallest / self.unit, 0.0) * noise
        return found

    def terms(self, array: Array, roundings: float) -> Array:
        """Terms of a sum that go through so many roundings of partial sums, with what these will lose put on them."""
        return array + array * self.draw(array.shape, self.unit * max(1.0, _NEAREST * roundings**0.5))

    def entering(self, array: Array) -> Array:
        """A given array as the type holds it: a number that it has no room for enters rounded, all others exact."""
        if self.unit < np.finfo(float).eps:
            return array
        fraction, _ = np.frexp(array)
        held = np.mod(fraction / self.unit, 1.0) == 0
        return array if held.all() else np.where(held, array, self.rounded(array))


def _partial(count: int) -> float:
    """How much more a sum of so many terms of one sign is off than a single rounding of it."""
    return max(1.0, _NEAREST * (count / 3) ** 0.5)


class Perturbed(np.ndarray[Any, Any]):
    """An array that hands its noise on to whatever is made of it."""

    noise: Noise | None = None

    def __array_finalize__(self, obj: Any) -> None:
        self.noise = getattr(obj, "noise", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        noise = _noise_among((*inputs, *(out or ())))
        operands = [bare(a) for a in inputs]
        grown = 1.0
        if ufunc is np.matmul:
            count = operands[0].shape[-1]
            operands[0], grown = noise.terms(operands[0], count / 2), _partial(count)
        elif ufunc is np.add and method == "reduce":
            count = _reduced(operands[0].shape, options.get("axis", 0))
            operands[0], grown = noise.terms(operands[0], count / 2), _partial(count)
        elif ufunc is np.add and out is not None:
            # Elsewhere this may be the first of all terms, and every addition rounds it.
            operands[1] = noise.terms(operands[1], noise.together)
        result = getattr(ufunc, method)(*operands, **options)
        if ufunc.__name__ not in _EXACT:
            result = noise.rounded(result, grown=grown, absolute=_ABSOLUTE.get(ufunc, 0.0))
        if out is not None:
            bare(out[0])[...] = result
            return out[0]
        return perturbed(result, noise)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.einsum:
            noise = _noise_among(args[1:])
            subscripts, first, *others = (bare(a) for a in args)
            count = _contracted(subscripts, (first, *others))
            result = np.einsum(subscripts, noise.terms(first, count / 2), *others)
            return perturbed(noise.rounded(result, grown=_partial(count)), noise)
        if func in MOVES:
            return perturbed(func(*inside(args, bare), **kwargs), _noise_among(args))
        return super().__array_function__(func, types, args, kwargs)


def perturbed(array: Any, noise: Noise) -> Any:
    """The array, with noise for all that comes of it."""
    found = np.asarray(array).view(Perturbed)
    found.noise = noise
    return found


def perturb_helpers(helpers: Helpers) -> Helpers:
    """A module's own functions: what keeps to array operations rounds by itself; a few are more than that."""

    def embed(piece: Any, *rest: Any) -> Any:
        return perturbed(helpers["embed"](bare(piece), *rest), piece.noise)

    def coarse(name: str, absolute: float) -> Any:
        def function(a: Any) -> Any:
            noise = getattr(a, "noise", None)
            if noise is None:  # a constant, which is known to the last digit
                return helpers[name](a)
            return perturbed(noise.rounded(helpers[name](bare(a)), absolute=absolute), noise)

        return function

    found = {name: coarse(name, absolute) for name, absolute in ROUNDS.items() if name in helpers}
    return found | ({"embed": embed} if "embed" in helpers else {})


def _noise_among(values: Any) -> Noise:
    """The noise of the first array that has one, also within lists."""
    for value in values:
        if isinstance(value, Perturbed) and value.noise is not None:
            return value.noise
        if isinstance(value, list | tuple):
            return _noise_among(value)
    raise AssertionError("a perturbed array without noise")


def _reduced(shape: tuple[int, ...], axis: Any) -> int:
    """How many terms a sum over some axes has."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return int(np.prod([shape[a] for a in axes]))


def _contracted(subscripts: str, operands: tuple[Array, ...]) -> int:
    """How many terms each entry of an einsum is the sum of."""
    left, right = subscripts.split("->")
    sizes: dict[str, int] = {}
    for letters, operand in zip(left.split(","), operands, strict=True):
        own = letters.removeprefix("...")
        sizes |= dict(zip(own, operand.shape[operand.ndim - len(own) :], strict=True))
    return int(np.prod([size for letter, size in sizes.items() if letter not in right]))
