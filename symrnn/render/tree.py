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

Join = Literal["elementwise", "times", "kronecker", "beside"]
"""What stands between two factors: ⊙, a dot, ⊗, or nothing but a little space."""


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
    """A letter with one meaning: π, 𝟏, the array of ones, I, the identity, or … for what goes on so."""

    kind: Literal["pi", "ones", "identity", "dots"]


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
class Call:
    """f(a, b; options), also f²(a) and f′(a), and without arguments the function itself; with `rows`, of a matrix, each
    row is a case of its own."""

    text: str
    latex: str
    arguments: tuple[Tree, ...] = ()
    options: tuple[Tree, ...] = ()
    power: int = 1
    primes: int = 0
    rows: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """[a; b]: one vector after the other; `flat` ones, of rows, are [a, b]."""

    parts: tuple[Tree, ...]
    flat: bool = False


@dataclass(frozen=True, slots=True)
class Indicator:
    """[a > b]: 1 where the relations hold, 0 elsewhere; `bare` leaves out the brackets, as a condition."""

    operands: tuple[Tree, ...]
    relations: tuple[tuple[str, str], ...]
    bare: bool = False


# Nodes of two parts ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """What stands on the left and on the right, or above and below."""

    left: Tree
    right: Tree


class MatrixProduct(Pair):
    """A b"""


class Outer(Pair):
    """a bᵀ"""


@dataclass(frozen=True, slots=True)
class Dot(Pair):
    """aᵀ b, or ⟨A, B⟩ for matrices."""

    matrix: bool = False


class Quotient(Pair):
    """a / b"""


class Partial(Pair):
    """∂y/∂x, a local derivative."""


class Equal(Pair):
    """left = right, within a sentence."""


# Nodes of one part -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """A formula with something done to it."""

    base: Tree


class Transpose(Mark):
    """Aᵀ"""


class Absolute(Mark):
    """|a|"""


class Root(Mark):
    """√a"""


@dataclass(frozen=True, slots=True)
class TimeSum(Mark):
    """Σ over all steps, or what else the letter `step` counts up to `last`."""

    step: str = "t"
    last: str = "T"


@dataclass(frozen=True, slots=True)
class Norm(Mark):
    """‖a‖, for a `matrix` that of its entries."""

    matrix: bool = False


@dataclass(frozen=True, slots=True)
class Power(Mark):
    """A power, entry by entry; `marked` says so with a ⊙, because for a matrix it could be read otherwise."""

    exponent: Fraction
    marked: bool = False


Axis = tuple[Size] | tuple[Size | None, Size | None]
"""An index, or a lower and an upper bound."""


@dataclass(frozen=True, slots=True)
class Part(Mark):
    """v[lower:upper]; `rank` is that of the whole."""

    axes: tuple[Axis, ...]
    rank: int = 1


@dataclass(frozen=True, slots=True)
class Place(Mark):
    """Zeros with an array in the place that `Part` reads."""

    axes: tuple[Axis, ...]
    rank: int = 1


Tree = Symbol | Number | Constant | Extent | Sum | Product | Call | Stack | Indicator | Pair | Mark

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
        case Symbol(name=name) if name.ends_raised:
            return POSTFIX
        case Call(power=power) if power != 1:
            return POSTFIX
        case _:
            return ATOM


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
