"""nas: forward and backward pass in NumPy, derived by symrnn.

The cell that architecture search found (Zoph & Le 2017).

params: W_1, W_2, W_3, W_4, W_5, W_6, W_7, W_8 (n, m); R_1, R_2, R_3, R_4, R_5, R_6, R_7, R_8 (n, n)
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


def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of the operands."""
    return (a > b).astype(np.result_type(a, b))


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_1 = params["W_1"]
    R_1 = params["R_1"]
    W_2 = params["W_2"]
    R_2 = params["R_2"]
    W_3 = params["W_3"]
    R_3 = params["R_3"]
    R_4 = params["R_4"]
    W_5 = params["W_5"]
    R_5 = params["R_5"]
    W_6 = params["W_6"]
    R_6 = params["R_6"]
    W_7 = params["W_7"]
    R_7 = params["R_7"]
    W_8 = params["W_8"]
    R_8 = params["R_8"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_6, W_8, W_1, W_3, W_5, W_7, W_2]),
        "weight_x_t_half": np.concatenate([0.5 * W_6, 0.5 * W_8, 0.5 * W_1, 0.5 * W_3, W_5, W_7, W_2]),
        "weight_h_prev": np.concatenate([R_6, R_8, R_1, R_3, R_5, R_7, R_2, R_4]),
        "weight_h_prev_half": np.concatenate([0.5 * R_6, 0.5 * R_8, 0.5 * R_1, 0.5 * R_3, R_5, R_7, R_2, R_4]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_4 = params["W_4"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 8 * n), x)
    g_6_all = block[..., :n]
    g_8_all = block[..., n:2 * n]
    g_1_all = block[..., 2 * n:3 * n]
    g_3_all = block[..., 3 * n:4 * n]
    g_5_all = block[..., 4 * n:5 * n]
    g_7_all = block[..., 5 * n:6 * n]
    a_g_2_all = block[..., 6 * n:7 * n]
    u_g_4_2_all = block[..., 7 * n:8 * n]
    g_2_all = array(work, "g_2_all", (T, N, n), x)
    a_g_4_all = array(work, "a_g_4_all", (T, N, n), x)
    g_4 = array(work, "g_4", (N, n), x)
    tanh_g_1_g_2_all = array(work, "tanh_g_1_g_2_all", (T, N, n), x)
    a_u = array(work, "a_u", (N, n), x)
    u_all = array(work, "u_all", (T, N, n), x)
    a_v = array(work, "a_v", (N, n), x)
    v_all = array(work, "v_all", (T, N, n), x)
    a_w = array(work, "a_w", (N, n), x)
    w_all = array(work, "w_all", (T, N, n), x)
    a_s = array(work, "a_s", (N, n), x)
    s_all = array(work, "s_all", (T, N, n), x)
    tanh_s_w_all = array(work, "tanh_s_w_all", (T, N, n), x)
    a_h = array(work, "a_h", (N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 8 * n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    u_g_4_all = product(x, W_4)  # (7)
    input_sums = product(x, weight_x_t_half)
    g_6_all[...] = input_sums[..., :n]
    g_8_all[...] = input_sums[..., n:2 * n]
    g_1_all[...] = input_sums[..., 2 * n:3 * n]
    g_3_all[...] = input_sums[..., 3 * n:4 * n]
    g_5_all[...] = input_sums[..., 4 * n:5 * n]
    g_7_all[...] = input_sums[..., 5 * n:6 * n]
    a_g_2_all[...] = input_sums[..., 6 * n:7 * n]
    u_g_4_2_all[...] = 0
    for (
        net, h_prev, c_prev, g_1, g_2, g_3, g_5, g_6, g_7, g_8, u, v, w, s, c, h, a_g_2, a_g_4, u_g_4, u_g_4_2, tanh_g_1_g_2, tanh_s_w
    ) in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        g_1_all,
        g_2_all,
        g_3_all,
        g_5_all,
        g_6_all,
        g_7_all,
        g_8_all,
        u_all,
        v_all,
        w_all,
        s_all,
        c_states[1:],
        h_states[1:],
        a_g_2_all,
        a_g_4_all,
        u_g_4_all,
        u_g_4_2_all,
        tanh_g_1_g_2_all,
        tanh_s_w_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3) (5) (8) (11) (13) (15) (17)
        np.add(net, sums_h_prev, out=net)
        np.tanh(net[..., :6 * n], out=net[..., :6 * n])  # (2) (6) (12) (14) (16) (18)
        gates = net[..., :4 * n]
        gates *= 0.5
        gates += 0.5
        np.maximum(a_g_2, 0, out=g_2)  # (4)
        np.multiply(u_g_4, u_g_4_2, out=a_g_4)  # (9)
        np.maximum(a_g_4, 0, out=g_4)  # (10)
        np.multiply(g_1, g_2, out=tanh_g_1_g_2)
        np.tanh(tanh_g_1_g_2, out=tanh_g_1_g_2)
        np.add(tanh_g_1_g_2, c_prev, out=a_u)  # (19)
        np.tanh(a_u, out=u)  # (20)
        np.add(g_3, g_4, out=a_v)  # (21)
        np.tanh(a_v, out=v)  # (22)
        np.multiply(g_5, g_6, out=a_w)  # (23)
        np.tanh(a_w, out=w)  # (24)
        np.add(g_7, g_8, out=a_s)  # (25)
        np.multiply(a_s, 0.5, out=s)  # (26)
        np.tanh(s, out=s)
        s *= 0.5
        s += 0.5
        np.multiply(u, v, out=c)  # (27)
        np.add(s, w, out=tanh_s_w)
        np.tanh(tanh_s_w, out=tanh_s_w)
        np.multiply(tanh_s_w, c, out=a_h)  # (28)
        np.tanh(a_h, out=h)  # (29)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, block, g_2_all, u_all, v_all, w_all, s_all, c_states, a_g_4_all, u_g_4_all, tanh_g_1_g_2_all, tanh_s_w_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block, g_2_all, u_all, v_all, w_all, s_all, c_states, a_g_4_all, u_g_4_all, tanh_g_1_g_2_all, tanh_s_w_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_4 = params["W_4"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    g_6_all = block[..., :n]
    g_8_all = block[..., n:2 * n]
    g_1_all = block[..., 2 * n:3 * n]
    g_3_all = block[..., 3 * n:4 * n]
    g_5_all = block[..., 4 * n:5 * n]
    g_7_all = block[..., 5 * n:6 * n]
    a_g_2_all = block[..., 6 * n:7 * n]
    u_g_4_2_all = block[..., 7 * n:8 * n]
    delta_block = array(work, "delta_block", (T, N, 8 * n), d_outputs)
    delta_a_g_6_all = delta_block[..., :n]
    delta_a_g_8_all = delta_block[..., n:2 * n]
    delta_a_g_1_all = delta_block[..., 2 * n:3 * n]
    delta_a_g_3_all = delta_block[..., 3 * n:4 * n]
    delta_a_g_5_all = delta_block[..., 4 * n:5 * n]
    delta_a_g_7_all = delta_block[..., 5 * n:6 * n]
    delta_a_g_2_all = delta_block[..., 6 * n:7 * n]
    delta_u_g_4_2_all = delta_block[..., 7 * n:8 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c_all = array(work, "delta_c_all", (T, N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, n), d_outputs)
    np.square(h_states[1:], out=factor_1_all)  # (32)
    np.subtract(1, factor_1_all, out=factor_1_all)
    factor_1_all *= tanh_s_w_all
    np.square(tanh_s_w_all, out=delta_a_g_8_all)  # (42)
    np.subtract(1, delta_a_g_8_all, out=delta_a_g_8_all)
    delta_a_g_8_all *= g_8_all
    delta_a_g_8_all *= s_all
    delta_a_g_8_all *= c_states[1:]
    np.subtract(1, g_8_all, out=spare_all_1)
    delta_a_g_8_all *= spare_all_1
    np.subtract(1, s_all, out=spare_all_1)
    delta_a_g_8_all *= spare_all_1
    np.square(h_states[1:], out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_8_all *= spare_all_1
    np.square(tanh_s_w_all, out=delta_a_g_7_all)  # (44)
    np.subtract(1, delta_a_g_7_all, out=delta_a_g_7_all)
    delta_a_g_7_all *= s_all
    delta_a_g_7_all *= c_states[1:]
    np.square(g_7_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_7_all *= spare_all_1
    np.subtract(1, s_all, out=spare_all_1)
    delta_a_g_7_all *= spare_all_1
    np.square(h_states[1:], out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_7_all *= spare_all_1
    np.square(tanh_s_w_all, out=delta_a_g_6_all)  # (46)
    np.subtract(1, delta_a_g_6_all, out=delta_a_g_6_all)
    delta_a_g_6_all *= g_5_all
    delta_a_g_6_all *= g_6_all
    delta_a_g_6_all *= c_states[1:]
    np.subtract(1, g_6_all, out=spare_all_1)
    delta_a_g_6_all *= spare_all_1
    np.square(w_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_6_all *= spare_all_1
    np.square(h_states[1:], out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_6_all *= spare_all_1
    np.square(tanh_s_w_all, out=delta_a_g_5_all)  # (48)
    np.subtract(1, delta_a_g_5_all, out=delta_a_g_5_all)
    delta_a_g_5_all *= g_6_all
    delta_a_g_5_all *= c_states[1:]
    np.square(g_5_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_5_all *= spare_all_1
    np.square(w_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_5_all *= spare_all_1
    np.square(h_states[1:], out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_5_all *= spare_all_1
    np.square(v_all, out=delta_u_g_4_2_all)  # (51)
    np.subtract(1, delta_u_g_4_2_all, out=delta_u_g_4_2_all)
    delta_u_g_4_2_all *= u_all
    delta_u_g_4_2_all *= u_g_4_all
    np.copyto(spare_all_1, above(a_g_4_all, 0))
    delta_u_g_4_2_all *= spare_all_1
    np.subtract(1, g_3_all, out=delta_a_g_3_all)  # (54)
    delta_a_g_3_all *= g_3_all
    delta_a_g_3_all *= u_all
    np.square(v_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_3_all *= spare_all_1
    np.square(tanh_g_1_g_2_all, out=delta_a_g_2_all)  # (56)
    np.subtract(1, delta_a_g_2_all, out=delta_a_g_2_all)
    delta_a_g_2_all *= g_1_all
    delta_a_g_2_all *= v_all
    np.square(u_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_2_all *= spare_all_1
    np.copyto(spare_all_1, above(a_g_2_all, 0))
    delta_a_g_2_all *= spare_all_1
    np.square(tanh_g_1_g_2_all, out=delta_a_g_1_all)  # (58)
    np.subtract(1, delta_a_g_1_all, out=delta_a_g_1_all)
    delta_a_g_1_all *= g_1_all
    delta_a_g_1_all *= g_2_all
    delta_a_g_1_all *= v_all
    np.subtract(1, g_1_all, out=spare_all_1)
    delta_a_g_1_all *= spare_all_1
    np.square(u_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_g_1_all *= spare_all_1
    np.square(u_all, out=factor_2_all)  # (60)
    np.subtract(1, factor_2_all, out=factor_2_all)
    factor_2_all *= v_all
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for (
        delta_net, upstream_h, delta_c, delta_a_g_8, delta_a_g_7, delta_a_g_6, delta_a_g_5, delta_u_g_4_2, delta_a_g_3, delta_a_g_2, delta_a_g_1, factor_1, factor_2
    ) in zip(
        delta_block[::-1],
        d_outputs[::-1],
        delta_c_all[::-1],
        delta_a_g_8_all[::-1],
        delta_a_g_7_all[::-1],
        delta_a_g_6_all[::-1],
        delta_a_g_5_all[::-1],
        delta_u_g_4_2_all[::-1],
        delta_a_g_3_all[::-1],
        delta_a_g_2_all[::-1],
        delta_a_g_1_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (30)
        np.multiply(delta_h, factor_1, out=delta_c)  # (32)
        delta_c += carry_c
        delta_a_g_8 *= delta_h  # (42)
        delta_a_g_7 *= delta_h  # (44)
        delta_a_g_6 *= delta_h  # (46)
        delta_a_g_5 *= delta_h  # (48)
        delta_u_g_4_2 *= delta_c  # (51)
        delta_a_g_3 *= delta_c  # (54)
        delta_a_g_2 *= delta_c  # (56)
        delta_a_g_1 *= delta_c  # (58)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (59)
        np.multiply(delta_c, factor_2, out=carry_c)  # (60)
    delta_u_g_4_all = delta_c_all * u_all * u_g_4_2_all * (1 - v_all**2) * above(a_g_4_all, 0)  # (52)
    grad_weight_x_t = rows(delta_block[..., :7 * n]).T @ rows(x)
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grads = {
        "W_1": grad_weight_x_t[2 * n:3 * n],  # (61)
        "R_1": grad_weight_h_prev[2 * n:3 * n],  # (62)
        "W_2": grad_weight_x_t[6 * n:7 * n],  # (63)
        "R_2": grad_weight_h_prev[6 * n:7 * n],  # (64)
        "W_3": grad_weight_x_t[3 * n:4 * n],  # (65)
        "R_3": grad_weight_h_prev[3 * n:4 * n],  # (66)
        "W_4": rows(delta_u_g_4_all).T @ rows(x),  # (67)
        "R_4": grad_weight_h_prev[7 * n:8 * n],  # (68)
        "W_5": grad_weight_x_t[4 * n:5 * n],  # (69)
        "R_5": grad_weight_h_prev[4 * n:5 * n],  # (70)
        "W_6": grad_weight_x_t[:n],  # (71)
        "R_6": grad_weight_h_prev[:n],  # (72)
        "W_7": grad_weight_x_t[5 * n:6 * n],  # (73)
        "R_7": grad_weight_h_prev[5 * n:6 * n],  # (74)
        "W_8": grad_weight_x_t[n:2 * n],  # (75)
        "R_8": grad_weight_h_prev[n:2 * n],  # (76)
    }
    d_x = product(delta_block[..., :7 * n], weight_x_t.T) + product(delta_u_g_4_all, W_4.T)
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
        "W_1": draw((n, m)) / (m) ** 0.5,
        "R_1": draw((n, n)) / (n) ** 0.5,
        "W_2": draw((n, m)) / (m) ** 0.5,
        "R_2": draw((n, n)) / (n) ** 0.5,
        "W_3": draw((n, m)) / (m) ** 0.5,
        "R_3": draw((n, n)) / (n) ** 0.5,
        "W_4": draw((n, m)) / (m) ** 0.5,
        "R_4": draw((n, n)) / (n) ** 0.5,
        "W_5": draw((n, m)) / (m) ** 0.5,
        "R_5": draw((n, n)) / (n) ** 0.5,
        "W_6": draw((n, m)) / (m) ** 0.5,
        "R_6": draw((n, n)) / (n) ** 0.5,
        "W_7": draw((n, m)) / (m) ** 0.5,
        "R_7": draw((n, n)) / (n) ** 0.5,
        "W_8": draw((n, m)) / (m) ** 0.5,
        "R_8": draw((n, n)) / (n) ** 0.5,
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
