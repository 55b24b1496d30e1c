"""What products of Jacobians tell: how long a difference lives, how many directions survive, which inputs are felt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_POINTS = 128
"""More lags than this are thinned: a curve needs no more, and singular values take time."""
_ROWS = 50


def lengths_of(array: Array, lead: int) -> Array:
    """The Euclidean norms over all axes behind the first ones; no square of a large or a small number is lost."""
    flat = array.reshape(*array.shape[:lead], -1)
    with np.errstate(all="ignore"):
        scale = np.abs(flat).max(axis=-1, initial=0.0, keepdims=True)
        scaled = np.where(scale > 0, flat / scale, 0.0)
        return scale[..., 0] * np.sqrt((scaled**2).sum(axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class LongTerm:
    """∂s_T/∂s_t over the lag T − t.

    `singular` are the singular values of each state's own block, ∂h_T/∂h_t, the largest first: (lags, n). `condition`
    is log₁₀ of the whole Jacobian's condition number; where that is beyond what floating-point numbers resolve, a lower
    bound. `steps` is the product of the steps' norms ‖J_T‖ ⋯ ‖J_{t+1}‖, above which no singular value can be.
    """

    lags: Array
    singular: Mapping[str, Array]
    condition: Array
    steps: Array


def long_term(jacobians: Array, places: Mapping[str, slice]) -> LongTerm:
    """The Jacobians of the last 0, 1, 2, … steps together. The product is scaled as it grows, so it neither overflows
    nor loses itself in zeros."""
    T, S, _ = jacobians.shape
    lags = np.unique(np.linspace(0, T, min(T + 1, _POINTS)).round().astype(int))
    wanted = set(lags.tolist())
    product, scale, kept, scales = np.eye(S), 0.0, [], []
    triangle = _Triangle(S)
    bounds: list[float] = []
    for lag in range(T + 1):
        if lag in wanted:
            kept.append(product)
            scales.append(scale)
            bounds.append(triangle.spread())
        if lag < T:
            step = jacobians[T - 1 - lag]
            product = product @ step
            largest = float(np.abs(product).max(initial=0.0))
            if 0 < largest < np.inf:
                product, scale = product / largest, scale + float(np.log(largest))
            triangle.add(step.T)
    grown = np.array(scales)[:, None]
    singular = {
        name: singular_values(np.stack(kept)[:, place, place]) * np.exp(grown) for name, place in places.items()
    }
    return LongTerm(
        lags, singular, _condition(singular_values(np.stack(kept)), np.array(bounds)), _products(jacobians, lags)
    )


def singular_values(matrices: Array) -> Array:
    """Of each matrix, the largest first; NaN where an entry is no number."""
    found = np.full((len(matrices), min(matrices.shape[1:])), np.nan)
    finite = np.isfinite(matrices).all(axis=(1, 2))
    if matrices.size:
        found[finite] = np.linalg.svd(matrices[finite], compute_uv=False)
    return found


def _products(jacobians: Array, lags: Array) -> Array:
    """The products of the steps' norms, backwards from the last."""
    largest = singular_values(jacobians)[:, 0]
    with np.errstate(divide="ignore", over="ignore"):
        summed = np.concatenate([[0.0], np.cumsum(np.log(largest[::-1]))])
        return np.exp(summed[lags])


def _condition(values: Array, bounds: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = np.log10(values[:, 0]) - np.log10(values[:, -1])
    # Beyond 10¹³ the smallest singular value is rounding, and the triangular factor's diagonal bounds from below.
    return np.where(seen < 13, seen, np.maximum(bounds, 13.0))


class _Triangle:
    """A product as Q R, R's diagonal in logarithms: no smaller than the smallest singular value, no larger than the
    largest."""

    def __init__(self, size: int) -> None:
        self.q, self.logs = np.eye(size), np.zeros(size)

    def add(self, matrix: Array) -> None:
        """One more factor on the left."""
        if not np.isfinite(matrix).all():
            self.logs = self.logs + np.nan
            return
        self.q, r = np.linalg.qr(matrix @ self.q)
        with np.errstate(divide="ignore"):
            self.logs = self.logs + np.log(np.abs(np.diag(r)))

    def spread(self) -> float:
        return float((self.logs.max(initial=0.0) - self.logs.min(initial=0.0)) / np.log(10.0))


def lyapunov(jacobians: Array, transient: int = 0) -> Array:
    """The Lyapunov exponents λ₁ ≥ λ₂ ≥ …: how fast differences grow or shrink, in natural logarithms a step.

    A frame is carried through the steps and made orthogonal again after each (QR); the exponents are the mean
    logarithms of R's diagonal once the frame has settled, which is given `transient` steps. Their sum is the mean
    log|det J| of the counted steps, whatever J is.
    """
    triangle = _Triangle(jacobians.shape[1])
    for t, step in enumerate(jacobians):
        if t == transient:
            triangle.logs = np.zeros(jacobians.shape[1])
        triangle.add(step)
    return np.sort(triangle.logs / (len(jacobians) - transient))[::-1]


@dataclass(frozen=True, slots=True, eq=False)
class Connectivity:
    """‖∂y_t/∂x_k‖ (Frobenius): row by row for the steps `t`, for every input k; zero for k > t."""

    t: Array
    k: Array
    norms: Array


def connectivity(states: Array, inputs: Array, output: Array, direct: Array) -> Connectivity:
    """From the derivatives of the steps: ∂y_t/∂x_k = ∂y_t/∂s_{t−1} J_{t−1} ⋯ J_{k+1} ∂s_k/∂x_k."""
    T, S, _ = states.shape
    rows = np.unique(np.linspace(0, T - 1, min(T, _ROWS)).round().astype(int))
    found = np.zeros((len(rows), T))
    carried = np.zeros((len(rows), output.shape[1], S))
    for k in reversed(range(T)):
        first = int(np.searchsorted(rows, k, side="right"))  # the rows after k
        if first < len(rows):
            felt = carried[first:].reshape(-1, S)
            found[first:, k] = lengths_of((felt @ inputs[k]).reshape(len(rows) - first, -1), 1)
            carried[first:] = (felt @ states[k]).reshape(-1, *carried.shape[1:])
        if first and rows[first - 1] == k:
            found[first - 1, k] = lengths_of(direct[k], 0)
            carried[first - 1] = output[k]
    return Connectivity(rows + 1, np.arange(1, T + 1), found)
