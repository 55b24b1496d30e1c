"""SymPy heads of the elementwise functions: one class each, with its derivative in the shortest honest form.

They are our own classes rather than SymPy's `tanh`, `exp` and so on because SymPy rewrites those as it builds
(`exp(a)*exp(b)` becomes `exp(a + b)`), which changes what a stabilised formula computes and how it reads.
Subgradients at kinks are PyTorch's.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

_HALF = sympy.Rational(1, 2)


class Elementwise(sympy.Function):
    """A function of numbers, applied entry by entry."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self.derivative(*self.args)[argindex - 1]

    def derivative(self, *args: Any) -> tuple[Any, ...]:
        """The partial derivative by each operand (options count as constants)."""
        raise AssertionError(type(self).__name__)


class sigmoid(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (self * (1 - self),)


class tanh(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (1 - self**2,)


class above(Elementwise):
    """[a > b]: 1 where a > b, 0 elsewhere; its own derivative is zero."""

    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero, sympy.S.Zero)


class at_least(above):
    """[a ≥ b]."""


class prefers(above):
    """[a > b] with one half at a tie, as the derivative of `maximum` has it."""


class strictly_inside(Elementwise):
    """[lower < a < upper]."""

    def derivative(self, a: Any, lower: Any, upper: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero,) * 3


class inside(strictly_inside):
    """[lower ≤ a ≤ upper]."""


class relu(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (above(a, 0),)


class leaky_relu(Elementwise):
    def derivative(self, a: Any, slope: Any) -> tuple[Any, ...]:
        return (where(above(a, 0), 1, slope), sympy.S.Zero)


class elu(Elementwise):
    def derivative(self, a: Any, alpha: Any) -> tuple[Any, ...]:
        return (where(above(a, 0), 1, self + alpha), sympy.S.Zero)


class softplus(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sigmoid(a),)


class silu(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sigmoid(a) * (1 + a * (1 - sigmoid(a))),)


class normal_cdf(Elementwise):
    """Φ, the distribution function of the standard normal."""

    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (normal_pdf(a),)


class normal_pdf(Elementwise):
    """φ, the density of the standard normal."""

    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (-a * self,)


class gelu(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (normal_cdf(a) + a * normal_pdf(a),)


_GELU_CUBIC = sympy.Rational(44715, 1000000)
_GELU_SCALE = sympy.sqrt(2 / sympy.pi)


class gelu_tanh(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        inner = tanh(_GELU_SCALE * (a + _GELU_CUBIC * a**3))
        return (_HALF * (1 + inner) + _HALF * a * (1 - inner**2) * _GELU_SCALE * (1 + 3 * _GELU_CUBIC * a**2),)


class exp(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (self,)


class log(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (1 / a,)


class sqrt(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (1 / (2 * self),)


class sin(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (cos(a),)


class cos(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (-sin(a),)


class sign(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero,)


class floor(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero,)


class mod(Elementwise):
    """a − b ⌊a/b⌋: what is left of a beyond the last whole multiple of b."""

    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (sympy.S.One, -floor(a / b))


class absolute(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sign(a),)


class maximum(Elementwise):
    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (prefers(a, b), prefers(b, a))


class minimum(Elementwise):
    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (prefers(b, a), prefers(a, b))


class clip(Elementwise):
    def derivative(self, a: Any, lower: Any, upper: Any) -> tuple[Any, ...]:
        return (inside(a, lower, upper), sympy.S.Zero, sympy.S.Zero)


class hard_sigmoid(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (strictly_inside(a, -3, 3) / 6,)


class where(Elementwise):
    """`where(condition, a, b)`; the condition is an indicator, 0 or 1."""

    def derivative(self, condition: Any, a: Any, b: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero, condition, 1 - condition)


class stop_gradient(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sympy.S.Zero,)


class safe_ratio(Elementwise):
    """a / b, and 0 where b = 0: the gradient of a norm, with PyTorch's subgradient at the origin."""

    def derivative(self, a: Any, b: Any) -> tuple[Any, ...]:
        return (safe_ratio(1, b), -safe_ratio(self, b))


def number(value: Fraction | int) -> sympy.Rational:
    """An exact SymPy number."""
    fraction = Fraction(value)
    return sympy.Rational(fraction.numerator, fraction.denominator)
