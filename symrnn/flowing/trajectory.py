"""One cell at one setting, run along a sequence: everything that a flow shows of it, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..equations import Cell
from ..sizes import shape_at
from .closed import Bound, ConstantPath, closed_forms, constant_paths, jacobians_of, local_bound, writing_of
from .jacobians import Connectivity, LongTerm, connectivity, lengths_of, long_term, lyapunov
from .passes import Passes, contributions, step_jacobians
from .paths import Clipping, Path, Truncation, path_shares, truncate

Array = np.ndarray[Any, Any]

_MUCH = 1e3
"""A gradient that changes by less over the whole sequence is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Norms:
    """‖∂L/∂s_t‖ at t = 0 … T, one column a sequence: (T + 1, N)."""

    values: Array

    @property
    def median(self) -> Array:
        return self._quantile(0.5)

    @property
    def lower(self) -> Array:
        """The lower quartile over the batch."""
        return self._quantile(0.25)

    @property
    def upper(self) -> Array:
        """The upper quartile over the batch."""
        return self._quantile(0.75)

    def _quantile(self, part: float) -> Array:
        with np.errstate(invalid="ignore"):  # between infinities there is no number
            return np.quantile(self.values, part, axis=1)

    @property
    def last(self) -> int:
        """The last step to which a gradient came back: T − 1, as what enters at T has not gone anywhere yet; earlier
        where that is zero; 0 where none comes back."""
        felt = np.flatnonzero(self.median[: max(2, len(self.values) - 1)])
        return int(felt[-1]) if felt.size else 0

    @property
    def change(self) -> float:
        """What the median is multiplied by from that step back to t = 1."""
        return float(self.median[1]) / float(self.median[self.last]) if self.last else 0.0

    @property
    def rate(self) -> float:
        """The same for one step."""
        return self.change ** (1 / max(1, self.last - 1))

    @property
    def trend(self) -> str:
        """`vanishes`, `explodes`, `is kept`, or `is zero` where the loss does not see the state."""
        if not self.last:
            return "is zero"
        if not self.change < _MUCH:
            return "explodes"
        return "vanishes" if self.change < 1 / _MUCH else "is kept"


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """A cell at a setting, along T steps of N sequences.

    `norms` are over the batch, and so are the gradients by parameters (`contributions` by step, `truncation`,
    `clipping`: of the mean over the batch); what rests on Jacobians (`long_term`, `connectivity`, `exponents`) and
    `shares` are of the first sequence.
    """

    cell: Cell
    setting: Mapping[str, float | str]
    label: str
    dims: Mapping[str, int]
    T: int
    N: int
    seed: int
    loss: str
    transient: int
    overflow: int | None
    """The first step at which a value of the forward pass is not finite."""
    norms: Mapping[str, Norms]
    long_term: LongTerm
    connectivity: Connectivity
    contributions: Mapping[str, Array] = field(repr=False)
    shares: Mapping[str, tuple[Path, ...]]
    exponents: Array
    """The Lyapunov exponents, the largest first."""
    truncation: Truncation
    clipping: Clipping
    closed: tuple[str, ...]
    """The local Jacobians as formulas."""
    paths: Mapping[str, ConstantPath]
    bound: Bound | None
    jacobians: Array = field(repr=False)
    """∂s_t/∂s_{t−1}, with all states as one vector: (T, S, S)."""

    @property
    def singular_values(self) -> Mapping[str, Array]:
        """Of ∂h_T/∂h_t over the lags `long_term.lags`, for each state."""
        return self.long_term.singular

    def __repr__(self) -> str:
        trends = ", ".join(f"{name} {norms.trend}" for name, norms in self.norms.items())
        return f"<Trajectory {self.label}: {trends}>"


@dataclass(frozen=True, slots=True)
class Order:
    """What a trajectory is asked for besides its cell, sample and setting."""

    seed: int
    loss: str
    transient: int | None
    clip: float


def measure(passes: Passes, setting: Mapping[str, float | str], label: str, order: Order) -> Trajectory:
    """Everything that is known of a trajectory. What is not finite stays so, and is a gap where it is drawn."""
    derivation = passes.derivation
    writing, closed = writing_of(derivation), jacobians_of(derivation)
    local = step_jacobians(passes.of_first())
    transient = passes.T // 4 if order.transient is None else min(order.transient, passes.T - 1)
    parts = contributions(passes)
    truncation, clipping = truncate(passes, parts, order.clip, order.loss != "last")
    return Trajectory(
        derivation.cell,
        setting,
        label,
        passes.dims,
        passes.T,
        passes.N,
        order.seed,
        order.loss,
        transient,
        _overflow(passes),
        _norms(passes),
        long_term(local.states, local.places),
        connectivity(local.states, local.inputs, local.output, local.direct),
        parts,
        path_shares(passes, writing),
        lyapunov(local.states, transient),
        truncation,
        clipping,
        closed_forms(closed, writing),
        constant_paths(passes, closed, writing),
        local_bound(passes, closed),
        local.states,
    )


def _overflow(passes: Passes) -> int | None:
    values = (passes.values[equation.name] for equation in passes.derivation.forward)
    finite = np.ones(passes.T, dtype=bool)
    for value in values:
        finite &= np.isfinite(value).all(axis=tuple(range(1, value.ndim)))
    return None if finite.all() else int(np.argmin(finite)) + 1


def _norms(passes: Passes) -> dict[str, Norms]:
    derivation, found = passes.derivation, dict[str, Norms]()
    for state in derivation.cell.program.states:
        carry = derivation.carries[state.name]
        # A state that is handed on as it came in has no equation, so no adjoint of its own.
        after = passes.values[derivation.adjoint_of.get(passes.nodes[state.name], carry)]
        shape = shape_at(derivation.cell.states[state.name], passes.dims)
        whole = [np.broadcast_to(a, (passes.N, *shape)) for a in (passes.handed[carry][0], *after)]
        found[state.name] = Norms(lengths_of(np.stack(whole), 2))
    return found
