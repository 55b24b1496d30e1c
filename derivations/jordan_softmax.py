"""jordan_softmax: the loss and all gradients in NumPy, derived by symrnn.

Jordan network with a softmax read-out, whose answer is fed back (Jordan 1986).

params: z.W (z.p, m); z.R (z.p, K); z.b (z.p,); z.V (K, z.p); z.c (K,)
x: x (T, N, m); targets (T, N)
"""

from typing import Any

import numpy as np


def unit_vectors(ids: Any, classes: Any, dtype: Any) -> Any:
    """1 in the place of its class, 0 elsewhere; what names no class is 0 throughout."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(dtype)


def make_jordan_step():
    """The passes of jordan_step."""

    def array(work, name, shape, like):
        """A work array, the one of the call before where its shape and type still fit."""
        held = work.get(name)
        if held is None or held.shape != shape or held.dtype != like.dtype:
            held = work[name] = np.empty(shape, like.dtype)
        return held


    def rows(a):
        """All steps and sequences as the rows of one matrix."""
        return a.reshape(-1, a.shape[-1])


    def product(a, weight):
        """a @ weight.T for all steps and sequences in one product."""
        return (rows(a) @ weight.T).reshape(*a.shape[:-1], -1)


    def softmax(a):
        e = np.exp(a - a.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)


    def pack(params):
        """Weights that meet the same vector side by side; done once for many calls."""
        W = params["W"]
        R = params["R"]
        b = params["b"]
        V = params["V"]
        c = params["c"]
        return {
            "params": params,
            "weight_x_t": W,
            "weight_y_prev": R,
            "weight_h": V,
            "net_bias": np.concatenate([b, c]),
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        work = {} if work is None else work
        weight_x_t = packed["weight_x_t"]
        weight_y_prev = packed["weight_y_prev"]
        weight_h = packed["weight_h"]
        net_bias = packed["net_bias"]
        params = packed["params"]
        T, N = x.shape[:2]
        n = state["y"].shape[1]
        p = params["W"].shape[0]
        y_states = array(work, "y_states", (T + 1, N, n), x)
        block = array(work, "block", (T, N, n + p), x)
        h_all = block[..., :p]
        z_all = block[..., p:n + p]
        sums_y_prev = array(work, "sums_y_prev", (N, p), x)
        sums_h = array(work, "sums_h", (N, n), x)
        y_states[0] = state["y"]
        input_sums = product(x, weight_x_t)
        h_all[...] = input_sums[..., :p]
        z_all[...] = 0
        block += net_bias
        for net, y_prev, h, z, y in zip(block, y_states[:-1], h_all, z_all, y_states[1:], strict=True):
            np.matmul(y_prev, weight_y_prev.T, out=sums_y_prev)  # (1)
            np.add(net[..., :p], sums_y_prev, out=net[..., :p])
            np.tanh(net[..., :p], out=net[..., :p])  # (2)
            np.matmul(h, weight_h.T, out=sums_h)  # (3)
            np.add(net[..., p:n + p], sums_h, out=net[..., p:n + p])
            np.copyto(y, softmax(z))  # (4)
        outputs = np.array(z_all)
        kept = {name: packed[name] for name in ("weight_x_t", "weight_y_prev", "weight_h", "params")}
        return outputs, {"y": y_states[-1].copy()}, (kept, x, y_states, block)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, y_states, block = tape
        work = {} if work is None else work
        weight_x_t = packed["weight_x_t"]
        weight_y_prev = packed["weight_y_prev"]
        weight_h = packed["weight_h"]
        params = packed["params"]
        T, N = x.shape[:2]
        n = d_final_state["y"].shape[1]
        p = params["W"].shape[0]
        h_all = block[..., :p]
        delta_block = array(work, "delta_block", (T, N, n + p), d_outputs)
        delta_a_h_all = delta_block[..., :p]
        delta_z_all = delta_block[..., p:n + p]
        delta_y = array(work, "delta_y", (N, n), d_outputs)
        delta_h = array(work, "delta_h", (N, p), d_outputs)
        np.square(h_all, out=delta_a_h_all)  # (8)
        np.subtract(1, delta_a_h_all, out=delta_a_h_all)
        carry_y = np.array(d_final_state["y"])
        for delta_net, y, upstream_z, delta_z, delta_a_h in zip(
            delta_block[::-1],
            y_states[1:][::-1],
            d_outputs[::-1],
            delta_z_all[::-1],
            delta_a_h_all[::-1],
            strict=True,
        ):
            np.copyto(delta_y, carry_y)  # (5)
            np.subtract(delta_y, np.einsum("...i,...i->...", delta_y, y)[..., None], out=delta_z)  # (6)
            delta_z *= y
            delta_z += upstream_z
            np.matmul(delta_net[..., p:n + p], weight_h, out=delta_h)  # (7)
            delta_a_h *= delta_h  # (8)
            np.matmul(delta_net[..., :p], weight_y_prev, out=carry_y)  # (9)
        grad_net = rows(delta_block).sum(axis=0)
        grads = {
            "W": rows(delta_a_h_all).T @ rows(x),  # (10)
            "R": rows(delta_a_h_all).T @ rows(y_states[:-1]),  # (11)
            "b": grad_net[:p],  # (12)
            "V": rows(delta_z_all).T @ rows(h_all),  # (13)
            "c": grad_net[p:n + p],  # (14)
        }
        d_x = product(delta_block[..., :p], weight_x_t.T)
        return grads, d_x, {"y": carry_y}

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


jordan_step_pack, jordan_step_forward, jordan_step_backward = make_jordan_step()
loss_pack, loss_forward, loss_backward = make_loss()


def forward(params, x):
    """The loss, and the tape that `backward` reads."""
    values, tapes, sizes = dict(x), {}, {}
    sizes["T"] = x["x"].shape[0]
    sizes["N"] = x["x"].shape[1]
    sizes["m"] = x["x"].shape[2]
    sizes["z.p"] = params["z.W"].shape[0]
    sizes["K"] = params["z.R"].shape[1]
    like = next(iter(params.values()))
    # z: jordan_step over T
    own = {
        "W": params["z.W"],
        "R": params["z.R"],
        "b": params["z.b"],
        "V": params["z.V"],
        "c": params["z.c"],
    }
    state = {"y": np.zeros((sizes["N"], sizes["K"]), like.dtype)}
    outputs, final, tapes["z"] = jordan_step_forward(jordan_step_pack(own), values["x"], state)
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
    final = {"y": np.zeros((sizes["N"], sizes["K"]), like.dtype)}
    d_own, d_in, d_state = jordan_step_backward(tapes["z"], received["z"], final)
    given["z.W"] += d_own["W"]
    given["z.R"] += d_own["R"]
    given["z.b"] += d_own["b"]
    given["z.V"] += d_own["V"]
    given["z.c"] += d_own["c"]
    received["x"] = d_in
    return given, {"x": received["x"]}
