"""The partial derivative of an elementwise right side by one of its names: sum, product, power and chain rule.

SymPy's own `diff` gives the same and takes ten times as long here, nearly all of it in questions (is this zero? is it
real?) that opaque symbols cannot answer.
"""

from __future__ import annotations

import sympy


def differentiate(expr: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """∂expr/∂symbol."""
    if expr == symbol:
        return sympy.S.One
    if symbol not in expr.free_symbols:
        return sympy.S.Zero
    if isinstance(expr, sympy.Add):
        return sympy.Add(*(differentiate(term, symbol) for term in expr.args))
    if isinstance(expr, sympy.Mul):
        terms: list[sympy.Expr] = []
        for place, factor in enumerate(expr.args):
            slope = differentiate(factor, symbol)
            if slope != 0:
                terms.append(sympy.Mul(*expr.args[:place], slope, *expr.args[place + 1 :]))
        return sympy.Add(*terms)
    if isinstance(expr, sympy.Pow):
        base, exponent = expr.args  # the exponent is a constant of the language
        return exponent * base ** (exponent - 1) * differentiate(base, symbol)
    terms = []
    for place, argument in enumerate(expr.args):
        slope = differentiate(argument, symbol)
        if slope != 0:
            terms.append(expr.fdiff(place + 1) * slope)
    return sympy.Add(*terms)
