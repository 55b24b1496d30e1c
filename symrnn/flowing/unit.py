"""One unit with one weight, the smallest network through which a gradient can vanish or explode, read and derived as
any cell is. Weights are its inputs here, so that every sequence of a batch has its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..derivation import derive
from ..equations import build_cell
from ..language import Source
from ..numeric import Kernel

Array = np.ndarray[Any, Any]

_DRIVEN = """\
def unit(x: scalar, w: scalar, /, h: scalar):
    h = {}
    return h
"""
FUNCTIONS = {
    "tanh": ("tanh(w * h + x)", 1.0),
    "sigmoid": ("sigmoid(w * h + x)", 0.25),
    "relu": ("relu(w * h + x)", 1.0),
    "linear": ("w * h + x", 1.0),
}
"""What the unit computes, and the steepest slope of its function, sup|φ′|."""

# Pascanu et al. 2013 put the function inside: x_t = w σ(x_{t−1}) + b.
_FREE = """\
def unit(w: scalar, b: scalar, /, x: scalar):
    s = sigmoid(x)
    x = w * s + b
    y = sigmoid(x)
    return y, (x,)
"""


@lru_cache(maxsize=8)
def _kernel(text: str) -> Kernel:
    return derive(build_cell(Source(text))).numpy()


def influence(function: str, w: float, T: int, tau: int, pulse: float) -> tuple[Array, Array]:
    """The values h_1 … h_T after a pulse at step τ and zeros elsewhere, and ∂h_t/∂x_τ for every t: one sequence for
    each t, into which the gradient comes at that step alone."""
    kernel = _kernel(_DRIVEN.format(FUNCTIONS[function][0]))
    x = np.zeros((T, T))
    x[tau - 1] = pulse
    outputs, _, tape = kernel.forward({}, {"x": x, "w": np.full((T, T), w)})
    found: Any = kernel.backward(tape, np.eye(T)).x
    return np.asarray(outputs)[:, 0], np.asarray(found["x"])[tau - 1]


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """E = (σ(x_T) − target)² and its gradient, at every (w, b)."""

    loss: Array
    d_w: Array
    d_b: Array

    @property
    def steepness(self) -> Array:
        """The norm of the gradient."""
        return np.hypot(self.d_w, self.d_b)


def errors(w: Array, b: Array, x0: float, T: int, target: float) -> Errors:
    """The error of the unit x_t = w σ(x_{t−1}) + b at arrays of weights and biases, all at once."""
    w, b = np.broadcast_arrays(np.asarray(w, dtype=float), np.asarray(b, dtype=float))
    shape, flat = w.shape, (w.reshape(-1), b.reshape(-1))
    inputs = {name: np.tile(values, (T, 1)) for name, values in zip(("w", "b"), flat, strict=True)}
    kernel = _kernel(_FREE)
    outputs, _, tape = kernel.forward({}, inputs, {"x": np.full(flat[0].size, x0)})
    y = np.asarray(outputs)
    above = np.zeros_like(y)
    above[-1] = 2 * (y[-1] - target)
    found: Any = kernel.backward(tape, above).x
    d_w, d_b = (np.asarray(found[name]).sum(axis=0).reshape(shape) for name in ("w", "b"))
    return Errors(((y[-1] - target) ** 2).reshape(shape), d_w, d_b)
