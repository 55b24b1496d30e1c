"""brnn_tagger: the loss and all gradients in NumPy, derived by symrnn.

Bidirectional tagger: what came before a word, and what comes after it (Schuster & Paliwal 1997).

params: f.W (f.n, f.m); f.R (f.n, f.n); f.b (f.n,); b.W (b.n, f.m); b.R (b.n, b.n); b.b (b.n,); E
  (K, f.m); V (C, b.n + f.n); c (C,)
x: words (T, N); n (N,); tags (T, N)
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


def steps_of(lengths: Any, T: Any, dtype: Any) -> Any:
    """1 at the steps of each sequence, 0 behind its end: (T, N)."""
    return (np.arange(T)[:, None] < lengths).astype(dtype)


def reverse(value: Any, lengths: Any = None) -> Any:
    """The steps from the last to the first; those behind a sequence's end stay where they are. Its own inverse."""
    if lengths is None:
        return value[::-1]
    step = np.arange(len(value))[:, None]
    return value[np.where(step < lengths, lengths - 1 - step, step), np.arange(len(lengths))]


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


    def above(a, b):
        """1 where a > b, 0 elsewhere, in the type of the operands."""
        return (a > b).astype(np.result_type(a, b))


    def where(condition, a, b):
        """a where the condition is 1, b elsewhere, in the type of all three."""
        return np.where(condition > 0, a, b).astype(np.result_type(condition, a, b), copy=False)


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
        T, N = x["x"].shape[:2]
        n = state["h"].shape[1]
        h_held_states = array(work, "h_held_states", (T + 1, N, n), x["x"])
        block = array(work, "block", (T, N, n), x["x"])
        h_all = block[..., :n]
        sums_h_prev = array(work, "sums_h_prev", (N, n), x["x"])
        h_held_states[0] = state["h"]
        above_keep_all = above(x["keep"], 0)
        np.matmul(rows(x["x"]), weight_x_t.T, out=rows(block))  # (1)
        block += net_bias
        for net, h_prev, h, h_held, above_keep in zip(
            block,
            h_held_states[:-1],
            h_all,
            h_held_states[1:],
            above_keep_all,
            strict=True,
        ):
            np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (1)
            np.add(net, sums_h_prev, out=net)
            np.tanh(net, out=net)  # (2)
            np.copyto(h_held, where(above_keep[..., None], h, h_prev))  # (3)
        outputs = np.array(h_all)
        kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev")}
        return outputs, {"h": h_held_states[-1].copy()}, (kept, x, h_held_states, block, above_keep_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, h_held_states, block, above_keep_all = tape
        work = {} if work is None else work
        weight_x_t = packed["weight_x_t"]
        weight_h_prev = packed["weight_h_prev"]
        T, N = x["x"].shape[:2]
        n = d_final_state["h"].shape[1]
        h_all = block[..., :n]
        delta_block = array(work, "delta_block", (T, N, n), d_outputs)
        delta_a_h_all = delta_block[..., :n]
        delta_h_held = array(work, "delta_h_held", (N, n), d_outputs)
        delta_h = array(work, "delta_h", (N, n), d_outputs)
        factor_1_all = array(work, "factor_1_all", (T, N), d_outputs)
        spare_1 = array(work, "spare_1", (N, n), d_outputs)
        np.square(h_all, out=delta_a_h_all)  # (6)
        np.subtract(1, delta_a_h_all, out=delta_a_h_all)
        np.subtract(1, above_keep_all, out=factor_1_all)  # (7)
        carry_h = np.array(d_final_state["h"])
        for delta_net, upstream_h, delta_a_h, above_keep, factor_1 in zip(
            delta_block[::-1],
            d_outputs[::-1],
            delta_a_h_all[::-1],
            above_keep_all[::-1],
            factor_1_all[::-1],
            strict=True,
        ):
            np.copyto(delta_h_held, carry_h)  # (4)
            np.multiply(delta_h_held, above_keep[..., None], out=delta_h)  # (5)
            delta_h += upstream_h
            delta_a_h *= delta_h  # (6)
            np.matmul(delta_net, weight_h_prev, out=carry_h)  # (7)
            np.multiply(delta_h_held, factor_1[..., None], out=spare_1)
            carry_h += spare_1
        grads = {
            "W": rows(delta_a_h_all).T @ rows(x["x"]),  # (8)
            "R": rows(delta_a_h_all).T @ rows(h_held_states[:-1]),  # (9)
            "b": delta_a_h_all.sum(axis=(0, 1)),  # (10)
        }
        d_x = {
            "x": product(delta_block, weight_x_t.T),
            "keep": np.array(np.zeros((T, N), dtype=d_outputs.dtype)),
        }
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
        u_loss_2_all = np.concatenate([x["f"], x["b"]], axis=-1)  # (1)
        u_loss_all = product(u_loss_2_all, V) + c  # (2)
        loss_all = cross_entropy(u_loss_all, x["tags_one_hot"])  # (3)
        outputs = np.array(loss_all)
        kept = {name: packed[name] for name in ("params",)}
        return outputs, {}, (kept, x, u_loss_all, u_loss_2_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, u_loss_all, u_loss_2_all = tape
        params = packed["params"]
        V = params["V"]
        f_n = x["f"].shape[2]
        b_n = x["b"].shape[2]
        delta_loss_all = d_outputs  # (4)
        delta_u_loss_all = delta_loss_all[..., None] * (softmax(u_loss_all) - x["tags_one_hot"])  # (5)
        delta_u_loss_2_all = product(delta_u_loss_all, V.T)  # (6)
        grads = {
            "V": rows(delta_u_loss_all).T @ rows(u_loss_2_all),  # (7)
            "c": delta_u_loss_all.sum(axis=(0, 1)),  # (8)
        }
        d_x = {
            "f": np.array(delta_u_loss_2_all[..., :f_n]),
            "b": np.array(delta_u_loss_2_all[..., f_n:b_n + f_n]),
            "tags_one_hot": np.array(-delta_loss_all[..., None] * u_loss_all),
        }
        return grads, d_x, {}

    return pack, forward, backward


rnn_pack, rnn_forward, rnn_backward = make_rnn()
loss_pack, loss_forward, loss_backward = make_loss()


def forward(params, x):
    """The loss, and the tape that `backward` reads."""
    values, tapes, sizes = dict(x), {}, {}
    sizes["T"] = x["words"].shape[0]
    sizes["N"] = x["words"].shape[1]
    sizes["f.n"] = params["f.W"].shape[0]
    sizes["f.m"] = params["f.W"].shape[1]
    sizes["b.n"] = params["b.W"].shape[0]
    sizes["K"] = params["E"].shape[0]
    sizes["C"] = params["V"].shape[0]
    like = next(iter(params.values()))
    values["e"] = look_up(params["E"], values["words"], values["n"])
    values["keep_T"] = steps_of(values["n"], sizes["T"], like.dtype)
    # f: rnn over T
    own = {"W": params["f.W"], "R": params["f.R"], "b": params["f.b"]}
    inputs = {"x": values["e"], "keep": values["keep_T"]}
    state = {"h": np.zeros((sizes["N"], sizes["f.n"]), like.dtype)}
    outputs, final, tapes["f"] = rnn_forward(rnn_pack(own), inputs, state)
    values["f"] = outputs
    # b: rnn over T, from the end
    own = {"W": params["b.W"], "R": params["b.R"], "b": params["b.b"]}
    inputs = {
        "x": reverse(values["e"], values["n"]),
        "keep": reverse(values["keep_T"], values["n"]),
    }
    state = {"h": np.zeros((sizes["N"], sizes["b.n"]), like.dtype)}
    outputs, final, tapes["b"] = rnn_forward(rnn_pack(own), inputs, state)
    values["b"] = reverse(outputs, values["n"])
    values["tags_one_hot"] = unit_vectors(values["tags"], sizes["C"], like.dtype)
    # loss: loss over T
    own = {"V": params["V"], "c": params["c"]}
    inputs = {"f": values["f"], "b": values["b"], "tags_one_hot": values["tags_one_hot"]}
    state = {}
    outputs, final, tapes["loss"] = loss_forward(loss_pack(own), inputs, state)
    values["loss"] = outputs
    weights = values["keep_T"]
    weights = weights / weights.sum()
    loss = np.where(weights != 0, values["loss"], 0) * weights
    loss = float(loss.sum())
    return loss, (params, values, tapes, sizes)


def backward(tape, d_outputs=1.0):
    """Gradients by the parameters and by the inputs."""
    params, values, tapes, sizes = tape
    like = next(iter(params.values()))
    received = {}
    given = {name: np.zeros_like(value) for name, value in params.items()}
    weights = values["keep_T"]
    weights = weights / weights.sum()
    received["loss"] = d_outputs * weights
    # loss
    final = {}
    d_own, d_in, d_state = loss_backward(tapes["loss"], received["loss"], final)
    given["V"] += d_own["V"]
    given["c"] += d_own["c"]
    received["f"] = d_in["f"]
    received["b"] = d_in["b"]
    # b
    final = {"h": np.zeros((sizes["N"], sizes["b.n"]), like.dtype)}
    d_own, d_in, d_state = rnn_backward(tapes["b"], reverse(received["b"], values["n"]), final)
    given["b.W"] += d_own["W"]
    given["b.R"] += d_own["R"]
    given["b.b"] += d_own["b"]
    received["e"] = reverse(d_in["x"], values["n"])
    # f
    final = {"h": np.zeros((sizes["N"], sizes["f.n"]), like.dtype)}
    d_own, d_in, d_state = rnn_backward(tapes["f"], received["f"], final)
    given["f.W"] += d_own["W"]
    given["f.R"] += d_own["R"]
    given["f.b"] += d_own["b"]
    received["e"] = received["e"] + d_in["x"]
    given["E"] += look_up_back(received["e"], values["words"], params["E"], values["n"])
    return given, {}
