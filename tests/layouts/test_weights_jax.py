"""Weights packed for Equinox, Flax (linen and nnx) and Haiku run in their cells, and their own weights in ours."""

from functools import cache

import numpy as np
import pytest

from symrnn.layouts import flat, nested, presets

jax = pytest.importorskip("jax", reason="JAX is not installed")


def rows_of(*frameworks):
    return [pytest.param(row, id=f"{row.framework}-{row.cell}") for row in presets() if row.framework in frameworks]


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def over_time(step, weights, x, state):
    """Outputs and last states of a compiled step that takes weights, an input and a tuple of states."""
    outputs, held = [], tuple(state.values())
    for now in x:
        output, held = step(weights, now, held)
        outputs.append(np.asarray(output))
    return np.stack(outputs), dict(zip(state, map(np.asarray, held), strict=True))


def with_carry(call):
    """A Flax cell's step: its carry is (c, h) where the zoo has h, c."""

    @jax.jit
    def step(weights, now, held):
        carry, output = call(weights, held[::-1] if len(held) == 2 else held[0], now)
        return output, carry[::-1] if len(held) == 2 else (carry,)

    return step


# Two rows may be one layer under two notations of the zoo: a layer is compiled once.


@cache
def equinox_layer(name):
    import equinox

    cell = getattr(equinox.nn, name)(3, 4, dtype="float64", key=jax.random.key(5))

    @jax.jit
    def step(arrays, now, held):
        filled = equinox.tree_at(lambda made: [getattr(made, name) for name in arrays], cell, list(arrays.values()))
        got = jax.vmap(filled)(now, held if len(held) == 2 else held[0])
        return (got[0], got) if len(held) == 2 else (got, (got,))

    return cell, step


@pytest.mark.parametrize("row", rows_of("equinox"))
def test_equinox(row, runs_in_the_library):
    pytest.importorskip("equinox", reason="Equinox is not installed")
    cell, step = equinox_layer(row.layer.rpartition(".")[2])
    fresh = {name: getattr(cell, name) for name in row.params}
    runs_in_the_library(row, lambda arrays, x, state: over_time(step, arrays, x, state), lambda: fresh, 1e-12)


def initial(flax):
    """Plain random weights: Flax' own orthogonal ones take seconds to compile."""
    return {"kernel_init": flax.initializers.normal(0.5), "recurrent_kernel_init": flax.initializers.normal(0.5)}


def activation(row):
    return row.cell.removeprefix("rnn_") if row.cell.startswith("rnn_") else ""


LINEN = [
    pytest.param(row, layer, id=f"{layer}-{row.cell}")
    for row in presets()
    if row.framework == "flax_linen"
    for layer in row.layer.removeprefix("flax.linen.").split(", ")
]


@cache
def linen_layer(name, kind, reset):
    from flax import linen

    options = {"activation_fn": getattr(linen, kind)} if kind else {} if reset else {"reset_gate": False}
    cell = getattr(linen, name)(4, param_dtype="float64", **initial(linen), **options)
    x = jax.numpy.zeros((2, 3))
    fresh = cell.init(jax.random.key(5), cell.initialize_carry(jax.random.key(6), x.shape), x)["params"]
    return fresh, with_carry(lambda tree, carry, now: cell.apply({"params": tree}, carry, now))


@pytest.mark.parametrize(("row", "layer"), LINEN)
def test_flax_linen(row, layer, runs_in_the_library):
    pytest.importorskip("flax.linen", reason="Flax is not installed")
    fresh, step = linen_layer(layer, activation(row), row.cell != "ugrnn")

    def run(arrays, x, state):
        tree = arrays if all(isinstance(leaf, dict) for leaf in arrays.values()) else nested(arrays)
        return over_time(step, tree, x, state)

    runs_in_the_library(row, run, lambda: fresh, 1e-12)


@cache
def nnx_layer(name, kind):
    from flax import nnx

    # SimpleCell computes in float32 unless it is told otherwise.
    options = {"dtype": "float64"} if name == "SimpleCell" else {}
    if kind:
        options["activation_fn"] = getattr(nnx, kind)
    cell = getattr(nnx, name)(3, 4, param_dtype="float64", rngs=nnx.Rngs(5), **initial(nnx), **options)
    definition, fresh = nnx.split(cell)
    return cell, fresh, with_carry(lambda weights, carry, now: nnx.merge(definition, weights)(carry, now))


@pytest.mark.parametrize("row", rows_of("flax_nnx", "flax_nnx_optimized"))
def test_flax_nnx(row, runs_in_the_library):
    nnx = pytest.importorskip("flax.nnx", reason="Flax is not installed")
    cell, fresh, step = nnx_layer(row.layer.rpartition(".")[2], activation(row))

    def run(arrays, x, state):
        filled = nnx.clone(cell)
        nnx.update(filled, arrays if isinstance(arrays, nnx.State) else nested(arrays))
        return over_time(step, nnx.state(filled), x, state)

    runs_in_the_library(row, run, lambda: fresh, 1e-12)


@cache
def haiku_layer(name):
    import haiku

    apply = haiku.without_apply_rng(haiku.transform(lambda x, held: getattr(haiku, name)(4)(x, held)))

    @jax.jit
    def step(params, now, held):
        output, held = apply.apply(params, now, haiku.LSTMState(*held) if len(held) == 2 else held[0])
        return output, tuple(held) if isinstance(held, haiku.LSTMState) else (held,)

    zeros = jax.numpy.zeros((2, 4))
    start = haiku.LSTMState(zeros, zeros) if name == "LSTM" else zeros
    return apply.init(jax.random.key(5), jax.numpy.zeros((2, 3)), start), step


@pytest.mark.parametrize("row", rows_of("haiku"))
def test_haiku(row, runs_in_the_library):
    pytest.importorskip("haiku", reason="Haiku is not installed")
    name = row.layer.rpartition(".")[2]
    module = {"LSTM": "lstm", "GRU": "gru", "VanillaRNN": "vanilla_rnn"}[name]
    params, step = haiku_layer(name)

    def in_haiku(arrays):
        """{"linear.w": a} is {"lstm/linear": {"w": a}} there."""
        tree = {}
        for name, array in arrays.items():
            path, _, last = name.rpartition(".")
            tree.setdefault("/".join(filter(None, (module, path))), {})[last] = jax.numpy.asarray(array)
        return tree

    own = {path.removeprefix(module).strip("/"): leaves for path, leaves in params.items()}
    # The GRU's arrays lie at the top.
    fresh = own[""] if list(own) == [""] else own
    runs_in_the_library(
        row, lambda arrays, x, state: over_time(step, in_haiku(flat(arrays)), x, state), lambda: fresh, 1e-12
    )
