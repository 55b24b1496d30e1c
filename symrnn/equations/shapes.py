"""The shape of a SymPy expression over a cell's names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import sympy

from ..operations.entry import SizeSymbol, size_from_expr
from ..operations.structured import embed, embed_shape, part
from ..operations.table import BY_HEAD
from ..sizes import Shape, Size, Solver


@lru_cache(maxsize=2**15)
def symbols_in(expr: sympy.Basic) -> tuple[frozenset[str], frozenset[str]]:
    """The names of the values that an expression mentions, and those of its sizes."""
    symbols = expr.free_symbols
    sizes = frozenset(symbol.name for symbol in symbols if isinstance(symbol, SizeSymbol))
    if not sizes:
        return frozenset(symbol.name for symbol in symbols), sizes
    return frozenset(symbol.name for symbol in symbols if not isinstance(symbol, SizeSymbol)), sizes


def names_in(expr: sympy.Basic) -> frozenset[str]:
    """The names of the values that an expression mentions; sizes are not values."""
    return symbols_in(expr)[0]


def operands_of(expr: sympy.Expr) -> tuple[tuple[sympy.Expr, ...], tuple[sympy.Basic, ...]]:
    """The operands and the options of an applied operation."""
    operation = BY_HEAD[type(expr)]
    count = len(expr.args) if operation.variadic else len(operation.operands)
    return expr.args[:count], expr.args[count:]


def shape_of(expr: sympy.Basic, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of an expression whose names have known shapes; scalars broadcast."""
    if not expr.args:
        # A letter that is no value, such as the a of σ′(a), stands for a number.
        value = isinstance(expr, sympy.Symbol) and not isinstance(expr, SizeSymbol)
        return shapes.get(expr.name, ()) if value else ()
    operation = BY_HEAD.get(type(expr))
    if operation is None or operation.elementwise:
        largest: Shape = ()
        for argument in expr.args:
            shape = shape_of(argument, shapes)
            largest = shape if len(shape) > len(largest) else largest
        return largest
    operands, options = operands_of(expr)
    inner = tuple(shape_of(operand, shapes) for operand in operands)
    if isinstance(expr, embed):
        return embed_shape(Solver(), inner, options)
    if isinstance(expr, part):
        return _part_shape(inner[0], options)
    return operation.shape(Solver(), inner, ())


def _part_shape(whole: Shape, axes: tuple[sympy.Basic, ...]) -> Shape:
    sizes: list[Size] = []
    for axis, size in enumerate(whole):
        if axis >= len(axes):
            sizes.append(size)
        elif len(axes[axis].args) == 2:
            lower, upper = (size_from_expr(bound) for bound in axes[axis].args)
            sizes.append(upper - lower)
    return tuple(sizes)
