"""PyTorch: its own layers, and eager autograd of a cell written by hand."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np

from .problem import Array, Key, Problem
from .rival import Absent, Rival
from .steps import STEPS, Ops


def torch_layer(problem: Problem) -> Rival | Absent:
    """`torch.nn.LSTM` and `torch.nn.GRU` with autograd. Their second bias is one that the cell does not have."""
    if problem.name not in ("lstm", "gru_reset_after"):
        return Absent("no such layer")
    if find_spec("torch") is None:
        return Absent("not installed")
    import torch  # pyright: ignore[reportMissingImports]

    m, n, _, _ = problem.sizes
    kind = torch.nn.LSTM if problem.name == "lstm" else torch.nn.GRU
    layer = kind(m, n, dtype=getattr(torch, problem.dtype))
    packed = problem.packed()
    second = np.zeros_like(packed["b"])
    if "b_n" in packed:
        second[2 * n :] = packed["b_n"]
    with torch.no_grad():
        for name, array in zip(layer._flat_weights_names, (packed["W"], packed["R"], packed["b"], second), strict=True):
            getattr(layer, name).copy_(torch.from_numpy(array))
    x, states, upstream = _leaves(problem)
    wanted = [*layer.parameters(), x, *states]

    def run() -> Any:
        start: Any = tuple(state[None] for state in states)
        outputs, final = layer(x, start if len(start) > 1 else start[0])
        finals = final if isinstance(final, tuple) else (final,)
        return outputs, torch.autograd.grad([outputs, *(f[0] for f in finals)], wanted, upstream)

    def results(found: Any) -> dict[Key, Array]:
        outputs, (d_W, d_R, d_b, d_second, d_x, *d_states) = found
        grads = {"W": d_W, "R": d_R, "b": d_b, "b_n": d_second[2 * n :]}
        return problem.unpacked(grads, d_x, dict(zip(problem.states, d_states, strict=True)), outputs.detach())

    return Rival(run, results)


def torch_eager(problem: Problem) -> Rival | Absent:
    """A loop over the steps, the input's products outside of it, autograd for the rest."""
    if problem.name not in STEPS:
        return Absent("not written")
    if find_spec("torch") is None:
        return Absent("not installed")
    import torch  # pyright: ignore[reportMissingImports]

    step = STEPS[problem.name]
    ops = Ops(torch.sigmoid, torch.tanh, lambda a, count: torch.chunk(a, count, dim=-1))
    params = {name: torch.tensor(value, requires_grad=True) for name, value in problem.packed().items()}
    x, start, upstream = _leaves(problem)
    wanted = [*params.values(), x, *start]

    def run() -> Any:
        states, hs = tuple(start), []
        for a in torch.nn.functional.linear(x, params["W"], params["b"]).unbind(0):
            states = step(ops, params, a, states)
            hs.append(states[0])
        outputs = torch.stack(hs)
        return outputs, torch.autograd.grad([outputs, *states], wanted, upstream)

    def results(found: Any) -> dict[Key, Array]:
        outputs, grads = found
        d_params = dict(zip(params, grads, strict=False))
        d_x, *d_states = grads[len(params) :]
        return problem.unpacked(d_params, d_x, dict(zip(problem.states, d_states, strict=True)), outputs.detach())

    return Rival(run, results)


def _leaves(problem: Problem) -> tuple[Any, list[Any], list[Any]]:
    """x and the initial states, of which gradients are wanted, and the gradients that enter from above."""
    import torch  # pyright: ignore[reportMissingImports]

    x = torch.tensor(problem.x, requires_grad=True)
    states = [torch.tensor(problem.state[name], requires_grad=True) for name in problem.states]
    upstream = [torch.tensor(problem.d_outputs), *(torch.tensor(problem.d_final[name]) for name in problem.states)]
    return x, states, upstream
