"""feedforward_softmax: the loss and all gradients in NumPy, derived by symrnn.

Three layers without states, and softmax (Rumelhart, Hinton & Williams 1986).

params: z.W_1 (z.p, m); z.b_1 (z.p,); z.W_2 (z.q, z.p); z.b_2 (z.q,); z.W_3 (K, z.q); z.b_3 (K,)
x: x (T, N, m); targets (T, N)
"""

from typing import Any

import numpy as np


def unit_vectors(ids: Any, classes: Any, dtype: Any) -> Any:
    """1 in the place of its class, 0 elsewhere; what names no class is 0 throughout."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(dtype)


def make_feedforward():
    """The passes of feedforward."""

    def rows(a):
        """All steps and sequences as the rows of one matrix."""
        return a.reshape(-1, a.shape[-1])


    def product(a, weight):
        """a @ weight.T for all steps and sequences in one product."""
        return (rows(a) @ weight.T).reshape(*a.shape[:-1], -1)


    def pack(params):
        """Weights that meet the same vector side by side; done once for many calls."""
        return {
            "params": params,
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        params = packed["params"]
        W_1 = params["W_1"]
        b_1 = params["b_1"]
        W_2 = params["W_2"]
        b_2 = params["b_2"]
        W_3 = params["W_3"]
        b_3 = params["b_3"]
        a_h_1_all = product(x, W_1) + b_1  # (1)
        h_1_all = np.tanh(a_h_1_all)  # (2)
        a_h_2_all = product(h_1_all, W_2) + b_2  # (3)
        h_2_all = np.tanh(a_h_2_all)  # (4)
        y_all = product(h_2_all, W_3) + b_3  # (5)
        outputs = np.array(y_all)
        kept = {name: packed[name] for name in ("params",)}
        return outputs, {}, (kept, x, h_1_all, h_2_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, h_1_all, h_2_all = tape
        params = packed["params"]
        W_1 = params["W_1"]
        W_2 = params["W_2"]
        W_3 = params["W_3"]
        delta_y_all = d_outputs  # (6)
        delta_h_2_all = product(delta_y_all, W_3.T)  # (7)
        delta_a_h_2_all = delta_h_2_all * (1 - h_2_all**2)  # (8)
        delta_h_1_all = product(delta_a_h_2_all, W_2.T)  # (9)
        delta_a_h_1_all = delta_h_1_all * (1 - h_1_all**2)  # (10)
        grads = {
            "W_1": rows(delta_a_h_1_all).T @ rows(x),  # (11)
            "b_1": delta_a_h_1_all.sum(axis=(0, 1)),  # (12)
            "W_2": rows(delta_a_h_2_all).T @ rows(h_1_all),  # (13)
            "b_2": delta_a_h_2_all.sum(axis=(0, 1)),  # (14)
            "W_3": rows(delta_y_all).T @ rows(h_2_all),  # (15)
            "b_3": delta_y_all.sum(axis=(0, 1)),  # (16)
        }
        d_x = np.array(product(delta_a_h_1_all, W_1.T))
        return grads, d_x, {}

    return pack, forward, backward


def make_loss():
    """The passes of loss."""

    def cross_entropy(z, y):
        top = z.max(axis=-1, keepdims=True)
        return np.log(np.exp(z - top).sum(axis=-1)) + top[..., 0] - (y * z).sum(axis=-1)


    def softmax(a):
        e = np.exp(a - a.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)


    def pack(params):
        """Weights that meet the same vector side by side; done once for many calls."""
        return {
            "params": params,
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        loss_all = cross_entropy(x["z"], x["targets_one_hot"])  # (1)
        outputs = np.array(loss_all)
        kept = {name: packed[name] for name in ()}
        return outputs, {}, (kept, x)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        _, x = tape
        delta_loss_all = d_outputs  # (2)
        grads = {
        }
        d_x = {
            "z": np.array(delta_loss_all[..., None] * (softmax(x["z"]) - x["targets_one_hot"])),
            "targets_one_hot": np.array(-delta_loss_all[..., None] * x["z"]),
        }
        return grads, d_x, {}

    return pack, forward, backward


feedforward_pack, feedforward_forward, feedforward_backward = make_feedforward()
loss_pack, loss_forward, loss_backward = make_loss()


def forward(params, x):
    """The loss, and the tape that `backward` reads."""
    values, tapes, sizes = dict(x), {}, {}
    sizes["T"] = x["x"].shape[0]
    sizes["N"] = x["x"].shape[1]
    sizes["m"] = x["x"].shape[2]
    sizes["z.p"] = params["z.W_1"].shape[0]
    sizes["z.q"] = params["z.W_2"].shape[0]
    sizes["K"] = params["z.W_3"].shape[0]
    like = next(iter(params.values()))
    # z: feedforward over T
    own = {
        "W_1": params["z.W_1"],
        "b_1": params["z.b_1"],
        "W_2": params["z.W_2"],
        "b_2": params["z.b_2"],
        "W_3": params["z.W_3"],
        "b_3": params["z.b_3"],
    }
    state = {}
    outputs, final, tapes["z"] = feedforward_forward(feedforward_pack(own), values["x"], state)
    values["z"] = outputs
    values["targets_one_hot"] = unit_vectors(values["targets"], sizes["K"], like.dtype)
    # loss: loss over T
    own = {}
    inputs = {"z": values["z"], "targets_one_hot": values["targets_one_hot"]}
    state = {}
    outputs, final, tapes["loss"] = loss_forward(loss_pack(own), inputs, state)
    values["loss"] = outputs
    weights = np.ones_like(values["loss"])
    weights = weights / (sizes["T"] * sizes["N"])
    loss = np.where(weights != 0, values["loss"], 0) * weights
    loss = float(loss.sum())
    return loss, (params, values, tapes, sizes)


def backward(tape, d_outputs=1.0):
    """Gradients by the parameters and by the inputs."""
    params, values, tapes, sizes = tape
    like = next(iter(params.values()))
    received = {}
    given = {name: np.zeros_like(value) for name, value in params.items()}
    weights = np.ones_like(values["loss"])
    weights = weights / (sizes["T"] * sizes["N"])
    received["loss"] = d_outputs * weights
    # loss
    final = {}
    d_own, d_in, d_state = loss_backward(tapes["loss"], received["loss"], final)
    received["z"] = d_in["z"]
    # z
    final = {}
    d_own, d_in, d_state = feedforward_backward(tapes["z"], received["z"], final)
    given["z.W_1"] += d_own["W_1"]
    given["z.b_1"] += d_own["b_1"]
    given["z.W_2"] += d_own["W_2"]
    given["z.b_2"] += d_own["b_2"]
    given["z.W_3"] += d_own["W_3"]
    given["z.b_3"] += d_own["b_3"]
    received["x"] = d_in
    return given, {"x": received["x"]}
