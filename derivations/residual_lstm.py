"""residual_lstm: forward and backward pass in NumPy, derived by symrnn.

Residual LSTM: a shortcut from the layer below, inside the output gate (Kim, El-Khamy & Lee 2017).

params: W_i, W_f, W_g, W_o, W_s (n, m); R_i, R_f, R_g, R_o, W_h (n, n); p_i, b_i, p_f, b_f, b_g, p_o, b_o (n,)
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
    W_i = params["W_i"]
    R_i = params["R_i"]
    p_i = params["p_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    p_f = params["p_f"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    p_o = params["p_o"]
    W_h = params["W_h"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_i, W_f, W_g, W_o]),
        "weight_x_t_half": np.concatenate([0.5 * W_i, 0.5 * W_f, W_g, 0.5 * W_o]),
        "weight_h_prev": np.concatenate([R_i, R_f, R_g, R_o]),
        "weight_h_prev_half": np.concatenate([0.5 * R_i, 0.5 * R_f, R_g, 0.5 * R_o]),
        "weight_u_h": W_h,
        "p_i_half": 0.5 * p_i,
        "p_f_half": 0.5 * p_f,
        "p_o_half": 0.5 * p_o,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    b_i = params["b_i"]
    b_f = params["b_f"]
    b_g = params["b_g"]
    b_o = params["b_o"]
    W_s = params["W_s"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    weight_u_h = packed["weight_u_h"]
    p_i_half = packed["p_i_half"]
    p_f_half = packed["p_f_half"]
    p_o_half = packed["p_o_half"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 5 * n), x)
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    g_all = block[..., 2 * n:3 * n]
    o_all = block[..., 3 * n:4 * n]
    u_h_2_all = block[..., 4 * n:5 * n]
    u_h_all = array(work, "u_h_all", (T, N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 4 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    sums_u_h = array(work, "sums_u_h", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    u_h_3_all = product(x, W_s)  # (12)
    input_sums = product(x, weight_x_t_half)
    i_all[...] = input_sums[..., :n]
    f_all[...] = input_sums[..., n:2 * n]
    g_all[...] = input_sums[..., 2 * n:3 * n]
    o_all[...] = input_sums[..., 3 * n:4 * n]
    i_all += 0.5 * b_i
    f_all += 0.5 * b_f
    g_all += b_g
    o_all += 0.5 * b_o
    u_h_2_all[...] = 0
    for net, h_prev, c_prev, i, f, g, c, o, h, u_h, u_h_2, u_h_3 in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        i_all,
        f_all,
        g_all,
        c_states[1:],
        o_all,
        h_states[1:],
        u_h_all,
        u_h_2_all,
        u_h_3_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3) (5) (8)
        np.add(net[..., :4 * n], sums_h_prev, out=net[..., :4 * n])
        np.multiply(p_i_half, c_prev, out=spare_2)
        i += spare_2
        np.multiply(p_f_half, c_prev, out=spare_2)
        f += spare_2
        np.tanh(net[..., :3 * n], out=net[..., :3 * n])  # (2) (4) (6)
        gates = net[..., :2 * n]
        gates *= 0.5
        gates += 0.5
        np.multiply(c_prev, f, out=c)  # (7)
        np.multiply(i, g, out=spare_2)
        c += spare_2
        np.multiply(p_o_half, c, out=spare_2)
        o += spare_2
        np.tanh(o, out=o)  # (9)
        o *= 0.5
        o += 0.5
        np.tanh(c, out=u_h)  # (10)
        np.matmul(u_h, weight_u_h.T, out=sums_u_h)  # (11)
        np.add(net[..., 4 * n:5 * n], sums_u_h, out=net[..., 4 * n:5 * n])
        np.add(u_h_2, u_h_3, out=h)  # (13)
        h *= o
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev", "weight_u_h")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, block, u_h_all, u_h_3_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, block, u_h_all, u_h_3_all = tape
    work = {} if work is None else work
    params = packed["params"]
    p_i = params["p_i"]
    p_f = params["p_f"]
    p_o = params["p_o"]
    W_s = params["W_s"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_u_h = packed["weight_u_h"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    g_all = block[..., 2 * n:3 * n]
    o_all = block[..., 3 * n:4 * n]
    u_h_2_all = block[..., 4 * n:5 * n]
    delta_block = array(work, "delta_block", (T, N, 5 * n), d_outputs)
    delta_a_i_all = delta_block[..., :n]
    delta_a_f_all = delta_block[..., n:2 * n]
    delta_a_g_all = delta_block[..., 2 * n:3 * n]
    delta_a_o_all = delta_block[..., 3 * n:4 * n]
    delta_u_h_2_all = delta_block[..., 4 * n:5 * n]
    delta_h_all = array(work, "delta_h_all", (T, N, n), d_outputs)
    delta_u_h = array(work, "delta_u_h", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block[..., :3 * n].reshape(T, N, 3, n)
    spare_all_1 = array(work, "spare_all_1", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.subtract(1, o_all, out=delta_a_o_all)  # (19)
    delta_a_o_all *= o_all
    np.add(u_h_2_all, u_h_3_all, out=spare_all_1)
    delta_a_o_all *= spare_all_1
    np.square(u_h_all, out=factor_1_all)  # (20)
    np.subtract(1, factor_1_all, out=factor_1_all)
    np.square(g_all, out=delta_a_g_all)  # (22)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= i_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (24)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    np.subtract(1, i_all, out=delta_a_i_all)  # (26)
    delta_a_i_all *= i_all
    delta_a_i_all *= g_all
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for (
        delta_net, delta_gates, f, o, upstream_h, delta_h, delta_u_h_2, delta_a_o, delta_a_f, delta_a_i, factor_1
    ) in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        f_all[::-1],
        o_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_u_h_2_all[::-1],
        delta_a_o_all[::-1],
        delta_a_f_all[::-1],
        delta_a_i_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (14)
        np.multiply(delta_h, o, out=delta_u_h_2)  # (16)
        np.matmul(delta_net[..., 4 * n:5 * n], weight_u_h, out=delta_u_h)  # (17)
        delta_a_o *= delta_h  # (19)
        np.multiply(delta_u_h, factor_1, out=delta_c)  # (20)
        np.multiply(p_o, delta_a_o, out=spare_1)
        delta_c += spare_1
        delta_c += carry_c
        delta_gates *= delta_c[:, None]  # (22) (24) (26)
        np.matmul(delta_net[..., :4 * n], weight_h_prev, out=carry_h)  # (27)
        np.multiply(p_i, delta_a_i, out=carry_c)  # (28)
        np.multiply(p_f, delta_a_f, out=spare_1)
        carry_c += spare_1
        np.multiply(delta_c, f, out=spare_1)
        carry_c += spare_1
    delta_u_h_3_all = delta_h_all * o_all  # (15)
    grad_weight_x_t = rows(delta_block[..., :4 * n]).T @ rows(x)
    grad_weight_h_prev = rows(delta_block[..., :4 * n]).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_i": grad_weight_x_t[:n],  # (29)
        "R_i": grad_weight_h_prev[:n],  # (30)
        "p_i": np.einsum("tni,tni->i", delta_a_i_all, c_states[:-1]),  # (31)
        "b_i": grad_net[:n],  # (32)
        "W_f": grad_weight_x_t[n:2 * n],  # (33)
        "R_f": grad_weight_h_prev[n:2 * n],  # (34)
        "p_f": np.einsum("tni,tni->i", delta_a_f_all, c_states[:-1]),  # (35)
        "b_f": grad_net[n:2 * n],  # (36)
        "W_g": grad_weight_x_t[2 * n:3 * n],  # (37)
        "R_g": grad_weight_h_prev[2 * n:3 * n],  # (38)
        "b_g": grad_net[2 * n:3 * n],  # (39)
        "W_o": grad_weight_x_t[3 * n:4 * n],  # (40)
        "R_o": grad_weight_h_prev[3 * n:4 * n],  # (41)
        "p_o": np.einsum("tni,tni->i", delta_a_o_all, c_states[1:]),  # (42)
        "b_o": grad_net[3 * n:4 * n],  # (43)
        "W_h": rows(delta_u_h_2_all).T @ rows(u_h_all),  # (44)
        "W_s": rows(delta_u_h_3_all).T @ rows(x),  # (45)
    }
    d_x = product(delta_block[..., :4 * n], weight_x_t.T) + product(delta_u_h_3_all, W_s.T)
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
        "W_i": draw((n, m)) / (m) ** 0.5,
        "R_i": draw((n, n)) / (n) ** 0.5,
        "p_i": draw((n,)),
        "b_i": draw((n,)),
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "p_f": draw((n,)),
        "b_f": draw((n,)),
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, n)) / (n) ** 0.5,
        "b_g": draw((n,)),
        "W_o": draw((n, m)) / (m) ** 0.5,
        "R_o": draw((n, n)) / (n) ** 0.5,
        "p_o": draw((n,)),
        "b_o": draw((n,)),
        "W_h": draw((n, n)) / (n) ** 0.5,
        "W_s": draw((n, m)) / (m) ** 0.5,
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
