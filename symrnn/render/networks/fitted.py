"""A cell's formula as a block of a network has it: sizes of the network, sums over the steps of its axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, cast

from ...sizes import Size
from .. import tree as t


def fit(node: t.Tree, size: Callable[[Size], Size], steps: tuple[str, str] | None) -> t.Tree:
    """The formula with other sizes; a sum over t is over `steps`, or no sum where there are none."""

    def part(value: Any) -> Any:
        if isinstance(value, t.Tree):
            return walk(cast(t.Tree, value))
        if isinstance(value, t.Signed):
            return replace(value, node=walk(value.node))
        if isinstance(value, Size):
            return size(value)
        return tuple(map(part, value)) if isinstance(value, tuple) else value

    def walk(node: t.Tree) -> t.Tree:
        match node:
            case t.Symbol() | t.Number() | t.Constant():
                return node
            case t.TimeSum(base=base):
                return walk(base) if steps is None else t.TimeSum(walk(base), *steps)
            case _:
                return replace(node, **{one.name: part(getattr(node, one.name)) for one in fields(node)})

    return walk(node)
