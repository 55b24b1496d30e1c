"""mlstm_stabilised: forward and backward pass in NumPy, derived by symrnn.

mLSTM of xLSTM, stabilised, as it is run (Beck et al. 2024).

params: W_q, W_k (d, m); b_q, b_k (d,); W_v, W_o (n, m); b_v, b_o (n,); w_i, w_f (m,); b_i, b_f ()
x: x (T, N, m)
state: C (N, n, d); n (N, d); m (N,)
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
    m_states = array(work, "m_states", (T + 1, N), x)
    s_all = array(work, "s_all", (T, N), x)
    i_all = array(work, "i_all", (T, N), x)
    f_all = array(work, "f_all", (T, N), x)
    spare_1 = array(work, "spare_1", (N, dim_n, d), x)
    spare_2 = array(work, "spare_2", (N, d), x)
    C_states[0] = state["C"]
    n_states[0] = state["n"]
    m_states[0] = state["m"]
    q_all = product(x, W_q) + b_q  # (1)
    k_all = product(x, W_k) + b_k  # (2)
    v_all = product(x, W_v) + b_v  # (3)
    a_i_all = np.einsum("i,...i->...", w_i, x) + b_i  # (4)
    a_f_all = np.einsum("i,...i->...", w_f, x) + b_f  # (5)
    a_o_all = product(x, W_o) + b_o  # (10)
    o_all = sigmoid(a_o_all)  # (11)
    u_C_all = np.einsum("...i,...j->...ij", v_all, k_all)  # (12)
    for C_prev, n_prev, m_prev, k, a_i, a_f, s, m, i, f, C, n, u_C in zip(
        C_states[:-1],
        n_states[:-1],
        m_states[:-1],
        k_all,
        a_i_all,
        a_f_all,
        s_all,
        m_states[1:],
        i_all,
        f_all,
        C_states[1:],
        n_states[1:],
        u_C_all,
        strict=True,
    ):
        np.copyto(s, np.logaddexp(-a_f, 0))  # (6)
        np.subtract(m_prev, s, out=s)
        np.maximum(s, a_i, out=m)  # (7)
        np.subtract(a_i, m, out=i)  # (8)
        np.exp(i, out=i)
        np.subtract(s, m, out=f)  # (9)
        np.exp(f, out=f)
        np.multiply(C_prev, f[..., None, None], out=C)  # (13)
        np.multiply(i[..., None, None], u_C, out=spare_1)
        C += spare_1
        np.multiply(n_prev, f[..., None], out=n)  # (14)
        np.multiply(k, i[..., None], out=spare_2)
        n += spare_2
    u_y_all = np.einsum("...ij,...j->...i", C_states[1:], q_all)  # (15)
    u_y_2_all = np.einsum("...i,...i->...", n_states[1:], q_all)  # (16)
    exp_m_all = np.exp(-m_states[1:])
    absolute_u_y_2_all = np.abs(u_y_2_all)
    maximum_m_u_y_2_all = np.maximum(absolute_u_y_2_all, exp_m_all)
    y_all = u_y_all / maximum_m_u_y_2_all[..., None]  # (17)
    h_all = o_all * y_all  # (18)
    outputs = np.array(h_all)
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"C": C_states[-1].copy(), "n": n_states[-1].copy(), "m": m_states[-1].copy()}, (kept, x, C_states, n_states, q_all, k_all, v_all, a_i_all, a_f_all, s_all, i_all, f_all, o_all, y_all, u_C_all, u_y_all, u_y_2_all, exp_m_all, absolute_u_y_2_all, maximum_m_u_y_2_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, C_states, n_states, q_all, k_all, v_all, a_i_all, a_f_all, s_all, i_all, f_all, o_all, y_all, u_C_all, u_y_all, u_y_2_all, exp_m_all, absolute_u_y_2_all, maximum_m_u_y_2_all = tape
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
    delta_f = array(work, "delta_f", (N,), d_outputs)
    delta_i_all = array(work, "delta_i_all", (T, N), d_outputs)
    delta_m_all = array(work, "delta_m_all", (T, N), d_outputs)
    delta_s_all = array(work, "delta_s_all", (T, N), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N), d_outputs)
    factor_3_all = array(work, "factor_3_all", (T, N), d_outputs)
    factor_4_all = array(work, "factor_4_all", (T, N), d_outputs)
    spare_1 = array(work, "spare_1", (N,), d_outputs)
    np.divide(1, maximum_m_u_y_2_all, out=factor_1_all)  # (22)
    np.multiply(f_all, -1, out=factor_2_all)  # (30)
    np.multiply(i_all, -1, out=factor_3_all)  # (30)
    np.copyto(factor_4_all, prefers(s_all, a_i_all))  # (31)
    carry_C = np.array(d_final_state["C"])
    carry_n = np.array(d_final_state["n"])
    carry_m = np.array(d_final_state["m"])
    for (
        C_prev, n_prev, q, k, f, o, u_C, u_y, u_y_2, upstream_h, delta_h, delta_u_y_2, delta_u_y, delta_n, delta_C, delta_i, delta_m, delta_s, exp_m, absolute_u_y_2, maximum_m_u_y_2, factor_1, factor_2, factor_3, factor_4
    ) in zip(
        C_states[:-1][::-1],
        n_states[:-1][::-1],
        q_all[::-1],
        k_all[::-1],
        f_all[::-1],
        o_all[::-1],
        u_C_all[::-1],
        u_y_all[::-1],
        u_y_2_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_u_y_2_all[::-1],
        delta_u_y_all[::-1],
        delta_n_all[::-1],
        delta_C_all[::-1],
        delta_i_all[::-1],
        delta_m_all[::-1],
        delta_s_all[::-1],
        exp_m_all[::-1],
        absolute_u_y_2_all[::-1],
        maximum_m_u_y_2_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        factor_3_all[::-1],
        factor_4_all[::-1],
        strict=True,
    ):
        np.copyto(delta_h, upstream_h)  # (19)
        np.multiply(delta_h, o, out=delta_y)  # (20)
        np.copyto(delta_u_y_2, np.einsum("...i,...i->...", delta_y, u_y))  # (21)
        np.copyto(spare_1, prefers(absolute_u_y_2, exp_m))
        delta_u_y_2 *= spare_1
        np.sign(u_y_2, out=spare_1)
        delta_u_y_2 *= spare_1
        np.square(maximum_m_u_y_2, out=spare_1)
        delta_u_y_2 /= spare_1
        np.multiply(delta_u_y_2, -1, out=delta_u_y_2)
        np.multiply(delta_y, factor_1[..., None], out=delta_u_y)  # (22)
        np.multiply(delta_u_y_2[..., None], q, out=delta_n)  # (23)
        delta_n += carry_n
        np.copyto(delta_C, np.einsum("...i,...j->...ij", delta_u_y, q))  # (24)
        delta_C += carry_C
        np.copyto(delta_f, np.einsum("...i,...i->...", delta_n, n_prev))  # (28)
        np.copyto(spare_1, np.einsum("...ij,...ij->...", delta_C, C_prev))
        delta_f += spare_1
        np.copyto(delta_i, np.einsum("...i,...i->...", delta_n, k))  # (29)
        np.copyto(spare_1, np.einsum("...ij,...ij->...", delta_C, u_C))
        delta_i += spare_1
        np.copyto(delta_m, np.einsum("...i,...i->...", delta_y, u_y))  # (30)
        delta_m *= exp_m
        np.copyto(spare_1, prefers(exp_m, absolute_u_y_2))
        delta_m *= spare_1
        np.square(maximum_m_u_y_2, out=spare_1)
        delta_m /= spare_1
        np.multiply(delta_f, factor_2, out=spare_1)
        delta_m += spare_1
        np.multiply(delta_i, factor_3, out=spare_1)
        delta_m += spare_1
        delta_m += carry_m
        np.multiply(delta_f, f, out=delta_s)  # (31)
        np.multiply(delta_m, factor_4, out=spare_1)
        delta_s += spare_1
        np.multiply(delta_C, f[..., None, None], out=carry_C)  # (37)
        np.multiply(delta_n, f[..., None], out=carry_n)  # (38)
        np.copyto(carry_m, delta_s)  # (39)
    delta_u_C_all = delta_C_all * i_all[..., None, None]  # (25)
    delta_a_o_all = delta_h_all * o_all * y_all * (1 - o_all)  # (27)
    delta_a_f_all = delta_s_all * sigmoid(-a_f_all)  # (32)
    delta_a_i_all = delta_i_all * i_all + delta_m_all * prefers(a_i_all, s_all)  # (33)
    delta_v_all = np.einsum("...ij,...j->...i", delta_u_C_all, k_all)  # (34)
    delta_k_all = delta_n_all * i_all[..., None] + np.einsum("...ij,...j->...i", np.swapaxes(delta_u_C_all, -1, -2), v_all)  # (35)
    delta_q_all = delta_u_y_2_all[..., None] * n_states[1:] + np.einsum("...ij,...j->...i", np.swapaxes(C_states[1:], -1, -2), delta_u_y_all)  # (36)
    grads = {
        "W_q": rows(delta_q_all).T @ rows(x),  # (40)
        "b_q": delta_q_all.sum(axis=(0, 1)),  # (41)
        "W_k": rows(delta_k_all).T @ rows(x),  # (42)
        "b_k": delta_k_all.sum(axis=(0, 1)),  # (43)
        "W_v": rows(delta_v_all).T @ rows(x),  # (44)
        "b_v": delta_v_all.sum(axis=(0, 1)),  # (45)
        "w_i": (delta_a_i_all[..., None] * x).sum(axis=(0, 1)),  # (46)
        "b_i": delta_a_i_all.sum(axis=(0, 1)),  # (47)
        "w_f": (delta_a_f_all[..., None] * x).sum(axis=(0, 1)),  # (48)
        "b_f": delta_a_f_all.sum(axis=(0, 1)),  # (49)
        "W_o": rows(delta_a_o_all).T @ rows(x),  # (50)
        "b_o": delta_a_o_all.sum(axis=(0, 1)),  # (51)
    }
    d_x = np.array(product(delta_q_all, W_q.T) + product(delta_k_all, W_k.T) + product(delta_v_all, W_v.T) + w_i * delta_a_i_all[..., None] + w_f * delta_a_f_all[..., None] + product(delta_a_o_all, W_o.T))
    return grads, d_x, {"C": carry_C, "n": carry_n, "m": carry_m}


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
    state = {"C": draw((N, n, d)), "n": draw((N, d)), "m": draw((N,))}
    d_outputs = draw((T, N, n))
    d_final_state = {"C": draw((N, n, d)), "n": draw((N, d)), "m": draw((N,))}
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
