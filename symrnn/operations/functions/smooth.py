"""Functions that are smooth wherever they are defined."""

from __future__ import annotations

from typing import Any

import sympy

from ..entry import C, Look, Operation, Sample, Torch, call
from .elementwise import Elementwise


class exp(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (self,)


EXP = Operation(
    exp, "exponential", call("exp", r"\exp"),
    ufunc="np.exp", torch=Torch("torch.exp"), c=C("EXP"), small="lifted",
    samples=(Sample("exp(tanh({0}))"), Sample("exp(-square({0}))")),
)  # fmt: skip


class log(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (1 / a,)


LOG = Operation(
    log, "natural logarithm", call("log", r"\log"),
    ufunc="np.log", torch=Torch("torch.log"), c=C("LOG"), small="told", samples=(Sample("log(1.5 + square({0}))"),),
)  # fmt: skip


class sqrt(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (1 / (2 * self),)


SQRT = Operation(
    sqrt, "square root", Look("sqrt"),
    ufunc="np.sqrt", torch=Torch("torch.sqrt"), c=C("SQRT"), small="told", samples=(Sample("sqrt(1 + square({0}))"),),
)  # fmt: skip


class sin(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (cos(a),)


SIN = Operation(
    sin, "sine", call("sin", r"\sin"), ufunc="np.sin", torch=Torch("torch.sin"), c=C("SIN"), slope="1"
)  # fmt: skip


class cos(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (-sin(a),)


COS = Operation(
    cos, "cosine", call("cos", r"\cos"),
    ufunc="np.cos", torch=Torch("torch.cos"), c=C("COS"), small="lifted", slope="1",
)  # fmt: skip

_NUMPY_ERF = '''\
def erf(a):
    """The error function: 2/√π times the integral of exp(-t²) from 0 to a."""
    return np.vectorize(math.erf, otypes=[a.dtype])(a)
'''

_STEEPEST = 2 / sympy.sqrt(sympy.pi)


class erf(Elementwise):
    def derivative(self, a: Any) -> tuple[Any, ...]:
        return (_STEEPEST * exp(-(a**2)),)


ERF = Operation(
    erf, "error function", call("erf", r"\operatorname{erf}"),
    numpy="erf", helper=_NUMPY_ERF, torch=Torch("torch.erf"), c=C("ERF"),
    rounds=("erf", 1.0), real_only=True, activation=True, slope="1.13",
)  # fmt: skip
