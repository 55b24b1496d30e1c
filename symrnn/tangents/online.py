"""Gradients that are ready when a step is done: by influence matrices (RTRL), or by eligibility traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checking.components import Evaluator
from ..checking.floats import FLOATS
from ..derivation import Influence, Traces
from ..equations.sample import Arrays
from .rates import rate_of, run_back
from .sequence import Array, Sequence, Values


@dataclass(frozen=True, slots=True, eq=False)
class Online:
    """Gradients by the parameters, and what was carried forward to the last step: for a state and a parameter, an
    array for each sequence (N, …)."""

    params: Arrays
    carried: Mapping[tuple[str, str], Array]


@dataclass(frozen=True, slots=True)
class InfluenceKernel:
    """Runs RTRL: each step's gradient is known at that step, exactly."""

    influence: Influence

    def run(self, params: Any, x: Any, state: Any = None, d_outputs: Any = None, d_final_state: Any = None) -> Online:
        """∂L/∂θ for gradients from above, and the influence matrices: (N, the state's shape, the parameter's)."""
        derivation = self.influence.derivation
        sequence = Sequence.of(derivation.cell, params, x, state)
        outputs, final = sequence.upstream(d_outputs, d_final_state, ("d_outputs", "d_final_state"))
        total = {name: np.zeros_like(array) for name, array in sequence.params.items()}
        carried = {
            (s, p): np.zeros((array.size, *start.shape))
            for p, array in sequence.params.items()
            for s, start in sequence.state.items()
        }
        current = sequence.state
        of = {derivation.variables[e.name].written: e.name for e in derivation.gradients}
        with np.errstate(all="ignore"):
            for t in range(sequence.T):
                values = sequence.step(t, current)
                sequence.evaluate(derivation.forward, values)
                ends = t == sequence.T - 1
                carries = {name: final[s] if ends else 0 * final[s] for s, name in derivation.carries.items()}
                back = values | carries | {inner: outputs[name][t] for name, inner in derivation.upstream.items()}
                handed = run_back(sequence, derivation.backward, back, carries)
                for p in total:
                    total[p] += back[of[p]].sum(axis=0)
                    for s, name in derivation.carries.items():
                        product = (handed[name] * carried[s, p]).reshape(total[p].size, -1)
                        total[p] += product.sum(axis=1).reshape(total[p].shape)
                carried = self._step(sequence, values, carried)
                current = sequence.new(values)
        return Online(total, {key: _columns_last(sequence, key[1], columns) for key, columns in carried.items()})

    def _step(
        self, sequence: Sequence, values: Values, carried: Mapping[tuple[str, str], Array]
    ) -> dict[tuple[str, str], Array]:
        """The influence after a step: all entries of a parameter are directions of one tangent, side by side."""
        found: dict[tuple[str, str], Array] = {}
        states = sequence.cell.program.states
        for p, rates in self.influence.rates.items():
            array = sequence.params[p]
            moved = {name: value[None] for name, value in values.items()}
            moved[rates.dots[p]] = np.eye(array.size).reshape(array.size, 1, *array.shape)
            moved |= {rates.dots[s.previous]: carried[s.name, p] for s in states}
            sequence.evaluate(rates.forward, moved, lead=2)
            for s in states:
                after = rate_of(rates.dots, s.new, moved)
                found[s.name, p] = np.broadcast_to(after, carried[s.name, p].shape)
        return found


def _columns_last(sequence: Sequence, param: str, columns: Array) -> Array:
    moved = np.moveaxis(columns, 0, -1)
    return moved.reshape(*moved.shape[:-1], *sequence.params[param].shape)


@dataclass(frozen=True, slots=True)
class TraceKernel:
    """Runs eligibility traces: one number for each weight and sequence is carried forward, and none back."""

    traces: Traces

    def run(self, params: Any, x: Any, state: Any = None, d_outputs: Any = None, d_final_state: Any = None) -> Online:
        """The gradients that the traces give, where they are exact those of BPTT, and the traces after the end."""
        derivation = self.traces.derivation
        sequence = Sequence.of(derivation.cell, params, x, state)
        outputs, final = sequence.upstream(d_outputs, d_final_state, ("d_outputs", "d_final_state"))
        names = {trace.param for trace in self.traces.traces} | {
            name for name in sequence.params if name not in self.traces.refused
        }
        total = {name: np.zeros_like(sequence.params[name]) for name in sequence.params if name in names}
        new = {s.new: s.name for s in sequence.cell.program.states}
        kept: dict[tuple[str, str], Array] = {}
        current = sequence.state
        with np.errstate(all="ignore"):
            for t in range(sequence.T):
                values = sequence.step(t, current)
                sequence.evaluate(derivation.forward, values)
                values |= {inner: outputs[name][t] for name, inner in derivation.upstream.items()}
                sequence.evaluate(self.traces.beyond, values)
                evaluate = Evaluator(FLOATS, sequence.dims, values, lead=1)
                at = self._step(sequence, evaluate, kept)
                signals = {
                    name: evaluate.spread(e, derivation.variables[name].shape)
                    for name, e in self.traces.signals.items()
                }
                if t == sequence.T - 1:
                    for s in sequence.cell.program.states:
                        signals[s.new] = signals[s.new] + final[s.name]
                for p in total:
                    direct = evaluate.spread(self.traces.direct[p], derivation.variables[p].shape)
                    total[p] += sequence.whole(direct).sum(axis=0) if self.traces.direct[p] != 0 else 0
                for (value, p), trace in at.items():
                    product = _rows(signals[value], trace) * trace
                    total[p] += product.sum(axis=tuple(range(product.ndim - total[p].ndim)))
                kept = {(new[value], p): trace for (value, p), trace in at.items() if value in new}
                current = sequence.new(values)
        return Online(total, kept)

    def _step(
        self, sequence: Sequence, evaluate: Evaluator, kept: Mapping[tuple[str, str], Array]
    ) -> dict[tuple[str, str], Array]:
        """All traces after a step."""
        found: dict[tuple[str, str], Array] = {}
        for trace in self.traces.traces:
            shape = sequence.params[trace.param].shape or evaluate.values[trace.value].shape[1:]
            value = np.zeros((sequence.N, *shape))
            for state, factor in trace.decays.items():
                if (state, trace.param) in kept:
                    value = value + _rows(evaluate(factor), value) * kept[state, trace.param]
            for seed in trace.seeds:
                factor = _rows(evaluate(seed.factor), value)
                value = value + (factor if seed.row is None else factor * evaluate(seed.row)[:, None, :])
            found[trace.value, trace.param] = value
        return found


def _rows(factor: Array, trace: Array) -> Array:
    """A factor of each unit, before the row of that unit."""
    return factor[(..., *(None,) * (trace.ndim - factor.ndim))] if factor.ndim else factor
