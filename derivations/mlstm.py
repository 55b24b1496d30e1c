"""mlstm: forward and backward pass in NumPy, derived by symrnn.

mLSTM of xLSTM, as its formulas read before they are stabilised (Beck et al. 2024).

params: W_q, W_k (d, m); b_q, b_k (d,); W_v, W_o (n, m); b_v, b_o (n,); w_i, w_f (m,); b_i, b_f ()
x: x (T, N, m)
state: C (N, n, d); n (N, d)
outputs: h (T, N, n)
"""

import numpy as np


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


def prefers(a, b):
    """1 where a > b, 1/2 at a tie, 0 elsewhere."""
    return 0.5 * (np.sign(a - b) + 1)


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    return {
        "params": params,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    b_q = params["b_q"]
    W_k = params["W_k"]
    b_k = params["b_k"]
    W_v = params["W_v"]
    b_v = params["b_v"]
    w_i = params["w_i"]
    b_i = params["b_i"]
    w_f = params["w_f"]
    b_f = params["b_f"]
    W_o = params["W_o"]
    b_o = params["b_o"]
    T, N = x.shape[:2]
    dim_n = state["C"].shape[1]
    d = state["C"].shape[2]
    C_states = array(work, "C_states", (T + 1, N, dim_n, d), x)
    n_states = array(work, "n_states", (T + 1, N, d), x)
    spare_1 = array(work, "spare_1", (N, dim_n, d), x)
    spare_2 = array(work, "spare_2", (N, d), x)
    C_states[0] = state["C"]
    n_states[0] = state["n"]
    q_all = product(x, W_q) + b_q  # (1)
    k_all = product(x, W_k) + b_k  # (2)
    v_all = product(x, W_v) + b_v  # (3)
    u_i_all = np.einsum("i,...i->...", w_i, x)  # (4)
    i_all = np.exp(b_i + u_i_all)  # (5)
    a_f_all = np.einsum("i,...i->...", w_f, x) + b_f  # (6)
    f_all = sigmoid(a_f_all)  # (7)
    a_o_all = product(x, W_o) + b_o  # (8)
    o_all = sigmoid(a_o_all)  # (9)
    u_C_all = np.einsum("...i,...j->...ij", v_all, k_all)  # (10)
    for C_prev, n_prev, k, i, f, C, n, u_C in zip(
        C_states[:-1],
        n_states[:-1],
        k_all,
        i_all,
        f_all,
        C_states[1:],
        n_states[1:],
        u_C_all,
        strict=True,
    ):
        np.multiply(C_prev, f[..., None, None], out=C)  # (11)
        np.multiply(i[..., None, None], u_C, out=spare_1)
        C += spare_1
        np.multiply(n_prev, f[..., None], out=n)  # (12)
        np.multiply(k, i[..., None], out=spare_2)
        n += spare_2
    u_y_all = np.einsum("...ij,...j->...i", C_states[1:], q_all)  # (13)
    u_y_2_all = np.einsum("...i,...i->...", n_states[1:], q_all)  # (14)
    absolute_u_y_2_all = np.abs(u_y_2_all)
    maximum_u_y_2_all = np.maximum(absolute_u_y_2_all, 1)
    y_all = u_y_all / maximum_u_y_2_all[..., None]  # (15)
    h_all = o_all * y_all  # (16)
    outputs = np.array(h_all)
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"C": C_states[-1].copy(), "n": n_states[-1].copy()}, (kept, x, C_states, n_states, q_all, k_all, v_all, i_all, f_all, o_all, y_all, u_C_all, u_y_all, u_y_2_all, absolute_u_y_2_all, maximum_u_y_2_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, C_states, n_states, q_all, k_all, v_all, i_all, f_all, o_all, y_all, u_C_all, u_y_all, u_y_2_all, absolute_u_y_2_all, maximum_u_y_2_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    w_i = params["w_i"]
    w_f = params["w_f"]
    W_o = params["W_o"]
    T, N = x.shape[:2]
    dim_n = d_final_state["C"].shape[1]
    d = d_final_state["C"].shape[2]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    delta_y = array(work, "delta_y", (N, dim_n), d_outputs)
    delta_u_y_2_all = array(work, "delta_u_y_2_all", (T, N), d_outputs)
    delta_u_y_all = array(work, "delta_u_y_all", (T, N, dim_n), d_outputs)
    delta_n_all = array(work, "delta_n_all", (T, N, d), d_outputs)
    delta_C_all = array(work, "delta_C_all", (T, N, dim_n, d), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N), d_outputs)
    spare_1 = array(work, "spare_1", (N,), d_outputs)
    np.divide(1, maximum_u_y_2_all, out=factor_1_all)  # (20)
    carry_C = np.array(d_final_state["C"])
    carry_n = np.array(d_final_state["n"])
    for (
        q, f, o, u_y, u_y_2, upstream_h, delta_h, delta_u_y_2, delta_u_y, delta_n, delta_C, absolute_u_y_2, maximum_u_y_2, factor_1
    ) in zip(
        q_all[::-1],
        f_all[::-1],
        o_all[::-1],
        u_y_all[::-1],
        u_y_2_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_u_y_2_all[::-1],
        delta_u_y_all[::-1],
        delta_n_all[::-1],
        delta_C_all[::-1],
        absolute_u_y_2_all[::-1],
        maximum_u_y_2_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.copyto(delta_h, upstream_h)  # (17)
        np.multiply(delta_h, o, out=delta_y)  # (18)
        np.copyto(delta_u_y_2, np.einsum("...i,...i->...", delta_y, u_y))  # (19)
        np.copyto(spare_1, prefers(absolute_u_y_2, 1))
        delta_u_y_2 *= spare_1
        np.sign(u_y_2, out=spare_1)
        delta_u_y_2 *= spare_1
        np.square(maximum_u_y_2, out=spare_1)
        delta_u_y_2 /= spare_1
        np.multiply(delta_u_y_2, -1, out=delta_u_y_2)
        np.multiply(delta_y, factor_1[..., None], out=delta_u_y)  # (20)
        np.multiply(delta_u_y_2[..., None], q, out=delta_n)  # (21)
        delta_n += carry_n
        np.copyto(delta_C, np.einsum("...i,...j->...ij", delta_u_y, q))  # (22)
        delta_C += carry_C
        np.multiply(delta_C, f[..., None, None], out=carry_C)  # (33)
        np.multiply(delta_n, f[..., None], out=carry_n)  # (34)
    delta_u_C_all = delta_C_all * i_all[..., None, None]  # (23)
    delta_a_o_all = delta_h_all * o_all * y_all * (1 - o_all)  # (25)
    delta_f_all = np.einsum("...i,...i->...", delta_n_all, n_states[:-1]) + np.einsum("...ij,...ij->...", delta_C_all, C_states[:-1])  # (26)
    delta_a_f_all = delta_f_all * f_all * (1 - f_all)  # (27)
    delta_i_all = np.einsum("...i,...i->...", delta_n_all, k_all) + np.einsum("...ij,...ij->...", delta_C_all, u_C_all)  # (28)
    delta_u_i_all = delta_i_all * i_all  # (29)
    delta_v_all = np.einsum("...ij,...j->...i", delta_u_C_all, k_all)  # (30)
    delta_k_all = delta_n_all * i_all[..., None] + np.einsum("...ij,...j->...i", np.swapaxes(delta_u_C_all, -1, -2), v_all)  # (31)
    delta_q_all = delta_u_y_2_all[..., None] * n_states[1:] + np.einsum("...ij,...j->...i", np.swapaxes(C_states[1:], -1, -2), delta_u_y_all)  # (32)
    grads = {
        "W_q": rows(delta_q_all).T @ rows(x),  # (35)
        "b_q": delta_q_all.sum(axis=(0, 1)),  # (36)
        "W_k": rows(delta_k_all).T @ rows(x),  # (37)
        "b_k": delta_k_all.sum(axis=(0, 1)),  # (38)
        "W_v": rows(delta_v_all).T @ rows(x),  # (39)
        "b_v": delta_v_all.sum(axis=(0, 1)),  # (40)
        "w_i": (delta_u_i_all[..., None] * x).sum(axis=(0, 1)),  # (41)
        "b_i": (delta_i_all * i_all).sum(axis=(0, 1)),  # (42)
        "w_f": (delta_a_f_all[..., None] * x).sum(axis=(0, 1)),  # (43)
        "b_f": delta_a_f_all.sum(axis=(0, 1)),  # (44)
        "W_o": rows(delta_a_o_all).T @ rows(x),  # (45)
        "b_o": delta_a_o_all.sum(axis=(0, 1)),  # (46)
    }
    d_x = np.array(product(delta_q_all, W_q.T) + product(delta_k_all, W_k.T) + product(delta_v_all, W_v.T) + w_i * delta_u_i_all[..., None] + w_f * delta_a_f_all[..., None] + product(delta_a_o_all, W_o.T))
    return grads, d_x, {"C": carry_C, "n": carry_n}


def loss(arrays, d_outputs, d_final_state):
    """A number that depends on everything: outputs and final state, weighted."""
    params, x, state = arrays
    outputs, final_state, _ = forward(pack(params), x, state)
    total = (d_outputs * outputs).sum()
    return total + sum((d_final_state[name] * final_state[name]).sum() for name in final_state)


def slope(arrays, array, index, d_outputs, d_final_state):
    """The derivative of the loss by one entry: five-point differences."""
    kept, losses = array[index], []
    for step in (-2, -1, 1, 2):
        array[index] = kept + 1e-4 * step
        losses.append(loss(arrays, d_outputs, d_final_state))
    array[index] = kept
    return (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / 12e-4


def check(T=3, N=2, m=4, n=6, d=3):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_q": draw((d, m)) / (m) ** 0.5,
        "b_q": draw((d,)),
        "W_k": draw((d, m)) / (m) ** 0.5,
        "b_k": draw((d,)),
        "W_v": draw((n, m)) / (m) ** 0.5,
        "b_v": draw((n,)),
        "w_i": draw((m,)),
        "b_i": np.array(draw()),
        "w_f": draw((m,)),
        "b_f": np.array(draw()),
        "W_o": draw((n, m)) / (m) ** 0.5,
        "b_o": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"C": draw((N, n, d)), "n": draw((N, d))}
    d_outputs = draw((T, N, n))
    d_final_state = {"C": draw((N, n, d)), "n": draw((N, d))}
    _, _, tape = forward(pack(params), x, state)
    grads, d_x, d_state = backward(tape, d_outputs, d_final_state)
    pairs = [(params[name], grads[name]) for name in params]
    pairs += [(x, d_x)]
    pairs += [(state[name], d_state[name]) for name in state]
    worst = 0.0
    for array, gradient in pairs:
        scale = max(1e-3, float(np.abs(gradient).max()))
        for index in np.ndindex(*array.shape):
            expected = slope((params, x, state), array, index, d_outputs, d_final_state)
            worst = max(worst, float(abs(gradient[index] - expected)) / scale)
    return worst


if __name__ == "__main__":
    error = check()
    print(f"largest relative error against differences: {error:.1e}")
    raise SystemExit(error > 1e-6)
