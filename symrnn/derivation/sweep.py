"""The reverse sweep over one step: every value's adjoint as one equation, every term with its rule and its path.

For y = f(…, v, …) with adjoint δ_y = ∂L/∂y, the value v receives the term δ_y ⊙ ∂f/∂v, reduced to v's shape where v
is a scalar beside vectors. A structured operation passes its adjoint on by its own rule. A value's adjoint is the sum
of what it receives from all its uses, which the backwards order has complete by the time it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sympy

from ..equations import Equation, Term
from ..equations.shapes import names_in
from ..language import Variable
from ..operations.entry import Pull
from ..operations.structured import Structured, dot, total, transpose
from ..operations.table import BY_HEAD
from .differentiate import differentiate

Contribution = tuple[str, Term]


@dataclass(frozen=True, slots=True)
class PullBack:
    """Passes the adjoint of one forward equation on to the names on its right side."""

    variables: Mapping[str, Variable]
    order: Mapping[str, int]

    def __call__(self, equation: Equation, delta: sympy.Symbol) -> Iterator[Contribution]:
        root = BY_HEAD.get(type(equation.expr))
        if root is not None and root.adjoint is not None:
            yield from self._structured(equation, delta, sympy.S.One, equation.expr)
            return
        smooth: list[sympy.Expr] = []
        for term in sympy.Add.make_args(equation.expr):
            coefficient, rest = term.as_coeff_Mul()
            if isinstance(rest, Structured):
                yield from self._structured(equation, delta, coefficient, rest)
            else:
                smooth.append(term)
        if smooth:
            yield from self._elementwise(equation, delta, sympy.Add(*smooth))

    def _elementwise(self, equation: Equation, delta: sympy.Symbol, expr: sympy.Expr) -> Iterator[Contribution]:
        # Only a function that is the whole right side has the output as another name for its value.
        root = BY_HEAD.get(type(expr)) if expr == equation.expr else None
        for symbol in (sympy.Symbol(name) for name in sorted(names_in(expr), key=self.order.__getitem__)):
            factor = differentiate(expr, symbol)
            if root is not None:  # σ′ = σ (1 − σ), and σ has a name: the output
                factor = factor.xreplace({expr: equation.symbol})
            if factor == 0:
                continue
            smooth_rule = "addition" if factor.is_number else "product"
            rule = root.name if root is not None else smooth_rule
            target = self.variables[symbol.name]
            if equation.shape and not target.shape:
                yield symbol.name, self._term(equation, target, self._reduced(delta, factor), "broadcast", factor)
            else:
                yield symbol.name, self._term(equation, target, delta * factor, rule, factor)

    def _reduced(self, delta: sympy.Symbol, factor: sympy.Expr) -> sympy.Expr:
        """The sum over all entries of delta ⊙ factor, with what is the same for every entry outside."""
        scalars, arrays = sympy.S.One, sympy.S.One
        for piece in sympy.Mul.make_args(factor):
            if any(self.variables[name].shape for name in names_in(piece)):
                arrays = arrays * piece
            else:
                scalars = scalars * piece
        return scalars * (total(delta) if arrays == 1 else dot(delta, arrays))

    def _structured(
        self, equation: Equation, delta: sympy.Symbol, coefficient: sympy.Expr, atom: sympy.Expr
    ) -> Iterator[Contribution]:
        operation = BY_HEAD[type(atom)]
        count = len(atom.args) if operation.variadic else len(operation.operands)
        operands = atom.args[:count]
        shapes = tuple(self._operand_shape(operand) for operand in operands)
        assert operation.adjoint is not None
        pull = Pull(delta, equation.symbol, operands, shapes, atom.args[count:])
        for operand, expr in zip(operands, operation.adjoint(pull), strict=True):
            turned = isinstance(operand, transpose)
            symbol = operand.args[0] if turned else operand
            result = coefficient * (transpose(expr) if turned else expr)
            assert symbol.is_Symbol, f"{operation.name} of {symbol}: lowering gives every operand a name"
            if result != 0:
                target = self.variables[symbol.name]
                yield symbol.name, self._term(equation, target, result, operation.name, None)

    def _operand_shape(self, operand: sympy.Expr):
        if isinstance(operand, transpose):
            return self.variables[operand.args[0].name].shape[::-1]
        return self.variables[operand.name].shape if operand.is_Symbol else ()

    def _term(
        self, equation: Equation, target: Variable, expr: sympy.Expr, rule: str, factor: sympy.Expr | None
    ) -> Term:
        return Term(expr, rule, (equation.name, target.name), equation.number, factor)
