"""Formulas over rows instead of columns, and gradients in the transposed layout: two turns of the display tree.

Where a column formula has a vector v, the row formula has vᵀ, and where it has a matrix M, it has Mᵀ: the whole formula
is transposed. A product changes its order, (A B)ᵀ = Bᵀ Aᵀ, an outer product a bᵀ becomes that of rows bᵀ a, an axis
changes its place; what acts entry by entry stays as it is. So W x becomes x W, with W of the transposed shape.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

from .tree import (
    Axis,
    Call,
    Dot,
    MatrixProduct,
    Outer,
    Part,
    Place,
    Product,
    Signed,
    Stack,
    Sum,
    TimeSum,
    Transpose,
    Tree,
)


def as_rows(node: Tree) -> Tree:
    """The formula over rows that says what the given one says over columns."""
    match node:
        case MatrixProduct(left=left, right=right):
            return _chain(as_rows(right), as_rows(left))
        case Outer(left=left, right=right):
            return _chain(turned(as_rows(right)), as_rows(left))
        case Dot(left=left, right=right, matrix=False):
            return _chain(as_rows(left), turned(as_rows(right)))
        case Transpose(base=base):
            return turned(as_rows(base))
        case Call(arguments=(argument,), rows=True):
            return turned(replace(node, arguments=(turned(as_rows(argument)),)))
        case Part(base=base, axes=axes, rank=2) | Place(base=base, axes=axes, rank=2):
            return replace(node, base=as_rows(base), axes=_swapped(axes))
        case Stack(parts=parts):
            return Stack(tuple(as_rows(part) for part in parts), flat=True)
        case _:
            return _within(node)


def _chain(left: Tree, right: Tree) -> Tree:
    return MatrixProduct(left, right)


def _swapped(axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    full: Axis = (None, None)
    first, second = (*axes, full)[:2]
    return (second, first)


def _within(node: Tree) -> Tree:
    """A node that stays, with its parts turned."""
    changed: dict[str, Any] = {}
    for part in fields(node):
        value = getattr(node, part.name)
        turned_value = _part(value)
        if turned_value is not value:
            changed[part.name] = turned_value
    return replace(node, **changed) if changed else node


def _part(value: Any) -> Any:
    if isinstance(value, Tree):
        return as_rows(cast(Tree, value))
    if isinstance(value, Signed):
        return replace(value, node=as_rows(value.node))
    if isinstance(value, tuple) and value and isinstance(value[0], Tree | Signed):
        return tuple(_part(item) for item in value)
    return value


def turned(node: Tree) -> Tree:
    """The transpose of an array, moved inwards as far as it reads well."""
    match node:
        case Transpose(base=base):
            return base
        case Sum(terms=terms):
            # Where terms stay what they are under a ᵀ, one for the whole sum reads better, and a scalar needs none.
            each = tuple(replace(term, node=turned(term.node)) for term in terms)
            return Transpose(node) if any(isinstance(term.node, Transpose) for term in each) else Sum(each)
        case TimeSum(body=body):
            return TimeSum(turned(body))
        case Outer(left=left, right=right):
            return Outer(right, left)
        case MatrixProduct(left=left, right=right):
            return MatrixProduct(turned(right), turned(left))
        case _:
            return Transpose(node)


def in_numerator_layout(node: Tree, rank: int) -> Tree:
    """A gradient with the transposed shape of its variable; sums, also those over t, are turned term by term."""
    if not rank:
        return node
    match node:
        case Sum(terms=terms):
            return Sum(tuple(replace(term, node=in_numerator_layout(term.node, rank)) for term in terms))
        case TimeSum(body=body):
            return TimeSum(in_numerator_layout(body, rank))
        case Product(factors=factors, joins=joins) if rank == 2 and "elementwise" not in joins:
            # a scalar beside the one array
            last = factors[-1]
            return Product((*factors[:-1], turned(last)), joins)
        case _:
            return turned(node)
