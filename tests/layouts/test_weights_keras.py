"""Weights packed for Keras run in its layers, and its own weights in ours."""

import numpy as np
import pytest

from symrnn.layouts import presets

pytest.importorskip("torch", reason="Keras runs on PyTorch here, which is not installed (extra: torch)")
keras = pytest.importorskip("keras", reason="Keras is not installed")

ROWS = [row for row in presets() if row.framework == "keras"]
# Keras' own float32 step inside of a float64 layer.
ROUGH = ("rnn", "rnn_relu", "rnn_sigmoid", "gru", "gru_update")


def numbers(value):
    """A tensor of Keras' backend as an array; its own way there warns under PyTorch and NumPy 2."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.cell)
def test_keras_layers(row, runs_in_the_library):
    kind = getattr(keras.layers, row.layer.rpartition(".")[2])
    options = {"activation": row.cell.removeprefix("rnn_")} if row.cell.startswith("rnn_") else {}
    if kind is keras.layers.GRU:
        options["reset_after"] = "reset_after" in row.cell

    def layer(seed=5):
        keras.utils.set_random_seed(seed)
        made = kind(4, return_sequences=True, return_state=True, dtype="float64", **options)
        made.build((None, None, 3))
        return made

    def run(arrays, x, state):
        made = layer()
        made.set_weights([np.asarray(arrays[weight.name]) for weight in made.weights])
        given = [array.copy() for array in state.values()]
        outputs, *final = made(x.transpose(1, 0, 2).copy(), initial_state=given)
        return numbers(outputs).transpose(1, 0, 2), dict(zip(state, map(numbers, final), strict=True))

    made = layer()
    fresh = {weight.name: numbers(weight.value) for weight in made.weights}
    runs_in_the_library(row, run, lambda: fresh, 1e-6 if row.cell in ROUGH else 1e-12)
