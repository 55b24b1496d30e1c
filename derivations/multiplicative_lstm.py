"""multiplicative_lstm: forward and backward pass in NumPy, derived by symrnn.

Multiplicative LSTM, often mLSTM (Krause, Lu, Murray & Renals 2016).

params: W_q (p, m); R_q (p, n); W_i, W_f, W_g, W_o (n, m); R_i, R_f, R_g, R_o (n, p); b_i, b_f, b_g, b_o (n,)
x: x (T, N, m)
state: h (N, n); c (N, n)
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


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    R_q = params["R_q"]
    W_i = params["W_i"]
    R_i = params["R_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    return {
        "params": params,
        "weight_h_prev": R_q,
        "weight_x_t": np.concatenate([W_o, W_i, W_f, W_g]),
        "weight_x_t_half": np.concatenate([0.5 * W_o, 0.5 * W_i, 0.5 * W_f, W_g]),
        "weight_q": np.concatenate([R_o, R_i, R_f, R_g]),
        "weight_q_half": np.concatenate([0.5 * R_o, 0.5 * R_i, 0.5 * R_f, R_g]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    b_i = params["b_i"]
    b_f = params["b_f"]
    b_g = params["b_g"]
    b_o = params["b_o"]
    weight_h_prev = packed["weight_h_prev"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_q_half = packed["weight_q_half"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    p = params["W_q"].shape[0]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 4 * n + p), x)
    v_all = block[..., :p]
    o_all = block[..., p:n + p]
    i_all = block[..., n + p:2 * n + p]
    f_all = block[..., 2 * n + p:3 * n + p]
    g_all = block[..., 3 * n + p:4 * n + p]
    q_all = array(work, "q_all", (T, N, p), x)
    tanh_c_all = array(work, "tanh_c_all", (T, N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, p), x)
    sums_q = array(work, "sums_q", (N, 4 * n), x)
    spare_3 = array(work, "spare_3", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    u_all = product(x, W_q)  # (1)
    input_sums = product(x, weight_x_t_half)
    o_all[...] = input_sums[..., :n]
    i_all[...] = input_sums[..., n:2 * n]
    f_all[...] = input_sums[..., 2 * n:3 * n]
    g_all[...] = input_sums[..., 3 * n:4 * n]
    v_all[...] = 0
    o_all += 0.5 * b_o
    i_all += 0.5 * b_i
    f_all += 0.5 * b_f
    g_all += b_g
    for net, h_prev, c_prev, u, v, q, i, f, g, c, o, h, tanh_c in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        u_all,
        v_all,
        q_all,
        i_all,
        f_all,
        g_all,
        c_states[1:],
        o_all,
        h_states[1:],
        tanh_c_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (2)
        np.add(net[..., :p], sums_h_prev, out=net[..., :p])
        np.multiply(u, v, out=q)  # (3)
        np.matmul(q, weight_q_half.T, out=sums_q)  # (4) (6) (8) (11)
        np.add(net[..., p:4 * n + p], sums_q, out=net[..., p:4 * n + p])
        np.tanh(i, out=i)  # (5)
        i *= 0.5
        i += 0.5
        np.tanh(f, out=f)  # (7)
        f *= 0.5
        f += 0.5
        np.tanh(g, out=g)  # (9)
        np.multiply(c_prev, f, out=c)  # (10)
        np.multiply(i, g, out=spare_3)
        c += spare_3
        np.tanh(o, out=o)  # (12)
        o *= 0.5
        o += 0.5
        np.tanh(c, out=tanh_c)
        np.multiply(tanh_c, o, out=h)  # (13)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_h_prev", "weight_x_t", "weight_q")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, u_all, block, q_all, tanh_c_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, u_all, block, q_all, tanh_c_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    weight_h_prev = packed["weight_h_prev"]
    weight_x_t = packed["weight_x_t"]
    weight_q = packed["weight_q"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    p = params["W_q"].shape[0]
    v_all = block[..., :p]
    o_all = block[..., p:n + p]
    i_all = block[..., n + p:2 * n + p]
    f_all = block[..., 2 * n + p:3 * n + p]
    g_all = block[..., 3 * n + p:4 * n + p]
    delta_block = array(work, "delta_block", (T, N, 4 * n + p), d_outputs)
    delta_v_all = delta_block[..., :p]
    delta_a_o_all = delta_block[..., p:n + p]
    delta_a_i_all = delta_block[..., n + p:2 * n + p]
    delta_a_f_all = delta_block[..., 2 * n + p:3 * n + p]
    delta_a_g_all = delta_block[..., 3 * n + p:4 * n + p]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_q_all = array(work, "delta_q_all", (T, N, p), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block[..., n + p:4 * n + p].reshape(T, N, 3, n)
    np.subtract(1, o_all, out=delta_a_o_all)  # (16)
    delta_a_o_all *= tanh_c_all
    delta_a_o_all *= o_all
    np.square(tanh_c_all, out=factor_1_all)  # (17)
    np.subtract(1, factor_1_all, out=factor_1_all)
    factor_1_all *= o_all
    np.square(g_all, out=delta_a_g_all)  # (19)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= i_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (21)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    np.subtract(1, i_all, out=delta_a_i_all)  # (23)
    delta_a_i_all *= i_all
    delta_a_i_all *= g_all
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for delta_net, delta_gates, u, f, upstream_h, delta_a_o, delta_q, delta_v, factor_1 in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        u_all[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_a_o_all[::-1],
        delta_q_all[::-1],
        delta_v_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (14)
        delta_a_o *= delta_h  # (16)
        np.multiply(delta_h, factor_1, out=delta_c)  # (17)
        delta_c += carry_c
        delta_gates *= delta_c[:, None]  # (19) (21) (23)
        np.matmul(delta_net[..., p:4 * n + p], weight_q, out=delta_q)  # (24)
        np.multiply(delta_q, u, out=delta_v)  # (25)
        np.matmul(delta_net[..., :p], weight_h_prev, out=carry_h)  # (27)
        np.multiply(delta_c, f, out=carry_c)  # (28)
    delta_u_all = delta_q_all * v_all  # (26)
    grad_weight_x_t = rows(delta_block[..., p:4 * n + p]).T @ rows(x)
    grad_weight_q = rows(delta_block[..., p:4 * n + p]).T @ rows(q_all)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_q": rows(delta_u_all).T @ rows(x),  # (29)
        "R_q": rows(delta_v_all).T @ rows(h_states[:-1]),  # (30)
        "W_i": grad_weight_x_t[n:2 * n],  # (31)
        "R_i": grad_weight_q[n:2 * n],  # (32)
        "b_i": grad_net[n + p:2 * n + p],  # (33)
        "W_f": grad_weight_x_t[2 * n:3 * n],  # (34)
        "R_f": grad_weight_q[2 * n:3 * n],  # (35)
        "b_f": grad_net[2 * n + p:3 * n + p],  # (36)
        "W_g": grad_weight_x_t[3 * n:4 * n],  # (37)
        "R_g": grad_weight_q[3 * n:4 * n],  # (38)
        "b_g": grad_net[3 * n + p:4 * n + p],  # (39)
        "W_o": grad_weight_x_t[:n],  # (40)
        "R_o": grad_weight_q[:n],  # (41)
        "b_o": grad_net[p:n + p],  # (42)
    }
    d_x = product(delta_block[..., p:4 * n + p], weight_x_t.T) + product(delta_u_all, W_q.T)
    return grads, d_x, {"h": carry_h, "c": carry_c}


def loss(arrays, d_outputs, d_final_state):
    """A number that depends on everything: outputs and final state, weighted."""
    params, x, state = arrays
    outputs, final_state, _ = forward(pack(params), x, state)
    total = (d_outputs * outputs).sum()
    return total + sum((d_final_state[name] * final_state[name]).sum() for name in final_state)


def slope(arrays, array, index, d_outputs, d_final_state):
    """The derivative of the loss by one entry: its imaginary part after a tiny imaginary step."""
    kept = array[index]
    array[index] = kept + 1e-30j
    result = loss(arrays, d_outputs, d_final_state).imag / 1e-30
    array[index] = kept
    return result


def check(T=3, N=2, m=4, n=6, p=3):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_q": draw((p, m)) / (m) ** 0.5,
        "R_q": draw((p, n)) / (n) ** 0.5,
        "W_i": draw((n, m)) / (m) ** 0.5,
        "R_i": draw((n, p)) / (p) ** 0.5,
        "b_i": draw((n,)),
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, p)) / (p) ** 0.5,
        "b_f": draw((n,)),
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, p)) / (p) ** 0.5,
        "b_g": draw((n,)),
        "W_o": draw((n, m)) / (m) ** 0.5,
        "R_o": draw((n, p)) / (p) ** 0.5,
        "b_o": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "c": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "c": draw((N, n))}
    _, _, tape = forward(pack(params), x, state)
    grads, d_x, d_state = backward(tape, d_outputs, d_final_state)
    params = {name: value.astype(complex) for name, value in params.items()}
    x = x.astype(complex)
    state = {name: value.astype(complex) for name, value in state.items()}
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
    print(f"largest relative error against complex step: {error:.1e}")
    raise SystemExit(error > 1e-10)
