"""A cell after reading: every value named once, every shape known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..sizes import Shape, Size
from .nodes import Assignment
from .source import Source

Role = Literal["parameter", "input", "previous", "value", "adjoint", "upstream", "carry", "gradient", "rate"]
"""What a name stands for. The last five belong to derivations: the adjoint of a value, the gradient that comes in
from above, what a step hands to the state before it, a gradient that goes out, and the rate of a value."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A named array: `role` says where it comes from, `written` how the cell's text calls it (or, for a
    derived quantity, what it is the adjoint or the gradient of)."""

    name: str
    written: str
    role: Role
    shape: Shape


@dataclass(frozen=True, slots=True)
class State:
    """A state: its name, and the names of its value before and after the step."""

    name: str
    previous: str
    new: str


@dataclass(frozen=True, slots=True)
class Program:
    """One step of a cell as a list of assignments, each name given a value once.

    `constraints` are sizes that must not be negative, such as the room that a slice needs. `source` is everything
    that was read, `text` the function alone.
    """

    name: str
    doc: str
    inputs: tuple[str, ...]
    states: tuple[State, ...]
    outputs: tuple[str, ...]
    params: tuple[str, ...]
    variables: Mapping[str, Variable]
    assignments: tuple[Assignment, ...]
    dims: tuple[str, ...]
    constraints: tuple[Size, ...]
    source: Source
    text: str
