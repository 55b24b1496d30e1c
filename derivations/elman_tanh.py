"""elman_tanh: the loss and all gradients in NumPy, derived by symrnn.

Elman network with a tanh read-out, y = tanh(V h + c), and squared error (Elman 1990).

params: h.W (h.n, m); h.R (h.n, h.n); h.b (h.n,); V (p, h.n); c (p,)
x: x (T, N, m); y (T, N, p)
"""

import numpy as np


def make_rnn():
    """The passes of rnn."""

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


    def pack(params):
        """Weights that meet the same vector side by side; done once for many calls."""
        W = params["W"]
        R = params["R"]
        b = params["b"]
        return {
            "params": params,
            "weight_x_t": W,
            "weight_h_prev": R,
            "net_bias": np.concatenate([b]),
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        work = {} if work is None else work
        weight_x_t = packed["weight_x_t"]
        weight_h_prev = packed["weight_h_prev"]
        net_bias = packed["net_bias"]
        T, N = x.shape[:2]
        n = state["h"].shape[1]
        h_states = array(work, "h_states", (T + 1, N, n), x)
        block = array(work, "block", (T, N, n), x)
        a_h_all = block[..., :n]
        sums_h_prev = array(work, "sums_h_prev", (N, n), x)
        h_states[0] = state["h"]
        np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (1)
        block += net_bias
        for net, h_prev, h, a_h in zip(block, h_states[:-1], h_states[1:], a_h_all, strict=True):
            np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (1)
            np.add(net, sums_h_prev, out=net)
            np.tanh(a_h, out=h)  # (2)
        outputs = np.array(h_states[1:])
        kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev")}
        return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, h_states = tape
        work = {} if work is None else work
        weight_x_t = packed["weight_x_t"]
        weight_h_prev = packed["weight_h_prev"]
        T, N = x.shape[:2]
        n = d_final_state["h"].shape[1]
        delta_block = array(work, "delta_block", (T, N, n), d_outputs)
        delta_a_h_all = delta_block[..., :n]
        delta_h = array(work, "delta_h", (N, n), d_outputs)
        np.square(h_states[1:], out=delta_a_h_all)  # (4)
        np.subtract(1, delta_a_h_all, out=delta_a_h_all)
        carry_h = np.array(d_final_state["h"])
        for delta_net, upstream_h, delta_a_h in zip(
            delta_block[::-1],
            d_outputs[::-1],
            delta_a_h_all[::-1],
            strict=True,
        ):
            np.add(upstream_h, carry_h, out=delta_h)  # (3)
            delta_a_h *= delta_h  # (4)
            np.matmul(delta_net, weight_h_prev, out=carry_h)  # (5)
        grads = {
            "W": rows(delta_a_h_all).T @ rows(x),  # (6)
            "R": rows(delta_a_h_all).T @ rows(h_states[:-1]),  # (7)
            "b": delta_a_h_all.sum(axis=(0, 1)),  # (8)
        }
        d_x = product(delta_block, weight_x_t.T)
        return grads, d_x, {"h": carry_h}

    return pack, forward, backward


def make_loss():
    """The passes of loss."""

    def rows(a):
        """All steps and sequences as the rows of one matrix."""
        return a.reshape(-1, a.shape[-1])


    def product(a, weight):
        """a @ weight.T for all steps and sequences in one product."""
        return (rows(a) @ weight.T).reshape(*a.shape[:-1], -1)


    def squared_error(z, y, axes):
        return 0.5 * np.square(z - y).sum(axis=axes)


    def pack(params):
        """Weights that meet the same vector side by side; done once for many calls."""
        return {
            "params": params,
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        params = packed["params"]
        V = params["V"]
        c = params["c"]
        a_loss_all = product(x["h"], V) + c  # (1)
        u_loss_all = np.tanh(a_loss_all)  # (2)
        loss_all = squared_error(u_loss_all, x["y"], -1)  # (3)
        outputs = np.array(loss_all)
        kept = {name: packed[name] for name in ("params",)}
        return outputs, {}, (kept, x, u_loss_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, u_loss_all = tape
        params = packed["params"]
        V = params["V"]
        delta_loss_all = d_outputs  # (4)
        delta_u_loss_all = delta_loss_all[..., None] * (u_loss_all - x["y"])  # (5)
        delta_a_loss_all = delta_u_loss_all * (1 - u_loss_all**2)  # (6)
        grads = {
            "V": rows(delta_a_loss_all).T @ rows(x["h"]),  # (7)
            "c": delta_a_loss_all.sum(axis=(0, 1)),  # (8)
        }
        d_x = {
            "h": np.array(product(delta_a_loss_all, V.T)),
            "y": np.array(delta_loss_all[..., None] * (x["y"] - u_loss_all)),
        }
        return grads, d_x, {}

    return pack, forward, backward


rnn_pack, rnn_forward, rnn_backward = make_rnn()
loss_pack, loss_forward, loss_backward = make_loss()


def forward(params, x):
    """The loss, and the tape that `backward` reads."""
    values, tapes, sizes = dict(x), {}, {}
    sizes["T"] = x["x"].shape[0]
    sizes["N"] = x["x"].shape[1]
    sizes["m"] = x["x"].shape[2]
    sizes["p"] = x["y"].shape[2]
    sizes["h.n"] = params["h.W"].shape[0]
    like = next(iter(params.values()))
    # h: rnn over T
    own = {"W": params["h.W"], "R": params["h.R"], "b": params["h.b"]}
    state = {"h": np.zeros((sizes["N"], sizes["h.n"]), like.dtype)}
    outputs, final, tapes["h"] = rnn_forward(rnn_pack(own), values["x"], state)
    values["h"] = outputs
    # loss: loss over T
    own = {"V": params["V"], "c": params["c"]}
    inputs = {"h": values["h"], "y": values["y"]}
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
    given["V"] += d_own["V"]
    given["c"] += d_own["c"]
    received["h"] = d_in["h"]
    received["y"] = d_in["y"]
    # h
    final = {"h": np.zeros((sizes["N"], sizes["h.n"]), like.dtype)}
    d_own, d_in, d_state = rnn_backward(tapes["h"], received["h"], final)
    given["h.W"] += d_own["W"]
    given["h.R"] += d_own["R"]
    given["h.b"] += d_own["b"]
    received["x"] = d_in
    return given, {"x": received["x"], "y": received["y"]}
