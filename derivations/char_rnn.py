"""char_rnn: the loss and all gradients in NumPy, derived by symrnn.

A character model of two LSTM layers (Karpathy 2015).

params: h1.W_i (h1.n, h1.m); h1.R_i (h1.n, h1.n); h1.b_i (h1.n,); h1.W_f (h1.n, h1.m); h1.R_f (h1.n,
  h1.n); h1.b_f (h1.n,); h1.W_g (h1.n, h1.m); h1.R_g (h1.n, h1.n); h1.b_g (h1.n,); h1.W_o (h1.n,
  h1.m); h1.R_o (h1.n, h1.n); h1.b_o (h1.n,); h2.W_i (h2.n, h1.n); h2.R_i (h2.n, h2.n); h2.b_i
  (h2.n,); h2.W_f (h2.n, h1.n); h2.R_f (h2.n, h2.n); h2.b_f (h2.n,); h2.W_g (h2.n, h1.n); h2.R_g
  (h2.n, h2.n); h2.b_g (h2.n,); h2.W_o (h2.n, h1.n); h2.R_o (h2.n, h2.n); h2.b_o (h2.n,); E (K,
  h1.m); V (K, h2.n); c (K,)
x: ids (T, N); targets (T, N)
"""

from typing import Any

import numpy as np


def counted(value: Any, lengths: Any = None) -> Any:
    """The steps that count, and zeros behind a sequence's end; for a mask, zeros where it is zero."""
    if lengths is None:
        return value
    keep = np.arange(len(value))[:, None] < lengths if lengths.ndim == 1 else lengths != 0
    return np.where(keep.reshape(keep.shape + (1,) * (value.ndim - 2)), value, 0)


def look_up(table: Any, ids: Any, lengths: Any = None) -> Any:
    """The rows of a table that whole numbers name."""
    return table.take(counted(ids, lengths), axis=0)


def unit_vectors(ids: Any, classes: Any, dtype: Any) -> Any:
    """1 in the place of its class, 0 elsewhere; what names no class is 0 throughout."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(dtype)


def look_up_back(above: Any, ids: Any, table: Any, lengths: Any = None) -> Any:
    """What rows of the table receive: the sum over the places that read them."""
    ids, above = counted(ids, lengths).ravel(), above.reshape(-1, table.shape[1])
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    begins = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    back = np.zeros_like(table)
    back[ids[begins]] = np.add.reduceat(above[order], begins, axis=0)
    return back


def make_lstm():
    """The passes of lstm."""

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
        W_i = params["W_i"]
        R_i = params["R_i"]
        b_i = params["b_i"]
        W_f = params["W_f"]
        R_f = params["R_f"]
        b_f = params["b_f"]
        W_g = params["W_g"]
        R_g = params["R_g"]
        b_g = params["b_g"]
        W_o = params["W_o"]
        R_o = params["R_o"]
        b_o = params["b_o"]
        return {
            "params": params,
            "weight_x_t": np.concatenate([W_o, W_i, W_f, W_g]),
            "weight_x_t_half": np.concatenate([0.5 * W_o, 0.5 * W_i, 0.5 * W_f, W_g]),
            "weight_h_prev": np.concatenate([R_o, R_i, R_f, R_g]),
            "weight_h_prev_half": np.concatenate([0.5 * R_o, 0.5 * R_i, 0.5 * R_f, R_g]),
            "net_bias": np.concatenate([0.5 * b_o, 0.5 * b_i, 0.5 * b_f, b_g]),
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        work = {} if work is None else work
        weight_x_t_half = packed["weight_x_t_half"]
        weight_h_prev_half = packed["weight_h_prev_half"]
        net_bias = packed["net_bias"]
        T, N = x.shape[:2]
        n = state["h"].shape[1]
        h_states = array(work, "h_states", (T + 1, N, n), x)
        c_states = array(work, "c_states", (T + 1, N, n), x)
        block = array(work, "block", (T, N, 4 * n), x)
        o_all = block[..., :n]
        i_all = block[..., n:2 * n]
        f_all = block[..., 2 * n:3 * n]
        g_all = block[..., 3 * n:4 * n]
        tanh_c_all = array(work, "tanh_c_all", (T, N, n), x)
        sums_h_prev = array(work, "sums_h_prev", (N, 4 * n), x)
        spare_2 = array(work, "spare_2", (N, n), x)
        h_states[0] = state["h"]
        c_states[0] = state["c"]
        np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3) (5) (8)
        block += net_bias
        for net, h_prev, c_prev, i, f, g, c, o, h, tanh_c in zip(
            block,
            h_states[:-1],
            c_states[:-1],
            i_all,
            f_all,
            g_all,
            c_states[1:],
            o_all,
            h_states[1:],
            tanh_c_all,
            strict=True,
        ):
            np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3) (5) (8)
            np.add(net, sums_h_prev, out=net)
            np.tanh(net, out=net)  # (2) (4) (6) (9)
            gates = net[..., :3 * n]
            gates *= 0.5
            gates += 0.5
            np.multiply(c_prev, f, out=c)  # (7)
            np.multiply(i, g, out=spare_2)
            c += spare_2
            np.tanh(c, out=tanh_c)
            np.multiply(tanh_c, o, out=h)  # (10)
        outputs = np.array(h_states[1:])
        kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev")}
        return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, block, tanh_c_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, h_states, c_states, block, tanh_c_all = tape
        work = {} if work is None else work
        weight_x_t = packed["weight_x_t"]
        weight_h_prev = packed["weight_h_prev"]
        T, N = x.shape[:2]
        n = d_final_state["h"].shape[1]
        o_all = block[..., :n]
        i_all = block[..., n:2 * n]
        f_all = block[..., 2 * n:3 * n]
        g_all = block[..., 3 * n:4 * n]
        delta_block = array(work, "delta_block", (T, N, 4 * n), d_outputs)
        delta_a_o_all = delta_block[..., :n]
        delta_a_i_all = delta_block[..., n:2 * n]
        delta_a_f_all = delta_block[..., 2 * n:3 * n]
        delta_a_g_all = delta_block[..., 3 * n:4 * n]
        delta_h = array(work, "delta_h", (N, n), d_outputs)
        delta_c = array(work, "delta_c", (N, n), d_outputs)
        factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
        delta_gates_all = delta_block[..., n:4 * n].reshape(T, N, 3, n)
        np.subtract(1, o_all, out=delta_a_o_all)  # (13)
        delta_a_o_all *= tanh_c_all
        delta_a_o_all *= o_all
        np.square(tanh_c_all, out=factor_1_all)  # (14)
        np.subtract(1, factor_1_all, out=factor_1_all)
        factor_1_all *= o_all
        np.square(g_all, out=delta_a_g_all)  # (16)
        np.subtract(1, delta_a_g_all, out=delta_a_g_all)
        delta_a_g_all *= i_all
        np.subtract(1, f_all, out=delta_a_f_all)  # (18)
        delta_a_f_all *= c_states[:-1]
        delta_a_f_all *= f_all
        np.subtract(1, i_all, out=delta_a_i_all)  # (20)
        delta_a_i_all *= i_all
        delta_a_i_all *= g_all
        carry_h = np.array(d_final_state["h"])
        carry_c = np.array(d_final_state["c"])
        for delta_net, delta_gates, f, upstream_h, delta_a_o, factor_1 in zip(
            delta_block[::-1],
            delta_gates_all[::-1],
            f_all[::-1],
            d_outputs[::-1],
            delta_a_o_all[::-1],
            factor_1_all[::-1],
            strict=True,
        ):
            np.add(upstream_h, carry_h, out=delta_h)  # (11)
            delta_a_o *= delta_h  # (13)
            np.multiply(delta_h, factor_1, out=delta_c)  # (14)
            delta_c += carry_c
            delta_gates *= delta_c[:, None]  # (16) (18) (20)
            np.matmul(delta_net, weight_h_prev, out=carry_h)  # (21)
            np.multiply(delta_c, f, out=carry_c)  # (22)
        grad_weight_x_t = rows(delta_block).T @ rows(x)
        grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
        grad_net = rows(delta_block).sum(axis=0)
        grads = {
            "W_i": grad_weight_x_t[n:2 * n],  # (23)
            "R_i": grad_weight_h_prev[n:2 * n],  # (24)
            "b_i": grad_net[n:2 * n],  # (25)
            "W_f": grad_weight_x_t[2 * n:3 * n],  # (26)
            "R_f": grad_weight_h_prev[2 * n:3 * n],  # (27)
            "b_f": grad_net[2 * n:3 * n],  # (28)
            "W_g": grad_weight_x_t[3 * n:4 * n],  # (29)
            "R_g": grad_weight_h_prev[3 * n:4 * n],  # (30)
            "b_g": grad_net[3 * n:4 * n],  # (31)
            "W_o": grad_weight_x_t[:n],  # (32)
            "R_o": grad_weight_h_prev[:n],  # (33)
            "b_o": grad_net[:n],  # (34)
        }
        d_x = product(delta_block, weight_x_t.T)
        return grads, d_x, {"h": carry_h, "c": carry_c}

    return pack, forward, backward


def make_loss():
    """The passes of loss."""

    def rows(a):
        """All steps and sequences as the rows of one matrix."""
        return a.reshape(-1, a.shape[-1])


    def product(a, weight):
        """a @ weight.T for all steps and sequences in one product."""
        return (rows(a) @ weight.T).reshape(*a.shape[:-1], -1)


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
        params = packed["params"]
        V = params["V"]
        c = params["c"]
        u_loss_all = product(x["h2"], V) + c  # (1)
        loss_all = cross_entropy(u_loss_all, x["targets_one_hot"])  # (2)
        outputs = np.array(loss_all)
        kept = {name: packed[name] for name in ("params",)}
        return outputs, {}, (kept, x, u_loss_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, u_loss_all = tape
        params = packed["params"]
        V = params["V"]
        delta_loss_all = d_outputs  # (3)
        delta_u_loss_all = delta_loss_all[..., None] * (softmax(u_loss_all) - x["targets_one_hot"])  # (4)
        grads = {
            "V": rows(delta_u_loss_all).T @ rows(x["h2"]),  # (5)
            "c": delta_u_loss_all.sum(axis=(0, 1)),  # (6)
        }
        d_x = {
            "h2": np.array(product(delta_u_loss_all, V.T)),
            "targets_one_hot": np.array(-delta_loss_all[..., None] * u_loss_all),
        }
        return grads, d_x, {}

    return pack, forward, backward


lstm_pack, lstm_forward, lstm_backward = make_lstm()
loss_pack, loss_forward, loss_backward = make_loss()


def forward(params, x):
    """The loss, and the tape that `backward` reads."""
    values, tapes, sizes = dict(x), {}, {}
    sizes["T"] = x["ids"].shape[0]
    sizes["N"] = x["ids"].shape[1]
    sizes["h1.n"] = params["h1.W_i"].shape[0]
    sizes["h1.m"] = params["h1.W_i"].shape[1]
    sizes["h2.n"] = params["h2.W_i"].shape[0]
    sizes["K"] = params["E"].shape[0]
    like = next(iter(params.values()))
    values["e"] = look_up(params["E"], values["ids"])
    # h1: lstm over T
    own = {
        "W_i": params["h1.W_i"],
        "R_i": params["h1.R_i"],
        "b_i": params["h1.b_i"],
        "W_f": params["h1.W_f"],
        "R_f": params["h1.R_f"],
        "b_f": params["h1.b_f"],
        "W_g": params["h1.W_g"],
        "R_g": params["h1.R_g"],
        "b_g": params["h1.b_g"],
        "W_o": params["h1.W_o"],
        "R_o": params["h1.R_o"],
        "b_o": params["h1.b_o"],
    }
    state = {
        "h": np.zeros((sizes["N"], sizes["h1.n"]), like.dtype),
        "c": np.zeros((sizes["N"], sizes["h1.n"]), like.dtype),
    }
    outputs, final, tapes["h1"] = lstm_forward(lstm_pack(own), values["e"], state)
    values["h1"] = outputs
    # h2: lstm over T
    own = {
        "W_i": params["h2.W_i"],
        "R_i": params["h2.R_i"],
        "b_i": params["h2.b_i"],
        "W_f": params["h2.W_f"],
        "R_f": params["h2.R_f"],
        "b_f": params["h2.b_f"],
        "W_g": params["h2.W_g"],
        "R_g": params["h2.R_g"],
        "b_g": params["h2.b_g"],
        "W_o": params["h2.W_o"],
        "R_o": params["h2.R_o"],
        "b_o": params["h2.b_o"],
    }
    state = {
        "h": np.zeros((sizes["N"], sizes["h2.n"]), like.dtype),
        "c": np.zeros((sizes["N"], sizes["h2.n"]), like.dtype),
    }
    outputs, final, tapes["h2"] = lstm_forward(lstm_pack(own), values["h1"], state)
    values["h2"] = outputs
    values["targets_one_hot"] = unit_vectors(values["targets"], sizes["K"], like.dtype)
    # loss: loss over T
    own = {"V": params["V"], "c": params["c"]}
    inputs = {"h2": values["h2"], "targets_one_hot": values["targets_one_hot"]}
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
    received["h2"] = d_in["h2"]
    # h2
    final = {
        "h": np.zeros((sizes["N"], sizes["h2.n"]), like.dtype),
        "c": np.zeros((sizes["N"], sizes["h2.n"]), like.dtype),
    }
    d_own, d_in, d_state = lstm_backward(tapes["h2"], received["h2"], final)
    given["h2.W_i"] += d_own["W_i"]
    given["h2.R_i"] += d_own["R_i"]
    given["h2.b_i"] += d_own["b_i"]
    given["h2.W_f"] += d_own["W_f"]
    given["h2.R_f"] += d_own["R_f"]
    given["h2.b_f"] += d_own["b_f"]
    given["h2.W_g"] += d_own["W_g"]
    given["h2.R_g"] += d_own["R_g"]
    given["h2.b_g"] += d_own["b_g"]
    given["h2.W_o"] += d_own["W_o"]
    given["h2.R_o"] += d_own["R_o"]
    given["h2.b_o"] += d_own["b_o"]
    received["h1"] = d_in
    # h1
    final = {
        "h": np.zeros((sizes["N"], sizes["h1.n"]), like.dtype),
        "c": np.zeros((sizes["N"], sizes["h1.n"]), like.dtype),
    }
    d_own, d_in, d_state = lstm_backward(tapes["h1"], received["h1"], final)
    given["h1.W_i"] += d_own["W_i"]
    given["h1.R_i"] += d_own["R_i"]
    given["h1.b_i"] += d_own["b_i"]
    given["h1.W_f"] += d_own["W_f"]
    given["h1.R_f"] += d_own["R_f"]
    given["h1.b_f"] += d_own["b_f"]
    given["h1.W_g"] += d_own["W_g"]
    given["h1.R_g"] += d_own["R_g"]
    given["h1.b_g"] += d_own["b_g"]
    given["h1.W_o"] += d_own["W_o"]
    given["h1.R_o"] += d_own["R_o"]
    given["h1.b_o"] += d_own["b_o"]
    received["e"] = d_in
    given["E"] += look_up_back(received["e"], values["ids"], params["E"])
    return given, {}
