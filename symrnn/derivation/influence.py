"""RTRL: what a state owes to a parameter, carried forward in time instead of the loss's gradient backward.

    ds_t/dθ = Σ_s′ (∂s_t/∂s′_{t−1}) ds′_{t−1}/dθ + ∂s_t/∂θ        the influence, zero before the first step

It is the tangent of a step in every direction of θ at once: the states' rates come in as the influence that there was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..library import as_cell
from .ahead import Source, Tangent, move
from .derivation import Derivation
from .derive import derive
from .paged import Paged

if TYPE_CHECKING:
    from ..tangents import InfluenceKernel


@dataclass(frozen=True, slots=True, eq=False)
class Influence(Paged):
    """Real-time recurrent learning of a cell: `rates` has for each parameter the rates of a step's values where that
    parameter moves, and the states before the step."""

    derivation: Derivation
    rates: Mapping[str, Tangent] = field(repr=False)

    def numpy(self) -> InfluenceKernel:
        """Gradients without a way back: what is kept does not grow with T."""
        from ..tangents import InfluenceKernel

        return InfluenceKernel(self)

    def __repr__(self) -> str:
        return f"<Influence of {self.derivation.cell.name}: {len(self.rates)} parameters>"


def rtrl(source: Source) -> Influence:
    """The recurrence of a cell's influence matrices: real-time recurrent learning (Williams & Zipser 1989)."""
    derivation = derive(as_cell(source))
    previous = [state.previous for state in derivation.cell.program.states]
    rates = {name: move(derivation, [name, *previous]) for name in derivation.cell.program.params}
    return Influence(derivation, MappingProxyType(rates))
