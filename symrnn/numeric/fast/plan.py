"""What is computed where: before the loop over the steps, in it, or after it; which products become one.

Found by rules on the equations. A value that no previous state reaches leaves the loop; so does one that no state
needs, and, backwards, every adjoint that no carry needs. Affine net inputs that share a vector share one product over
stacked weights, and they lie side by side in one block, so that one call of tanh serves them all.

A plan is a value: `forward` and `backward` only write its steps down, and `table` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import sympy

from ...derivation import Derivation
from ...operations.functions import sigmoid
from ...operations.structured import matmul, outer, transpose
from ...sizes import Shape, Size
from .formula import Formula


class Product(NamedTuple):
    """`weight @ vector`; `weight` is a parameter or its transpose."""

    weight: sympy.Expr
    vector: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of columns of the block: the net input `net`, and the activation `gate` that takes its place.

    `products` are those of its terms that are in stacks. What is `ready` needs nothing of its own step. The adjoint of
    the net input, if it has one, lies in the same columns of the backward pass' block.
    """

    net: Formula
    products: Mapping[sympy.Expr, Product]
    gate: Formula | None
    ready: bool
    adjoint: str | None
    start: Size

    @property
    def stop(self) -> Size:
        return self.start + self.net.shape[0]

    @property
    def weights(self) -> dict[str, sympy.Expr]:
        """The weights of its products by their vector."""
        return {product.vector: product.weight for product in self.products.values()}

    @property
    def name(self) -> str:
        """What lies in the columns after the step."""
        return (self.gate or self.net).name

    @property
    def halved(self) -> bool:
        """Whether half of the net input is computed: σ(a) = (1 + tanh(a/2))/2, and tanh serves all gates."""
        return self.gate is not None and isinstance(self.gate.terms[0], sigmoid)


@dataclass(frozen=True, slots=True)
class Stack:
    """The weights that meet one vector, one below the other in the order of their slots: one product."""

    vector: str
    slots: tuple[Slot, ...]

    @property
    def weights(self) -> list[sympy.Expr]:
        return [slot.weights[self.vector] for slot in self.slots]

    @property
    def rows(self) -> list[tuple[Slot, Size, Size]]:
        """Where the rows of each slot begin and end."""
        ends = [Size()]
        for slot in self.slots:
            ends.append(ends[-1] + slot.net.shape[0])
        return list(zip(self.slots, ends[:-1], ends[1:], strict=True))

    @property
    def adjoints(self) -> list[sympy.Expr]:
        """What the products pass back to their vector, Wᵀ δ each; nothing where a net input has no adjoint."""
        pairs = [(weight, slot.adjoint) for weight, slot in zip(self.weights, self.slots, strict=True)]
        found = [matmul(transpose(weight), sympy.Symbol(adjoint)) for weight, adjoint in pairs if adjoint is not None]
        return found if len(found) == len(pairs) else []

    @property
    def gradients(self) -> list[sympy.Expr]:
        """The gradients by its weights, δ vᵀ each."""
        return [outer(sympy.Symbol(slot.adjoint), sympy.Symbol(self.vector)) for slot in self.slots if slot.adjoint]


def are_neighbours(slots: tuple[Slot, ...]) -> bool:
    """Whether slots lie side by side in the block, so that they are one array."""
    return all(a.stop == b.start for a, b in pairwise(slots))


# Steps -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Multiply:
    """Add the product of a stack's weights and its vector to the block."""

    stack: Stack


@dataclass(frozen=True, slots=True)
class Collect:
    """Add terms that are in no stack to a net input in the block, or begin it with them where nothing `filled` it."""

    slot: Slot
    terms: tuple[sympy.Expr, ...]
    filled: bool = True


@dataclass(frozen=True, slots=True)
class Activate:
    """Put gates in the place of their net inputs: one call of tanh."""

    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Compute:
    """Compute a formula: what a stack passes back, or one product, and then the rest of its terms."""

    formula: Formula
    terms: tuple[sympy.Expr, ...]
    stack: Stack | None = None
    product: sympy.Expr | None = None


@dataclass(frozen=True, slots=True)
class Prepare:
    """Backwards, before the loop: a factor that a formula of the loop needs, for all steps at once under a name; the
    name is the formula's own where the factor waits in its place."""

    formula: Formula
    name: str
    factor: sympy.Expr
    shape: Shape


@dataclass(frozen=True, slots=True)
class Scale:
    """Multiply the factors that wait in the places of some formulas by the adjoint that these share."""

    formulas: tuple[Formula, ...]
    source: sympy.Symbol
    slots: tuple[Slot, ...] = ()


Step = Multiply | Collect | Activate | Compute | Prepare | Scale


def formulas_of(step: Step) -> tuple[Formula, ...]:
    """The formulas whose numbers stand beside a step."""
    match step:
        case Multiply(stack):
            return tuple(slot.net for slot in stack.slots)
        case Activate(slots):
            return tuple(slot.gate for slot in slots if slot.gate is not None)
        case Scale(formulas):
            return formulas
        case Compute(formula) | Prepare(formula):
            return (formula,)
        case Collect():
            return ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of both passes by place, and what is known of the values: `kept` is what the backward pass reads of the
    forward pass, `placed` has a place in a block or among the states, `fleeting` lives for one step alone."""

    derivation: Derivation
    constants: tuple[Formula, ...]
    stacks: Mapping[str, Stack]
    slots: tuple[Slot, ...]
    biases: Mapping[str, tuple[sympy.Expr, ...]]
    halves: Mapping[str, str]
    before: tuple[Step, ...]
    loop: tuple[Step, ...]
    after: tuple[Compute, ...]
    back_before: tuple[Prepare, ...]
    back_loop: tuple[Step, ...]
    back_after: tuple[Compute, ...]
    gradients: tuple[Compute, ...]
    stacked_gradients: tuple[Stack, ...]
    summed: tuple[Slot, ...]
    shapes: Mapping[str, Shape]
    factors: Mapping[str, Shape]
    batched: frozenset[str]
    exact: frozenset[sympy.Expr]
    kept: tuple[str, ...]
    placed: frozenset[str]
    fleeting: frozenset[str]
