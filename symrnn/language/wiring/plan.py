"""What a network is after reading: every value named once, every shape and axis known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import Span
from ...sizes import Size, dimension_names
from ..nodes import Assignment
from ..program import Program, Variable
from .items import Way, Wiring


@dataclass(frozen=True, slots=True)
class Scanned:
    """A cell run over an axis. The mappings go from the cell's names to the network's; a state without an entry in
    `init` begins at zero. `bearer` is the scan whose name the parameters have."""

    name: str
    bearer: str
    cell: Program
    axis: str
    reverse: bool
    inputs: Mapping[str, str]
    init: Mapping[str, str]
    outputs: Mapping[str, str]
    finals: Mapping[str, str]
    dims: Mapping[str, Size]
    span: Span

    def parameter(self, name: str) -> str:
        return f"{self.bearer}.{name}"

    @property
    def state_dims(self) -> tuple[str, ...]:
        """The cell's sizes that its states have."""
        return dimension_names(size for s in self.cell.states for size in self.cell.variables[s.previous].shape)


@dataclass(frozen=True, slots=True)
class Wired:
    """`name` is `of`, led along, onto or off a time axis; or what whole numbers pick, of a `table` or unit vectors."""

    name: str
    way: Way
    of: str
    axis: str
    span: Span
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """One line, computed at every step of its axis."""

    line: Assignment
    axis: str


Step = Scanned | Wired | Computed


@dataclass(frozen=True, slots=True)
class Plan:
    """A network after reading: every value named once, every shape and axis known, the steps in order.

    `loss` is the value that is summed to one number, if any; `outputs` go from names as they are written to values;
    `classes` tell in how many classes arguments of whole numbers count.
    """

    wiring: Wiring
    variables: Mapping[str, Variable]
    axes: Mapping[str, str]
    steps: tuple[Step, ...]
    params: tuple[str, ...]
    dims: tuple[str, ...]
    constraints: tuple[Size, ...]
    loss: str | None
    outputs: Mapping[str, str]
    classes: Mapping[str, Size]
