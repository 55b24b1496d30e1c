"""Numbers of any precision: the last word on an entry about which others disagree.

The meaning of a cell is walked once more, on mpmath's numbers, and its slope taken by differences: with 50 digits a
step of 1e-17 leaves some 30 of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from ..meaning import Array, Numbers
from ..scalars import kink_distances
from .problem import Entry, Estimate, Problem, estimates, refused

DIGITS = 50


def precise_numbers(digits: int = DIGITS) -> Numbers:
    """mpmath's numbers with so many digits, in a context of their own; written apart from the other kinds of number."""
    mp: Any = mpmath.MPContext()
    mp.dps = digits

    def number(value: Fraction) -> Any:
        return mp.mpf(value.numerator) / value.denominator

    def sigmoid(a: Any) -> Any:
        return 1 / (1 + mp.exp(-a))

    def clip(a: Any, lower: Any, upper: Any) -> Any:
        return min(max(a, lower), upper)

    def root(a: Any) -> Any:
        return mp.sqrt(a) if a >= 0 else mp.nan

    def power(a: Any, exponent: Fraction) -> Any:
        return (
            a**exponent.numerator if exponent.denominator == 1 else mp.power(a, number(exponent)) if a >= 0 else mp.nan
        )

    def logarithm(a: Any) -> Any:
        return mp.log(a) if a > 0 else mp.ninf if a == 0 else mp.nan

    cubic = number(Fraction(44715, 1_000_000))
    half = number(Fraction(1, 2))
    functions: dict[str, Callable[..., Any]] = {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a / b,
        "neg": lambda a: -a,
        "pow": power,
        "square": lambda a: a * a,
        "sigmoid": sigmoid,
        "tanh": mp.tanh,
        "relu": lambda a: max(a, mp.zero),
        "leaky_relu": lambda a, slope: a if a > 0 else slope * a,
        "elu": lambda a, alpha: a if a > 0 else alpha * mp.expm1(a),
        "softplus": lambda a: mp.log1p(mp.exp(a)),
        "silu": lambda a: a * sigmoid(a),
        "gelu": lambda a: a * mp.ncdf(a),
        "gelu_tanh": lambda a: half * a * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (a + cubic * a**3))),
        "hard_sigmoid": lambda a: clip(a / 6 + half, mp.zero, mp.one),
        "exp": mp.exp,
        "log": logarithm,
        "sqrt": root,
        "sin": mp.sin,
        "cos": mp.cos,
        "abs": abs,
        "sign": mp.sign,
        "floor": mp.floor,
        "mod": lambda a, b: a - b * mp.floor(a / b),
        "maximum": max,
        "minimum": min,
        "clip": clip,
        "where": lambda condition, a, b: a if condition != 0 else b,
        "greater": lambda a, b: mp.one if a > b else mp.zero,
        "greater_equal": lambda a, b: mp.one if a >= b else mp.zero,
    }
    return Numbers(number, {name: _lifted(f) for name, f in functions.items()}, lambda a: mp.zero, kink_distances)


def _lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of numbers on object arrays, entry by entry; constants given to it stay what they are."""

    def lifted(*arguments: Any) -> Any:
        arrays = [argument for argument in arguments if isinstance(argument, np.ndarray)]
        constants = arguments[len(arrays) :]
        return np.frompyfunc(lambda *a: function(*a, *constants), len(arrays), 1)(*arrays)

    return lifted


def exactly(array: Array, numbers: Numbers) -> Array:
    """Floating-point numbers as the numbers that they are, in an array of objects."""
    converted = np.empty(array.shape, dtype=object)
    for index in np.ndindex(*array.shape):
        converted[index] = numbers.constant(Fraction(float(array[index])))
    return converted


def by_high_precision(
    problem: Problem, entries: Sequence[Entry] | None = None, *, digits: int = DIGITS
) -> tuple[Estimate, ...]:
    """The slope of every entry, or of those given, from two values of many digits, one entry at a time."""
    name = f"{digits} digits"
    if problem.precise is None:
        return refused(name, problem, "only what symrnn can read may be computed with other kinds of number")
    numbers = precise_numbers(digits)
    losses_of = problem.precise(numbers)
    values: list[tuple[Sequence[Entry], Array]] = []
    bars: list[tuple[Sequence[Entry], Array]] = []
    smooth: list[tuple[Sequence[Entry], Array]] = []
    still = {key: exactly(array[None], numbers) for key, array in problem.arrays.items()}
    for entry in problem.entries() if entries is None else entries:
        slopes: list[Array] = []
        clear = np.array(True)
        # The bend of a central difference goes with the square of its step: three times of it is seen by doubling it.
        for step in (10.0 ** -(digits // 3), 2 * 10.0 ** -(digits // 3)):
            h = numbers.constant(Fraction(step * problem.scale(entry)))
            sides: list[Array] = []
            for sign in (1, -1):
                moved = {**still, entry.key: still[entry.key].copy()}
                moved[entry.key][(0, *problem.place(entry))] += sign * h
                losses = losses_of(moved)
                sides.append(losses.values)
                clear = clear & losses.smooth
            slopes.append((sides[0] - sides[1]) / (2 * h))
        shape = (problem.upstreams, 1, problem.lanes)
        fine, coarse = (np.broadcast_to(slope, shape).astype(float) for slope in slopes)
        rest = np.broadcast_to(np.abs(slopes[0] - slopes[1]), shape).astype(float)
        values.append(([entry], fine))
        # What is handed on is a float64, rounded once.
        bars.append(([entry], rest + 2.0**-53 * np.abs(fine)))
        smooth.append(([entry], np.broadcast_to(clear, shape) & np.isfinite(fine) & np.isfinite(coarse)))
    return estimates(name, problem, values, lambda: bars, smooth)
