"""The language's functions in NumPy, by their definitions: real numbers, or complex ones for complex step.

A step of 1e-30 along the imaginary axis has no square, so the imaginary part is the derivative. Branches are chosen by
the real part; how near the real parts come to a kink is kept, for a sample on one says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


class NumpyNumbers:
    """Arrays of float64 or complex128. With `jitter`, every result is moved by its last bit, or not, at random."""

    def __init__(self, jitter: np.random.Generator | None = None) -> None:
        self.jitter = jitter
        self.nearest_kink = math.inf
        self.largest = 0.0
        names = [name.removeprefix("f_") for name in dir(self) if name.startswith("f_")]
        self.functions: dict[str, Callable[..., Any]] = {name: getattr(self, f"f_{name}") for name in names}

    # What operators do

    def rank(self, a: Any) -> int:
        return max(np.ndim(a) - 1, 0)

    def lift(self, a: Any, rank: int) -> Any:
        return a if np.ndim(a) != 1 or rank == 0 else a.reshape((-1,) + (1,) * rank)

    def einsum(self, letters: str, a: Any, b: Any) -> Any:
        return np.einsum(letters, a, b)

    def join(self, parts: list[Any]) -> Any:
        return np.concatenate(parts, axis=1)

    def transposed(self, a: Any) -> Any:
        return np.swapaxes(a, 1, 2)

    def power(self, a: Any, exponent: float) -> Any:
        if not np.iscomplexobj(a):
            return a**exponent
        x = np.real(a)
        return x**exponent + 1j * np.imag(a) * exponent * x ** (exponent - 1)

    def compare(self, holds: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
        self._near(a - b)
        return np.multiply(1.0, holds(np.real(a), np.real(b)))

    def rounded(self, a: Any) -> Any:
        if np.ndim(a) == 0:
            return a
        self.largest = max(self.largest, float(np.abs(a.real).max()))
        if self.jitter is None:
            return a
        return a * (1 + self.jitter.integers(-1, 2, a.shape) * 2.0**-52)

    def _near(self, distance: Any) -> None:
        if np.ndim(distance):  # a constant is where its author put it
            self.nearest_kink = min(self.nearest_kink, float(np.abs(np.real(distance)).min()))

    def _split(self, a: Any, at: float = 0.0) -> Any:
        self._near(a - at)
        return np.real(a) > at

    def _flat(self, a: Any, value: Any) -> Any:
        """Where a curve is flat, its slope is computed as 1 − t² or the like, which rounds as 1 does."""
        if self.jitter is None or not np.iscomplexobj(a):
            return value
        return value + 1j * np.imag(a) * self.jitter.integers(-1, 2, np.shape(a)) * 2.0**-52

    # The README's table

    def f_square(self, a: Any) -> Any:
        return a * a

    def f_sigmoid(self, a: Any) -> Any:
        return self._flat(a, 1 / (1 + np.exp(-a)))

    def f_tanh(self, a: Any) -> Any:
        return self._flat(a, np.tanh(a))

    def f_relu(self, a: Any) -> Any:
        return np.where(self._split(a), a, 0.0)

    def f_leaky_relu(self, a: Any, slope: float = 0.01) -> Any:
        return np.where(self._split(a), a, slope * a)

    def f_elu(self, a: Any, alpha: float = 1.0) -> Any:
        above = self._split(a)
        return np.where(above, a, alpha * np.expm1(np.where(above, 0.0, a)))

    def f_softplus(self, a: Any) -> Any:
        return np.where(np.real(a) > 0, a, 0.0) + _log1p(np.exp(np.where(np.real(a) > 0, -a, a)))

    def f_silu(self, a: Any) -> Any:
        return a * self.f_sigmoid(a)

    def f_erf(self, a: Any) -> Any:
        return 1 - self._erfc(a)

    @staticmethod
    def _erfc(a: Any) -> Any:
        """erfc(x + i y) is erfc x − i y 2 e^{−x²} / √π, as y² is nothing."""
        x = np.real(a)
        value = np.vectorize(math.erfc, otypes=[float])(x)
        return value - 2j * np.imag(a) * np.exp(-x * x) / math.sqrt(math.pi) if np.iscomplexobj(a) else value

    def f_gelu(self, a: Any) -> Any:
        """a Φ(a), where 1 + erf would lose what is far below zero."""
        return a * self._erfc(-a / math.sqrt(2)) / 2

    def f_gelu_tanh(self, a: Any) -> Any:
        return 0.5 * a * (1 + self.f_tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a * a * a)))

    def f_hard_sigmoid(self, a: Any) -> Any:
        return self.f_clip(a / 6 + 0.5, 0.0, 1.0)

    def f_exp(self, a: Any) -> Any:
        return np.exp(a)

    def f_log(self, a: Any) -> Any:
        return np.log(a)

    def f_sqrt(self, a: Any) -> Any:
        return np.sqrt(a)

    def f_sin(self, a: Any) -> Any:
        return np.sin(a)

    def f_cos(self, a: Any) -> Any:
        return np.cos(a)

    def f_abs(self, a: Any) -> Any:
        return np.where(self._split(a), a, -a)

    def f_sign(self, a: Any) -> Any:
        self._near(a)
        return np.sign(np.real(a))

    def f_floor(self, a: Any) -> Any:
        a = np.real(a)
        self._near(a - np.round(a))
        return np.floor(a)

    def f_mod(self, a: Any, b: Any) -> Any:
        return a - b * self.f_floor(a / b)

    def f_maximum(self, a: Any, b: Any) -> Any:
        return np.where(self._split(a - b), a, b)

    def f_minimum(self, a: Any, b: Any) -> Any:
        return np.where(self._split(a - b), b, a)

    def f_clip(self, a: Any, lower: float, upper: float) -> Any:
        return np.where(self._split(a, lower), np.where(self._split(a, upper), upper, a), lower)

    def f_where(self, condition: Any, a: Any, b: Any) -> Any:
        return np.where(condition != 0, a, b)

    def f_stop_gradient(self, a: Any) -> Any:
        return np.real(a)

    def f_outer(self, a: Any, b: Any) -> Any:
        return np.einsum("Bi,Bj->Bij", a, b)

    def f_dot(self, a: Any, b: Any) -> Any:
        return np.einsum("Bi,Bi->B", a, b)

    def f_sum(self, a: Any) -> Any:
        return a.sum(axis=tuple(range(1, a.ndim)))

    def f_mean(self, a: Any) -> Any:
        return self.f_sum(a) / math.prod(a.shape[1:])

    def f_softmax(self, a: Any) -> Any:
        powers = np.exp(a - np.real(a).max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    def f_logsumexp(self, a: Any) -> Any:
        top = np.real(a).max(axis=-1)
        return top + np.log(np.exp(a - top[:, None]).sum(axis=-1))

    def f_cross_entropy(self, z: Any, y: Any) -> Any:
        return self.f_logsumexp(z) - (y * z).sum(axis=-1)

    def f_binary_cross_entropy(self, z: Any, y: Any) -> Any:
        return (self.f_softplus(z) - y * z).sum(axis=-1)

    def f_squared_error(self, z: Any, y: Any) -> Any:
        return (z - y) ** 2 @ np.full(z.shape[-1], 0.5)

    def f_norm(self, a: Any) -> Any:
        squares = self.f_sum(a * a)
        self._near(squares)
        return np.sqrt(squares)

    def f_diag(self, a: Any) -> Any:
        return a[:, :, None] * np.eye(a.shape[1])


def _log1p(a: Any) -> Any:
    x = np.real(a)
    return np.log1p(x) + 1j * np.imag(a) / (1 + x) if np.iscomplexobj(a) else np.log1p(x)
