"""The programs of a network side by side, and beside them a person's PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import symrnn
from symrnn.equations.sample import Sample
from symrnn.numeric.network_arrays import NetworkChecker

Arrays = Any
"""Arrays by name."""
Reference = Callable[[Any, Any], Mapping[str, Any]]
"""From tensors by name, parameters and inputs, to the loss under `loss` and outputs by name."""


@dataclass(frozen=True, slots=True)
class Found:
    """What comes out, and what is handed back to parameters and inputs."""

    outputs: Arrays
    params: Arrays
    x: Arrays


Program = Callable[[Arrays, Arrays, Arrays], Found]


def programs(
    network: symrnn.Network, only: tuple[str, ...] = ("plain", "fast", "module", "torch")
) -> dict[str, Program]:
    """Kernels that are plain and fast, the NumPy module and the PyTorch module: from params, x and ∂L/∂outputs."""
    derivation = symrnn.derive(network)
    made: dict[str, Program] = {}
    if "plain" in only:
        made["plain"] = _kernel(network, derivation.numpy(plain=True))
    if "fast" in only:
        made["fast"] = _kernel(network, derivation.numpy())
    if "module" in only:
        made["module"] = _module(network, run(derivation.code("numpy")))
    if "torch" in only:
        made["torch"] = _torch(network, run(derivation.code("torch")))
    return made


def run(source: str) -> dict[str, Any]:
    """The names of an emitted module."""
    names: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(source, "<emitted>", "exec"), names)
    return names


def _outputs(network: symrnn.Network, found: Any) -> Arrays:
    return dict(found) if network.outputs else {"loss": found}


def _above(network: symrnn.Network, above: Arrays) -> Any:
    return above if network.outputs else above["loss"]


def _kernel(network: symrnn.Network, kernel: Any) -> Program:
    def program(params: Arrays, x: Arrays, above: Arrays) -> Found:
        found, tape = kernel.forward(params, x)
        grads = kernel.backward(tape, above)
        return Found(_outputs(network, found), grads.params, grads.x)

    return program


def _module(network: symrnn.Network, names: dict[str, Any]) -> Program:
    def program(params: Arrays, x: Arrays, above: Arrays) -> Found:
        found, tape = names["forward"](params, x)
        given, received = names["backward"](tape, _above(network, above))
        return Found(_outputs(network, found), given, received)

    return program


def _torch(network: symrnn.Network, names: dict[str, Any]) -> Program:
    import torch

    made = [n for n in names.values() if isinstance(n, type) and issubclass(n, torch.nn.Module)]

    def program(params: Arrays, x: Arrays, above: Arrays) -> Found:
        module = layer(made[-1], network, params, x)
        tensors = _tensors(network, x)
        found = _outputs(network, module(tensors))
        torch.stack([(found[name] * torch.as_tensor(part)).sum() for name, part in above.items()]).sum().backward()
        own = {name: _gradient(parameter) for name, parameter in module.named_parameters()}
        return Found({n: y.detach().numpy() for n, y in found.items()}, own, _received(network, tensors))

    return program


def layer(made: Any, network: symrnn.Network, params: Arrays, x: Arrays) -> Any:
    """A module of the emitted class with given parameters, whose names are those of the network."""
    import inspect

    import torch

    sizes = NetworkChecker.of(network, "float64").sizes(params, x)
    names = {name.replace(".", "_"): size for name, size in sizes.items()}
    wanted = inspect.signature(made).parameters
    own = {name: names[name.removeprefix("dim_")] for name in wanted if name.removeprefix("dim_") in names}
    module = made(**own, dtype=torch.float64)
    module.load_state_dict({name: torch.as_tensor(value) for name, value in params.items()})
    return module


def _tensors(network: symrnn.Network, x: Arrays) -> dict[str, Any]:
    import torch

    tensors = {name: torch.as_tensor(np.array(value)) for name, value in x.items()}
    for name, argument in network.arguments.items():
        if argument.given == "value":
            tensors[name].requires_grad_()
    return tensors


def _gradient(tensor: Any) -> Any:
    return np.zeros(tuple(tensor.shape)) if tensor.grad is None else tensor.grad.numpy()


def _received(network: symrnn.Network, tensors: dict[str, Any]) -> Arrays:
    return {name: _gradient(tensors[name]) for name, a in network.arguments.items() if a.given == "value"}


def by_hand(network: symrnn.Network, reference: Reference, sample: Sample, above: Arrays) -> Found:
    """Values and autograd's gradients of a person's implementation."""
    import torch

    params = {name: torch.tensor(value, requires_grad=True) for name, value in sample.params.items()}
    x = _tensors(network, sample.x)
    found = dict(reference(params, x))
    torch.stack([(found[name] * torch.as_tensor(part)).sum() for name, part in above.items()]).sum().backward()
    return Found(
        {name: value.detach().numpy() for name, value in found.items()},
        {name: _gradient(value) for name, value in params.items()},
        _received(network, x),
    )


def upstream(network: symrnn.Network, sample: Sample, seed: int = 3) -> Arrays:
    """Random ∂L/∂output for each output and for the loss."""
    generator = np.random.default_rng(seed)
    found, _ = symrnn.derive(network).numpy(plain=True).forward(sample.params, sample.x)
    named = _outputs(network, found)
    return {name: generator.standard_normal(np.shape(value)) for name, value in named.items()}


def differences(ours: Found, theirs: Found) -> Iterator[tuple[str, float]]:
    """What differs by how much, as a part of the largest entry."""
    for part in ("outputs", "params", "x"):
        mine, others = getattr(ours, part), getattr(theirs, part)
        assert set(mine) == set(others), part
        for name, value in others.items():
            assert np.shape(mine[name]) == np.shape(value), name
            assert np.isfinite(mine[name]).all(), name
            worst = np.abs(mine[name] - value).max(initial=0.0)
            yield f"{part} {name}", float(worst / max(1.0, np.abs(value).max(initial=0.0)))


def assert_same(ours: Found, theirs: Found, tolerance: float = 1e-10) -> None:
    far = {what: by for what, by in differences(ours, theirs) if by > tolerance}
    assert not far, far
