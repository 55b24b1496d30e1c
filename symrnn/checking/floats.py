"""Real and complex NumPy arrays as a kind of number, right for a complex step.

A complex step needs the analytic function beside the real line. Whatever decides (a branch, an absolute value, a
maximum) decides by the real part and lets the imaginary part through; where the function is not defined on the real
line (the logarithm of a negative number) the answer is NaN, for complex numbers too. A branch that is not taken is
worked out all the same, and may overflow: who runs a meaning ignores floating-point errors and looks at what comes.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .kit import Array, Kit


def _defined(condition: Any, value: Any) -> Any:
    return np.where(condition, value, np.nan)


def _log1p_positive(z: Array) -> Any:
    """log(1 + z) for Re z ≥ 0, accurate for small z; NumPy's own is not for complex numbers."""
    if not np.iscomplexobj(z):
        return np.log1p(z)
    x, y = z.real, z.imag
    return 0.5 * np.log1p(x * (2.0 + x) + y * y) + 1j * np.arctan2(y, 1.0 + x)


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


def _log(a: Array) -> Any:
    return _defined(a.real >= 0, np.log(np.where(a.real >= 0, a, 1.0)))


def _logistic(a: Array) -> Any:
    positive = a.real >= 0
    decay = np.exp(np.where(positive, -a, a))
    return np.where(positive, 1.0, decay) / (1.0 + decay)


def _softplus(a: Array) -> Any:
    positive = a.real >= 0
    return np.where(positive, a, 0.0) + _log1p_positive(np.exp(np.where(positive, -a, a)))


def _power(a: Any, exponent: Fraction) -> Any:
    if exponent.denominator == 1:
        k = abs(exponent.numerator)
        result, square = np.ones_like(a), a
        while k:
            if k & 1:
                result = result * square
            square, k = square * square, k >> 1
        return result if exponent >= 0 else 1.0 / result
    safe = np.where(np.real(a) >= 0, a, 1.0)
    root = np.sqrt(safe) if exponent == Fraction(1, 2) else np.power(safe, float(exponent))
    return _defined(np.real(a) >= 0, root)


FLOATS = Kit(
    dtype=None,
    constant=float,
    pi=math.pi,
    exp=np.exp,
    expm1=np.expm1,
    log=_log,
    sin=np.sin,
    cos=np.cos,
    tanh=np.tanh,
    logistic=_logistic,
    softplus=_softplus,
    normal_cdf=lambda a: 0.5 * complementary_error(-a / math.sqrt(2.0)),
    power=_power,
    positive=lambda a: np.where(np.real(a) > 0, 1.0, 0.0),
    choose=lambda condition, a, b: np.where(np.real(condition) != 0, a, b),
    floor=lambda a: np.floor(a.real),
    top=lambda a: a.real.max(axis=-1, keepdims=True),
)
"""float64 and complex128."""
