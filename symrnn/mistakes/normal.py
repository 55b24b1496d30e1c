"""A normal form for elementwise algebra, in which mutants that are the same in other words are equal."""

from __future__ import annotations

import sympy

# monomial: powers of atoms, an atom being whatever is neither sum nor product nor a whole power
Monomial = frozenset[tuple[sympy.Basic, sympy.Basic]]
NormalForm = frozenset[tuple[Monomial, sympy.Expr]]

_LARGEST = 6


def normal_form(expr: sympy.Expr) -> NormalForm:
    """The expression multiplied out, as a set of monomials with their coefficients. (SymPy's `expand` does the same and
    takes twenty times as long, which counts when there are a thousand mutants.)"""
    return frozenset(_expanded(expr).items())


def _expanded(expr: sympy.Expr) -> dict[Monomial, sympy.Expr]:
    if isinstance(expr, sympy.Add):
        total: dict[Monomial, sympy.Expr] = {}
        for term in expr.args:
            for monomial, coefficient in _expanded(term).items():
                total[monomial] = total.get(monomial, sympy.S.Zero) + coefficient
        return {monomial: coefficient for monomial, coefficient in total.items() if coefficient != 0}
    if isinstance(expr, sympy.Mul):
        result: dict[Monomial, sympy.Expr] = {frozenset(): sympy.S.One}
        for factor in expr.args:
            result = _product(result, _expanded(factor))
        return result
    if expr.is_number:
        return {frozenset(): expr} if expr != 0 else {}
    base, exponent = expr.as_base_exp()
    if isinstance(base, sympy.Add | sympy.Mul) and exponent.is_Integer and 0 < int(exponent) <= _LARGEST:
        result = {frozenset(): sympy.S.One}
        for _ in range(int(exponent)):
            result = _product(result, _expanded(base))
        return result
    return {frozenset([(base, exponent)]): sympy.S.One}


def _product(left: dict[Monomial, sympy.Expr], right: dict[Monomial, sympy.Expr]) -> dict[Monomial, sympy.Expr]:
    total: dict[Monomial, sympy.Expr] = {}
    for one, a in left.items():
        for other, b in right.items():
            powers = dict(one)
            for base, exponent in other:
                powers[base] = powers.get(base, sympy.S.Zero) + exponent
            monomial = frozenset(item for item in powers.items() if item[1] != 0)
            total[monomial] = total.get(monomial, sympy.S.Zero) + a * b
    return {monomial: coefficient for monomial, coefficient in total.items() if coefficient != 0}
