"""Derived equations, evaluated entry by entry on exact normal forms.

Each head of the formulas has its value here as the formula's reader would compute it by hand; nothing is taken from the
heads' own derivatives, adjoint rules or NumPy forms. Arrays are object arrays of `Polynomial`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from ..operations import functions as f
from ..operations import structured as s
from ..operations.entry import SizeSymbol, substitute_dims
from ..sizes import Shape
from . import symbols as own
from .meaning import Array
from .polynomials import Algebra, Polynomial

_HALF = Fraction(1, 2)

# Functions of numbers ----------------------------------------------------------------------------------------


def _root_two(k: Algebra) -> Polynomial:
    """√2; constants are written as SymPy writes them, √2 π^(−1/2)/2 for 1/√(2π)."""
    return k.power(k.constant(2), _HALF)


def _normal_pdf(k: Algebra, a: Polynomial) -> Polynomial:
    return k.exp(a * a * -_HALF) * _root_two(k) * k.power(k.symbol("π"), -_HALF) * _HALF


def _gelu_tanh(k: Algebra, a: Polynomial) -> Polynomial:
    scale = _root_two(k) * k.power(k.symbol("π"), -_HALF)
    return a * _HALF * (1 + k.tanh(scale * (a + Fraction(44715, 1000000) * a * a * a)))


def _choose(condition: Polynomial, a: Any, b: Any) -> Polynomial:
    return condition * a + (1 - condition) * b


def _inside(k: Algebra, a: Polynomial, lower: Polynomial, upper: Polynomial) -> Polynomial:
    return k.step(a - lower) * k.step(upper - a)


def _clip(k: Algebra, a: Polynomial, lower: Polynomial, upper: Polynomial) -> Polynomial:
    return lower * (1 - k.step(a - lower)) + upper * (1 - k.step(upper - a)) + a * _inside(k, a, lower, upper)


def _above(k: Algebra, a: Polynomial, b: Polynomial) -> Polynomial:
    return k.step(a - b)


def _prefers(k: Algebra, a: Polynomial, b: Polynomial) -> Polynomial:
    """[a > b]; one half for two forms that are the same, as in max(a, a)."""
    return k.step(a - b) if (a - b).terms else k.constant(_HALF)


SCALAR_HEADS: Mapping[type, Callable[..., Polynomial]] = {
    f.sigmoid: Algebra.logistic,
    f.tanh: Algebra.tanh,
    f.exp: Algebra.exp,
    f.log: Algebra.log,
    f.sin: Algebra.sin,
    f.cos: Algebra.cos,
    f.sqrt: lambda k, a: k.power(a, _HALF),
    f.softplus: lambda k, a: k.apply("softplus", a),
    f.silu: lambda k, a: a * k.logistic(a),
    f.normal_cdf: lambda k, a: k.apply("Φ", a),
    f.normal_pdf: _normal_pdf,
    f.gelu: lambda k, a: a * k.apply("Φ", a),
    f.gelu_tanh: _gelu_tanh,
    f.above: _above,
    f.at_least: lambda k, a, b: 1 - k.step(b - a),
    f.prefers: _prefers,
    f.inside: _inside,
    f.strictly_inside: _inside,
    f.relu: lambda k, a: a * k.step(a),
    f.leaky_relu: lambda k, a, slope: _choose(k.step(a), a, slope * a),
    f.elu: lambda k, a, alpha: _choose(k.step(a), a, alpha * (k.exp(a) - 1)),
    f.hard_sigmoid: lambda k, a: _clip(k, a / 6 + _HALF, k.constant(0), k.constant(1)),
    f.sign: lambda k, a: 2 * k.step(a) - 1,
    f.floor: lambda k, a: k.apply("floor", a),
    f.mod: lambda k, a, b: a - b * k.apply("floor", a / b),
    f.absolute: lambda k, a: a * (2 * k.step(a) - 1),
    f.maximum: lambda k, a, b: _choose(k.step(a - b), a, b),
    f.minimum: lambda k, a, b: _choose(k.step(b - a), a, b),
    f.clip: _clip,
    f.where: lambda k, condition, a, b: _choose(condition, a, b),
    f.stop_gradient: lambda k, a: a,
    f.safe_ratio: lambda k, a, b: a / b,
    own.Logistic: Algebra.logistic,
    own.Tanh: Algebra.tanh,
    own.Exp: Algebra.exp,
    own.Log: Algebra.log,
    own.Sin: Algebra.sin,
    own.Cos: Algebra.cos,
    own.Softplus: lambda k, a: k.apply("softplus", a),
    own.NormalCdf: lambda k, a: k.apply("Φ", a),
    own.Step: Algebra.step,
    own.Floor: lambda k, a: k.apply("floor", a),
}

# Functions of arrays -----------------------------------------------------------------------------------------


def _matmul(k: Algebra, a: Array, b: Array) -> Any:
    return a @ b


def _total(k: Algebra, a: Array) -> Any:
    return a.sum()


def _mean(k: Algebra, a: Array) -> Any:
    return a.sum() * Fraction(1, a.size)


def _norm(k: Algebra, a: Array) -> Any:
    return k.power((a * a).sum(), _HALF)


def _exponentials(k: Algebra, a: Array) -> Array:
    return np.asarray(np.frompyfunc(k.exp, 1, 1)(a))


def _softmax(k: Algebra, a: Array) -> Any:
    e = _exponentials(k, a)
    if a.ndim == 2:
        return np.stack([_softmax(k, row) for row in a])
    return e * k.inverse(e.sum())


def _diag(k: Algebra, a: Array) -> Any:
    full = np.full((a.size, a.size), k.constant(0), dtype=object)
    full[np.arange(a.size), np.arange(a.size)] = a
    return full


ARRAY_HEADS: Mapping[type, Callable[..., Any]] = {
    s.matmul: _matmul,
    s.transpose: lambda k, a: a.T,
    s.outer: lambda k, a, b: a[:, None] * b[None, :],
    s.dot: lambda k, a, b: (a * b).sum(),
    s.total: _total,
    s.mean: _mean,
    s.norm: _norm,
    s.softmax: _softmax,
    s.logsumexp: lambda k, a: k.log(_exponentials(k, a).sum()),
    s.diag: _diag,
    s.diagonal: lambda k, a: np.array([a[i, i] for i in range(a.shape[0])], dtype=object),
    s.stack: lambda k, *parts: np.concatenate(parts),
}


@dataclass(slots=True)
class Evaluator:
    """Evaluates expressions at given sizes; equal subexpressions once, as long as the names keep their values."""

    algebra: Algebra
    dims: Mapping[str, int]
    values: Mapping[str, Array]
    known: dict[sympy.Basic, Array] = field(default_factory=dict)

    def __call__(self, expr: sympy.Basic) -> Array:
        """The value of an expression: an array of normal forms."""
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = np.asarray(self._evaluate(expr), dtype=object)
        return found

    def spread(self, expr: sympy.Basic, shape: Shape) -> Array:
        """The value of an equation, in the equation's shape also where its right side is a scalar."""
        return np.broadcast_to(self(expr), tuple(size.value(self.dims) for size in shape))

    def _evaluate(self, expr: sympy.Basic) -> Any:
        k = self.algebra
        head = type(expr)
        if isinstance(expr, SizeSymbol):
            return k.constant(self.dims[expr.name])
        if isinstance(expr, own.Shared):
            form: Any = self(expr.expr)[()]
            return k.named(form) if expr.is_value else form
        if isinstance(expr, sympy.Symbol):
            return self.values[expr.name]
        if isinstance(expr, sympy.Rational):
            return k.constant(int(expr.p) if expr.q == 1 else Fraction(int(expr.p), int(expr.q)))
        if expr is sympy.pi:
            return k.symbol("π")
        if isinstance(expr, sympy.Add | sympy.Mul):
            result, *rest = (self(arg) for arg in expr.args)
            for value in rest:
                result = result + value if isinstance(expr, sympy.Add) else result * value
            return result
        if isinstance(expr, sympy.Pow):
            base, exponent = expr.args
            if not isinstance(exponent, sympy.Rational):
                raise TypeError(f"{expr}: an exponent must be a constant")
            constant = Fraction(int(exponent.p), int(exponent.q))
            return np.frompyfunc(lambda p: k.power(p, constant), 1, 1)(self(base))
        if head is s.part:
            return self(expr.args[0])[self._subscript(expr.args[1:])]
        if head is s.embed:
            full = np.full(
                tuple(substitute_dims(size, self.dims) for size in expr.args[-1].args), k.constant(0), dtype=object
            )
            full[self._subscript(expr.args[1:-1])] = self(expr.args[0])[()]
            return full
        arguments = [self(arg) for arg in expr.args]
        if head in ARRAY_HEADS:
            return ARRAY_HEADS[head](k, *arguments)
        if head in SCALAR_HEADS:
            function = SCALAR_HEADS[head]
            return np.frompyfunc(lambda *scalars: function(k, *scalars), len(arguments), 1)(*arguments)
        raise NotImplementedError(f"{head.__name__} has no value here; add it to checking/components.py")

    def _subscript(self, axes: tuple[sympy.Basic, ...]) -> tuple[Any, ...]:
        subscript: list[Any] = []
        for axis in axes:
            bounds = [substitute_dims(bound, self.dims) for bound in axis.args]
            subscript.append(bounds[0] if len(bounds) == 1 else slice(*bounds))
        return tuple(subscript)
