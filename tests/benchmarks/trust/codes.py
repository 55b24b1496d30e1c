"""Right code: implementations by people and frameworks, and two that symrnn writes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..problem import Array, Key, Problem
from ..rival import Absent, Prepare, Rival
from ..rival_numpy import textbook
from ..rival_symrnn import symrnn_kernel
from ..rival_torch import torch_eager, torch_layer


def torch_target(problem: Problem) -> Rival | Absent:
    """The module that `symrnn code --target torch` prints."""
    if find_spec("torch") is None:
        return Absent("not installed")
    import torch  # pyright: ignore[reportMissingImports]

    namespace: dict[str, Any] = {"__name__": "symrnn_target"}
    exec(compile(problem.derivation.code("torch"), "<torch target>", "exec"), namespace)
    (function,) = (
        value
        for value in namespace.values()
        if isinstance(value, type)
        and issubclass(value, torch.autograd.Function)
        and value.__module__ == "symrnn_target"
    )
    arrays = [problem.x, *(problem.state[name] for name in problem.states), *problem.params.values()]
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    upstream = [torch.tensor(problem.d_outputs), *(torch.tensor(problem.d_final[name]) for name in problem.states)]

    def run() -> Any:
        results = function.apply(*leaves)
        return results[0], torch.autograd.grad(results, leaves, upstream)

    def results(found: Any) -> dict[Key, Array]:
        outputs, (d_x, *rest) = found
        keys = [*(("state", name) for name in problem.states), *(("params", name) for name in problem.params)]
        arrays: dict[Key, Array] = {("outputs", "y"): outputs.detach().numpy(), ("x", "x"): d_x.numpy()}
        return arrays | {key: np.asarray(grad) for key, grad in zip(keys, rest, strict=True)}

    return Rival(run, results)


def right_codes() -> Mapping[str, Prepare]:
    """Everybody whose results are right, in the order of the table."""
    return {
        "torch.nn, autograd": torch_layer,
        "PyTorch eager, autograd": torch_eager,
        "textbook NumPy": textbook,
        "symrnn kernel": symrnn_kernel,
        "symrnn torch target": torch_target,
    }


def run_code(prepare: Prepare, problem: Problem) -> dict[Key, Array] | None:
    """What a code computes for a problem; None where it does not take part."""
    rival = prepare(problem)
    if isinstance(rival, Absent) or rival.results is None:
        return None
    with np.errstate(all="ignore"):
        return rival.results(rival.run())
