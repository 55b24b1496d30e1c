"""Elementwise expressions as NumPy calls that write where they are told: no temporaries but named work arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy

from ...operations import functions as f
from ...operations.structured import matmul, transpose
from ..printer import ATOM, PRODUCT, NumpyPrinter

_UFUNCS: dict[type, str] = {
    f.tanh: "np.tanh",
    f.exp: "np.exp",
    f.log: "np.log",
    f.sqrt: "np.sqrt",
    f.sin: "np.sin",
    f.cos: "np.cos",
    f.absolute: "np.abs",
    f.sign: "np.sign",
    f.floor: "np.floor",
}
_PAIRS: dict[type, str] = {f.maximum: "np.maximum", f.minimum: "np.minimum"}


@dataclass(frozen=True, slots=True)
class Ufuncs:
    """Writes `out = expr` as calls with `out=`; `scratch` hands out the name of a work array of the same shape."""

    printer: NumpyPrinter
    rank: int
    scratch: Callable[[int], str]

    def compute(self, expr: sympy.Expr, out: str, depth: int = 0) -> list[str]:
        """Lines that leave the value of `expr` in the array `out`, which the expression does not read."""
        if self._is_simple(expr):
            return [f"np.copyto({out}, {self._text(expr)})"]
        if isinstance(expr, sympy.Add):
            return self._sum(list(expr.args), out, depth)
        if isinstance(expr, sympy.Mul):
            return self._product(expr, out, depth)
        if isinstance(expr, sympy.Pow):
            return self._power(expr, out, depth)
        return self._function(expr, out, depth)

    def sum_of(self, terms: tuple[sympy.Expr, ...], out: str) -> list[str]:
        """The sum of terms in their own order."""
        return self._sum(list(terms), out, 0) if terms[1:] else self.compute(sympy.Add(*terms), out)

    def add_to(self, out: str, term: sympy.Expr, depth: int = 0) -> list[str]:
        """`out += term`."""
        negative = term.could_extract_minus_sign()
        body, sign = (-term, "-=") if negative else (term, "+=")
        if self._is_simple(body):
            return [f"{out} {sign} {self._text(body)}"]
        spare = self.scratch(depth)
        return [*self.compute(body, spare, depth + 1), f"{out} {sign} {spare}"]

    def _is_simple(self, expr: sympy.Expr) -> bool:
        """A name, a number, or what is small: a scalar beside vectors, or parameters alone."""
        return (
            expr.is_Symbol or expr.is_number or not self.printer.is_batched(expr) or self.printer.rank(expr) < self.rank
        )

    def _text(self, expr: sympy.Expr) -> str:
        return self.printer.at_rank(expr, self.rank).within(PRODUCT)

    def _sum(self, terms: list[sympy.Expr], out: str, depth: int) -> list[str]:
        signed = [(-term, True) if term.could_extract_minus_sign() else (term, False) for term in terms]
        complex_places = [k for k, (body, _) in enumerate(signed) if not self._is_simple(body)]
        lines: list[str] = []
        if complex_places:
            body, negative = signed.pop(complex_places[0])
            lines += self.compute(body, out, depth)
            if negative:
                place = next((k for k, (b, n) in enumerate(signed) if self._is_simple(b) and not n), None)
                first = self._text(signed.pop(place)[0]) if place is not None else None
                lines.append(f"np.subtract({first}, {out}, out={out})" if first else f"np.negative({out}, out={out})")
        else:
            signed.sort(key=lambda item: item[1])
            (a, a_negative), (b, b_negative) = signed.pop(0), signed.pop(0)
            call = "np.subtract" if b_negative else "np.add"
            lines.append(f"{call}({self._text(a)}, {self._text(b)}, out={out})")
            if a_negative:  # both are: -(a) - b was written as a - b
                lines[-1] = f"np.add({self._text(a)}, {self._text(b)}, out={out})"
                lines.append(f"np.negative({out}, out={out})")
        for body, negative in signed:
            lines += self.add_to(out, -body if negative else body, depth)
        return lines

    def _product(self, expr: sympy.Mul, out: str, depth: int) -> list[str]:
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
        lines: list[str] = []
        if compound:
            lines += self.compute(compound.pop(0), out, depth)
        elif len(simple) > 1:
            lines.append(f"np.multiply({self._text(simple.pop(0))}, {self._text(simple.pop(0))}, out={out})")
        elif simple and coefficient != 1:
            lines.append(f"np.multiply({self._text(simple.pop(0))}, {self._text(coefficient)}, out={out})")
            coefficient = sympy.S.One
        elif below:
            top_is_factor = bool(simple)
            top = self._text(simple.pop(0)) if simple else self._text(coefficient)
            coefficient = coefficient if top_is_factor else sympy.S.One
            first = below.pop(0)
            if self._is_simple(first):
                lines.append(f"np.divide({top}, {self._text(first)}, out={out})")
            else:
                lines += [*self.compute(first, out, depth), f"np.divide({top}, {out}, out={out})"]
        lines += [f"{out} *= {self._text(factor)}" for factor in simple]
        for sign, factors in (("*=", compound), ("/=", below)):
            for factor in factors:
                if self._is_simple(factor):
                    lines.append(f"{out} {sign} {self._text(factor)}")
                else:
                    spare = self.scratch(depth)
                    lines += [*self.compute(factor, spare, depth + 1), f"{out} {sign} {spare}"]
        if coefficient == -1:
            lines.append(f"np.negative({out}, out={out})")
        elif coefficient != 1:
            lines.append(f"{out} *= {self._text(coefficient)}")
        return lines

    def _power(self, expr: sympy.Pow, out: str, depth: int) -> list[str]:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            inner = base**-exponent
            if self._is_simple(inner):
                return [f"np.divide(1, {self._text(inner)}, out={out})"]
            return [*self.compute(inner, out, depth), f"np.divide(1, {out}, out={out})"]
        lines, operand = self._operand(base, out, depth)
        if exponent == 2:
            return [*lines, f"np.square({operand}, out={out})"]
        if exponent == sympy.Rational(1, 2):
            return [*lines, f"np.sqrt({operand}, out={out})"]
        return [*lines, f"np.power({operand}, {self._text(exponent)}, out={out})"]

    def _operand(self, expr: sympy.Expr, out: str, depth: int) -> tuple[list[str], str]:
        """Where to read an operand: by its name, or from `out` after computing it there."""
        if self._is_simple(expr):
            return [], self._text(expr)
        return self.compute(expr, out, depth), out

    def _function(self, expr: sympy.Expr, out: str, depth: int) -> list[str]:
        head = type(expr)
        if head in _UFUNCS:
            lines, operand = self._operand(expr.args[0], out, depth)
            return [*lines, f"{_UFUNCS[head]}({operand}, out={out})"]
        if head is f.sigmoid:
            lines, operand = self._operand(expr.args[0], out, depth)
            return [*lines, f"np.multiply({operand}, 0.5, out={out})", f"np.tanh({out}, out={out})", *halve(out)]
        if head is f.relu:
            lines, operand = self._operand(expr.args[0], out, depth)
            return [*lines, f"np.maximum({operand}, 0, out={out})"]
        if head is matmul and "product(" not in self.printer.text(expr).code:
            weight, vector = expr.args
            plain = self.printer.rank(weight) == 2 and vector.is_Symbol and self.printer.rank(vector) == 1
            if plain and not self.printer.is_batched(weight) and self.printer.is_batched(vector):
                turned = self.printer.text(transpose(weight)).within(ATOM)
                return [f"np.matmul({self.printer.text(vector).code}, {turned}, out={out})"]
        if head in _PAIRS and all(self._is_simple(argument) for argument in expr.args):
            a, b = (self._text(argument) for argument in expr.args)
            return [f"{_PAIRS[head]}({a}, {b}, out={out})"]
        return [f"np.copyto({out}, {self.printer.at_rank(expr, self.rank).code})"]


def halve(out: str) -> list[str]:
    """From tanh(a/2) to σ(a) = (1 + tanh(a/2))/2."""
    return [f"{out} *= 0.5", f"{out} += 0.5"]


def numbered(steps: list[str], numbers: str) -> list[str]:
    """Lines with the equations' numbers as a comment behind the first."""
    return [steps[0] + numbers, *steps[1:]] if steps else []
