"""The display tree: a formula as it is set on paper, in small frozen nodes that every printer walks.

How tightly each node binds, and so where parentheses stand, is decided here once for all printers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from ..sizes import Size
from .names import Name

Join = Literal["elementwise", "times", "beside"]
"""What stands between two factors: ⊙, a dot, or nothing but a little space."""


@dataclass(frozen=True, slots=True)
class Symbol:
    name: Name


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is not negative; `decimal` asks for 0.25 rather than 1/4."""

    value: Fraction
    decimal: bool = True


@dataclass(frozen=True, slots=True)
class Constant:
    """A letter with one meaning: π, 𝟏, the array of ones, or I, the identity."""

    kind: Literal["pi", "ones", "identity"]


@dataclass(frozen=True, slots=True)
class Extent:
    """A size where a formula speaks of one; with `zeros`, a block of that many zeros. A `marked` one says that it
    is a dimension, because a variable has the same name."""

    size: Size
    zeros: bool = False
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Signed:
    negative: bool
    node: Tree


@dataclass(frozen=True, slots=True)
class Sum:
    terms: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Factors with what stands between them."""

    factors: tuple[Tree, ...]
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Outer:
    """a bᵀ"""

    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Dot:
    """aᵀ b, or ⟨A, B⟩ for matrices."""

    left: Tree
    right: Tree
    matrix: bool = False


@dataclass(frozen=True, slots=True)
class Quotient:
    numerator: Tree
    denominator: Tree


@dataclass(frozen=True, slots=True)
class Power:
    """A power, entry by entry; `marked` says so with a ⊙, because for a matrix it could be read otherwise."""

    base: Tree
    exponent: Fraction
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Transpose:
    base: Tree


@dataclass(frozen=True, slots=True)
class Call:
    """f(a, b; options), also f²(a) and f′(a); with `rows`, of a matrix, each row is a case of its own."""

    text: str
    latex: str
    arguments: tuple[Tree, ...]
    options: tuple[Tree, ...] = ()
    power: int = 1
    primes: int = 0
    rows: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function by its name alone."""

    text: str
    latex: str


@dataclass(frozen=True, slots=True)
class Norm:
    base: Tree
    matrix: bool = False


@dataclass(frozen=True, slots=True)
class Absolute:
    base: Tree


@dataclass(frozen=True, slots=True)
class Root:
    base: Tree


@dataclass(frozen=True, slots=True)
class Stack:
    """[a; b]: one vector after the other; `flat` ones, of rows, are [a, b]."""

    parts: tuple[Tree, ...]
    flat: bool = False


Axis = tuple[Size] | tuple[Size | None, Size | None]
"""An index, or a lower and an upper bound."""


@dataclass(frozen=True, slots=True)
class Part:
    """v[lower:upper]; `rank` is that of the whole."""

    base: Tree
    axes: tuple[Axis, ...]
    rank: int = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Zeros with an array in the place that `Part` reads."""

    base: Tree
    axes: tuple[Axis, ...]
    rank: int = 1


@dataclass(frozen=True, slots=True)
class Indicator:
    """[a > b]: 1 where the relations hold, 0 elsewhere; `bare` leaves out the brackets, as a condition."""

    operands: tuple[Tree, ...]
    relations: tuple[tuple[str, str], ...]
    bare: bool = False


@dataclass(frozen=True, slots=True)
class TimeSum:
    """Σ over all steps."""

    body: Tree


@dataclass(frozen=True, slots=True)
class Partial:
    """∂y/∂x, a local derivative."""

    of: Tree
    by: Tree


@dataclass(frozen=True, slots=True)
class Equal:
    """left = right, within a sentence."""

    left: Tree
    right: Tree


Tree = (
    Symbol | Number | Constant | Extent | Sum | Product | MatrixProduct | Outer | Dot | Quotient | Power | Transpose
    | Call | Norm | Absolute | Root | Stack | Part | Place | Indicator | TimeSum | Partial | Equal | Function
)  # fmt: skip

# How tightly a node binds, loosest first.
SUM, ELEMENTWISE, BESIDE, STACKED, POSTFIX, ATOM = range(1, 7)


def binding(node: Tree, stacked: bool) -> int:
    """How tightly a node binds; `stacked` printers set a fraction one above the other, which binds by itself."""
    match node:
        case Sum() | TimeSum():
            return SUM
        case Product(joins=joins):
            return BESIDE if all(join == "beside" for join in joins) else ELEMENTWISE
        case Quotient() | Partial():
            return STACKED if stacked else ELEMENTWISE
        case Number(value=value, decimal=decimal) if value.denominator != 1 and not (decimal and is_decimal(value)):
            return STACKED if stacked else ELEMENTWISE
        case Dot(matrix=False) | MatrixProduct() | Outer() | Extent(marked=True):
            return BESIDE
        case Power() | Transpose():
            return POSTFIX
        case Symbol(name=name) if has_superscript(name):
            return POSTFIX
        case Call(power=power) if power != 1:
            return POSTFIX
        case _:
            return ATOM


def has_superscript(name: Name) -> bool:
    """Whether a name ends in a superscript, so that a power or a transpose needs parentheses."""
    if (name.gradient or name.prefixed) and name.of is not None:
        return has_superscript(name.of)
    return name.raised and bool(name.time)


def is_decimal(value: Fraction) -> bool:
    """Whether a fraction ends as a decimal."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def walk(node: object) -> Iterator[Tree]:
    """Every node of a tree, from the outside inwards."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, tuple):
            waiting += current
        elif isinstance(current, Signed):
            waiting.append(current.node)
        elif isinstance(current, Tree):
            yield current
            waiting += [getattr(current, part.name) for part in fields(current)]


def join_factors(factors: list[tuple[Tree, int]]) -> Tree:
    """A product of trees with their ranks: ⊙ between arrays, a dot or a little space where scalars multiply."""
    if len(factors) == 1:
        return factors[0][0]
    joins: tuple[Join, ...] = tuple(_join(left_rank, right) for (_, left_rank), right in pairwise(factors))
    return Product(tuple(tree for tree, _ in factors), joins)


def _join(left_rank: int, right: tuple[Tree, int]) -> Join:
    node, rank = right
    if left_rank and rank:
        return "elementwise"
    # `α (1 − f)` would read as a function of 1 − f, and `2 3` as twenty-three.
    opens = binding(node, stacked=False) < BESIDE or isinstance(node, Number)
    return "times" if left_rank or opens else "beside"


def signed(node: Tree) -> Signed:
    """A summand, with the minus of a single negative term taken out."""
    if isinstance(node, Sum) and len(node.terms) == 1:
        return node.terms[0]
    return Signed(False, node)


def negated(node: Tree) -> Tree:
    """−node, with two minus signs making none."""
    term = signed(node)
    return Sum((Signed(True, term.node),)) if not term.negative else term.node
