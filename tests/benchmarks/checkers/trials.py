"""What all checkers are shown: the loss of an LSTM over a few steps, and a gradient of it that somebody claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symrnn.errors import InputError

from ..problem import Array, Problem, pose
from ..rival import Rival
from ..rival_numpy import textbook
from ..steps import STEPS, Ops

CELL = "lstm"
SIZES = (3, 4, 2, 4)
"""(m, n, N, T): small, since a full numeric Jacobian is taken for every verdict; all that matters is there."""

RIGHT = "right code"
ONE_ENTRY = (1e-4, 1e-6, 1e-12)
FORGET_BLOCK = "∂L/∂R without its forget block"
SORTS = (RIGHT, *(f"one entry wrong by {size:.0e}" for size in ONE_ENTRY), FORGET_BLOCK)

Arrays = Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A point, and the gradient that is claimed there, by the loss's arguments W, R, b (gates stacked i, f, g, o), x,
    h and c."""

    problem: Problem
    arguments: Arrays
    claimed: Arrays
    seed: int

    def loss(self, arguments: Arrays) -> float:
        """L = Σ_t ⟨g_t, h_t⟩ + ⟨g_h, h_T⟩ + ⟨g_c, c_T⟩, in NumPy."""
        return float(lstm_loss(NUMPY, arguments, self.problem.d_outputs, self.problem.d_final))


NUMPY = Ops(lambda a: 1 / (1 + np.exp(-a)), np.tanh, lambda a, count: np.split(a, count, axis=-1))


def lstm_loss(ops: Ops, arguments: Any, d_outputs: Any, d_final: Any) -> Any:
    """The loss in any framework's arrays."""
    inputs = arguments["x"] @ arguments["W"].T + arguments["b"]
    states, loss = (arguments["h"], arguments["c"]), 0.0
    for t in range(len(d_outputs)):
        states = STEPS[CELL](ops, arguments, inputs[t], states)
        loss = loss + (d_outputs[t] * states[0]).sum()
    return loss + sum((d_final[name] * state).sum() for name, state in zip(("h", "c"), states, strict=True))


def right_trial(seed: int) -> Trial:
    """A new point, with the gradient that a textbook's NumPy computes."""
    problem = pose(CELL, SIZES, "float64", seed)
    rival = textbook(problem)
    assert isinstance(rival, Rival)
    _, d_params, d_x, d_state = rival.run()
    arguments = {**problem.packed(), "x": problem.x, **problem.state}
    return Trial(problem, arguments, {**d_params, "x": d_x, **d_state}, seed)


def plant(trial: Trial, sort: str) -> Trial:
    """The trial with an error of one of the `SORTS` in what is claimed."""
    claimed = {name: array.copy() for name, array in trial.claimed.items()}
    if sort == FORGET_BLOCK:
        n = trial.problem.sizes[1]
        claimed["R"][n : 2 * n] = 0.0
    elif sort != RIGHT:
        if sort not in SORTS:
            raise InputError(f"no error is called {sort!r}; there are: {', '.join(SORTS)}")
        size = ONE_ENTRY[SORTS.index(sort) - 1]
        generator = np.random.default_rng([trial.seed, SORTS.index(sort)])
        array = claimed[str(generator.choice(sorted(claimed)))]
        place = tuple(int(generator.integers(length)) for length in array.shape)
        array[place] *= 1 + size * generator.choice((-1.0, 1.0))
    return replace(trial, claimed=claimed)
