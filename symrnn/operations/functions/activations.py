"""σ and its like: functions of one operand that a cell applies to net inputs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from ..entry import C, Operation, Option, Sample, Torch, call
from .derived import NUMPY_NORMAL_CDF, above, normal_cdf, normal_pdf, strictly_inside
from .elementwise import Elementwise
from .kinks import where

_HALF = sympy.Rational(1, 2)

_NUMPY_SIGMOID = '''\
def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)
'''
_C_SIGMOID = """\
/* 1 / (1 + exp(-a)) without overflow. */
static real sigmoid(real a)
{
    const real decay = EXP(-FABS(a));
    return (a < 0 ? decay : 1) / (1 + decay);
}
"""


class sigmoid(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (self * (1 - self),)


SIGMOID = Operation(
    sigmoid, "the logistic function", call("σ", r"\sigma"), activation=True, slope="1/4", small="lifted",
    numpy="sigmoid", helper=_NUMPY_SIGMOID, rounds=("sigmoid", 0.5), torch=Torch("torch.sigmoid"),
    c=C(source=_C_SIGMOID, calls=("EXP", "FABS")),
)  # fmt: skip


class tanh(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (1 - self**2,)


TANH = Operation(
    tanh, "hyperbolic tangent", call("tanh", r"\tanh"), activation=True, slope="1",
    ufunc="np.tanh", torch=Torch("torch.tanh"), c=C("TANH"),
)  # fmt: skip


class relu(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (above(a, 0),)


RELU = Operation(
    relu, "max(a, 0)", call("relu"), activation=True, slope="1", kink="relu′(0) = 0", exact=True,
    numpy="np.maximum({0}, 0)", torch=Torch("torch.relu"), c=C(value="a < 0 ? 0 : a"),
)  # fmt: skip


class leaky_relu(Elementwise):
    def derivative(self, a: Any, slope: Any) -> tuple[Any, ...]:
        return (where(above(a, 0), 1, slope), sympy.S.Zero)


LEAKY_RELU = Operation(
    leaky_relu, "a above zero, slope · a below", call("leaky_relu", r"\operatorname{leaky\_relu}"), activation=True,
    options=(Option("slope", Fraction(1, 100)),), kink="leaky_relu′(0) = slope",
    numpy="np.where({0} > 0, {0}, {1} * {0})", torch=Torch("torch.nn.functional.leaky_relu"),
    c=C(value="a > 0 ? a : slope * a"),
    samples=(Sample("leaky_relu({0})"), Sample("leaky_relu({0}, slope=0.2)")),
)  # fmt: skip

_NUMPY_ELU = """\
def elu(a, alpha):
    return np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0)))
"""


class elu(Elementwise):
    def derivative(self, a: Any, alpha: Any) -> tuple[Any, ...]:
        return (where(above(a, 0), 1, self + alpha), sympy.S.Zero)


ELU = Operation(
    elu, "a above zero, α (exp(a) − 1) below", call("elu"), activation=True,
    options=(Option("alpha", Fraction(1)),), kink="elu′(0) = α",
    numpy="elu", helper=_NUMPY_ELU, rounds=("np.expm1", 1.0), torch=Torch("torch.nn.functional.elu"),
    c=C(value="a > 0 ? a : alpha * EXPM1(a)", calls=("EXPM1",)),
    samples=(Sample("elu({0})"), Sample("elu({0}, 0.7)"), Sample("elu({0}, alpha=0.6)")),
)  # fmt: skip

_TORCH_SOFTPLUS = '''\
def softplus(a):
    """log(1 + exp(a)); torch's own is the identity from 20 on, which costs digits in float64."""
    return torch.logaddexp(a, torch.zeros_like(a))
'''


class softplus(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sigmoid(a),)


SOFTPLUS = Operation(
    softplus, "log(1 + exp(a))", call("softplus"), activation=True, slope="1", small="lifted",
    numpy="np.logaddexp({0}, 0)", rounds=("np.logaddexp", 1.0), real_only=True,
    torch=Torch("softplus", _TORCH_SOFTPLUS),
    c=C(value="LOG1P(EXP(-FABS(a))) + (a < 0 ? 0 : a)", calls=("LOG1P", "EXP", "FABS")),
)  # fmt: skip


class silu(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (sigmoid(a) * (1 + a * (1 - sigmoid(a))),)


SILU = Operation(
    silu, "a σ(a)", call("silu"), activation=True, numpy="{0} * sigmoid({0})", helper=_NUMPY_SIGMOID,
    torch=Torch("torch.nn.functional.silu"), c=C(value="a * sigmoid(a)", calls=("sigmoid",)),
)  # fmt: skip


class gelu(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (normal_cdf(a) + a * normal_pdf(a),)


GELU = Operation(
    gelu, "a Φ(a), the exact form", call("gelu"), activation=True, real_only=True,
    numpy="{0} * normal_cdf({0})", helper=NUMPY_NORMAL_CDF, torch=Torch("torch.nn.functional.gelu"),
    c=C(value="a * normal_cdf(a)", calls=("normal_cdf",)),
)  # fmt: skip

_CUBIC = sympy.Rational(44715, 1000000)
_SCALE = sympy.sqrt(2 / sympy.pi)
_C_GELU_TANH = """\
static real gelu_tanh(real a)
{
    const real inner = REAL(0.7978845608028654) * (a + REAL(0.044715) * a * a * a);
    return REAL(0.5) * a * (1 + TANH(inner));
}
"""


class gelu_tanh(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        inner = tanh(_SCALE * (a + _CUBIC * a**3))
        return (_HALF * (1 + inner) + _HALF * a * (1 - inner**2) * _SCALE * (1 + 3 * _CUBIC * a**2),)


GELU_TANH = Operation(
    gelu_tanh, "the tanh approximation of gelu", call("gelu_tanh", r"\operatorname{gelu}_{\tanh}"), activation=True,
    numpy="0.5 * {0} * (1 + np.tanh(math.sqrt(2 / math.pi) * ({0} + 0.044715 * {0} ** 3)))",
    torch=Torch('torch.nn.functional.gelu({0.text}, approximate="tanh")'),
    c=C(source=_C_GELU_TANH, calls=("REAL", "TANH")),
)  # fmt: skip


class hard_sigmoid(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (strictly_inside(a, -3, 3) / 6,)


HARD_SIGMOID = Operation(
    hard_sigmoid, "clip(a/6 + 1/2, 0, 1)", call("hard_sigmoid", r"\operatorname{hard\_sigmoid}"), activation=True,
    slope="1/6", small="lifted", kink="hard_sigmoid′(±3) = 0",
    numpy="np.clip({0} / 6 + 0.5, 0, 1)", torch=Torch("torch.nn.functional.hardsigmoid"),
    c=C(value="clip(a / 6 + REAL(0.5), 0, 1)", calls=("clip", "REAL")),
)  # fmt: skip
