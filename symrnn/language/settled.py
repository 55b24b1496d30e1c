"""What shapes come to once all sizes are worked out: a tree whose nodes know them, under the sizes' final names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count

from ..sizes import Shape, Size, Slice, Solver
from .nodes import Apply, Node


@dataclass(frozen=True, slots=True)
class Settled:
    """Sizes as they were worked out, under their final names."""

    solver: Solver
    shapes: Mapping[int, Shape]
    names: Mapping[str, Size]

    def size(self, size: Size) -> Size:
        return self.solver.resolve(size).substituted(self.names)

    def shape(self, shape: Shape) -> Shape:
        return tuple(map(self.size, shape))

    def bounds(self, bounds: Slice) -> Slice:
        """A slice whose bounds nobody wrote may stand on sizes that were worked out."""
        lower, upper, index = (size and self.size(size) for size in (bounds.lower, bounds.upper, bounds.index))
        return Slice(lower, upper, index)

    def node(self, node: Node) -> Node:
        """A tree whose nodes know their shapes."""
        shape = self.shape(self.shapes[id(node)])
        if isinstance(node, Apply):
            options = tuple(self.bounds(o) if isinstance(o, Slice) else o for o in node.options)
            return replace(node, operands=tuple(map(self.node, node.operands)), options=options, shape=shape)
        return replace(node, shape=shape)


def free_names(wishes: list[str], taken: set[str]) -> Iterator[str]:
    """Names that nothing has: the wishes, then the first of them with numbers."""
    numbered = (f"{wishes[0]}{k}" for k in count(1))
    return (name for name in chain(wishes, numbered) if name not in taken)
