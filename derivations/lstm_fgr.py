"""lstm_fgr: forward and backward pass in NumPy, derived by symrnn.

LSTM with peepholes and full gate recurrence (Greff et al. 2015, FGR).

params: W_i, W_f, W_g, W_o (n, m); R_i, R_ii, R_fi, R_oi, R_f, R_if, R_ff, R_of, R_g, R_o, R_io, R_fo, R_oo (n, n); p_i, b_i, p_f, b_f, b_g, p_o, b_o (n,)
x: x (T, N, m)
state: h (N, n); c (N, n); i (N, n); f (N, n); o (N, n)
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
    R_ii = params["R_ii"]
    R_fi = params["R_fi"]
    R_oi = params["R_oi"]
    b_i = params["b_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    R_if = params["R_if"]
    R_ff = params["R_ff"]
    R_of = params["R_of"]
    b_f = params["b_f"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    b_g = params["b_g"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    R_io = params["R_io"]
    R_fo = params["R_fo"]
    R_oo = params["R_oo"]
    b_o = params["b_o"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_g, W_i, W_f, W_o]),
        "weight_h_prev": np.concatenate([R_g, R_i, R_f, R_o]),
        "weight_i_prev": np.concatenate([R_ii, R_if, R_io]),
        "weight_f_prev": np.concatenate([R_fi, R_ff, R_fo]),
        "weight_o_prev": np.concatenate([R_oi, R_of, R_oo]),
        "net_bias": np.concatenate([b_g, b_i, b_f, b_o]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    p_i = params["p_i"]
    p_f = params["p_f"]
    p_o = params["p_o"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_i_prev = packed["weight_i_prev"]
    weight_f_prev = packed["weight_f_prev"]
    weight_o_prev = packed["weight_o_prev"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    i_states = array(work, "i_states", (T + 1, N, n), x)
    f_states = array(work, "f_states", (T + 1, N, n), x)
    o_states = array(work, "o_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 4 * n), x)
    g_all = block[..., :n]
    a_i_all = block[..., n:2 * n]
    a_f_all = block[..., 2 * n:3 * n]
    a_o_all = block[..., 3 * n:4 * n]
    tanh_c_all = array(work, "tanh_c_all", (T, N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 4 * n), x)
    sums_i_prev = array(work, "sums_i_prev", (N, 3 * n), x)
    sums_f_prev = array(work, "sums_f_prev", (N, 3 * n), x)
    sums_o_prev = array(work, "sums_o_prev", (N, 3 * n), x)
    spare_5 = array(work, "spare_5", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    i_states[0] = state["i"]
    f_states[0] = state["f"]
    o_states[0] = state["o"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (1) (3) (5) (8)
    block += net_bias
    for (
        net, h_prev, c_prev, i_prev, f_prev, o_prev, i, f, g, c, o, h, a_i, a_f, a_o, tanh_c
    ) in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        i_states[:-1],
        f_states[:-1],
        o_states[:-1],
        i_states[1:],
        f_states[1:],
        g_all,
        c_states[1:],
        o_states[1:],
        h_states[1:],
        a_i_all,
        a_f_all,
        a_o_all,
        tanh_c_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (1) (3) (5) (8)
        np.add(net, sums_h_prev, out=net)
        np.matmul(i_prev, weight_i_prev.T, out=sums_i_prev)  # (1) (3) (8)
        np.add(net[..., n:4 * n], sums_i_prev, out=net[..., n:4 * n])
        np.matmul(f_prev, weight_f_prev.T, out=sums_f_prev)  # (1) (3) (8)
        np.add(net[..., n:4 * n], sums_f_prev, out=net[..., n:4 * n])
        np.matmul(o_prev, weight_o_prev.T, out=sums_o_prev)  # (1) (3) (8)
        np.add(net[..., n:4 * n], sums_o_prev, out=net[..., n:4 * n])
        np.multiply(p_i, c_prev, out=spare_5)
        a_i += spare_5
        np.multiply(p_f, c_prev, out=spare_5)
        a_f += spare_5
        np.tanh(net[..., :n], out=net[..., :n])  # (6)
        np.multiply(a_i, 0.5, out=i)  # (2)
        np.tanh(i, out=i)
        i *= 0.5
        i += 0.5
        np.multiply(a_f, 0.5, out=f)  # (4)
        np.tanh(f, out=f)
        f *= 0.5
        f += 0.5
        np.multiply(c_prev, f, out=c)  # (7)
        np.multiply(i, g, out=spare_5)
        c += spare_5
        np.multiply(p_o, c, out=spare_5)
        a_o += spare_5
        np.multiply(a_o, 0.5, out=o)  # (9)
        np.tanh(o, out=o)
        o *= 0.5
        o += 0.5
        np.tanh(c, out=tanh_c)
        np.multiply(tanh_c, o, out=h)  # (10)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev", "weight_i_prev", "weight_f_prev", "weight_o_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy(), "i": i_states[-1].copy(), "f": f_states[-1].copy(), "o": o_states[-1].copy()}, (kept, x, h_states, c_states, i_states, f_states, o_states, block, tanh_c_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, i_states, f_states, o_states, block, tanh_c_all = tape
    work = {} if work is None else work
    params = packed["params"]
    p_i = params["p_i"]
    p_f = params["p_f"]
    p_o = params["p_o"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_i_prev = packed["weight_i_prev"]
    weight_f_prev = packed["weight_f_prev"]
    weight_o_prev = packed["weight_o_prev"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    g_all = block[..., :n]
    delta_block = array(work, "delta_block", (T, N, 4 * n), d_outputs)
    delta_a_g_all = delta_block[..., :n]
    delta_a_i_all = delta_block[..., n:2 * n]
    delta_a_f_all = delta_block[..., 2 * n:3 * n]
    delta_a_o_all = delta_block[..., 3 * n:4 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_o = array(work, "delta_o", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_f = array(work, "delta_f", (N, n), d_outputs)
    delta_i = array(work, "delta_i", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.subtract(1, o_states[1:], out=delta_a_o_all)  # (13)
    delta_a_o_all *= o_states[1:]
    np.square(tanh_c_all, out=factor_1_all)  # (14)
    np.subtract(1, factor_1_all, out=factor_1_all)
    factor_1_all *= o_states[1:]
    np.square(g_all, out=delta_a_g_all)  # (16)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= i_states[1:]
    np.subtract(1, f_states[1:], out=delta_a_f_all)  # (18)
    delta_a_f_all *= f_states[1:]
    np.subtract(1, i_states[1:], out=delta_a_i_all)  # (20)
    delta_a_i_all *= i_states[1:]
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    carry_i = np.array(d_final_state["i"])
    carry_f = np.array(d_final_state["f"])
    carry_o = np.array(d_final_state["o"])
    for (
        delta_net, c_prev, f, g, upstream_h, delta_a_o, delta_a_g, delta_a_f, delta_a_i, tanh_c, factor_1
    ) in zip(
        delta_block[::-1],
        c_states[:-1][::-1],
        f_states[1:][::-1],
        g_all[::-1],
        d_outputs[::-1],
        delta_a_o_all[::-1],
        delta_a_g_all[::-1],
        delta_a_f_all[::-1],
        delta_a_i_all[::-1],
        tanh_c_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (11)
        np.multiply(delta_h, tanh_c, out=delta_o)  # (12)
        delta_o += carry_o
        delta_a_o *= delta_o  # (13)
        np.multiply(delta_h, factor_1, out=delta_c)  # (14)
        np.multiply(p_o, delta_a_o, out=spare_1)
        delta_c += spare_1
        delta_c += carry_c
        delta_a_g *= delta_c  # (16)
        np.multiply(delta_c, c_prev, out=delta_f)  # (17)
        delta_f += carry_f
        delta_a_f *= delta_f  # (18)
        np.multiply(delta_c, g, out=delta_i)  # (19)
        delta_i += carry_i
        delta_a_i *= delta_i  # (20)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (21)
        np.multiply(p_i, delta_a_i, out=carry_c)  # (22)
        np.multiply(p_f, delta_a_f, out=spare_1)
        carry_c += spare_1
        np.multiply(delta_c, f, out=spare_1)
        carry_c += spare_1
        np.matmul(delta_net[..., n:4 * n], weight_i_prev, out=carry_i)  # (23)
        np.matmul(delta_net[..., n:4 * n], weight_f_prev, out=carry_f)  # (24)
        np.matmul(delta_net[..., n:4 * n], weight_o_prev, out=carry_o)  # (25)
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grad_weight_i_prev = rows(delta_block[..., n:4 * n]).T @ rows(i_states[:-1])
    grad_weight_f_prev = rows(delta_block[..., n:4 * n]).T @ rows(f_states[:-1])
    grad_weight_o_prev = rows(delta_block[..., n:4 * n]).T @ rows(o_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_i": grad_weight_x_t[n:2 * n],  # (26)
        "R_i": grad_weight_h_prev[n:2 * n],  # (27)
        "R_ii": grad_weight_i_prev[:n],  # (28)
        "R_fi": grad_weight_f_prev[:n],  # (29)
        "R_oi": grad_weight_o_prev[:n],  # (30)
        "p_i": np.einsum("tni,tni->i", delta_a_i_all, c_states[:-1]),  # (31)
        "b_i": grad_net[n:2 * n],  # (32)
        "W_f": grad_weight_x_t[2 * n:3 * n],  # (33)
        "R_f": grad_weight_h_prev[2 * n:3 * n],  # (34)
        "R_if": grad_weight_i_prev[n:2 * n],  # (35)
        "R_ff": grad_weight_f_prev[n:2 * n],  # (36)
        "R_of": grad_weight_o_prev[n:2 * n],  # (37)
        "p_f": np.einsum("tni,tni->i", delta_a_f_all, c_states[:-1]),  # (38)
        "b_f": grad_net[2 * n:3 * n],  # (39)
        "W_g": grad_weight_x_t[:n],  # (40)
        "R_g": grad_weight_h_prev[:n],  # (41)
        "b_g": grad_net[:n],  # (42)
        "W_o": grad_weight_x_t[3 * n:4 * n],  # (43)
        "R_o": grad_weight_h_prev[3 * n:4 * n],  # (44)
        "R_io": grad_weight_i_prev[2 * n:3 * n],  # (45)
        "R_fo": grad_weight_f_prev[2 * n:3 * n],  # (46)
        "R_oo": grad_weight_o_prev[2 * n:3 * n],  # (47)
        "p_o": np.einsum("tni,tni->i", delta_a_o_all, c_states[1:]),  # (48)
        "b_o": grad_net[3 * n:4 * n],  # (49)
    }
    d_x = product(delta_block, weight_x_t.T)
    return grads, d_x, {"h": carry_h, "c": carry_c, "i": carry_i, "f": carry_f, "o": carry_o}


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
        "R_ii": draw((n, n)) / (n) ** 0.5,
        "R_fi": draw((n, n)) / (n) ** 0.5,
        "R_oi": draw((n, n)) / (n) ** 0.5,
        "p_i": draw((n,)),
        "b_i": draw((n,)),
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "R_if": draw((n, n)) / (n) ** 0.5,
        "R_ff": draw((n, n)) / (n) ** 0.5,
        "R_of": draw((n, n)) / (n) ** 0.5,
        "p_f": draw((n,)),
        "b_f": draw((n,)),
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, n)) / (n) ** 0.5,
        "b_g": draw((n,)),
        "W_o": draw((n, m)) / (m) ** 0.5,
        "R_o": draw((n, n)) / (n) ** 0.5,
        "R_io": draw((n, n)) / (n) ** 0.5,
        "R_fo": draw((n, n)) / (n) ** 0.5,
        "R_oo": draw((n, n)) / (n) ** 0.5,
        "p_o": draw((n,)),
        "b_o": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "c": draw((N, n)), "i": draw((N, n)), "f": draw((N, n)), "o": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "c": draw((N, n)), "i": draw((N, n)), "f": draw((N, n)), "o": draw((N, n))}
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
