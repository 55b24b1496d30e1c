"""Formulas over rows instead of columns, and gradients in the transposed layout: two turns of the display tree.

Where a column formula has a vector v, the row formula has vᵀ, and where it has a matrix M, it has Mᵀ: the whole formula
is transposed. A product changes its order, (A B)ᵀ = Bᵀ Aᵀ, an outer product a bᵀ becomes that of rows bᵀ a, an axis
changes its place; what acts entry by entry stays as it is. So W x becomes x W, with W of the transposed shape.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

from . import tree as t
from .notation import Notation


def set_in(notation: Notation, tree: t.Tree, gradient_rank: int = 0) -> t.Tree:
    """A column formula as a notation wants it; `gradient_rank` is the rank of what it is the gradient of."""
    tree = as_rows(tree) if notation.vectors == "row" else tree
    return in_numerator_layout(tree, gradient_rank) if notation.layout == "numerator" else tree


def as_rows(node: t.Tree) -> t.Tree:
    """The formula over rows that says what the given one says over columns."""
    match node:
        case t.MatrixProduct(left=left, right=right):
            return t.MatrixProduct(as_rows(right), as_rows(left))
        case t.Outer(left=left, right=right):
            return t.MatrixProduct(turned(as_rows(right)), as_rows(left))
        case t.Dot(left=left, right=right, matrix=False):
            return t.MatrixProduct(as_rows(left), turned(as_rows(right)))
        case t.Transpose(base=base):
            return turned(as_rows(base))
        case t.Call(arguments=(argument,), rows=True):
            return turned(replace(node, arguments=(turned(as_rows(argument)),)))
        case t.Part(base=base, axes=axes, rank=2) | t.Place(base=base, axes=axes, rank=2):
            first, second = (*axes, (None, None))[:2]
            return replace(node, base=as_rows(base), axes=(second, first))
        case t.Stack(parts=parts):
            return t.Stack(tuple(as_rows(part) for part in parts), flat=True)
        case _:  # a node that stays, with its parts turned
            return replace(node, **{part.name: _part(getattr(node, part.name)) for part in fields(node)})


def _part(value: Any) -> Any:
    if isinstance(value, t.Tree):
        return as_rows(cast(t.Tree, value))
    if isinstance(value, t.Signed):
        return replace(value, node=as_rows(value.node))
    return tuple(map(_part, value)) if isinstance(value, tuple) else value


def turned(node: t.Tree) -> t.Tree:
    """The transpose of an array, moved inwards as far as it reads well."""
    match node:
        case t.Transpose(base=base):
            return base
        case t.Sum(terms=terms):
            # Where terms stay what they are under a ᵀ, one for the whole sum reads better, and a scalar needs none.
            each = tuple(replace(term, node=turned(term.node)) for term in terms)
            return t.Transpose(node) if any(isinstance(term.node, t.Transpose) for term in each) else t.Sum(each)
        case t.TimeSum(base=body):
            return replace(node, base=turned(body))
        case t.Outer(left=left, right=right):
            return t.Outer(right, left)
        case t.MatrixProduct(left=left, right=right):
            return t.MatrixProduct(turned(right), turned(left))
        case _:
            return t.Transpose(node)


def in_numerator_layout(node: t.Tree, rank: int) -> t.Tree:
    """A gradient with the transposed shape of its variable; sums, also those over t, are turned term by term."""
    if not rank:
        return node
    match node:
        case t.Sum(terms=terms):
            return t.Sum(tuple(replace(term, node=in_numerator_layout(term.node, rank)) for term in terms))
        case t.TimeSum(base=body):
            return replace(node, base=in_numerator_layout(body, rank))
        case t.Product(factors=factors, joins=joins) if rank == 2 and "elementwise" not in joins:
            # a scalar beside the one array
            return t.Product((*factors[:-1], turned(factors[-1])), joins)
        case _:
            return turned(node)
