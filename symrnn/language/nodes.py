"""The tree of a cell's mathematics: a name, a number, or an operation applied to trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from ..errors import Span
from ..sizes import Shape, Slice


@dataclass(frozen=True, slots=True)
class Name:
    """A variable: an input, a state, a parameter, or the left side of an earlier line."""

    id: str
    span: Span = field(compare=False, repr=False)
    shape: Shape = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number:
    """An exact constant; decimals are read as the fractions that they are."""

    value: Fraction
    span: Span = field(compare=False, repr=False)
    shape: Shape = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation of the table applied to operands, with constant options such as a slope or bounds."""

    operation: str
    operands: tuple[Node, ...]
    options: tuple[Fraction | Slice, ...] = ()
    span: Span = field(compare=False, repr=False, default=Span(0, 0, 0, 0))
    shape: Shape = field(default=(), compare=False, repr=False)


Node = Name | Number | Apply


@dataclass(frozen=True, slots=True)
class Assignment:
    """One line of a cell, `name = node`; `name` is unique within a `Program`."""

    name: str
    node: Node
    span: Span = field(compare=False, repr=False)


def walk(node: Node) -> Iterator[Node]:
    """Every node of a tree, operands before the operation that uses them."""
    if isinstance(node, Apply):
        for operand in node.operands:
            yield from walk(operand)
    yield node


def own_name(name: str) -> str:
    """The name without the part that it belongs to and its number in a family: W of `h1.W.0`."""
    return next(piece for piece in reversed(name.split(".")) if not piece.isdigit())
