"""Pushing a change forward: for y = f(u, v, …) and rates u̇, v̇, … the rate ẏ = Σ (∂f/∂u) u̇, as an expression.

Elementwise pieces obey the sum, product and chain rule. A structured operation needs no second rule for this. Its
adjoint rule says how δ ↦ Jᵀδ is made of operations, a linear map of δ; and the transpose of a linear map is what
adjoint rules give. So J u̇ is the adjoint rule's own expression, pulled back once more, with u̇ coming in: for y = W x
the rule ∂L/∂x = Wᵀ δ gives ẏ = W ẋ, and the rule ∂L/∂W = δ xᵀ gives Ẇ x.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sympy

from ..equations.shapes import names_in, operands_of, shape_of
from ..operations.entry import Pull
from ..operations.structured import dot, total
from ..operations.table import BY_HEAD
from ..sizes import Shape

_DELTA = sympy.Symbol("δ?")
"""What an adjoint rule is asked with; no name of the language has a question mark."""


@dataclass(frozen=True, slots=True)
class Push:
    """The rates of expressions: `dots` has the names of rates by those of the values that move, all others stay."""

    shapes: Mapping[str, Shape]
    dots: Mapping[str, str]

    def __call__(self, expr: sympy.Expr, out: sympy.Expr | None = None) -> sympy.Expr:
        """The rate of an expression; `out` is a name for its value, if it has one."""
        return sympy.Add(*self.pieces(expr, out))

    def pieces(self, expr: sympy.Expr, out: sympy.Expr | None = None) -> Iterator[sympy.Expr]:
        """Its summands, in the order in which the expression mentions what moves."""
        if self.dots.keys().isdisjoint(names_in(expr)):
            return
        if isinstance(expr, sympy.Symbol):
            yield sympy.Symbol(self.dots[expr.name])
        elif isinstance(expr, sympy.Add):
            for term in expr.args:
                yield from self.pieces(term)
        elif isinstance(expr, sympy.Mul):
            for place, factor in enumerate(expr.args):
                for piece in self.pieces(factor):
                    yield sympy.Mul(*expr.args[:place], piece, *expr.args[place + 1 :])
        elif isinstance(expr, sympy.Pow):
            base, exponent = expr.args  # the exponent is a constant of the language
            yield exponent * base ** (exponent - 1) * self(base)
        elif BY_HEAD[type(expr)].elementwise:
            for place, argument in enumerate(expr.args):
                rate = self(argument)
                if rate != 0:  # σ′ = σ (1 − σ), and σ may have a name
                    slope = expr.fdiff(place + 1)
                    yield (slope if out is None else slope.xreplace({expr: out})) * rate
        else:
            yield from self._structured(expr, expr if out is None else out)

    def _structured(self, expr: sympy.Expr, out: sympy.Expr) -> Iterator[sympy.Expr]:
        rules = self._rules(_DELTA, expr, out)
        shapes = {**self.shapes, _DELTA.name: shape_of(expr, self.shapes)}
        for operand, rule in zip(operands_of(expr)[0], rules, strict=True):
            rate = self(operand)
            if rate != 0:
                yield Push(shapes, {})._transposed(rule, rate)

    def _rules(self, delta: sympy.Expr, expr: sympy.Expr, out: sympy.Expr) -> tuple[sympy.Expr, ...]:
        """What an operation's adjoint rule sends to its operands."""
        operands, options = operands_of(expr)
        rule = BY_HEAD[type(expr)].adjoint
        assert rule is not None, f"{expr} is elementwise"
        return rule(Pull(delta, out, operands, tuple(shape_of(operand, self.shapes) for operand in operands), options))

    def _transposed(self, expr: sympy.Expr, rate: sympy.Expr) -> sympy.Expr:
        """The transpose of the linear map δ ↦ expr, applied to a rate."""
        if not shape_of(expr, self.shapes):  # one number beside an array stands at every entry, so these are summed
            rate = self._summed(rate)
        if expr == _DELTA:
            return rate
        if isinstance(expr, sympy.Add):
            return sympy.Add(*(self._transposed(term, rate) for term in expr.args if term.has(_DELTA)))
        if isinstance(expr, sympy.Mul):
            (factor,) = (factor for factor in expr.args if factor.has(_DELTA))
            return self._transposed(factor, rate * sympy.Mul(*(other for other in expr.args if other != factor)))
        rules = self._rules(rate, expr, expr)
        return sympy.Add(
            *(
                self._transposed(operand, rule)
                for operand, rule in zip(operands_of(expr)[0], rules, strict=True)
                if operand.has(_DELTA)
            )
        )

    def _summed(self, expr: sympy.Expr) -> sympy.Expr:
        """The sum over all entries, with what is the same for every entry outside."""
        parts = [self._summed_product(term) for term in sympy.Add.make_args(expr)]
        return sympy.Add(*parts)

    def _summed_product(self, expr: sympy.Expr) -> sympy.Expr:
        factors = sympy.Mul.make_args(expr)
        arrays = [factor for factor in factors if shape_of(factor, self.shapes)]
        scalars = sympy.Mul(*(factor for factor in factors if factor not in arrays))
        match arrays:
            case []:
                return scalars
            case [lone]:
                return scalars * total(lone)
            case [*others, last]:
                return scalars * dot(sympy.Mul(*others), last)
