"""A worked example known from textbooks, by hand: an Elman cell over one concatenated matrix, with a linear read-out."""

from math import tanh

import numpy as np
import pytest

import symrnn

# Textbooks write a state as a row and multiply it with the weights from the right.
INPUT_WEIGHTS = np.array([[0.5, 0.6]])
STATE_WEIGHTS = np.array([[0.1, 0.2], [0.3, 0.4]])
BIAS = np.array([0.1, -0.1])
OUTPUT_WEIGHTS = np.array([[1.0], [2.0]])
OUTPUT_BIAS = np.array([0.1])
INPUTS = np.array([1.0, 2.0])


@pytest.fixture(scope="module")
def run():
    cell = symrnn.zoo["elman_concatenated"]
    kernel = symrnn.derive(cell).numpy()
    params = {
        "W": np.concatenate([STATE_WEIGHTS, INPUT_WEIGHTS]).T,  # of [h, x], for columns
        "b": BIAS,
        "U": OUTPUT_WEIGHTS.T,
        "b_y": OUTPUT_BIAS,
    }
    outputs, final, tape = kernel.forward(params, INPUTS.reshape(2, 1, 1), {"h": np.zeros((1, 2))})
    _, after_one, _ = kernel.forward(params, INPUTS[:1].reshape(1, 1, 1), {"h": np.zeros((1, 2))})
    gradients = kernel.backward(tape, np.ones_like(outputs))
    return outputs, after_one["h"], final["h"], gradients


def test_states_and_outputs_as_printed(run):
    outputs, after_one, final, _ = run
    np.testing.assert_allclose(after_one, [[0.53704957, 0.46211716]], rtol=0, atol=5e-9)
    np.testing.assert_allclose(final, [[0.85973818, 0.88366641]], rtol=0, atol=5e-9)
    np.testing.assert_allclose(outputs.ravel(), [1.56128388, 2.72707101], rtol=0, atol=5e-9)


def test_gradients_by_hand(run):
    """L = y_1 + y_2, differentiated number by number: p and q are the two units, 1 and 2 the steps."""
    p1, q1 = tanh(0.5 * 1 + 0.1), tanh(0.6 * 1 - 0.1)
    p2 = tanh(0.5 * 2 + 0.1 * p1 + 0.3 * q1 + 0.1)
    q2 = tanh(0.6 * 2 + 0.2 * p1 + 0.4 * q1 - 0.1)
    # The second step: y_2 = p2 + 2 q2 + 0.1, and nothing after it.
    net_p2, net_q2 = 1 * (1 - p2 * p2), 2 * (1 - q2 * q2)
    # The first step: y_1 = p1 + 2 q1 + 0.1, and p1, q1 in both net inputs of the second.
    net_p1 = (1 + 0.1 * net_p2 + 0.2 * net_q2) * (1 - p1 * p1)
    net_q1 = (2 + 0.3 * net_p2 + 0.4 * net_q2) * (1 - q1 * q1)

    _, _, _, gradients = run
    close = {"rtol": 1e-14, "atol": 0}
    of_p = [p1 * net_p2, q1 * net_p2, 1 * net_p1 + 2 * net_p2]  # from p, from q, from x
    of_q = [p1 * net_q2, q1 * net_q2, 1 * net_q1 + 2 * net_q2]
    np.testing.assert_allclose(gradients.params["W"], [of_p, of_q], **close)
    np.testing.assert_allclose(gradients.params["b"], [net_p1 + net_p2, net_q1 + net_q2], **close)
    np.testing.assert_allclose(gradients.params["U"], [[p1 + p2, q1 + q2]], **close)
    np.testing.assert_allclose(gradients.params["b_y"], [2.0], **close)
    by_x = [0.5 * net_p1 + 0.6 * net_q1, 0.5 * net_p2 + 0.6 * net_q2]
    np.testing.assert_allclose(np.ravel(gradients.x), by_x, **close)
    by_h = [[0.1 * net_p1 + 0.2 * net_q1, 0.3 * net_p1 + 0.4 * net_q1]]
    np.testing.assert_allclose(gradients.state["h"], by_h, **close)
