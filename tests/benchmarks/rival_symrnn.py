"""What is measured: the kernels that symrnn derives and emits."""

from __future__ import annotations

from typing import Any

import numpy as np

from symrnn.errors import CompilerError

from .problem import Array, Key, Problem
from .rival import Absent, Rival


def symrnn_kernel(problem: Problem, backend: str = "numpy") -> Rival:
    """What is derived and emitted: the subject of the measurement."""
    kernel = problem.derivation.numpy(problem.dtype, backend=backend)

    def run() -> Any:
        outputs, _, tape = kernel.forward(problem.params, problem.x, problem.state)
        return outputs, kernel.backward(tape, problem.d_outputs, problem.d_final)

    def results(found: Any) -> dict[Key, Array]:
        outputs, grads = found
        arrays: dict[Key, Array] = {("outputs", "y"): np.array(outputs), ("x", "x"): np.array(grads.x)}
        arrays |= {("params", name): np.array(value) for name, value in grads.params.items()}
        return arrays | {("state", name): np.array(value) for name, value in grads.state.items()}

    return Rival(run, results)


def symrnn_in_c(problem: Problem) -> Rival | Absent:
    """Our own compiled backend."""
    try:
        return symrnn_kernel(problem, "c")
    except CompilerError as error:
        return Absent(str(error).split("\n")[0])
