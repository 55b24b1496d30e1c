"""The mass-conserving LSTM conserves mass, and what follows from it for the gradients."""

import numpy as np

import symrnn


def test_what_comes_in_is_stored_or_given_out():
    cell = symrnn.zoo["mass_conserving_lstm"]
    sample = cell.sample(T=6, N=4, seed=3)
    x = {**sample.x, "x": np.abs(sample.x["x"])}
    start = {"c": np.abs(sample.state["c"])}
    kernel = symrnn.derive(cell).numpy()
    outputs, final, tape = kernel.forward(sample.params, x, start)
    given = start["c"].sum(axis=1) + x["x"].sum(axis=0)
    np.testing.assert_allclose(outputs.sum(axis=(0, 2)) + final["c"].sum(axis=1), given, rtol=1e-13)
    # All mass together does not depend on the weights, and each unit of what comes in counts once.
    grads = kernel.backward(tape, np.ones_like(outputs), {"c": np.ones_like(final["c"])})
    assert all(np.abs(gradient).max() < 1e-13 for gradient in grads.params.values())
    np.testing.assert_allclose(grads.x["x"], 1, rtol=1e-12)
    np.testing.assert_allclose(grads.state["c"], 1, rtol=1e-12)
