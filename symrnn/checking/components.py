"""Expressions, evaluated entry by entry over any kind of number; exact normal forms are one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import sympy

from ..derivation.moments import At
from ..operations import structured as s
from ..operations.entry import SizeSymbol, substitute_dims
from ..operations.table import BY_HEAD
from ..sizes import Shape, shape_at
from . import symbols as own
from .kit import Array, Kit, lifted, np
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
        softplus=lifted(partial(algebra.apply, "softplus")),
        normal_cdf=lifted(partial(algebra.apply, "Φ")),
        power=lambda a, exponent: lifted(lambda entry: algebra.power(entry, exponent))(a),
        positive=lifted(algebra.step),
        choose=lifted(lambda condition, a, b: condition * a + (1 - condition) * b, 3),
        floor=lifted(partial(algebra.apply, "floor")),
        top=lambda a: 0,
    )


@dataclass(slots=True)
class Evaluator:
    """Evaluates expressions at given sizes; equal subexpressions once, as long as the names keep their values.

    Arrays have `lead` axes in front of their own, one for the sequences of a batch, say; numbers of the expression have
    none. `name` receives what stands for a value of the cell and returns what takes its place; `moment` gives values of
    other moments.
    """

    kit: Kit
    dims: Mapping[str, int]
    values: Mapping[str, Array]
    name: Callable[[Array], Any] = keep
    moment: Callable[[At], Any] | None = None
    lead: int = 0
    known: dict[sympy.Basic, Array] = field(default_factory=dict)

    def __call__(self, expr: sympy.Basic) -> Array:
        """The value of an expression: an array of numbers of the kit."""
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = np.asarray(self._evaluate(expr), dtype=self.kit.dtype)
        return found

    def spread(self, expr: sympy.Basic, shape: Shape) -> Array:
        """The value of an equation, in the equation's shape also where its right side is a scalar."""
        value = self._beside(self(expr), self.lead + len(shape))
        return np.broadcast_to(value, (*self._lead_of(value), *shape_at(shape, self.dims)))

    def _beside(self, array: Array, rank: int) -> Array:
        """An array beside others of a rank: a scalar of each sequence gets axes behind the leading ones."""
        return array[(..., *(None,) * (rank - array.ndim))] if 0 < array.ndim < rank else array

    def _lead_of(self, array: Array) -> tuple[int, ...]:
        return array.shape[: self.lead] if array.ndim else (1,) * self.lead

    def _evaluate(self, expr: sympy.Basic) -> Any:
        k = self.kit
        head = type(expr)
        if head is sympy.Symbol:
            return self.values[expr.name]
        if isinstance(expr, sympy.Rational):
            return k.constant(int(expr.p) if expr.q == 1 else Fraction(int(expr.p), int(expr.q)))
        if head is sympy.Add or head is sympy.Mul:
            result, *rest = self._aligned(expr.args)
            for value in rest:
                result = result + value if head is sympy.Add else result * value
            return result
        if head is sympy.Pow:
            base, exponent = expr.args
            if not isinstance(exponent, sympy.Rational):
                raise TypeError(f"{expr}: an exponent must be a constant")
            return k.power(self(base), Fraction(int(exponent.p), int(exponent.q)))
        if head is s.part:
            return self(expr.args[0])[self._subscript(expr.args[1:])]
        if head is s.embed:
            piece = self(expr.args[0])
            sizes = (substitute_dims(size, self.dims) for size in expr.args[-1].args)
            full = np.full((*self._lead_of(piece), *sizes), k.constant(0), dtype=k.dtype)
            full[self._subscript(expr.args[1:-1])] = piece[()]
            return full
        if head in _OWN:
            return getattr(k, _OWN[head])(*(self(arg) for arg in expr.args))
        if head in BY_HEAD:
            name = BY_HEAD[head].name
            if name in STRUCTURED:
                arguments = [self(arg) for arg in expr.args]
                ranks = tuple(max(0, argument.ndim - self.lead) for argument in arguments)
                return STRUCTURED[name](k, ranks, *arguments)
            return SCALARS[name](k, *self._aligned(expr.args))
        return self._other(expr)

    def _aligned(self, operands: tuple[sympy.Basic, ...]) -> list[Array]:
        values = [self(operand) for operand in operands]
        if not self.lead:
            return values
        rank = max(value.ndim for value in values)
        return [self._beside(value, rank) for value in values]

    def _other(self, expr: sympy.Basic) -> Any:
        """What is neither algebra nor an operation: a moment, a size, a number, a value of the expected side."""
        if isinstance(expr, At) and self.moment is not None:
            return self.moment(expr)
        if isinstance(expr, SizeSymbol):
            return self.kit.constant(self.dims[expr.name])
        if isinstance(expr, own.Shared):
            return self.name(self(expr.expr)) if expr.is_value else self(expr.expr)
        if expr is sympy.pi:
            return self.kit.pi
        raise NotImplementedError(f"{type(expr).__name__} is no operation, so it has no value")

    def _subscript(self, axes: tuple[sympy.Basic, ...]) -> tuple[Any, ...]:
        subscript: list[Any] = [slice(None)] * self.lead
        for axis in axes:
            bounds = [substitute_dims(bound, self.dims) for bound in axis.args]
            subscript.append(bounds[0] if len(bounds) == 1 else slice(*bounds))
        return tuple(subscript)
