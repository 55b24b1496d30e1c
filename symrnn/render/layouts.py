"""From an operation of the table and its operands to a node of the display tree, by the operation's layout."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ..operations import Operation
from ..sizes import Size
from .tree import (
    Absolute,
    Axis,
    Call,
    Dot,
    Extent,
    Indicator,
    MatrixProduct,
    Norm,
    Number,
    Outer,
    Part,
    Place,
    Power,
    Quotient,
    Root,
    Stack,
    Transpose,
    Tree,
)

Operand = tuple[Tree, int]
"""A tree and its rank: 0 a scalar, 1 a vector, 2 a matrix."""

# The language keeps a < b as b > a; people write the number on the right, r < 1.
_MIRRORED: dict[str, tuple[str, str]] = {">": ("<", "<"), "≥": ("≤", r"\le")}


def arrange(operation: Operation, operands: list[Operand], options: list[Tree]) -> Tree:
    """An operation with numbers as options, as it is set on paper."""
    layout = operation.layout
    trees = [tree for tree, _ in operands]
    match layout.kind if layout else "call":
        case "call":
            call = _call(operation, trees, options)
            return replace(call, rows=True) if operation.by_rows and operands[0][1] == 2 else call
        case "indicator":
            relation = (layout.text, layout.latex) if layout else ("", "")
            inner = [options[0], *trees, options[1]] if options else trees
            if not options and isinstance(trees[0], Number) and relation[0] in _MIRRORED:
                inner, relation = trees[::-1], _MIRRORED[relation[0]]
            return Indicator(tuple(inner), (relation,) * (len(inner) - 1))
        case "product":
            return matrix_product(*operands)
        case "transpose":
            return transposed(trees[0])
        case "outer":
            return Outer(trees[0], trees[1])
        case "dot":
            return Dot(trees[0], trees[1], matrix=operands[0][1] == 2)
        case "fraction":
            return Quotient(trees[0], trees[1])
        case "norm":
            return Norm(trees[0], matrix=operands[0][1] == 2)
        case "abs":
            return Absolute(trees[0])
        case "sqrt":
            return Root(trees[0])
        case "square":
            return raised(operands[0], 2)
        case "stack":
            return Stack(tuple(trees))
        case "silent":
            return trees[0]
        case kind:
            raise AssertionError(f"{operation.name} has a layout that no printer knows: {kind}")


def _call(operation: Operation, trees: list[Tree], options: list[Tree]) -> Call:
    layout = operation.layout
    text = layout.text if layout else operation.name
    latex = layout.latex if layout else rf"\operatorname{{{operation.name}}}"
    arguments = [
        replace(tree, bare=True) if word == "condition" and isinstance(tree, Indicator) else tree
        for word, tree in zip(operation.operands, trees, strict=True)
    ]
    # What has a default is a setting of the function; what has none is an argument like the others.
    settings = [tree for tree, option in zip(options, operation.options, strict=True) if option.default is not None]
    arguments += [tree for tree, option in zip(options, operation.options, strict=True) if option.default is None]
    return Call(text, latex, tuple(arguments), tuple(settings))


def matrix_product(left: Operand, right: Operand) -> Tree:
    """The matrix product with every vector standing as a column: v @ W is Wᵀ v, and v @ w is vᵀ w."""
    (a, a_rank), (b, b_rank) = left, right
    if a_rank == 1 and b_rank == 1:
        return Dot(a, b)
    if a_rank == 1:
        return MatrixProduct(transposed(b), a)
    return MatrixProduct(a, b)


def transposed(tree: Tree) -> Tree:
    return tree.base if isinstance(tree, Transpose) else Transpose(tree)


def raised(base: Operand, exponent: int) -> Tree:
    """A whole power: tanh²(a) for functions, a² else."""
    tree, rank = base
    if isinstance(tree, Call) and tree.power == 1 and len(tree.arguments) == 1 and exponent > 1:
        return Call(tree.text, tree.latex, tree.arguments, tree.options, power=exponent)
    return Power(tree, Fraction(exponent), marked=rank == 2)


def arrange_axes(operand: Tree, rank: int, axes: list[Axis], whole: list[Size]) -> Tree:
    """A slice of an array of a rank, or (with the sizes of the whole) zeros with an array in the place of a slice."""
    if not whole:
        return Part(operand, tuple(axes), rank)
    if len(whole) == 1 and len(axes[0]) == 2:
        return _padded(operand, axes[0], whole[0])
    return Place(operand, tuple(axes), len(whole))


def _padded(operand: Tree, axis: Axis, whole: Size) -> Tree:
    """[0; v; 0], leaving out what has no length."""
    lower = axis[0] or Size()
    upper = axis[-1] or whole
    parts: list[Tree] = [Extent(lower, zeros=True)] if lower != Size() else []
    parts.append(operand)
    if whole - upper != Size():
        parts.append(Extent(whole - upper, zeros=True))
    return Stack(tuple(parts)) if len(parts) > 1 else operand
