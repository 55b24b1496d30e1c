"""Any Python function of NumPy arrays as a problem: it is called once for every copy, on arrays of its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..kit import Array
from .jolt import Jolt, wrap
from .problem import Arrays, Key, Losses, Problem, Refusal

GROUP = "array"
"""The group of a function's arrays: the key of `W` is ("array", "W")."""


def function_problem(
    function: Callable[[dict[str, Array]], Any], arrays: Mapping[str, Array], upstream: Array
) -> Problem:
    """The loss ⟨upstream, function(arrays)⟩. The function is called with a dict of fresh arrays by name; it is asked in
    float64, and in complex128 by a complex step, whatever its arrays' types are: what is wanted is the slope of the
    mathematics, at the numbers given."""

    def evaluate(copies: Arrays, jolt: Jolt | None) -> Losses:
        count = max(array.shape[0] for array in copies.values())
        losses = [
            _loss(
                function, {key[1]: array[min(c, array.shape[0] - 1)] for key, array in copies.items()}, upstream, jolt
            )
            for c in range(count)
        ]
        return Losses(np.array(losses)[None, :, None], np.ones((count, 1), dtype=bool))

    points: dict[Key, Array] = {(GROUP, name): array.astype("float64") for name, array in arrays.items()}
    return Problem(points, evaluate, {})


def _loss(
    function: Callable[[dict[str, Array]], Any], arrays: Mapping[str, Array], upstream: Array, jolt: Jolt | None
) -> Any:
    imaginary = any(np.iscomplexobj(array) for array in arrays.values())
    given = {name: array.copy() for name, array in arrays.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            value = call_jolted(function, given, jolt)
        except Exception as error:
            if imaginary:
                raise Refusal(f"on complex arrays the function raises {type(error).__name__}: {error}") from None
            # Outside of its domain: a difference takes another step.
            return np.nan
    value = np.asarray(value)
    if value.shape != upstream.shape:
        return np.nan
    return (upstream * value).sum()


def call_jolted(function: Callable[[dict[str, Array]], Any], arrays: dict[str, Array], jolt: Jolt | None) -> Any:
    """The function's value, each of its operations jolted; where it does not take such arrays, the arrays alone are."""
    if jolt is None:
        return function(arrays)
    try:
        return function({name: wrap(array, jolt) for name, array in arrays.items()})
    except Exception:
        return function({name: jolt(array) for name, array in arrays.items()})
