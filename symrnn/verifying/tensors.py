"""Torch's tensors in a call: arrays become leaves of its graph, and its gradients come back as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import SubjectError
from .words import Slot

_LEAVES = ("params", "x", "state")


def leaves_of(pool: Mapping[Slot, Any]) -> dict[Slot, Any]:
    """The pool with a tensor for every array. Tensors share memory with the arrays, so that a change in place shows;
    what is differentiated by is a leaf, the same one wherever an array stands twice."""
    import torch  # pyright: ignore[reportMissingImports]

    known: dict[int, Any] = {}

    def convert(value: Any, leaf: bool) -> Any:
        if isinstance(value, np.ndarray):
            if id(value) not in known:
                tensor = torch.from_numpy(value if value.flags.writeable else value.copy())
                known[id(value)] = tensor.requires_grad_(True) if leaf and value.dtype.kind == "f" else tensor
            return known[id(value)]
        if isinstance(value, Mapping):
            return {name: convert(inner, leaf) for name, inner in value.items()}
        if isinstance(value, list):
            return [convert(inner, leaf) for inner in value]
        return value

    return {slot: convert(value, slot[0] in _LEAVES) for slot, value in pool.items()}


def differentiate(pool: Mapping[Slot, Any], found: Mapping[Slot, Any]) -> dict[Slot, Any]:
    """The gradients that torch's own backward gives for the upstream in the pool."""
    import torch  # pyright: ignore[reportMissingImports]

    total: Any = None
    for slot, value in found.items():
        group = {"outputs": "d_outputs", "final": "d_final_state"}.get(slot[0])
        if group is None or value is None:
            continue
        for y, g in _pairs(value, pool[group, slot[1]]):
            if isinstance(y, torch.Tensor) and y.requires_grad:
                term = (y * g).sum()
                total = term if total is None else total + term
    if total is None:
        raise SubjectError("the forward returned no tensor that depends on what it was given: nothing to differentiate")
    places = {slot: value for slot, value in pool.items() if slot[0] in _LEAVES and slot[1]}
    leaves = [leaf for value in places.values() for leaf in _leaves(value)]
    try:
        gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    except Exception as error:
        raise SubjectError(f"torch could not differentiate the forward: {type(error).__name__}: {error}") from None
    by_leaf = {
        id(leaf): np.zeros(tuple(leaf.shape), str(leaf.dtype).removeprefix("torch."))
        if g is None
        else g.detach().numpy()
        for leaf, g in zip(leaves, gradients, strict=True)
    }
    return {slot: _rebuilt(value, lambda leaf: by_leaf[id(leaf)]) for slot, value in places.items()}


def _pairs(value: Any, g: Any) -> Iterator[tuple[Any, Any]]:
    """Tensors beside their upstream, in lists and dicts as well; what has no upstream has no part in the loss."""
    if isinstance(value, Mapping) and isinstance(g, Mapping):
        for name in g:
            if name in value:
                yield from _pairs(value[name], g[name])
    elif isinstance(value, list | tuple) and isinstance(g, Mapping):
        yield from (pair for inner, name in zip(value, g, strict=False) for pair in _pairs(inner, g[name]))
    elif isinstance(value, list | tuple):
        yield from (pair for one, two in zip(value, g, strict=False) for pair in _pairs(one, two))
    else:
        yield value, g


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _rebuilt(value: Any, replace: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _rebuilt(inner, replace) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rebuilt(inner, replace) for inner in value]
    return replace(value)
