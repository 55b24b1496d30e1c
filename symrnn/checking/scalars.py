"""Scalar functions on real and complex NumPy arrays, right for a complex step.

A complex step needs the analytic function beside the real line. Whatever decides (a branch, an absolute value, a
maximum) decides by the real part and lets the imaginary part through; where the function is not defined on the real
line (the logarithm of a negative number) the answer is NaN, for complex numbers too.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .meaning import Array, Numbers


def _defined(condition: Any, value: Any) -> Any:
    return np.where(condition, value, np.nan)


def _sigmoid(a: Array) -> Any:
    positive = a.real >= 0
    decay = np.exp(np.where(positive, -a, a))
    return np.where(positive, 1.0, decay) / (1.0 + decay)


def _log1p_positive(z: Array) -> Any:
    """log(1 + z) for Re z ≥ 0, accurate for small z; NumPy's own is not for complex numbers."""
    if not np.iscomplexobj(z):
        return np.log1p(z)
    x, y = z.real, z.imag
    return 0.5 * np.log1p(x * (2.0 + x) + y * y) + 1j * np.arctan2(y, 1.0 + x)


def _softplus(a: Array) -> Any:
    positive = a.real >= 0
    return np.where(positive, a, 0.0) + _log1p_positive(np.exp(np.where(positive, -a, a)))


def _erf_series(z: Array) -> Any:
    """erf z = 2/√π exp(−z²) Σ 2ᵏ z²ᵏ⁺¹ / (2k+1)!!, all terms of one sign on the real line."""
    term, total = z, z
    for k in range(1, 60):
        term = term * (2.0 * z * z / (2 * k + 1))
        total = total + term
    return 2.0 / math.sqrt(math.pi) * np.exp(-z * z) * total


def _erfc_fraction(z: Array) -> Any:
    """erfc z = exp(−z²)/√π · 1/(z + ½/(z + 1/(z + 3⁄2/(z + …)))) for Re z > 1.5."""
    tail = z
    for k in range(120, 0, -1):
        tail = z + (0.5 * k) / tail
    return np.exp(-z * z) / (math.sqrt(math.pi) * tail)


def complementary_error(z: Array) -> Any:
    """erfc for real and complex arguments near the real line, with a small relative error in the tail too."""
    near = np.abs(z.real) <= 1.5
    far = np.where(near, 2.0, np.where(z.real < 0, -z, z))
    tail = _erfc_fraction(far)
    return np.where(near, 1.0 - _erf_series(np.where(near, z, 0.0)), np.where(z.real < 0, 2.0 - tail, tail))


def _gelu(a: Array) -> Any:
    return a * (0.5 * complementary_error(-a / math.sqrt(2.0)))


def _gelu_tanh(a: Array) -> Any:
    return 0.5 * a * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (a + 0.044715 * a * a * a)))


def _power(a: Array, exponent: Fraction) -> Any:
    if exponent.denominator == 1:
        k = abs(exponent.numerator)
        result, square = np.ones_like(a), a
        while k:
            if k & 1:
                result = result * square
            square, k = square * square, k >> 1
        return result if exponent >= 0 else 1.0 / result
    return _defined(a.real >= 0, np.power(np.where(a.real >= 0, a, 1.0), float(exponent)))


def _sqrt(a: Array) -> Any:
    return _defined(a.real >= 0, np.sqrt(np.where(a.real >= 0, a, 1.0)))


def _log(a: Array) -> Any:
    safe = np.where(a.real >= 0, a, 1.0)
    return _defined(a.real >= 0, np.log(safe))


def _clip(a: Array, lower: float, upper: float) -> Any:
    return np.where(a.real < lower, lower, np.where(a.real > upper, upper, a))


def _hard_sigmoid(a: Array) -> Any:
    return _clip(a / 6.0 + 0.5, 0.0, 1.0)


def _elu(a: Array, alpha: float) -> Any:
    positive = a.real > 0
    return np.where(positive, a, alpha * np.expm1(np.where(positive, 0.0, a)))


numpy_functions = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": _power,
    "square": lambda a: a * a,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda a: np.where(a.real > 0, a, 0.0),
    "leaky_relu": lambda a, slope: np.where(a.real > 0, a, slope * a),
    "elu": _elu,
    "softplus": _softplus,
    "silu": lambda a: a * _sigmoid(a),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_sigmoid": _hard_sigmoid,
    "exp": np.exp,
    "log": _log,
    "sqrt": _sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "abs": lambda a: np.where(a.real < 0, -a, a),
    "sign": lambda a: np.sign(a.real),
    "floor": lambda a: np.floor(a.real),
    "mod": lambda a, b: a - b * np.floor((a / b).real),
    "maximum": lambda a, b: np.where(a.real >= b.real, a, b),
    "minimum": lambda a, b: np.where(a.real <= b.real, a, b),
    "clip": _clip,
    "where": lambda condition, a, b: np.where(condition.real != 0, a, b),
    "greater": lambda a, b: np.where(a.real > b.real, 1.0, 0.0),
    "greater_equal": lambda a, b: np.where(a.real >= b.real, 1.0, 0.0),
}

_at_zero = lambda a, *options: (a,)  # noqa: E731
_at_tie = lambda a, b: (a - b,)  # noqa: E731


def _at_whole(a: Array) -> tuple[Any]:
    """A triangle wave that crosses zero at every whole number, where floor jumps."""
    return (abs((a.real - 0.5) % 2 - 1) - 0.5,)


# A complex step leaves the real part where it was; the imaginary part says whether it moved the distance at all.
kink_distances = {
    "relu": _at_zero,
    "leaky_relu": _at_zero,
    "elu": _at_zero,
    "abs": _at_zero,
    "sign": _at_zero,
    "norm": _at_zero,
    "floor": _at_whole,
    "mod": lambda a, b: _at_whole(a / b),
    "maximum": _at_tie,
    "minimum": _at_tie,
    "greater": _at_tie,
    "greater_equal": _at_tie,
    "clip": lambda a, lower, upper: (a - lower, upper - a),
    "hard_sigmoid": lambda a: (a + 3, 3 - a),
}

FLOATS = Numbers(
    constant=float,
    functions=numpy_functions,
    shift=lambda a: a.real.max(axis=-1, keepdims=True),
    kinks=kink_distances,
)
"""float64 and complex128."""
