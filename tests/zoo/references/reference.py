"""What a reference is: somebody else's implementation of a cell, called with the cell's own parameters."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Arrays = Mapping[str, Any]
Run = Callable[[Arrays, Any, Arrays], tuple[Any, Arrays]]
"""`run(params, x, state) -> (outputs, final states)` on tensors of the reference's kind, shaped as in the kernel: x is
(T, N, m), a dict of such arrays where the cell has several inputs; a state is (N, n); outputs are (T, N, n), a dict
where there are several."""


@dataclass(frozen=True)
class Reference:
    """`whose` is how the cell's page calls it in its line "Tested against"; `needs` are the modules it imports.

    `kind` says what `run` works on and how its gradients are had: `torch` tensors by autograd, `jax` arrays by vjp,
    `arrays` of NumPy without gradients. `given` prepares the drawn sample where the reference has a smaller domain (a
    bias that it lacks is zero): it gets and returns params, x, state as dicts of NumPy arrays.
    """

    cell: str
    whose: str
    run: Run
    kind: Literal["torch", "jax", "arrays"] = "torch"
    needs: tuple[str, ...] = ()
    third_party: bool = False
    tolerance: float = 1e-12
    dims: Mapping[str, int] = field(default_factory=dict)
    given: Callable[[dict[str, Any], Any, dict[str, Any]], tuple[dict[str, Any], Any, dict[str, Any]]] | None = None
    T: int = 4
    N: int = 3

    @property
    def lacking(self) -> str:
        """A module that it needs and that is not installed."""
        return next((name for name in self.needs if importlib.util.find_spec(name) is None), "")

    def __str__(self) -> str:
        return f"{self.cell}: {self.whose}"


@dataclass(frozen=True)
class Answer:
    """Outputs by name, final states by name, and gradients by ("params" | "x" | "state", name) where there are any."""

    outputs: dict[str, np.ndarray]
    final: dict[str, np.ndarray]
    gradients: dict[tuple[str, str], np.ndarray]


def by_steps(step: Callable[..., tuple[Any, ...]], states: Sequence[str], stack: Callable[[list[Any]], Any]) -> Run:
    """A run from one step, `step(params, x_t, *states) -> (output, *new states)`, whatever the tensors are."""

    def run(params: Arrays, x: Any, state: Arrays) -> tuple[Any, Arrays]:
        carried = tuple(state[name] for name in states)
        steps = len(next(iter(x.values()))) if isinstance(x, dict) else len(x)
        outputs: list[Any] = []
        for t in range(steps):
            x_t = {name: array[t] for name, array in x.items()} if isinstance(x, dict) else x[t]
            output, *new = step(params, x_t, *carried)
            carried = tuple(new)
            outputs.append(output)
        return stack(outputs), dict(zip(states, carried, strict=True))

    return run


def answer_of(reference: Reference, params: Arrays, x: Any, state: Arrays, upstream: Any) -> Answer:
    """Run a reference and pull `upstream`, (gradients of the outputs by name, of the final states), back through it."""
    if reference.kind == "arrays":
        outputs, final = reference.run(params, x, state)
        return Answer(_named(outputs, upstream[0]), {name: np.asarray(a) for name, a in final.items()}, {})
    return (_answer_in_torch if reference.kind == "torch" else _answer_in_jax)(reference, params, x, state, upstream)


def _answer_in_torch(reference: Reference, params: Arrays, x: Any, state: Arrays, upstream: Any) -> Answer:
    import torch

    def leaf(array: np.ndarray) -> Any:
        return torch.tensor(np.array(array), requires_grad=True)

    inputs = x if isinstance(x, dict) else {"x": x}
    leaves = {("params", k): leaf(v) for k, v in params.items()} | {("x", k): leaf(v) for k, v in inputs.items()}
    leaves |= {("state", k): leaf(v) for k, v in state.items()}

    def group(kind: str) -> dict[str, Any]:
        return {name: tensor for (which, name), tensor in leaves.items() if which == kind}

    outputs, final = reference.run(
        group("params"), group("x") if isinstance(x, dict) else leaves["x", "x"], group("state")
    )
    outputs = outputs if isinstance(outputs, dict) else dict.fromkeys(upstream[0], outputs)
    loss: Any = 0.0
    for name, gradient in upstream[0].items():
        loss = loss + (outputs[name] * torch.as_tensor(gradient)).sum()
    for name, gradient in upstream[1].items():
        loss = loss + (final[name] * torch.as_tensor(gradient)).sum()
    pulled = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    gradients = {
        key: np.zeros(tuple(tensor.shape)) if pull is None else pull.numpy()
        for (key, tensor), pull in zip(leaves.items(), pulled, strict=True)
    }
    return Answer(
        {name: array.detach().numpy() for name, array in outputs.items()},
        {name: array.detach().numpy() for name, array in final.items()},
        gradients,
    )


def _answer_in_jax(reference: Reference, params: Arrays, x: Any, state: Arrays, upstream: Any) -> Answer:
    import jax

    with jax.enable_x64(True):
        given = jax.tree.map(jax.numpy.asarray, (dict(params), x, dict(state)))

        def run(params: Any, x: Any, state: Any) -> Any:
            outputs, final = reference.run(params, x, state)
            outputs = outputs if isinstance(outputs, dict) else dict.fromkeys(upstream[0], outputs)
            return outputs, dict(final)

        (outputs, final), pull = jax.vjp(run, *given)
        down = jax.tree.map(jax.numpy.asarray, (dict(upstream[0]), dict(upstream[1])))
        d_params, d_x, d_state = pull(down)
    gradients = {("params", k): np.asarray(v) for k, v in d_params.items()}
    gradients |= {("x", k): np.asarray(v) for k, v in (d_x if isinstance(d_x, dict) else {"x": d_x}).items()}
    gradients |= {("state", k): np.asarray(v) for k, v in d_state.items()}
    return Answer(_named(outputs, upstream[0]), {k: np.asarray(v) for k, v in final.items()}, gradients)


def _named(outputs: Any, names: Any) -> dict[str, np.ndarray]:
    named = outputs if isinstance(outputs, dict) else dict.fromkeys(names, outputs)
    return {name: np.asarray(array) for name, array in named.items()}
