"""working_memory_lstm: forward and backward pass in NumPy, derived by symrnn.

LSTM with working memory connections (Landi, Baraldi, Cornia & Cucchiara 2021).

params: P_i, R_i, P_f, R_f, R_g, P_o, R_o (n, n); W_i, W_f, W_g, W_o (n, m); b_i, b_f, b_g, b_o (n,)
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
    P_i = params["P_i"]
    W_i = params["W_i"]
    R_i = params["R_i"]
    P_f = params["P_f"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    P_o = params["P_o"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    return {
        "params": params,
        "weight_c_prev": np.concatenate([P_i, P_f]),
        "weight_x_t": np.concatenate([W_g, W_o, W_i, W_f]),
        "weight_x_t_half": np.concatenate([W_g, 0.5 * W_o, 0.5 * W_i, 0.5 * W_f]),
        "weight_h_prev": np.concatenate([R_g, R_o, R_i, R_f]),
        "weight_h_prev_half": np.concatenate([R_g, 0.5 * R_o, 0.5 * R_i, 0.5 * R_f]),
        "weight_c": P_o,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    b_i = params["b_i"]
    b_f = params["b_f"]
    b_g = params["b_g"]
    b_o = params["b_o"]
    weight_c_prev = packed["weight_c_prev"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    weight_c = packed["weight_c"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 7 * n), x)
    s_i_all = block[..., :n]
    s_f_all = block[..., n:2 * n]
    g_all = block[..., 2 * n:3 * n]
    s_o_all = block[..., 3 * n:4 * n]
    o_all = block[..., 4 * n:5 * n]
    i_all = block[..., 5 * n:6 * n]
    f_all = block[..., 6 * n:7 * n]
    tanh_c_all = array(work, "tanh_c_all", (T, N, n), x)
    sums_c_prev = array(work, "sums_c_prev", (N, 2 * n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 4 * n), x)
    spare_3 = array(work, "spare_3", (N, n), x)
    sums_c = array(work, "sums_c", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    input_sums = product(x, weight_x_t_half)
    g_all[...] = input_sums[..., :n]
    o_all[...] = input_sums[..., n:2 * n]
    i_all[...] = input_sums[..., 2 * n:3 * n]
    f_all[...] = input_sums[..., 3 * n:4 * n]
    s_i_all[...] = 0
    s_f_all[...] = 0
    g_all += b_g
    s_o_all[...] = 0
    o_all += 0.5 * b_o
    i_all += 0.5 * b_i
    f_all += 0.5 * b_f
    for net, h_prev, c_prev, s_i, i, s_f, f, g, c, s_o, o, h, tanh_c in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        s_i_all,
        i_all,
        s_f_all,
        f_all,
        g_all,
        c_states[1:],
        s_o_all,
        o_all,
        h_states[1:],
        tanh_c_all,
        strict=True,
    ):
        np.matmul(c_prev, weight_c_prev.T, out=sums_c_prev)  # (1) (5)
        np.add(net[..., :2 * n], sums_c_prev, out=net[..., :2 * n])
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (3) (7) (9) (14)
        g += sums_h_prev[..., :n]
        o += sums_h_prev[..., n:2 * n]
        i += sums_h_prev[..., 2 * n:3 * n]
        f += sums_h_prev[..., 3 * n:4 * n]
        np.tanh(net[..., :3 * n], out=net[..., :3 * n])  # (2) (6) (10)
        np.multiply(s_i, 0.5, out=spare_3)
        i += spare_3
        np.tanh(i, out=i)  # (4)
        i *= 0.5
        i += 0.5
        np.multiply(s_f, 0.5, out=spare_3)
        f += spare_3
        np.tanh(f, out=f)  # (8)
        f *= 0.5
        f += 0.5
        np.multiply(c_prev, f, out=c)  # (11)
        np.multiply(i, g, out=spare_3)
        c += spare_3
        np.matmul(c, weight_c.T, out=sums_c)  # (12)
        np.add(net[..., 3 * n:4 * n], sums_c, out=net[..., 3 * n:4 * n])
        np.tanh(s_o, out=s_o)  # (13)
        np.multiply(s_o, 0.5, out=spare_3)
        o += spare_3
        np.tanh(o, out=o)  # (15)
        o *= 0.5
        o += 0.5
        np.tanh(c, out=tanh_c)
        np.multiply(tanh_c, o, out=h)  # (16)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_c_prev", "weight_c")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, block, tanh_c_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, block, tanh_c_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_i = params["W_i"]
    R_i = params["R_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    weight_c_prev = packed["weight_c_prev"]
    weight_c = packed["weight_c"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    s_i_all = block[..., :n]
    s_f_all = block[..., n:2 * n]
    g_all = block[..., 2 * n:3 * n]
    s_o_all = block[..., 3 * n:4 * n]
    o_all = block[..., 4 * n:5 * n]
    i_all = block[..., 5 * n:6 * n]
    f_all = block[..., 6 * n:7 * n]
    delta_block = array(work, "delta_block", (T, N, 7 * n), d_outputs)
    delta_a_s_i_all = delta_block[..., :n]
    delta_a_s_f_all = delta_block[..., n:2 * n]
    delta_a_g_all = delta_block[..., 2 * n:3 * n]
    delta_a_s_o_all = delta_block[..., 3 * n:4 * n]
    delta_a_o_all = delta_block[..., 4 * n:5 * n]
    delta_a_i_all = delta_block[..., 5 * n:6 * n]
    delta_a_f_all = delta_block[..., 6 * n:7 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.subtract(1, o_all, out=delta_a_o_all)  # (19)
    delta_a_o_all *= tanh_c_all
    delta_a_o_all *= o_all
    np.square(s_o_all, out=delta_a_s_o_all)  # (21)
    np.subtract(1, delta_a_s_o_all, out=delta_a_s_o_all)
    np.square(tanh_c_all, out=factor_1_all)  # (22)
    np.subtract(1, factor_1_all, out=factor_1_all)
    factor_1_all *= o_all
    np.square(g_all, out=delta_a_g_all)  # (24)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= i_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (26)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    np.square(s_f_all, out=delta_a_s_f_all)  # (28)
    np.subtract(1, delta_a_s_f_all, out=delta_a_s_f_all)
    np.subtract(1, i_all, out=delta_a_i_all)  # (30)
    delta_a_i_all *= i_all
    delta_a_i_all *= g_all
    np.square(s_i_all, out=delta_a_s_i_all)  # (32)
    np.subtract(1, delta_a_s_i_all, out=delta_a_s_i_all)
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for (
        delta_net, f, upstream_h, delta_a_o, delta_a_s_o, delta_a_g, delta_a_f, delta_a_s_f, delta_a_i, delta_a_s_i, factor_1
    ) in zip(
        delta_block[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_a_o_all[::-1],
        delta_a_s_o_all[::-1],
        delta_a_g_all[::-1],
        delta_a_f_all[::-1],
        delta_a_s_f_all[::-1],
        delta_a_i_all[::-1],
        delta_a_s_i_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (17)
        delta_a_o *= delta_h  # (19)
        delta_a_s_o *= delta_a_o  # (21)
        np.matmul(delta_net[..., 3 * n:4 * n], weight_c, out=delta_c)  # (22)
        np.multiply(delta_h, factor_1, out=spare_1)
        delta_c += spare_1
        delta_c += carry_c
        delta_a_g *= delta_c  # (24)
        delta_a_f *= delta_c  # (26)
        delta_a_s_f *= delta_a_f  # (28)
        delta_a_i *= delta_c  # (30)
        delta_a_s_i *= delta_a_i  # (32)
        np.matmul(delta_a_i, R_i, out=carry_h)  # (33)
        np.matmul(delta_a_f, R_f, out=spare_1)
        carry_h += spare_1
        np.matmul(delta_a_g, R_g, out=spare_1)
        carry_h += spare_1
        np.matmul(delta_a_o, R_o, out=spare_1)
        carry_h += spare_1
        np.matmul(delta_net[..., :2 * n], weight_c_prev, out=carry_c)  # (34)
        np.multiply(delta_c, f, out=spare_1)
        carry_c += spare_1
    grad_weight_c_prev = rows(delta_block[..., :2 * n]).T @ rows(c_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "P_i": grad_weight_c_prev[:n],  # (35)
        "W_i": rows(delta_a_i_all).T @ rows(x),  # (36)
        "R_i": rows(delta_a_i_all).T @ rows(h_states[:-1]),  # (37)
        "b_i": grad_net[5 * n:6 * n],  # (38)
        "P_f": grad_weight_c_prev[n:2 * n],  # (39)
        "W_f": rows(delta_a_f_all).T @ rows(x),  # (40)
        "R_f": rows(delta_a_f_all).T @ rows(h_states[:-1]),  # (41)
        "b_f": grad_net[6 * n:7 * n],  # (42)
        "W_g": rows(delta_a_g_all).T @ rows(x),  # (43)
        "R_g": rows(delta_a_g_all).T @ rows(h_states[:-1]),  # (44)
        "b_g": grad_net[2 * n:3 * n],  # (45)
        "P_o": rows(delta_a_s_o_all).T @ rows(c_states[1:]),  # (46)
        "W_o": rows(delta_a_o_all).T @ rows(x),  # (47)
        "R_o": rows(delta_a_o_all).T @ rows(h_states[:-1]),  # (48)
        "b_o": grad_net[4 * n:5 * n],  # (49)
    }
    d_x = np.array(product(delta_a_i_all, W_i.T) + product(delta_a_f_all, W_f.T) + product(delta_a_g_all, W_g.T) + product(delta_a_o_all, W_o.T))
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


def check(T=3, N=2, m=4, n=6):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "P_i": draw((n, n)) / (n) ** 0.5,
        "W_i": draw((n, m)) / (m) ** 0.5,
        "R_i": draw((n, n)) / (n) ** 0.5,
        "b_i": draw((n,)),
        "P_f": draw((n, n)) / (n) ** 0.5,
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "b_f": draw((n,)),
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, n)) / (n) ** 0.5,
        "b_g": draw((n,)),
        "P_o": draw((n, n)) / (n) ** 0.5,
        "W_o": draw((n, m)) / (m) ** 0.5,
        "R_o": draw((n, n)) / (n) ** 0.5,
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
