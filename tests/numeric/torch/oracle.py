"""Running emitted torch modules, and what they are compared with."""

import numpy as np
import torch

import symrnn
from symrnn.checking.oracles import complex_step
from symrnn.checking.points import draw_upstreams, find_point
from symrnn.equations.sample import default_dims
from symrnn.numeric.torch_source import emit_torch


def load(cell):
    """The namespace of the emitted module, its Module class and its Function."""
    source = emit_torch(symrnn.derive(cell))
    namespace = {"__name__": "emitted"}
    exec(compile(source, "<emitted>", "exec"), namespace)
    classes = [value for value in namespace.values() if isinstance(value, type) and value.__module__ == "emitted"]
    layer = next(c for c in classes if issubclass(c, torch.nn.Module))
    function = next(c for c in classes if issubclass(c, torch.autograd.Function))
    return source, layer, function


def tensors(point, dtype=torch.float64):
    """The arguments of the Function at a point, in its order: inputs, states, parameters."""
    arrays = [*point.x.values(), *point.state.values(), *point.params.values()]
    return [torch.tensor(array, dtype=dtype, requires_grad=True) for array in arrays]


def point_of(cell, T, N, seed=0, sizes=(2, 3, 4)):
    return find_point(cell, T, N, default_dims(cell, sizes), seed)[:2]


def worst_gradient(cell, T=3, N=2, seed=0, sizes=(4, 3)):
    """The largest error of any entry that sits on no kink (one of equal operands is there at every point) against
    complex step, in parts of what its array is measured by."""
    point, base = point_of(cell, T, N, seed, sizes)
    upstream = draw_upstreams(point, seed)[0]
    (truth,) = complex_step(point, (upstream,), base)
    arguments = tensors(point)
    results = load(cell)[2].apply(*arguments)
    given = [torch.tensor(g) for g in (*upstream.outputs.values(), *upstream.final.values())]
    assert [tuple(r.shape) for r in results] == [tuple(g.shape) for g in given]
    grads = torch.autograd.grad(results, arguments, given)
    keys = [("x", k) for k in point.x] + [("state", k) for k in point.state] + [("params", k) for k in point.params]
    overall = max(np.abs(value).max() for value in truth.values.values())
    worst = 0.0
    for key, grad in zip(keys, grads, strict=True):
        expected = truth.values[key]
        assert grad.shape == expected.shape
        scale = max(np.abs(expected).max(), 0.01 * overall)
        errors = np.where(truth.kinked[key], 0.0, np.abs(grad.numpy() - expected))
        worst = max(worst, errors.max() / (scale or 1.0))
    return worst


def worst_output(cell, T=3, N=2, seed=0):
    """The largest difference of outputs and final states from the NumPy kernel's."""
    point, _ = point_of(cell, T, N, seed)
    kernel = symrnn.derive(cell).numpy()
    x = dict(point.x) if len(point.x) > 1 else next(iter(point.x.values()))
    outputs, final, _ = kernel.forward(point.params, x, point.state)
    outputs = outputs if isinstance(outputs, dict) else {"": outputs}
    results = load(cell)[2].apply(*tensors(point))
    theirs = [*outputs.values(), *final.values()]
    return max(np.abs(mine.detach().numpy() - other).max() for mine, other in zip(results, theirs, strict=True))
