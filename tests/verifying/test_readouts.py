"""Read-outs and losses inside of somebody's code: what is wrong in them is named by its formula."""

import numpy as np
import pytest

import symrnn
from symrnn.verifying import CrossEntropy, functions


def softmax_loop(slip="", mean=""):
    """A simple cell with softmax and cross-entropy; `slip` is the mistake that is made."""

    def backward(params, x, state, targets):
        W, R, b, V, c = (params[name] for name in ("W", "R", "b", "V", "c"))
        T, N = targets.shape
        h = [state["h"]]
        for x_t in x:
            h.append(np.tanh(x_t @ W.T + h[-1] @ R.T + b))
        d, back = {name: np.zeros_like(array) for name, array in params.items()}, 0
        over = {"": 1, "T": T, "N": N, "T N": T * N}[mean]
        for t in reversed(range(T)):
            y = h[t + 1] @ V.T + c
            p = np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)
            dy = p - np.eye(len(c))[targets[t]]
            dy = -dy if slip == "sign" else dy
            dy = p if slip == "no target" else dy
            dy = dy if slip == "no mean" else dy / over
            dy = dy / N if slip == "mean twice" else dy
            d["V"] += (2 if slip == "dV twice" else 1) * dy.T @ h[t if slip == "dV of h before" else t + 1]
            d["c"] += 0 if slip == "no dc" else dy.sum(axis=0)
            dh = (-1 if slip == "dh sign" else 1) * dy @ V
            da = (dh + back) * (1 - h[t + 1] ** 2)
            d["W"] += da.T @ x[t]
            d["R"] += da.T @ h[t]
            d["b"] += da.sum(axis=0)
            back = da @ R
        return d

    return functions(backward, loss=CrossEntropy(mean=mean))


@pytest.mark.parametrize("mean", ["", "T", "N", "T N"])
def test_right_read_outs_are_called_right(mean):
    assert symrnn.verify("rnn", softmax_loop(mean=mean))


@pytest.mark.parametrize(
    ("slip", "mean", "equation", "arrays"),
    [
        ("sign", "", "delta_u_loss", {"∂L/∂V", "∂L/∂c"}),
        ("no target", "", "delta_u_loss", {"∂L/∂V", "∂L/∂c"}),
        ("dV twice", "T", "grad_V", {"∂L/∂V"}),
        ("dV of h before", "", "grad_V", {"∂L/∂V"}),
        ("no dc", "N", "grad_c", {"∂L/∂c"}),
        ("dh sign", "", "grad_h", {"∂L/∂W", "∂L/∂R", "∂L/∂b"}),
        ("mean twice", "N", "delta_u_loss", {"∂L/∂V", "∂L/∂c"}),
        ("no mean", "T N", "epsilon_loss", {"∂L/∂V", "∂L/∂c"}),
    ],
)
def test_a_wrong_read_out_is_named_by_its_formula(slip, mean, equation, arrays):
    report = symrnn.verify("rnn", softmax_loop(slip, mean))
    (finding,) = report.findings
    assert finding.block == "loss", finding.text()
    assert finding.equation == equation, finding.text()
    assert set(finding.arrays) >= arrays, finding.text()
