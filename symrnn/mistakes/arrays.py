"""Mistakes with names, functions and operations on arrays: one value for another, a function left out or applied twice,
a transpose missing, operands exchanged, an elementwise product for a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import sympy

from ..equations import Equation
from ..operations import structured as s
from ..operations.entry import size_from_expr
from ..operations.functions import Elementwise, above, safe_ratio, strictly_inside, where
from ..sizes import Size
from .changes import Change
from .mistake import has_shape
from .names import Names

Spans = Mapping[Size, tuple[sympy.Tuple, ...]]
"""The blocks that a derivation's formulas speak of, by the size of what they are blocks of."""


def in_name(names: Names, equation: Equation, expr: sympy.Expr) -> Iterator[Change]:
    """Another value in place of a value; a value activated once more."""
    if not names.is_name(expr):
        return
    for other in names.candidates(expr.name, equation):
        yield Change(names.confusion(expr.name, other), expr, sympy.Symbol(other))
    activation = names.activated.get(expr.name)
    if activation is not None:
        yield Change("wrong factor", expr, activation.func(expr, *activation.args[1:]))


def in_function(names: Names, equation: Equation, expr: sympy.Expr) -> Iterator[Change]:
    """A function left out, applied twice, its derivative or some other value in its place."""
    if not isinstance(expr, Elementwise):
        return
    first, *rest = expr.args
    slope = expr.fdiff(1)
    if isinstance(expr, safe_ratio):
        yield Change("missing factor", rest[0], first, "the division by {was} left out")
        return
    if isinstance(expr, where):
        yield Change("wrong factor", expr, where(first, *reversed(rest)))
    if isinstance(expr, above | strictly_inside):  # 0 for 1 and 1 for 0
        yield Change("wrong factor", expr, 1 - expr)
    if slope == 0:
        return
    if names.shape(first) == names.shape(expr):
        yield Change("wrong factor", expr, first)
    yield Change("wrong factor", expr, slope)
    if names.is_name(first):
        for other in names.candidates(first.name, equation):
            yield Change("wrong factor", expr, sympy.Symbol(other))
    if not any(names.shape(argument) for argument in rest):
        yield Change("wrong factor", expr, expr.func(expr, *rest))


def in_array(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    """What goes wrong with one operation on arrays; only changes that keep the shape."""
    if not isinstance(expr, s.Structured):
        return
    shape = names.shape(expr)
    for change in _ARRAYS.get(type(expr), _nothing)(names, expr, spans):
        if has_shape(change.now, shape, names.shapes):
            yield change


def _nothing(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    return iter(())


def _matmul(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    a, b = expr.args
    for place, operand in enumerate((a, b)):
        if len(names.shape(operand)) == 2:
            other = b if place == 0 else a
            turned = s.transpose(operand)
            now = s.matmul(turned, other) if place == 0 else s.matmul(other, turned)
            yield Change("missing transpose", expr, now)
            if len(names.shape(other)) == 1:
                yield Change("missing factor", operand, other, "{was} left out")
                if operand.is_Symbol or isinstance(operand, s.transpose):
                    yield Change("wrong factor", expr, s.diagonal(operand) * other, "elementwise: {now} for {was}")
    if len(names.shape(a)) == len(names.shape(b)) == 2:
        yield Change("missing transpose", expr, s.matmul(b, a))
        yield Change("wrong factor", expr, a * b, "elementwise: {now} for {was}")


def _outer(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    a, b = expr.args
    yield Change("missing transpose", expr, s.outer(b, a))
    if names.shape(a) == names.shape(b):
        yield Change("wrong factor", expr, s.diag(a * b), "elementwise: {now} for {was}")


def _dot(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    a, b = expr.args
    yield Change("missing factor", b, s.total(a), "{was} left out")
    yield Change("missing factor", a, s.total(b), "{was} left out")
    yield Change("wrong factor", expr, s.total(a) * s.total(b))


def _total(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    yield Change("scale", expr, s.mean(expr.args[0]))


def _mean(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    yield Change("scale", expr, s.total(expr.args[0]))


def _transpose(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    yield Change("missing transpose", expr, expr.args[0])


def _stack(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    parts = expr.args
    for k in range(len(parts) - 1):
        yield Change("swapped gates", expr, s.stack(*parts[:k], parts[k + 1], parts[k], *parts[k + 2 :]))


def _part(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    """Another block of the same size."""
    whole, *axes = expr.args
    for place, (axis, size) in enumerate(zip(axes, names.shape(whole), strict=False)):
        for span in _others(axis, spans.get(size, ())):
            yield Change("swapped gates", expr, s.part(whole, *axes[:place], span, *axes[place + 1 :]))


def _embed(names: Names, expr: sympy.Expr, spans: Spans) -> Iterator[Change]:
    piece, *axes, shape = expr.args
    for place, (axis, size) in enumerate(zip(axes, shape.args, strict=False)):
        for span in _others(axis, spans.get(size_from_expr(size), ())):
            yield Change("swapped gates", expr, s.embed(piece, *axes[:place], span, *axes[place + 1 :], shape))


def _others(span: sympy.Tuple, spans: tuple[sympy.Tuple, ...]) -> list[sympy.Tuple]:
    return [other for other in spans if other != span and _length(other) == _length(span)]


def _length(span: sympy.Tuple) -> Size | None:
    """The size of a block; None for a single index."""
    return size_from_expr(span.args[1] - span.args[0]) if len(span.args) == 2 else None


def spans_of(names: Names) -> Spans:
    """Collect the blocks that the derivation's formulas speak of."""
    found: dict[Size, dict[sympy.Tuple, None]] = {}
    for equation in names.derivation.equations:
        for expr in sorted(equation.expr.atoms(s.part, s.embed), key=str):
            inner, *axes = expr.args
            shape = names.shape(inner) if isinstance(expr, s.part) else names.shape(expr)
            for axis, size in zip(axes, shape, strict=False):
                if isinstance(axis, sympy.Tuple):
                    found.setdefault(size, {})[axis] = None
    return {size: tuple(spans) for size, spans in found.items()}


_ARRAYS: Mapping[type, Callable[[Names, sympy.Expr, Spans], Iterator[Change]]] = {
    s.matmul: _matmul,
    s.outer: _outer,
    s.dot: _dot,
    s.total: _total,
    s.mean: _mean,
    s.transpose: _transpose,
    s.stack: _stack,
    s.part: _part,
    s.embed: _embed,
}
