"""Jacobian–vector products and products of the Hessian, over batches of whole sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..derivation import Derivation, HessianProduct, Tangent
from ..equations import Equation
from ..equations.sample import Arrays
from ..numeric import Gradients
from .sequence import Array, Sequence, Values


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Outputs and final states, and their rates: J v for the direction v in which everything moved."""

    outputs: Array | Arrays
    final_state: Arrays
    d_outputs: Array | Arrays
    d_final_state: Arrays


@dataclass(frozen=True, slots=True)
class TangentKernel:
    """Runs the equations of a tangent, beside those of the cell: what is kept does not grow with T."""

    tangent: Tangent

    def run(
        self, params: Any, x: Any, state: Any = None, *, d_params: Any = None, d_x: Any = None, d_state: Any = None
    ) -> Rates:
        """Outputs and final states, and how fast they move when parameters, inputs and initial states move as
        `d_params`, `d_x` and `d_state` say; what is left out stays."""
        sequence = Sequence.of(self.tangent.derivation.cell, params, x, state)
        with np.errstate(all="ignore"):
            steps, final, moved = run_rates(self.tangent, sequence, sequence.direction(d_params, d_x, d_state))
        outputs = {name: [values[name] for values in steps] for name in sequence.cell.outputs}
        rates = {name: [rate_of(self.tangent.dots, name, values) for values in steps] for name in outputs}
        return Rates(sequence.public(outputs), final, sequence.public(rates), moved)


@dataclass(frozen=True, slots=True)
class HessianKernel:
    """Runs a derivation and its rates: the gradient, and the Hessian times a direction."""

    product: HessianProduct

    def run(
        self,
        params: Any,
        x: Any,
        state: Any = None,
        d_outputs: Any = None,
        d_final_state: Any = None,
        *,
        v_params: Any = None,
        v_x: Any = None,
        v_state: Any = None,
        v_outputs: Any = None,
        v_final_state: Any = None,
    ) -> tuple[Gradients, Gradients]:
        """The gradients of L, whose gradients by outputs and final states are `d_outputs` and `d_final_state`, and the
        rates of these gradients when everything moves as `v_params`, `v_x` and `v_state` say: H v.

        `v_outputs` and `v_final_state` are the rates of `d_outputs` and `d_final_state`: zero for a loss that is linear
        in the outputs, and for another one its Hessian times the rates of the outputs, which `tangent` gives.
        """
        product, derivation = self.product, self.product.derivation
        sequence = Sequence.of(derivation.cell, params, x, state)
        above = sequence.upstream(d_outputs, d_final_state, ("d_outputs", "d_final_state"))
        rates = sequence.upstream(v_outputs, v_final_state, ("v_outputs", "v_final_state"))
        with np.errstate(all="ignore"):
            steps, _, _ = run_rates(product.tangent, sequence, sequence.direction(v_params, v_x, v_state))
            equations = (*derivation.backward, *product.backward)
            carries = {name: above[1][state] for state, name in derivation.carries.items()}
            carries |= {product.dots[name]: rates[1][state] for state, name in derivation.carries.items()}
            for t in reversed(range(sequence.T)):
                values = steps[t] | carries
                for name, inner in derivation.upstream.items():
                    values[inner], values[product.dots[inner]] = above[0][name][t], rates[0][name][t]
                carries = run_back(sequence, equations, values, carries)
                steps[t] = values
        starts = {name: carries[inner] for name, inner in derivation.carries.items()}
        moved = {name: carries[product.dots[inner]] for name, inner in derivation.carries.items()}
        same = {equation.name: equation.name for equation in derivation.gradients}
        return (
            _gathered(derivation, sequence, steps, starts, same),
            _gathered(derivation, sequence, steps, moved, product.dots),
        )


def run_rates(
    tangent: Tangent, sequence: Sequence, direction: tuple[Arrays, Arrays, Arrays]
) -> tuple[list[Values], Values, Values]:
    """The values of all steps and their rates, the final states and theirs."""
    params, x, moving = direction
    state, dots = sequence.state, tangent.dots
    equations = (*tangent.derivation.forward, *tangent.forward)
    steps: list[Values] = []
    for t in range(sequence.T):
        values = sequence.step(t, state)
        values |= {dots[name]: array[None] for name, array in params.items()}
        values |= {dots[name]: array[t] for name, array in x.items()}
        values |= {dots[s.previous]: moving[s.name] for s in sequence.cell.program.states}
        sequence.evaluate(equations, values)
        state = sequence.new(values)
        moving = {s.name: sequence.whole(rate_of(dots, s.new, values)) for s in sequence.cell.program.states}
        steps.append(values)
    return steps, state, moving


def rate_of(dots: Mapping[str, str], name: str, values: Values) -> Array:
    """The rate of a value; that of what does not move is zero."""
    return values[dots[name]] if name in dots else 0 * values[name]


def run_back(sequence: Sequence, equations: tuple[Equation, ...], values: Values, carries: Values) -> Values:
    """One step back: values are added to those that there are. What the step hands back is kept apart and returned,
    because until the step is done a carry's name is what came in."""
    step = [equation for equation in equations if equation.why != "initial"]
    sequence.evaluate([equation for equation in step if equation.name not in carries], values)
    handed = {name: 0 * array for name, array in carries.items()}
    for equation in step:
        if equation.name in carries:
            before = dict(values)
            sequence.evaluate([equation], before)
            handed[equation.name] = sequence.whole(before[equation.name])
    return handed


def _gathered(
    derivation: Derivation, sequence: Sequence, steps: list[Values], starts: Values, names: Mapping[str, str]
) -> Gradients:
    """Gradients, or their rates: by parameter summed over steps and sequences, by input step by step."""
    cell = derivation.cell
    of = {derivation.variables[e.name].written: e.name for e in derivation.gradients}
    zero = {name: 0 * array[None] for name, array in sequence.params.items()}
    zero |= {name: 0 * array[0] for name, array in sequence.x.items()}

    def value(values: Values, name: str) -> Array:
        inner = names.get(of[name])
        return zero[name] if inner is None else values[inner]

    params = {name: np.asarray(sum(value(step, name).sum(axis=0) for step in steps)) for name in cell.params}
    x = {name: np.stack([sequence.whole(value(step, name)) for step in steps]) for name in cell.inputs}
    return Gradients(params, next(iter(x.values())) if len(x) == 1 else x, starts)
