"""What a check asks of whatever it checks, a cell or a network at a point; and a cell's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..derivation import Derivation
from ..numeric import Kernel
from .kit import Array
from .oracles import Base, Key, Point, Problem, Upstream, cell_problem
from .places import place
from .points import draw_upstreams, meaning_of
from .reference import Reference, build_references
from .rounding.passes import Running


class Subject(Protocol):
    """A cell or a network, its derivation and its arrays."""

    @property
    def case(self) -> str:
        """The sizes, in words."""
        ...

    def upstreams(self, seed: int) -> tuple[Upstream, ...]:
        """Gradients that enter from above."""
        ...

    def rounded(self, upstreams: Sequence[Upstream]) -> tuple[Subject, tuple[Upstream, ...]]:
        """The same with every number rounded to float32: both types start from the same."""
        ...

    def references(self, upstreams: Sequence[Upstream], seed: int) -> tuple[Reference, ...]:
        """What the derived equations come to, and how exactly anybody can know it."""
        ...

    def meaning(self) -> dict[Key, Array]:
        """What the text comes to."""
        ...

    def problem(self, upstreams: Sequence[Upstream]) -> Problem:
        """The losses, for the oracles."""
        ...

    def computed(self, kernel: Any, upstreams: Sequence[Upstream]) -> list[dict[Key, Array]]:
        """What a kernel's forward pass gives, and then for every upstream the gradients, by array."""
        ...

    def emitted(self, upstreams: Sequence[Upstream]) -> list[list[dict[Key, Array]]]:
        """The same of emitted programs other than the one that the kernel runs."""
        ...

    def place(self, key: Key, index: tuple[int, ...]) -> str:
        """Where an entry is, in words."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class CellAt:
    """A cell at a point."""

    derivation: Derivation
    point: Point
    base: Base

    @property
    def case(self) -> str:
        return self.point.case()

    def upstreams(self, seed: int) -> tuple[Upstream, ...]:
        return draw_upstreams(self.point, seed)

    def rounded(self, upstreams: Sequence[Upstream]) -> tuple[CellAt, tuple[Upstream, ...]]:
        return replace(self, point=self.point.rounded()), tuple(upstream.rounded() for upstream in upstreams)

    def references(self, upstreams: Sequence[Upstream], seed: int) -> tuple[Reference, ...]:
        return build_references(self.derivation, self.point, upstreams, seed=seed)

    def meaning(self) -> dict[Key, Array]:
        return meaning_of(self.point, self.base)

    def problem(self, upstreams: Sequence[Upstream]) -> Problem:
        return cell_problem(self.point, upstreams, self.base)

    def computed(self, kernel: Kernel, upstreams: Sequence[Upstream]) -> list[dict[Key, Array]]:
        def backward(*given: Any) -> Any:
            grads = kernel.backward(*given)
            return grads.params, grads.x, grads.state

        def cast(arrays: Mapping[Any, Array]) -> dict[Any, Array]:
            return {key: array.astype(kernel.dtype) for key, array in arrays.items()}

        passes, given = Running(self.point.cell, kernel.forward, backward), cast(self.point.arrays())
        found = [kept(passes.forward(given)[0])]
        for upstream in upstreams:
            _, tape = passes.forward(given)  # a tape serves one backward pass
            found.append(kept(passes.backward(tape, cast(upstream.outputs), cast(upstream.final))))
        return found

    def emitted(self, upstreams: Sequence[Upstream]) -> list[list[dict[Key, Array]]]:
        return []

    def place(self, key: Key, index: tuple[int, ...]) -> str:
        return place(self.point.cell, self.point.dims, key, index)


def kept(arrays: Mapping[Key, Array]) -> dict[Key, Array]:
    """Copies: a kernel may use its arrays again."""
    return {key: np.array(array) for key, array in arrays.items()}
