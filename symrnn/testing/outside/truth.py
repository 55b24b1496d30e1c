"""What a cell comes to at a sample, and its gradients, by the interpreter alone; and how far rounding reaches.

Complex step: the sample is copied once for each entry of a parameter, an input or an initial state, and each copy has a
step of 1e-30 i in one of them. All copies are walked through at once. For the measure of rounding it is done again
with every input and every result moved by its last bit at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .draw import Drawn
from .interpret import Meaning, meaning_of
from .numpy_numbers import NumpyNumbers

_STEP = 1e-30
_ROUNDS = 2


@dataclass(frozen=True)
class Sample:
    """Arrays for a cell, and gradients from above. Entries are whole in float32, so that both types get the same."""

    T: int
    N: int
    sizes: dict[str, int]
    params: dict[str, np.ndarray]
    x: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    seed: int
    bare: bool = False
    """The initial state is zero, and so are the gradients by the final one: both may be left out of a call."""


@dataclass(frozen=True)
class Truth:
    """The arrays (`output 1`, `final h`, `by W`, `by x`, `by first h`), how far rounding moves each, what led there."""

    arrays: dict[str, np.ndarray]
    noise: dict[str, float]
    d_outputs: list[np.ndarray]
    d_final: dict[str, np.ndarray]
    nearest_kink: float
    largest: float


def sample(
    drawn: Drawn, T: int, N: int, sizes: Mapping[str, int], seed: int, scale: float = 1.0, bare: bool = False
) -> Sample:
    """Random arrays of the shapes that a cell was drawn with."""
    meaning = meaning_of(drawn.text)
    draw = np.random.default_rng(seed)

    def array(*shape: int) -> np.ndarray:
        values = draw.standard_normal(shape) * scale
        return values.astype(np.float32).astype(np.float64)

    def whole(name: str) -> tuple[int, ...]:
        return tuple(sum(1 if word == "1" else sizes[word] for word in size) for size in drawn.shapes[name])

    return Sample(
        T,
        N,
        dict(sizes),
        {
            name: array(*whole(name)) / max(1, whole(name)[-1] if len(whole(name)) == 2 else 1)
            for name in meaning.params
        },
        {name: array(T, N, *whole(name)) for name in meaning.inputs},
        {name: array(N, *whole(name)) * (not bare) for name in meaning.states},
        seed,
        bare,
    )


def run(meaning: Meaning, numbers: Any, given: Sample, copies: int = 1, steps: Mapping[str, Any] | None = None) -> Any:
    """Outputs by step and the final state; every array has copies × N samples in front."""
    steps = steps or {}
    B = copies * given.N

    def all_copies(name: str, array: np.ndarray) -> Any:
        """(N, …) or a parameter's shape, to (copies × N, …), with the steps added."""
        wide = np.broadcast_to(array, (copies, given.N, *array.shape[1:])) + steps.get(name, 0)
        return wide.reshape(B, *array.shape[1:])

    values = {name: all_copies(name, array[None]) for name, array in given.params.items()}
    state = {name: all_copies(f"first {name}", array) for name, array in given.state.items()}
    outputs: list[list[Any]] = []
    for t in range(given.T):
        inputs = {name: all_copies(f"{name}[{t}]", array[t]) for name, array in given.x.items()}
        made, new = meaning.step(numbers, {**values, **inputs, **state}, given.sizes)
        outputs.append([_full(one, B) for one in made])
        state = {name: _full(one, B) for name, one in zip(state, new, strict=True)}
    return [np.stack([step[k] for step in outputs]) for k in range(len(outputs[0]))], state


def _full(a: Any, B: int) -> Any:
    """A constant is returned for every sample."""
    return a if np.ndim(a) else np.full(B, a)


def truth(drawn: Drawn, given: Sample) -> Truth:
    """Outputs, final state and all gradients."""
    meaning = meaning_of(drawn.text)
    with np.errstate(all="ignore"):
        numbers = NumpyNumbers()
        outputs, final = run(meaning, numbers, given)
        draw = np.random.default_rng([given.seed, 1])

        def above(array: np.ndarray) -> np.ndarray:
            return draw.standard_normal(array.shape).astype(np.float32).astype(np.float64)

        d_outputs = [above(array) for array in outputs]
        d_final = {name: above(array) * (not given.bare) for name, array in final.items()}
        arrays = {**_named(outputs, final), **gradients(meaning, NumpyNumbers(), given, d_outputs, d_final)}
        noise = dict.fromkeys(arrays, 0.0)
        for k in range(_ROUNDS):
            jitter = np.random.default_rng([given.seed, 2, k])
            moved = _moved(given, jitter)
            again = _named(*run(meaning, NumpyNumbers(jitter), moved))
            again |= gradients(meaning, NumpyNumbers(jitter), moved, d_outputs, d_final)
            for name, array in again.items():
                noise[name] = max(noise[name], float(np.abs(array - arrays[name]).max()))
    eps = 2.0**-52
    for name, array in arrays.items():
        noise[name] += eps * (float(np.abs(array).max()) + 3.0)  # gradients from above are that large
    return Truth(arrays, noise, d_outputs, d_final, numbers.nearest_kink, numbers.largest)


def _named(outputs: list[np.ndarray], final: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"output {k}": array for k, array in enumerate(outputs, 1)} | {f"final {n}": a for n, a in final.items()}


def _moved(given: Sample, jitter: np.random.Generator) -> Sample:
    def last_bit(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: a * (1 + jitter.integers(-1, 2, a.shape) * 2.0**-52) for name, a in arrays.items()}

    return replace(given, params=last_bit(given.params), x=last_bit(given.x), state=last_bit(given.state))


def gradients(
    meaning: Meaning,
    numbers: Any,
    given: Sample,
    d_outputs: list[np.ndarray],
    d_final: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """All of them by complex step, in one walk."""
    shapes = {name: array.shape for name, array in given.params.items()}
    shapes |= {f"{name}[{t}]": array.shape[2:] for name, array in given.x.items() for t in range(given.T)}
    shapes |= {f"first {name}": array.shape[1:] for name, array in given.state.items()}
    counts = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    copies, place = sum(counts.values()), 0
    steps: dict[str, np.ndarray] = {}
    ranges: dict[str, slice] = {}
    for name, shape in shapes.items():
        step = np.zeros((copies, 1, counts[name]), complex)
        ranges[name] = slice(place, place + counts[name])
        step[ranges[name], 0, :] = 1j * _STEP * np.eye(counts[name])
        steps[name] = step.reshape(copies, 1, *shape)
        place += counts[name]
    outputs, final = run(meaning, numbers, given, copies, steps)
    slopes = np.zeros((copies, given.N))
    for array, above in zip(outputs, d_outputs, strict=True):
        parts = np.imag(array).reshape(given.T, copies, given.N, -1) / _STEP
        slopes += np.einsum("tcni,tni->cn", parts, above.reshape(given.T, given.N, -1))
    for name, array in final.items():
        parts = np.imag(array).reshape(copies, given.N, -1) / _STEP
        slopes += np.einsum("cni,ni->cn", parts, d_final[name].reshape(given.N, -1))

    def own(name: str) -> np.ndarray:
        return slopes[ranges[name]].T.reshape(given.N, *shapes[name])

    found = {f"by {name}": own(name).sum(axis=0) for name in given.params}
    found |= {f"by {name}": np.stack([own(f"{name}[{t}]") for t in range(given.T)]) for name in given.x}
    return found | {f"by first {name}": own(f"first {name}") for name in given.state}


def torch_gradients(meaning: Meaning, given: Sample, above: Truth) -> dict[str, np.ndarray]:
    """The same by PyTorch's autograd."""
    import torch

    from .torch_numbers import TorchNumbers

    def leaf(array: np.ndarray) -> Any:
        return torch.tensor(array, requires_grad=True)

    params = {name: leaf(array) for name, array in given.params.items()}
    x = {name: leaf(array) for name, array in given.x.items()}
    first = {name: leaf(array) for name, array in given.state.items()}
    values = {name: array.expand(given.N, *array.shape) for name, array in params.items()}
    state, loss = first, torch.zeros((), dtype=torch.float64)

    def weighed(one: Any, weight: np.ndarray) -> Any:
        return (torch.as_tensor(one, dtype=torch.float64) * torch.tensor(weight)).sum()

    for t in range(given.T):
        inputs = {name: array[t] for name, array in x.items()}
        outputs, new = meaning.step(TorchNumbers(), {**values, **inputs, **state}, given.sizes)
        for one, weight in zip(outputs, above.d_outputs, strict=True):
            loss = loss + weighed(one, weight[t])
        full = [torch.as_tensor(one, dtype=torch.float64) for one in new]
        state = {name: one if one.ndim else one.expand(given.N) for name, one in zip(state, full, strict=True)}
    for name, one in state.items():
        loss = loss + weighed(one, above.d_final[name])
    leaves = {f"by {n}": a for n, a in (params | x).items()} | {f"by first {n}": a for n, a in first.items()}
    if not loss.requires_grad:
        return {name: np.zeros(array.shape) for name, array in leaves.items()}
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
    return {name: gradient.numpy() for name, gradient in zip(leaves, found, strict=True)}
