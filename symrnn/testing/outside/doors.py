"""The ways in which symrnn computes a cell, each asked for the same arrays as the truth has."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...derivation import Derivation
from ...errors import InputError
from .truth import Sample, Truth

Arrays = dict[str, np.ndarray]


def compute(
    kernel: Any, given: Sample, above: Truth, dtype: str = "float64", checkpoint: bool = False
) -> Iterator[Arrays]:
    """What a kernel makes of a sample: fresh, and once more, as awkwardly as it may be called."""
    options: dict[str, Any] = {"tape": "checkpoint"} if checkpoint else {}
    params, x, state, d_outputs, d_final = _converted(given, above, lambda array: array.astype(dtype))
    outputs, final, tape = kernel.forward(params, _one_or_dict(x), state, **options)
    grads = kernel.backward(tape, _upstream(outputs, d_outputs), d_final)
    del tape
    mine = _arrays(outputs, final, grads.params, grads.x, grads.state, list(x), copy=False)
    first = {name: array.copy() for name, array in mine.items()}
    yield first
    yield _awkwardly(kernel, given, above, dtype, options)
    for name, array in mine.items():
        if not np.array_equal(array, first[name], equal_nan=True):
            raise AssertionError(f"a later call changed what was given back before: {name}")


def _awkwardly(kernel: Any, given: Sample, above: Truth, dtype: str, options: dict[str, Any]) -> Arrays:
    """With NaN in every work array that is kept, arrays that are strided and read-only, weights that are packed, a
    second call before the first one's backward pass, and without the states that may be left out."""
    fill(kernel)
    params, x, state, d_outputs, d_final = _converted(given, above, lambda array: _awkward(array.astype(dtype)))
    packed = kernel.pack(params)
    if given.bare:
        d_final = None
        try:
            kernel.forward(packed, _one_or_dict(x))
            state = None
        except InputError as error:
            if "give the initial state" not in str(error):  # it may be what says how large things are
                raise
    outputs, final, tape = kernel.forward(packed, _one_or_dict(x), state, **options)
    halves = {name: array * 0.5 for name, array in x.items()}
    _, _, other = kernel.forward(packed, _one_or_dict(halves), state, **options)
    kernel.backward(other, _upstream(outputs, d_outputs), d_final)
    grads = kernel.backward(tape, _upstream(outputs, d_outputs), d_final)
    return _arrays(outputs, final, grads.params, grads.x, grads.state, list(x))


def _awkward(array: np.ndarray) -> np.ndarray:
    """The same numbers, each followed by a NaN, the other way round in memory, and not to be written to."""
    if array.ndim == 0:
        return array
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan, array.dtype)
    view = wide[..., ::-2]
    view[...] = array
    view.flags.writeable = False
    return view


def _upstream(outputs: Any, d_outputs: list[Any]) -> Any:
    return dict(zip(outputs, d_outputs, strict=True)) if isinstance(outputs, dict) else d_outputs[0]


def _converted(given: Sample, above: Truth, convert: Callable[[np.ndarray], Any]) -> tuple[Any, ...]:
    def each(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
        return {name: convert(array) for name, array in arrays.items()}

    d_outputs = [convert(array) for array in above.d_outputs]
    return each(given.params), each(given.x), each(given.state), d_outputs, each(above.d_final)


def _one_or_dict(arrays: dict[str, Any]) -> Any:
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))


def _arrays(outputs: Any, final: Any, params: Any, x: Any, state: Any, inputs: list[str], copy: bool = True) -> Arrays:
    parts = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
    by_x = x if isinstance(x, dict) else {inputs[0]: x}
    found = {f"output {k}": part for k, part in enumerate(parts, 1)}
    found |= {f"final {name}": array for name, array in final.items()}
    found |= {f"by {name}": array for name, array in (params | by_x).items()}
    found |= {f"by first {name}": array for name, array in state.items()}
    return {name: np.array(array, copy=copy or None) for name, array in found.items()}


def fill(kernel: Any) -> int:
    """NaN into every array of floats that a kernel keeps; how many there were."""
    count, seen, waiting = 0, set[int](), deque[Any]([kernel])
    while waiting:
        thing = waiting.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            if thing.base is not None:
                waiting.append(thing.base)
            if thing.dtype.kind == "f" and thing.flags.writeable:
                thing.fill(np.nan)
                count += 1
        elif isinstance(thing, dict):
            waiting.extend(thing.values())
        elif isinstance(thing, list | tuple | set | deque):
            waiting.extend(thing)
        elif type(thing).__module__.startswith("symrnn.numeric"):
            slots = [slot for kind in type(thing).__mro__ for slot in getattr(kind, "__slots__", ())]
            waiting.extend(getattr(thing, slot, None) for slot in [*slots, *getattr(thing, "__dict__", ())])
    return count


def compute_in_torch(derivation: Derivation, source: str, given: Sample, above: Truth) -> Arrays:
    """What the printed PyTorch module makes of a sample."""
    import torch

    namespace: dict[str, Any] = {"__name__": "printed"}
    exec(compile(source, "<printed>", "exec"), namespace)
    (kind,) = [v for v in namespace.values() if isinstance(v, type) and issubclass(v, torch.nn.Module)]
    layer = kind(*dims_of(derivation.cell, given).values(), dtype=torch.float64)
    own = dict(layer.named_parameters())
    for parameter, name in zip(own.values(), derivation.cell.params, strict=True):
        if tuple(parameter.shape) != given.params[name].shape:
            raise AssertionError(f"{name} has the shape {tuple(parameter.shape)}, not {given.params[name].shape}")
        parameter.data = torch.tensor(given.params[name])
    _, x, state, d_outputs, d_final = _converted(given, above, lambda array: torch.tensor(array, requires_grad=True))
    outputs, final = layer(_one_or_dict(x), state)
    parts = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
    loss = torch.zeros((), dtype=torch.float64)
    for part, weight in zip(parts, d_outputs, strict=True):
        if part.shape != weight.shape:
            raise AssertionError(f"an output has the shape {tuple(part.shape)}, not {tuple(weight.shape)}")
        loss = loss + (part * weight.detach()).sum()
    for name, part in final.items():
        loss = loss + (part * d_final[name].detach()).sum()
    leaves = [*own.values(), *x.values(), *state.values()]
    found = [torch.zeros_like(leaf) for leaf in leaves]
    if loss.requires_grad:
        found = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    grads = [gradient.numpy() for gradient in found]
    params = dict(zip(derivation.cell.params, grads, strict=False))
    by_x = dict(zip(x, grads[len(params) :], strict=False))
    by_state = dict(zip(state, grads[len(params) + len(x) :], strict=True))
    numbers = [part.detach().numpy() for part in parts]
    last = {name: part.detach().numpy() for name, part in final.items()}
    return _arrays(dict(enumerate(numbers)), last, params, by_x, by_state, list(x))


def dims_of(cell: Any, given: Sample) -> dict[str, int]:
    """The cell's own sizes, read off the arrays."""
    known: dict[str, int] = {}
    arrays = given.params | {n: a[0, 0] for n, a in given.x.items()} | {n: a[0] for n, a in given.state.items()}
    shapes = {**cell.params, **cell.inputs, **cell.states}
    for _ in cell.dims:
        for name, shape in shapes.items():
            for size, length in zip(getattr(shape, "shape", shape), arrays[name].shape, strict=True):
                left = length - size.constant - sum(known.get(d, 0) * c for d, c in size.coefficients)
                unknown = [(d, c) for d, c in size.coefficients if d not in known]
                if len(unknown) == 1:
                    known[unknown[0][0]] = left // unknown[0][1]
    return {name: known.get(name, 1) for name in cell.dims}
