"""Elementwise expressions as NumPy calls that write where they are told: no temporaries but named work arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy

from ...operations.functions import relu, sigmoid
from ...operations.structured import matmul, transpose
from ...operations.table import BY_HEAD
from ..printer import NumpyPrinter
from ..statement import ATOM, PRODUCT, Statement, Text, say


@dataclass(frozen=True, slots=True)
class Ufuncs:
    """Writes `out = expr` as calls with `out=`; `scratch` hands out a work array of the same shape. The sigmoids that
    are `exact` are computed to their last digit where they are small."""

    printer: NumpyPrinter
    rank: int
    scratch: Callable[[int], Text]
    exact: frozenset[sympy.Expr] = frozenset()

    def compute(self, expr: sympy.Expr, out: Text, depth: int = 0) -> list[Statement]:
        """Lines that leave the value of `expr` in the array `out`, which the expression does not read."""
        if self._is_simple(expr):
            return [say("np.copyto({}, {})", out, self._text(expr))]
        if isinstance(expr, sympy.Add):
            return self._sum(list(expr.args), out, depth)
        if isinstance(expr, sympy.Mul):
            return self._product(expr, out, depth)
        if isinstance(expr, sympy.Pow):
            return self._power(expr, out, depth)
        return self._function(expr, out, depth)

    def sum_of(self, terms: tuple[sympy.Expr, ...], out: Text) -> list[Statement]:
        """The sum of terms in their own order."""
        if not terms:
            return [say("{}[...] = 0", out)]
        return self._sum(list(terms), out, 0) if terms[1:] else self.compute(terms[0], out)

    def add_to(self, out: Text, term: sympy.Expr, depth: int = 0) -> list[Statement]:
        """`out += term`."""
        negative = term.could_extract_minus_sign()
        body, sign = (-term, "-=") if negative else (term, "+=")
        if self._is_simple(body):
            return [say("{} {} {}", out, sign, self._text(body))]
        spare = self.scratch(depth)
        return [*self.compute(body, spare, depth + 1), say("{} {} {}", out, sign, spare)]

    def _is_simple(self, expr: sympy.Expr) -> bool:
        """A name, a number, or what is small: a scalar beside vectors, or parameters alone."""
        return bool(expr.is_Symbol) or not self.printer.is_batched(expr) or self.printer.rank(expr) < self.rank

    def _text(self, expr: sympy.Expr) -> Text:
        return self.printer.spoken(expr, self.rank).within(PRODUCT)

    def _sum(self, terms: list[sympy.Expr], out: Text, depth: int) -> list[Statement]:
        signed = [(-term, True) if term.could_extract_minus_sign() else (term, False) for term in terms]
        complex_places = [k for k, (body, _) in enumerate(signed) if not self._is_simple(body)]
        lines: list[Statement] = []
        if complex_places:
            body, negative = signed.pop(complex_places[0])
            lines += self.compute(body, out, depth)
            if negative:
                place = next((k for k, (b, n) in enumerate(signed) if self._is_simple(b) and not n), None)
                if place is None:
                    lines.append(negate(out))
                else:
                    lines.append(say("np.subtract({}, {}, out={})", self._text(signed.pop(place)[0]), out, out))
        else:
            signed.sort(key=lambda item: item[1])
            (a, a_negative), (b, b_negative) = signed.pop(0), signed.pop(0)
            call = "np.subtract" if b_negative and not a_negative else "np.add"
            lines.append(say("{}({}, {}, out={})", call, self._text(a), self._text(b), out))
            if a_negative:  # both are: -(a + b)
                lines.append(negate(out))
        for body, negative in signed:
            lines += self.add_to(out, -body if negative else body, depth)
        return lines

    def _product(self, expr: sympy.Mul, out: Text, depth: int) -> list[Statement]:
        coefficient, rest = expr.as_coeff_Mul()
        above: list[sympy.Expr] = []
        below: list[sympy.Expr] = []
        for factor in sorted(sympy.Mul.make_args(rest), key=self.printer.factor_key):
            base, exponent = factor.as_base_exp()
            if exponent.is_Rational and exponent < 0:
                below.append(base**-exponent)
            else:
                above.append(factor)
        simple = [factor for factor in above if self._is_simple(factor)]
        compound = [factor for factor in above if not self._is_simple(factor)]
        lines: list[Statement] = []
        if compound:
            lines += self.compute(compound.pop(0), out, depth)
        elif len(simple) > 1:
            lines.append(say("np.multiply({}, {}, out={})", self._text(simple.pop(0)), self._text(simple.pop(0)), out))
        elif simple and coefficient != 1:
            lines.append(say("np.multiply({}, {}, out={})", self._text(simple.pop(0)), self._text(coefficient), out))
            coefficient = sympy.S.One
        elif below:
            top_is_factor = bool(simple)
            top = self._text(simple.pop(0)) if simple else self._text(coefficient)
            coefficient = coefficient if top_is_factor else sympy.S.One
            first = below.pop(0)
            if self._is_simple(first):
                lines.append(say("np.divide({}, {}, out={})", top, self._text(first), out))
            else:
                lines += [*self.compute(first, out, depth), say("np.divide({}, {}, out={})", top, out, out)]
        lines += [say("{} *= {}", out, self._text(factor)) for factor in simple]
        for sign, factors in (("*=", compound), ("/=", below)):
            for factor in factors:
                lines += self._onto(out, sign, factor, depth)
        if coefficient == -1:
            lines.append(negate(out))
        elif coefficient != 1:
            lines.append(say("{} *= {}", out, self._text(coefficient)))
        return lines

    def _onto(self, out: Text, sign: str, factor: sympy.Expr, depth: int) -> list[Statement]:
        """`out *= factor` or the like, where the factor may need an array of its own."""
        if self._is_simple(factor):
            return [say("{} {} {}", out, sign, self._text(factor))]
        spare = self.scratch(depth)
        return [*self.compute(factor, spare, depth + 1), say("{} {} {}", out, sign, spare)]

    def _power(self, expr: sympy.Pow, out: Text, depth: int) -> list[Statement]:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            inner = base**-exponent
            if self._is_simple(inner):
                return [say("np.divide(1, {}, out={})", self._text(inner), out)]
            return [*self.compute(inner, out, depth), say("np.divide(1, {}, out={})", out, out)]
        lines, operand = self._operand(base, out, depth)
        if exponent == 2:
            return [*lines, say("np.square({}, out={})", operand, out)]
        if exponent == sympy.Rational(1, 2):
            return [*lines, say("np.sqrt({}, out={})", operand, out)]
        return [*lines, say("np.power({}, {}, out={})", operand, self._text(exponent), out)]

    def _operand(self, expr: sympy.Expr, out: Text, depth: int) -> tuple[list[Statement], Text]:
        """Where to read an operand: by its name, or from `out` after computing it there."""
        if self._is_simple(expr):
            return [], self._text(expr)
        return self.compute(expr, out, depth), out

    def _function(self, expr: sympy.Expr, out: Text, depth: int) -> list[Statement]:
        head = type(expr)
        ufunc = BY_HEAD[head].ufunc
        if ufunc and len(expr.args) == 1:
            lines, operand = self._operand(expr.args[0], out, depth)
            return [*lines, say("{}({}, out={})", Text(ufunc, heads=frozenset((head,))), operand, out)]
        if head is sigmoid and expr not in self.exact:
            lines, operand = self._operand(expr.args[0], out, depth)
            halved = say("np.multiply({}, 0.5, out={})", operand, out)
            return [*lines, halved, say("np.tanh({}, out={})", out, out), *halve(out)]
        if head is relu:
            lines, operand = self._operand(expr.args[0], out, depth)
            return [*lines, say("np.maximum({}, 0, out={})", operand, out)]
        if head is matmul:
            weight, vector = expr.args
            plain = self.printer.rank(weight) == 2 and vector.is_Symbol and self.printer.rank(vector) == 1
            if plain and not self.printer.by_rows(expr) and not self.printer.is_batched(weight):
                turned = self.printer.spoken(transpose(weight)).within(ATOM)
                return [say("np.matmul({}, {}, out={})", self.printer.spoken(vector), turned, out)]
        if ufunc and all(self._is_simple(argument) for argument in expr.args):
            a, b = (self._text(argument) for argument in expr.args)
            return [say("{}({}, {}, out={})", ufunc, a, b, out)]
        text = self.printer.spoken(expr, self.rank)
        return [say("np.copyto({}, {})", out, text)]


def negate(out: Text) -> Statement:
    """`np.negative(out, out=out)` is wrong for a column of some blocks (numpy: CONTRIBUTING tells)."""
    return say("np.multiply({}, -1, out={})", out, out)


def halve(out: Text) -> list[Statement]:
    """From tanh(a/2) to σ(a) = (1 + tanh(a/2))/2."""
    return [say("{} *= 0.5", out), say("{} += 0.5", out)]
