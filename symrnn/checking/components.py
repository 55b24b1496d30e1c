"""Expressions, evaluated entry by entry over any kind of number; exact normal forms are one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from ..operations import structured as s
from ..operations.entry import SizeSymbol, substitute_dims
from ..operations.table import BY_HEAD
from ..sizes import Shape
from . import symbols as own
from .kit import Array, Kit, lifted
from .meaning import keep
from .meanings import SCALARS, STRUCTURED
from .polynomials import Algebra

# A function of the expected side, and the function of a kit that it is.
_OWN: Mapping[type, str] = {
    own.Exp: "exp",
    own.Log: "log",
    own.Sin: "sin",
    own.Cos: "cos",
    own.Tanh: "tanh",
    own.Logistic: "logistic",
    own.Softplus: "softplus",
    own.NormalCdf: "normal_cdf",
    own.Step: "positive",
    own.Floor: "floor",
}


def forms(algebra: Algebra) -> Kit:
    """Exact normal forms in object arrays."""
    return Kit(
        constant=algebra.constant,
        pi=algebra.symbol("π"),
        exp=lifted(algebra.exp),
        expm1=lifted(lambda a: algebra.exp(a) - 1),
        log=lifted(algebra.log),
        sin=lifted(algebra.sin),
        cos=lifted(algebra.cos),
        tanh=lifted(algebra.tanh),
        logistic=lifted(algebra.logistic),
        softplus=lifted(lambda a: algebra.apply("softplus", a)),
        normal_cdf=lifted(lambda a: algebra.apply("Φ", a)),
        power=lambda a, exponent: lifted(lambda entry: algebra.power(entry, exponent))(a),
        positive=lifted(algebra.step),
        choose=lifted(lambda condition, a, b: condition * a + (1 - condition) * b, 3),
        floor=lifted(lambda a: algebra.apply("floor", a)),
        top=lambda a: 0,
    )


@dataclass(slots=True)
class Evaluator:
    """Evaluates expressions at given sizes; equal subexpressions once, as long as the names keep their values. `name`
    receives what stands for a value of the cell and returns what takes its place."""

    kit: Kit
    dims: Mapping[str, int]
    values: Mapping[str, Array]
    name: Callable[[Array], Any] = keep
    known: dict[sympy.Basic, Array] = field(default_factory=dict)

    def __call__(self, expr: sympy.Basic) -> Array:
        """The value of an expression: an array of numbers of the kit."""
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = np.asarray(self._evaluate(expr), dtype=object)
        return found

    def spread(self, expr: sympy.Basic, shape: Shape) -> Array:
        """The value of an equation, in the equation's shape also where its right side is a scalar."""
        return np.broadcast_to(self(expr), tuple(size.value(self.dims) for size in shape))

    def _evaluate(self, expr: sympy.Basic) -> Any:
        k = self.kit
        head = type(expr)
        if isinstance(expr, SizeSymbol):
            return k.constant(self.dims[expr.name])
        if isinstance(expr, own.Shared):
            return self.name(self(expr.expr)) if expr.is_value else self(expr.expr)
        if isinstance(expr, sympy.Symbol):
            return self.values[expr.name]
        if isinstance(expr, sympy.Rational):
            return k.constant(int(expr.p) if expr.q == 1 else Fraction(int(expr.p), int(expr.q)))
        if expr is sympy.pi:
            return k.pi
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
            return k.power(self(base), constant)
        if head is s.part:
            return self(expr.args[0])[self._subscript(expr.args[1:])]
        if head is s.embed:
            full = np.full(
                tuple(substitute_dims(size, self.dims) for size in expr.args[-1].args), k.constant(0), dtype=object
            )
            full[self._subscript(expr.args[1:-1])] = self(expr.args[0])[()]
            return full
        arguments = [self(arg) for arg in expr.args]
        if head in _OWN:
            return getattr(k, _OWN[head])(*arguments)
        if head not in BY_HEAD:
            raise NotImplementedError(f"{head.__name__} is no operation, so it has no value")
        name = BY_HEAD[head].name
        if name in STRUCTURED:
            return STRUCTURED[name](k, tuple(argument.ndim for argument in arguments), *arguments)
        return SCALARS[name](k, *arguments)

    def _subscript(self, axes: tuple[sympy.Basic, ...]) -> tuple[Any, ...]:
        subscript: list[Any] = []
        for axis in axes:
            bounds = [substitute_dims(bound, self.dims) for bound in axis.args]
            subscript.append(bounds[0] if len(bounds) == 1 else slice(*bounds))
        return tuple(subscript)
