"""The arrays of a call, checked once, and the steps that equations run over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checking.components import Evaluator
from ..checking.floats import FLOATS
from ..equations import Cell, Equation
from ..equations.sample import Arrays
from ..numeric.arrays import Checker

Array = np.ndarray[Any, Any]
Values = dict[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """Parameters, inputs and initial states of a cell, in the canonical layout, with the sizes that they show."""

    cell: Cell
    checker: Checker
    params: Arrays
    x: Arrays
    state: Arrays
    dims: Mapping[str, int]
    T: int
    N: int

    @staticmethod
    def of(cell: Cell, params: Any, x: Any, state: Any) -> Sequence:
        """Without a state the initial one is zero."""
        check = Checker.of(cell, "float64")
        inputs = check.one_or_named(x, cell.inputs, "x")
        given = check.named(params, cell.params, "params")
        T, N = check.sequence(inputs)
        start = {} if state is None else check.named(state, cell.states, "state")
        dims = check.dimensions(inputs, start, given)
        check.fit(inputs, start, given, dims, (T, N))
        return Sequence(cell, check, given, inputs, start or check.zeros(cell.states, dims, (N,)), dims, T, N)

    def direction(self, params: Any, x: Any, state: Any) -> tuple[Arrays, Arrays, Arrays]:
        """Which way parameters, inputs and states move, where what is left out stays."""
        return (
            self._like(params, self.cell.params, (), "d_params"),
            self._like(x, self.cell.inputs, (self.T, self.N), "d_x"),
            self._like(state, self.cell.states, (self.N,), "d_state"),
        )

    def upstream(self, outputs: Any, final: Any, names: tuple[str, str]) -> tuple[Arrays, Arrays]:
        """What comes in on outputs and final states, zero where it is left out."""
        return (
            self._like(outputs, self.cell.outputs, (self.T, self.N), names[0]),
            self._like(final, self.cell.states, (self.N,), names[1]),
        )

    def _like(self, given: Any, wanted: Mapping[str, Any], lead: tuple[int, ...], what: str) -> Arrays:
        zeros = self.checker.zeros(wanted, self.dims, lead)
        if given is None:
            return zeros
        one = not isinstance(given, Mapping)
        named = self.checker.one_or_named(given, wanted, what) if one else self.checker.named(
            given, wanted, what, partial=True
        )  # fmt: skip
        self.checker.shapes(named, wanted, self.dims, lead, what)
        return {**zeros, **named}

    def step(self, t: int, state: Mapping[str, Array]) -> Values:
        """What the equations of step t begin with; states by their own names."""
        previous = {s.previous: state[s.name] for s in self.cell.program.states}
        params = {name: array[None] for name, array in self.params.items()}
        return {**params, **{name: array[t] for name, array in self.x.items()}, **previous}

    def new(self, values: Values) -> Values:
        """The states after a step, by their own names."""
        return {s.name: self.whole(values[s.new]) for s in self.cell.program.states}

    def whole(self, array: Array) -> Array:
        """An array with as many sequences as there are, where it stands for all of them."""
        return np.broadcast_to(array, (self.N, *array.shape[1:]))

    def evaluate(self, equations: Iterable[Equation], values: Values, lead: int = 1) -> None:
        """The equations' values, one after the other, added to those that there are."""
        evaluate = Evaluator(FLOATS, self.dims, values, lead=lead)
        for equation in equations:
            values[equation.name] = evaluate.spread(equation.expr, equation.shape)

    def public(self, steps: Mapping[str, list[Array]]) -> Array | Arrays:
        """Values of all steps by name, those of a lone one as an array."""
        found = {name: np.stack([self.whole(value) for value in values]) for name, values in steps.items()}
        return next(iter(found.values())) if len(found) == 1 else found
