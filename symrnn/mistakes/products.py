"""Mistakes in sums, products and powers: a sign, a factor left out or taken twice, a wrong exponent."""

from __future__ import annotations

from collections.abc import Iterator

import sympy

from .changes import Change
from .mistake import has_shape
from .names import Names


def in_sum(names: Names, expr: sympy.Expr) -> Iterator[Change]:
    """1 + f or 1 for 1 − f."""
    if not isinstance(expr, sympy.Add):
        return
    shape = names.shape(expr)
    for place, term in enumerate(expr.args):
        rest = sympy.Add(*expr.args[:place], *expr.args[place + 1 :])
        yield Change("sign", expr, rest - term)
        if names.shape(rest) == shape or not rest.free_symbols:
            yield Change("wrong factor", expr, rest)


def in_product(names: Names, expr: sympy.Expr) -> Iterator[Change]:
    """A factor left out, where what remains has the shape; a factor twice."""
    if not isinstance(expr, sympy.Mul):
        return
    shape = names.shape(expr)
    for place, factor in enumerate(expr.args):
        if factor == -1:
            continue  # a sign, which the sum around it turns
        rest = sympy.Mul(*expr.args[:place], *expr.args[place + 1 :])
        if names.shape(rest) == shape:
            yield Change("missing factor", factor, rest, "{was} left out")
        if not factor.is_number:
            yield Change("extra factor", factor, expr * factor, "{was} twice")


def in_power(expr: sympy.Expr) -> Iterator[Change]:
    """g or g³ for g²; a for 1/a."""
    if not isinstance(expr, sympy.Pow):
        return
    base, exponent = expr.args
    for other in (exponent - 1, exponent + 1, *([-exponent] if exponent < 0 else [])):
        if other != 0:
            yield Change("wrong factor", expr, base**other)


def local_derivative(names: Names, expr: sympy.Expr, factor: sympy.Expr, output: str) -> Iterator[Change]:
    """The whole derivative of a step of the chain rule: left out, twice, or the function's value in its place; and the
    value that it is written in taken for something else in all places at once."""
    if factor.is_number or factor.is_Symbol:
        return
    rest = expr / factor
    if names.shape(rest) == names.shape(expr) and rest != 1:
        yield Change("missing factor", factor, rest, "{was} left out", rest)
    yield Change("extra factor", factor, expr * factor, "{was} twice", expr * factor)
    value = sympy.Symbol(output)
    if output in names.activated:
        yield Change("wrong factor", factor, value, result=rest * value)
        yield from derivative_of_another(names, expr, factor, value)


def derivative_of_another(names: Names, expr: sympy.Expr, factor: sympy.Expr, value: sympy.Symbol) -> Iterator[Change]:
    """σ′ or tanh′ evaluated at the value that is activated already, or written in what is not activated yet."""
    activation = names.activated[value.name]
    derivative = activation.fdiff(1)
    for taken in (activation.func(value, *activation.args[1:]), activation.args[0]):
        now = derivative.xreplace({activation: taken})
        if now != factor:
            yield Change("wrong factor", factor, now, result=(expr / factor) * now)


def shape_kept(names: Names, before: sympy.Expr, after: sympy.Expr) -> bool:
    """Whether a changed expression may stand where the right one stood."""
    kept = has_shape(after, names.shape(before), names.shapes)
    return kept and names.is_batched(after) == names.is_batched(before)
