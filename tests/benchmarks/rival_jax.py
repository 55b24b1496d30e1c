"""JAX: `jax.jit` of `lax.scan` with its vector–Jacobian product, compiled before it is measured."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from .problem import Array, Key, Problem
from .rival import Absent, Rival
from .steps import STEPS, Ops


def jax_scan(problem: Problem) -> Rival | Absent:
    """Forward pass and vector–Jacobian product in one compiled function."""
    if problem.name not in STEPS:
        return Absent("not written")
    if find_spec("jax") is None:
        return Absent("not installed")
    import jax  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]

    jax.config.update("jax_enable_x64", True)  # float32 arrays stay float32
    step = STEPS[problem.name]
    ops = Ops(jax.nn.sigmoid, jnp.tanh, lambda a, count: jnp.split(a, count, axis=-1))

    def sequence(params: Any, x: Any, start: Any) -> Any:
        def one(states: Any, a: Any) -> Any:
            states = step(ops, params, a, states)
            return states, states[0]

        final, outputs = jax.lax.scan(one, start, x @ params["W"].T + params["b"])
        return outputs, final

    @jax.jit
    def training_step(params: Any, x: Any, start: Any, d_outputs: Any, d_final: Any) -> Any:
        (outputs, _), pull_back = jax.vjp(sequence, params, x, start)
        return outputs, pull_back((d_outputs, d_final))

    params = {name: jnp.asarray(value) for name, value in problem.packed().items()}
    start = tuple(jnp.asarray(problem.state[name]) for name in problem.states)
    d_final = tuple(jnp.asarray(problem.d_final[name]) for name in problem.states)
    x, d_outputs = jnp.asarray(problem.x), jnp.asarray(problem.d_outputs)

    def results(found: Any) -> dict[Key, Array]:
        outputs, (d_params, d_x, d_start) = found
        return problem.unpacked(d_params, d_x, dict(zip(problem.states, d_start, strict=True)), outputs)

    return Rival(lambda: jax.block_until_ready(training_step(params, x, start, d_outputs, d_final)), results)
