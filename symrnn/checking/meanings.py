"""What every operation computes, one line each: written from its definition over the functions of a kit, and without
a look at derivatives, adjoint rules or emitted code. The kits make oracles of it: floating-point and complex numbers,
many digits, SymPy, exact normal forms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from .kit import Array, Kit, np

_HALF = Fraction(1, 2)


def _clip(k: Kit, a: Any, lower: Any, upper: Any) -> Any:
    return k.choose(k.positive(lower - a), lower, k.choose(k.positive(a - upper), upper, a))


def _inside(k: Kit, a: Any, lower: Any, upper: Any) -> Any:
    return (1 - k.positive(lower - a)) * (1 - k.positive(a - upper))


def _safe_ratio(k: Kit, a: Any, b: Any) -> Any:
    there = k.positive(b) + k.positive(-b)
    return there * a / k.choose(there, b, k.constant(Fraction(1)))


def _gelu_tanh(k: Kit, a: Any) -> Any:
    scale = k.power(k.constant(Fraction(2)), _HALF) * k.power(k.pi, -_HALF)
    return a / 2 * (1 + k.tanh(scale * (a + k.constant(Fraction(44715, 1_000_000)) * a * a * a)))


def _erf(k: Kit, a: Any) -> Any:
    return 2 * k.normal_cdf(k.power(k.constant(Fraction(2)), _HALF) * a) - 1


def _normal_pdf(k: Kit, a: Any) -> Any:
    return k.exp(-(a * a) / 2) * (k.power(k.constant(Fraction(2)), _HALF) * k.power(k.pi, -_HALF) / 2)


SCALARS: Mapping[str, Callable[..., Any]] = {
    "add": lambda k, a, b: a + b,
    "sub": lambda k, a, b: a - b,
    "mul": lambda k, a, b: a * b,
    "div": lambda k, a, b: a / b,
    "neg": lambda k, a: -a,
    "pow": lambda k, a, exponent: k.power(a, exponent),
    "square": lambda k, a: a * a,
    "sigmoid": lambda k, a: k.logistic(a),
    "tanh": lambda k, a: k.tanh(a),
    "relu": lambda k, a: k.choose(k.positive(a), a, k.constant(Fraction(0))),
    "leaky_relu": lambda k, a, slope: k.choose(k.positive(a), a, slope * a),
    "elu": lambda k, a, alpha: k.choose(k.positive(a), a, alpha * k.expm1(a)),
    "softplus": lambda k, a: k.softplus(a),
    "silu": lambda k, a: a * k.logistic(a),
    "gelu": lambda k, a: a * k.normal_cdf(a),
    "gelu_tanh": _gelu_tanh,
    "hard_sigmoid": lambda k, a: k.choose(
        k.positive(-3 - a),
        k.constant(Fraction(0)),
        k.choose(k.positive(a - 3), k.constant(Fraction(1)), a / 6 + k.constant(_HALF)),
    ),
    "exp": lambda k, a: k.exp(a),
    "log": lambda k, a: k.log(a),
    "sqrt": lambda k, a: k.power(a, _HALF),
    "sin": lambda k, a: k.sin(a),
    "cos": lambda k, a: k.cos(a),
    "erf": _erf,
    "abs": lambda k, a: k.choose(k.positive(-a), -a, a),
    "sign": lambda k, a: k.positive(a) - k.positive(-a),
    "floor": lambda k, a: k.floor(a),
    "mod": lambda k, a, b: a - b * k.floor(a / b),
    "maximum": lambda k, a, b: k.choose(k.positive(a - b), a, b),
    "minimum": lambda k, a, b: k.choose(k.positive(b - a), a, b),
    "clip": _clip,
    "where": lambda k, condition, a, b: k.choose(condition, a, b),
    "greater": lambda k, a, b: k.positive(a - b),
    "greater_equal": lambda k, a, b: 1 - k.positive(b - a),
    "stop_gradient": lambda k, a: a,
    # What only derivatives use.
    "prefers": lambda k, a, b: (1 + k.positive(a - b) - k.positive(b - a)) / 2,
    "inside": _inside,
    "strictly_inside": lambda k, a, lower, upper: k.positive(a - lower) * k.positive(upper - a),
    "normal_cdf": lambda k, a: k.normal_cdf(a),
    "normal_pdf": _normal_pdf,
    "safe_ratio": _safe_ratio,
}
"""Functions of numbers. Operands are arrays that broadcast; options are the kit's constants, an exponent a fraction."""


def _over(rank: int) -> tuple[int, ...]:
    return tuple(range(-rank, 0))


def _matmul(k: Kit, ranks: tuple[int, ...], a: Array, b: Array) -> Any:
    match ranks:
        case 2, 1:
            return (a @ b[..., None])[..., 0]
        case 1, 2:
            return (a[..., None, :] @ b)[..., 0, :]
        case 1, 1:
            return (a * b).sum(axis=-1)
        case _:
            return a @ b


def _mean(k: Kit, ranks: tuple[int, ...], a: Array) -> Any:
    axes = _over(ranks[0])
    return a.sum(axis=axes) / k.constant(Fraction(int(np.prod([a.shape[axis] for axis in axes]))))


def _norm(k: Kit, ranks: tuple[int, ...], a: Array) -> Any:
    length = k.power((a * a).sum(axis=_over(ranks[0])), _HALF)
    k.positive(length)  # said for those who watch: the root is not smooth at zero
    return length


def _softmax(k: Kit, ranks: tuple[int, ...], a: Array) -> Any:
    e = k.exp(a - k.top(a))
    return e / np.asarray(e.sum(axis=-1))[..., None]


def _logsumexp(k: Kit, ranks: tuple[int, ...], a: Array) -> Any:
    top = k.top(a)
    return k.log(np.asarray(k.exp(a - top).sum(axis=-1))) + np.asarray(top + 0 * a[..., :1])[..., 0]


def _cross_entropy(k: Kit, ranks: tuple[int, ...], z: Array, y: Array) -> Any:
    return _logsumexp(k, ranks, z) - (y * z).sum(axis=-1)


def _binary_cross_entropy(k: Kit, ranks: tuple[int, ...], z: Array, y: Array) -> Any:
    return (k.softplus(z) - y * z).sum(axis=_over(ranks[0]))


def _squared_error(k: Kit, ranks: tuple[int, ...], z: Array, y: Array) -> Any:
    return ((z - y) * (z - y)).sum(axis=_over(ranks[0])) / 2


def _concatenate(k: Kit, ranks: tuple[int, ...], *parts: Array) -> Any:
    lead = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return np.concatenate([np.broadcast_to(part, (*lead, part.shape[-1])) for part in parts], axis=-1)


STRUCTURED: Mapping[str, Callable[..., Any]] = {
    "matmul": _matmul,
    "transpose": lambda k, ranks, a: np.swapaxes(a, -1, -2),
    "outer": lambda k, ranks, a, b: a[..., :, None] * b[..., None, :],
    "dot": lambda k, ranks, a, b: (a * b).sum(axis=_over(ranks[0])),
    "sum": lambda k, ranks, a: a.sum(axis=_over(ranks[0])),
    "mean": _mean,
    "norm": _norm,
    "softmax": _softmax,
    "logsumexp": _logsumexp,
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
    "squared_error": _squared_error,
    "diag": lambda k, ranks, a: a[..., :, None] * np.eye(a.shape[-1], dtype=int),
    "diagonal": lambda k, ranks, a: np.diagonal(a, axis1=-2, axis2=-1),
    "concatenate": _concatenate,
}
"""Functions of arrays, on as many trailing axes as each operand's rank; a slice's bounds are read by who walks it."""
