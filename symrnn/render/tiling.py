"""Adjoints of slices that lie side by side: [δ_i; 𝟎] + [𝟎; δ_f] is [δ_i; δ_f]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from ..operations import BY_HEAD
from ..operations.entry import size_from_expr
from ..sizes import Size


@dataclass(frozen=True, slots=True)
class Placed:
    """A vector among zeros: where it starts and ends, and how long the whole is."""

    piece: Any
    lower: Size
    upper: Size
    whole: Size


def read_placed(expr: Any) -> Placed | None:
    """The parts of a vector's embedding in a longer vector, None for anything else."""
    operation = BY_HEAD.get(type(expr))
    # An embedding carries the bounds of each axis and the whole shape after them; a slice has the bounds alone.
    if operation is None or not isinstance(expr.args[-1], sympy.Tuple) or len(expr.args) != 3:
        return None
    if operation.layout is not None and operation.layout.kind == "part":
        return None
    bounds, whole = expr.args[1:]
    if len(whole.args) != 1 or len(bounds.args) != 2:
        return None
    return Placed(
        expr.args[0], size_from_expr(bounds.args[0]), size_from_expr(bounds.args[1]), size_from_expr(whole.args[0])
    )


def tile(exprs: Sequence[Any]) -> tuple[list[Placed], list[Any]]:
    """The embeddings among summands that lie side by side from the start, in their order, and all other summands.

    Nothing is put together when some embedding overlaps or leaves a gap: then each is shown by itself.
    """
    placed = [place for place in map(read_placed, exprs) if place is not None]
    others = [expr for expr in exprs if read_placed(expr) is None]
    starts = {place.lower: place for place in placed}
    chain: list[Placed] = []
    position = Size()
    while position in starts:
        chain.append(starts.pop(position))
        position = chain[-1].upper
    if len(chain) < 2 or len(chain) != len(placed):
        return [], list(exprs)
    return chain, others
