"""The checkers of PyTorch, JAX, autograd and SciPy, each called as its documentation does, with its own tolerances.

Each is given the loss and a backward pass that returns the claimed gradient.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np

from ..rival import Absent
from ..steps import Ops
from .checker import Checker
from .trials import Trial, lstm_loss


def torch_checker(*, fast: bool) -> Checker | Absent:
    """`torch.autograd.gradcheck` of a `torch.autograd.Function`: every entry, or a random direction in `fast_mode`."""
    if find_spec("torch") is None:
        return Absent("not installed")
    import torch  # pyright: ignore[reportMissingImports]

    def opinion(trial: Trial) -> float:
        names = list(trial.arguments)

        class Loss(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *values: Any) -> Any:
                arrays = {name: value.detach().numpy() for name, value in zip(names, values, strict=True)}
                return torch.tensor(trial.loss(arrays), dtype=torch.float64)

            @staticmethod
            def backward(ctx: Any, upstream: Any) -> Any:
                return tuple(upstream * torch.from_numpy(trial.claimed[name]) for name in names)

        inputs = [torch.tensor(array, requires_grad=True) for array in trial.arguments.values()]
        return float(not torch.autograd.gradcheck(Loss.apply, inputs, fast_mode=fast, raise_exception=False))

    return Checker(opinion)


def jax_checker() -> Checker | Absent:
    """`jax.test_util.check_grads` of a `jax.custom_vjp`, in reverse mode."""
    if find_spec("jax") is None:
        return Absent("not installed")
    import jax  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
    from jax.test_util import check_grads  # pyright: ignore[reportMissingImports]

    jax.config.update("jax_enable_x64", True)
    ops = Ops(jax.nn.sigmoid, jnp.tanh, lambda a, count: jnp.split(a, count, axis=-1))

    @jax.jit
    def loss(arguments: Any, d_outputs: Any, d_final: Any) -> Any:
        return lstm_loss(ops, arguments, d_outputs, d_final)

    def opinion(trial: Trial) -> float:
        problem = trial.problem
        upstream = jnp.asarray(problem.d_outputs), {name: jnp.asarray(g) for name, g in problem.d_final.items()}

        given: Any = jax.custom_vjp(lambda arguments: loss(arguments, *upstream))
        given.defvjp(
            lambda arguments: (given(arguments), None),
            lambda kept, g: ({name: g * jnp.asarray(array) for name, array in trial.claimed.items()},),
        )
        arguments = {name: jnp.asarray(array) for name, array in trial.arguments.items()}
        return _objects(lambda: check_grads(given, (arguments,), order=1, modes=["rev"]))

    return Checker(opinion)


def autograd_checker() -> Checker | Absent:
    """`autograd.test_util.check_grads` of a primitive, in reverse mode."""
    if find_spec("autograd") is None:
        return Absent("not installed")
    from autograd.extend import defvjp, primitive  # pyright: ignore[reportMissingImports]
    from autograd.test_util import check_grads  # pyright: ignore[reportMissingImports]

    def opinion(trial: Trial) -> float:
        names = list(trial.arguments)
        # Its random directions come from NumPy's global generator, which is put back as it was.
        state = np.random.get_state()
        np.random.seed(trial.seed)
        given = primitive(lambda *values: trial.loss(dict(zip(names, values, strict=True))))
        defvjp(given, *((lambda answer, *values, name=name: lambda g: g * trial.claimed[name]) for name in names))
        try:
            every = list(range(len(names)))  # the first argument alone, unless told
            return _objects(lambda: check_grads(given, every, modes=["rev"], order=1)(*trial.arguments.values()))
        finally:
            np.random.set_state(state)

    return Checker(opinion)


def scipy_checker() -> Checker | Absent:
    """`scipy.optimize.check_grad`: the distance from forward differences, here in units of the gradient's length; what
    is too far is left to its caller."""
    if find_spec("scipy") is None:
        return Absent("not installed")
    from scipy.optimize import check_grad  # pyright: ignore[reportMissingImports]

    def opinion(trial: Trial) -> float:
        arrays = trial.arguments
        ends = np.cumsum([array.size for array in arrays.values()])[:-1]

        def flat(parts: Any) -> Any:
            return np.concatenate([parts[name].ravel() for name in arrays])

        def loss(vector: Any) -> float:
            parts = zip(arrays.items(), np.split(vector, ends), strict=True)
            return trial.loss({name: part.reshape(array.shape) for (name, array), part in parts})

        claimed = flat(trial.claimed)
        return float(check_grad(loss, lambda vector: claimed, flat(arrays)) / np.linalg.norm(claimed))

    return Checker(opinion, limit=None)


def _objects(check: Any) -> float:
    try:
        check()
    except AssertionError:
        return 1.0
    return 0.0
