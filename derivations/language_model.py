"""language_model: the loss and all gradients in NumPy, derived by symrnn.

How probable a sequence of words is, ∏ p(w_t | w_1 … w_(t−1)) (Mikolov et al. 2010; Sundermeyer et
  al. 2012).

params: h.W_i (h.n, h.m); h.R_i (h.n, h.n); h.b_i (h.n,); h.W_f (h.n, h.m); h.R_f (h.n, h.n); h.b_f
  (h.n,); h.W_g (h.n, h.m); h.R_g (h.n, h.n); h.b_g (h.n,); h.W_o (h.n, h.m); h.R_o (h.n, h.n);
  h.b_o (h.n,); E (K, h.m); V (K, h.n); c (K,)
x: words (T, N); n (N,)
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


def shift(value: Any, lengths: Any = None) -> Any:
    """Every step has the value of the step before, the first one zero."""
    return np.concatenate([np.zeros_like(value[:1]), value[:-1]])


def steps_of(lengths: Any, T: Any, dtype: Any) -> Any:
    """1 at the steps of each sequence, 0 behind its end: (T, N)."""
    return (np.arange(T)[:, None] < lengths).astype(dtype)


def unit_vectors(ids: Any, classes: Any, dtype: Any) -> Any:
    """1 in the place of its class, 0 elsewhere; what names no class is 0 throughout."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(dtype)


def sum_over(value: Any, lengths: Any = None) -> Any:
    return counted(value, lengths).sum(0)


def sum_over_back(above: Any, value: Any, lengths: Any = None) -> Any:
    return counted(np.broadcast_to(above, value.shape), lengths)


def shift_back(above: Any, value: Any, lengths: Any = None) -> Any:
    return np.concatenate([above[1:], np.zeros_like(above[:1])])


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


    def above(a, b):
        """1 where a > b, 0 elsewhere, in the type of the operands."""
        return (a > b).astype(np.result_type(a, b))


    def where(condition, a, b):
        """a where the condition is 1, b elsewhere, in the type of all three."""
        return np.where(condition > 0, a, b).astype(np.result_type(condition, a, b), copy=False)


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
        T, N = x["x"].shape[:2]
        n = state["h"].shape[1]
        h_held_states = array(work, "h_held_states", (T + 1, N, n), x["x"])
        c_held_states = array(work, "c_held_states", (T + 1, N, n), x["x"])
        block = array(work, "block", (T, N, 4 * n), x["x"])
        o_all = block[..., :n]
        i_all = block[..., n:2 * n]
        f_all = block[..., 2 * n:3 * n]
        g_all = block[..., 3 * n:4 * n]
        c = array(work, "c", (N, n), x["x"])
        tanh_c_all = array(work, "tanh_c_all", (T, N, n), x["x"])
        h_all = array(work, "h_all", (T, N, n), x["x"])
        sums_h_prev = array(work, "sums_h_prev", (N, 4 * n), x["x"])
        spare_2 = array(work, "spare_2", (N, n), x["x"])
        h_held_states[0] = state["h"]
        c_held_states[0] = state["c"]
        above_keep_all = above(x["keep"], 0)
        np.matmul(rows(x["x"]), weight_x_t_half.T, out=rows(block))  # (1) (3) (5) (8)
        block += net_bias
        for net, h_prev, c_prev, i, f, g, o, h, h_held, c_held, tanh_c, above_keep in zip(
            block,
            h_held_states[:-1],
            c_held_states[:-1],
            i_all,
            f_all,
            g_all,
            o_all,
            h_all,
            h_held_states[1:],
            c_held_states[1:],
            tanh_c_all,
            above_keep_all,
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
            np.copyto(h_held, where(above_keep[..., None], h, h_prev))  # (11)
            np.copyto(c_held, where(above_keep[..., None], c, c_prev))  # (12)
        outputs = np.array(h_all)
        kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev")}
        return outputs, {"h": h_held_states[-1].copy(), "c": c_held_states[-1].copy()}, (kept, x, h_held_states, c_held_states, block, tanh_c_all, above_keep_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, h_held_states, c_held_states, block, tanh_c_all, above_keep_all = tape
        work = {} if work is None else work
        weight_x_t = packed["weight_x_t"]
        weight_h_prev = packed["weight_h_prev"]
        T, N = x["x"].shape[:2]
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
        delta_c_held = array(work, "delta_c_held", (N, n), d_outputs)
        delta_h_held = array(work, "delta_h_held", (N, n), d_outputs)
        delta_h = array(work, "delta_h", (N, n), d_outputs)
        delta_c = array(work, "delta_c", (N, n), d_outputs)
        factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
        factor_2_all = array(work, "factor_2_all", (T, N), d_outputs)
        delta_gates_all = delta_block[..., n:4 * n].reshape(T, N, 3, n)
        spare_1 = array(work, "spare_1", (N, n), d_outputs)
        np.subtract(1, o_all, out=delta_a_o_all)  # (17)
        delta_a_o_all *= tanh_c_all
        delta_a_o_all *= o_all
        np.square(tanh_c_all, out=factor_1_all)  # (18)
        np.subtract(1, factor_1_all, out=factor_1_all)
        factor_1_all *= o_all
        np.square(g_all, out=delta_a_g_all)  # (20)
        np.subtract(1, delta_a_g_all, out=delta_a_g_all)
        delta_a_g_all *= i_all
        np.subtract(1, f_all, out=delta_a_f_all)  # (22)
        delta_a_f_all *= c_held_states[:-1]
        delta_a_f_all *= f_all
        np.subtract(1, i_all, out=delta_a_i_all)  # (24)
        delta_a_i_all *= i_all
        delta_a_i_all *= g_all
        np.subtract(1, above_keep_all, out=factor_2_all)  # (25)
        carry_h = np.array(d_final_state["h"])
        carry_c = np.array(d_final_state["c"])
        for (
            delta_net, delta_gates, f, upstream_h, delta_a_o, above_keep, factor_1, factor_2
        ) in zip(
            delta_block[::-1],
            delta_gates_all[::-1],
            f_all[::-1],
            d_outputs[::-1],
            delta_a_o_all[::-1],
            above_keep_all[::-1],
            factor_1_all[::-1],
            factor_2_all[::-1],
            strict=True,
        ):
            np.copyto(delta_c_held, carry_c)  # (13)
            np.copyto(delta_h_held, carry_h)  # (14)
            np.multiply(delta_h_held, above_keep[..., None], out=delta_h)  # (15)
            delta_h += upstream_h
            delta_a_o *= delta_h  # (17)
            np.multiply(delta_c_held, above_keep[..., None], out=delta_c)  # (18)
            np.multiply(delta_h, factor_1, out=spare_1)
            delta_c += spare_1
            delta_gates *= delta_c[:, None]  # (20) (22) (24)
            np.matmul(delta_net, weight_h_prev, out=carry_h)  # (25)
            np.multiply(delta_h_held, factor_2[..., None], out=spare_1)
            carry_h += spare_1
            np.multiply(delta_c, f, out=carry_c)  # (26)
            np.multiply(delta_c_held, factor_2[..., None], out=spare_1)
            carry_c += spare_1
        grad_weight_x_t = rows(delta_block).T @ rows(x["x"])
        grad_weight_h_prev = rows(delta_block).T @ rows(h_held_states[:-1])
        grad_net = rows(delta_block).sum(axis=0)
        grads = {
            "W_i": grad_weight_x_t[n:2 * n],  # (27)
            "R_i": grad_weight_h_prev[n:2 * n],  # (28)
            "b_i": grad_net[n:2 * n],  # (29)
            "W_f": grad_weight_x_t[2 * n:3 * n],  # (30)
            "R_f": grad_weight_h_prev[2 * n:3 * n],  # (31)
            "b_f": grad_net[2 * n:3 * n],  # (32)
            "W_g": grad_weight_x_t[3 * n:4 * n],  # (33)
            "R_g": grad_weight_h_prev[3 * n:4 * n],  # (34)
            "b_g": grad_net[3 * n:4 * n],  # (35)
            "W_o": grad_weight_x_t[:n],  # (36)
            "R_o": grad_weight_h_prev[:n],  # (37)
            "b_o": grad_net[:n],  # (38)
        }
        d_x = {
            "x": product(delta_block, weight_x_t.T),
            "keep": np.array(np.zeros((T, N), dtype=d_outputs.dtype)),
        }
        return grads, d_x, {"h": carry_h, "c": carry_c}

    return pack, forward, backward


def make_surprise():
    """The passes of surprise."""

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
        u_surprise_all = product(x["h"], V) + c  # (1)
        surprise_all = cross_entropy(u_surprise_all, x["words_one_hot"])  # (2)
        outputs = np.array(surprise_all)
        kept = {name: packed[name] for name in ("params",)}
        return outputs, {}, (kept, x, u_surprise_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, u_surprise_all = tape
        params = packed["params"]
        V = params["V"]
        delta_surprise_all = d_outputs  # (3)
        delta_u_surprise_all = delta_surprise_all[..., None] * (softmax(u_surprise_all) - x["words_one_hot"])  # (4)
        grads = {
            "V": rows(delta_u_surprise_all).T @ rows(x["h"]),  # (5)
            "c": delta_u_surprise_all.sum(axis=(0, 1)),  # (6)
        }
        d_x = {
            "h": np.array(product(delta_u_surprise_all, V.T)),
            "words_one_hot": np.array(-delta_surprise_all[..., None] * u_surprise_all),
        }
        return grads, d_x, {}

    return pack, forward, backward


lstm_pack, lstm_forward, lstm_backward = make_lstm()
surprise_pack, surprise_forward, surprise_backward = make_surprise()


def forward(params, x):
    """A dict of outputs, and the tape that `backward` reads."""
    values, tapes, sizes = dict(x), {}, {}
    sizes["T"] = x["words"].shape[0]
    sizes["N"] = x["words"].shape[1]
    sizes["h.n"] = params["h.W_i"].shape[0]
    sizes["h.m"] = params["h.W_i"].shape[1]
    sizes["K"] = params["E"].shape[0]
    like = next(iter(params.values()))
    values["e"] = look_up(params["E"], values["words"], values["n"])
    values["e_prev"] = shift(values["e"], values["n"])
    values["keep_T"] = steps_of(values["n"], sizes["T"], like.dtype)
    # h: lstm over T
    own = {
        "W_i": params["h.W_i"],
        "R_i": params["h.R_i"],
        "b_i": params["h.b_i"],
        "W_f": params["h.W_f"],
        "R_f": params["h.R_f"],
        "b_f": params["h.b_f"],
        "W_g": params["h.W_g"],
        "R_g": params["h.R_g"],
        "b_g": params["h.b_g"],
        "W_o": params["h.W_o"],
        "R_o": params["h.R_o"],
        "b_o": params["h.b_o"],
    }
    inputs = {"x": values["e_prev"], "keep": values["keep_T"]}
    state = {
        "h": np.zeros((sizes["N"], sizes["h.n"]), like.dtype),
        "c": np.zeros((sizes["N"], sizes["h.n"]), like.dtype),
    }
    outputs, final, tapes["h"] = lstm_forward(lstm_pack(own), inputs, state)
    values["h"] = outputs
    values["words_one_hot"] = unit_vectors(values["words"], sizes["K"], like.dtype)
    # surprise: surprise over T
    own = {"V": params["V"], "c": params["c"]}
    inputs = {"h": values["h"], "words_one_hot": values["words_one_hot"]}
    state = {}
    outputs, final, tapes["surprise"] = surprise_forward(surprise_pack(own), inputs, state)
    values["surprise"] = outputs
    values["nll"] = sum_over(values["surprise"], values["n"])
    weights = values["keep_T"]
    weights = weights / weights.sum()
    loss = np.where(weights != 0, values["surprise"], 0) * weights
    loss = float(loss.sum())
    return {"loss": loss, "nll": values["nll"]}, (params, values, tapes, sizes)


def backward(tape, d_outputs={"loss": 1.0}):
    """Gradients by the parameters and by the inputs."""
    params, values, tapes, sizes = tape
    like = next(iter(params.values()))
    received = {}
    given = {name: np.zeros_like(value) for name, value in params.items()}
    weights = values["keep_T"]
    weights = weights / weights.sum()
    received["surprise"] = d_outputs.get("loss", 0.0) * weights
    received["nll"] = d_outputs.get("nll", 0.0) + np.zeros_like(values["nll"])
    received["surprise"] = received["surprise"] + sum_over_back(received["nll"], values["surprise"], values["n"])
    # surprise
    final = {}
    d_own, d_in, d_state = surprise_backward(tapes["surprise"], received["surprise"], final)
    given["V"] += d_own["V"]
    given["c"] += d_own["c"]
    received["h"] = d_in["h"]
    # h
    final = {
        "h": np.zeros((sizes["N"], sizes["h.n"]), like.dtype),
        "c": np.zeros((sizes["N"], sizes["h.n"]), like.dtype),
    }
    d_own, d_in, d_state = lstm_backward(tapes["h"], received["h"], final)
    given["h.W_i"] += d_own["W_i"]
    given["h.R_i"] += d_own["R_i"]
    given["h.b_i"] += d_own["b_i"]
    given["h.W_f"] += d_own["W_f"]
    given["h.R_f"] += d_own["R_f"]
    given["h.b_f"] += d_own["b_f"]
    given["h.W_g"] += d_own["W_g"]
    given["h.R_g"] += d_own["R_g"]
    given["h.b_g"] += d_own["b_g"]
    given["h.W_o"] += d_own["W_o"]
    given["h.R_o"] += d_own["R_o"]
    given["h.b_o"] += d_own["b_o"]
    received["e_prev"] = d_in["x"]
    received["e"] = shift_back(received["e_prev"], values["e"], values["n"])
    given["E"] += look_up_back(received["e"], values["words"], params["E"], values["n"])
    return given, {}
