"""From an operation of the table and its operands to a node of the display tree, by how the operation looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ..operations import Operation
from ..sizes import Size
from . import tree as t

Operand = tuple[t.Tree, int]
"""A tree and its rank: 0 a scalar, 1 a vector, 2 a matrix."""

# The language keeps a < b as b > a; people write the number on the right, r < 1.
_MIRRORED: dict[str, tuple[str, str]] = {">": ("<", "<"), "≥": ("≤", r"\le")}


def arrange(operation: Operation, operands: list[Operand], options: list[t.Tree]) -> t.Tree:
    """An operation with numbers as options, as it is set on paper."""
    look = operation.look
    trees = [tree for tree, _ in operands]
    match look.kind if look else "call":
        case "call":
            call = _call(operation, trees, options)
            return replace(call, rows=True) if operation.by_rows and operands[0][1] == 2 else call
        case "indicator":
            relation = (look.text, look.latex) if look else ("", "")
            inner = [options[0], *trees, options[1]] if options else trees
            if not options and isinstance(trees[0], t.Number) and relation[0] in _MIRRORED:
                inner, relation = trees[::-1], _MIRRORED[relation[0]]
            return t.Indicator(tuple(inner), (relation,) * (len(inner) - 1))
        case "product":
            return matrix_product(*operands)
        case "transpose":
            return transposed(trees[0])
        case "outer":
            return t.Outer(trees[0], trees[1])
        case "dot":
            return t.Dot(trees[0], trees[1], matrix=operands[0][1] == 2)
        case "fraction":
            return t.Quotient(trees[0], trees[1])
        case "norm":
            return t.Norm(trees[0], matrix=operands[0][1] == 2)
        case "abs":
            return t.Absolute(trees[0])
        case "sqrt":
            return t.Root(trees[0])
        case "stack":
            return t.Stack(tuple(trees))
        case kind:
            raise AssertionError(f"{operation.name} has a look that no printer knows: {kind}")


def _call(operation: Operation, trees: list[t.Tree], options: list[t.Tree]) -> t.Call:
    look = operation.look
    text = look.text if look else operation.name
    latex = look.latex if look else rf"\operatorname{{{operation.name}}}"
    arguments = [
        replace(tree, bare=True) if word == "condition" and isinstance(tree, t.Indicator) else tree
        for word, tree in zip(operation.operands, trees, strict=True)
    ]
    # What has a default is a setting of the function; what has none is an argument like the others.
    settings = [tree for tree, option in zip(options, operation.options, strict=True) if option.default is not None]
    arguments += [tree for tree, option in zip(options, operation.options, strict=True) if option.default is None]
    return t.Call(text, latex, tuple(arguments), tuple(settings))


def matrix_product(left: Operand, right: Operand) -> t.Tree:
    """The matrix product with every vector standing as a column: v @ W is Wᵀ v, and v @ w is vᵀ w."""
    (a, a_rank), (b, b_rank) = left, right
    if a_rank == 1 and b_rank == 1:
        return t.Dot(a, b)
    if a_rank == 1:
        return t.MatrixProduct(transposed(b), a)
    return t.MatrixProduct(a, b)


def transposed(tree: t.Tree) -> t.Tree:
    return tree.base if isinstance(tree, t.Transpose) else t.Transpose(tree)


def raised(base: Operand, exponent: int) -> t.Tree:
    """A whole power: tanh²(a) for functions, a² else."""
    tree, rank = base
    if isinstance(tree, t.Call) and tree.power == 1 and len(tree.arguments) == 1 and exponent > 1:
        return t.Call(tree.text, tree.latex, tree.arguments, tree.options, power=exponent)
    return t.Power(tree, Fraction(exponent), marked=rank == 2)


def arrange_axes(operand: t.Tree, rank: int, axes: list[t.Axis], whole: list[Size]) -> t.Tree:
    """A slice of an array of a rank, or (with the sizes of the whole) zeros with an array in the place of a slice."""
    if not whole:
        return t.Part(operand, tuple(axes), rank)
    if len(whole) == 1 and len(axes[0]) == 2:
        return _padded(operand, axes[0], whole[0])
    return t.Place(operand, tuple(axes), len(whole))


def _padded(operand: t.Tree, axis: t.Axis, whole: Size) -> t.Tree:
    """[0; v; 0], leaving out what has no length."""
    lower = axis[0] or Size()
    upper = axis[-1] or whole
    parts: list[t.Tree] = [t.Extent(lower, zeros=True)] if lower != Size() else []
    parts.append(operand)
    if whole - upper != Size():
        parts.append(t.Extent(whole - upper, zeros=True))
    return t.Stack(tuple(parts)) if len(parts) > 1 else operand


def tile(terms: Sequence[t.Tree], whole: Size) -> Sequence[t.Tree]:
    """A sum of vectors in which those that stand among zeros, side by side from the start, are one: [δ_i; 𝟎] + [𝟎; δ_f]
    is [δ_i; δ_f]. Nothing is put together where some overlap or leave a gap: then each is shown by itself."""
    placed = {id(term): found for term in terms if (found := _placed(term, whole)) is not None}
    starts = {lower: (upper, piece) for lower, upper, piece in placed.values()}
    position, parts = Size(), list[t.Tree]()
    while position in starts:
        position, piece = starts.pop(position)
        parts.append(piece)
    if len(parts) < 2 or len(parts) != len(placed):
        return terms
    parts += [t.Extent(whole - position, zeros=True)] if position != whole else []
    return [t.Stack(tuple(parts)), *(term for term in terms if id(term) not in placed)]


def _placed(term: t.Tree, whole: Size) -> tuple[Size, Size, t.Tree] | None:
    """Where a vector among zeros starts and ends, and the vector; None for anything else."""
    if not isinstance(term, t.Stack):
        return None
    pieces = [part for part in term.parts if _length(part) == Size()]
    return (_length(term.parts[0]), whole - _length(term.parts[-1]), pieces[0]) if len(pieces) == 1 else None


def _length(part: t.Tree) -> Size:
    """How many zeros a part is."""
    return part.size if isinstance(part, t.Extent) and part.zeros else Size()
