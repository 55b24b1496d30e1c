"""What can be said of equations without running them: what reads what, what is worth computing, what has an axis of
sequences, and what has to be broadcast to its shape.

Every emitter asks here. Most questions need no more of an equation than its name and what it reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import sympy

from ..equations import Equation
from ..equations.shapes import names_in, shape_of
from ..language import Variable
from ..operations.entry import SizeSymbol
from ..sizes import Shape, dimension_names
from .derivation import Derivation


class Reader(Protocol):
    """What has a value under a name, made of the values that it reads."""

    @property
    def name(self) -> str: ...

    @property
    def reads(self) -> frozenset[str]: ...


R = TypeVar("R", bound=Reader)


def names_read(readers: Iterable[Reader]) -> frozenset[str]:
    """The names that any of them reads."""
    return frozenset[str]().union(*(reader.reads for reader in readers))


def live(readers: Sequence[R], wanted: Iterable[str]) -> tuple[R, ...]:
    """Liveness: of readers in their order of computation those whose values are wanted, or read by one that is."""
    alive, kept = set(wanted), list[R]()
    for reader in reversed(readers):
        if reader.name in alive:
            kept.append(reader)
            alive |= reader.reads
    return tuple(reversed(kept))


def reached(start: Iterable[str], readers: Iterable[Reader]) -> frozenset[str]:
    """The names of the readers, in their order of computation, that rest on what is in `start`."""
    found, known = set[str](), set(start)
    for reader in readers:
        if reader.reads & known:
            found.add(reader.name)
            known.add(reader.name)
    return frozenset(found)


@dataclass(frozen=True, eq=False)
class Analysis:
    """The answers for one derivation."""

    derivation: Derivation

    @cached_property
    def batched(self) -> frozenset[str]:
        """The names with an axis of sequences."""
        return self.derivation.batched

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        return {variable.name: variable.shape for variable in self.derivation.variables.values()}

    @cached_property
    def leaving(self) -> frozenset[str]:
        """What a step hands out: its outputs, and the states after it."""
        program = self.derivation.cell.program
        return frozenset([*program.outputs, *(state.new for state in program.states)])

    @cached_property
    def gradients(self) -> tuple[Equation, ...]:
        """The gradients that a step adds to; those by the initial states are what the last carries are."""
        return tuple(e for e in self.derivation.gradients if self.owner(e).role != "previous")

    @cached_property
    def adjoints(self) -> tuple[Equation, ...]:
        """The carries, and the adjoints that they or a gradient rest on (a constant has an adjoint too)."""
        carries = self.derivation.carries.values()
        return live(self.derivation.adjoints, names_read(self.gradients).union(carries))

    @cached_property
    def read_backwards(self) -> frozenset[str]:
        """What the live equations of the backward pass read."""
        return names_read((*self.adjoints, *self.gradients))

    @cached_property
    def forward(self) -> tuple[Equation, ...]:
        """The forward equations that an output, a state or the backward pass rests on."""
        return live(self.derivation.forward, self.leaving | self.read_backwards)

    def kept(self, readers: Iterable[Reader], roles: tuple[str, ...] = ("previous", "value")) -> tuple[str, ...]:
        """What some equations of the backward pass read of the forward pass, in the order of the variables."""
        read = names_read(readers)
        return tuple(v.name for v in self.derivation.variables.values() if v.name in read and v.role in roles)

    def owner(self, equation: Equation) -> Variable:
        """The forward value that an equation is of: what it computes, or the adjoint or gradient of which it does."""
        variables = self.derivation.variables
        return variables[equation.name if equation.kind == "forward" else variables[equation.name].written]

    def is_batched(self, expr: sympy.Basic) -> bool:
        """Whether an expression has an axis of sequences."""
        return not self.batched.isdisjoint(names_in(expr))

    def is_summed(self, equation: Equation) -> bool:
        """Whether the terms are summed over the sequences: what is one for all of them has one adjoint."""
        return equation.kind != "forward" and self.owner(equation).name not in self.batched

    def is_broadcast(self, equation: Equation) -> bool:
        """Whether the right side alone is smaller than the value: it lacks axes, or that of the sequences. A gradient
        by a parameter is added to what has the shape."""
        owner = self.owner(equation)
        if owner.role == "parameter":
            return False
        if not equation.expr.free_symbols or len(shape_of(equation.expr, self.shapes)) < len(equation.shape):
            return True
        return equation.kind == "forward" and owner.name in self.batched and not self.is_batched(equation.expr)

    def speaks_of_sequences(self, equations: Iterable[Equation]) -> bool:
        """Whether the code of some equations needs to know how many sequences there are."""
        return any(self.owner(e).name in self.batched and self.is_broadcast(e) for e in equations)

    def sizes_used(self, equations: Iterable[Equation]) -> tuple[str, ...]:
        """The dimensions that the code of some equations speaks of."""
        found: dict[str, None] = {}
        for equation in equations:
            sizes = sorted(symbol.name for symbol in equation.expr.atoms(SizeSymbol))
            found |= dict.fromkeys(sizes)
            if self.is_broadcast(equation):
                found |= dict.fromkeys(dimension_names(equation.shape))
        return tuple(found)
