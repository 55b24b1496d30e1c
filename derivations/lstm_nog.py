"""lstm_nog: forward and backward pass in NumPy, derived by symrnn.

LSTM with peepholes and no output gate (Greff et al. 2015, NOG).

params: W_i, W_f, W_g (n, m); R_i, R_f, R_g (n, n); p_i, b_i, p_f, b_f, b_g (n,)
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
    b_i = params["b_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    p_f = params["p_f"]
    b_f = params["b_f"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    b_g = params["b_g"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_i, W_f, W_g]),
        "weight_x_t_half": np.concatenate([0.5 * W_i, 0.5 * W_f, W_g]),
        "weight_h_prev": np.concatenate([R_i, R_f, R_g]),
        "weight_h_prev_half": np.concatenate([0.5 * R_i, 0.5 * R_f, R_g]),
        "net_bias": np.concatenate([0.5 * b_i, 0.5 * b_f, b_g]),
        "p_i_half": 0.5 * p_i,
        "p_f_half": 0.5 * p_f,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    net_bias = packed["net_bias"]
    p_i_half = packed["p_i_half"]
    p_f_half = packed["p_f_half"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 3 * n), x)
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    g_all = block[..., 2 * n:3 * n]
    sums_h_prev = array(work, "sums_h_prev", (N, 3 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3) (5)
    block += net_bias
    for net, h_prev, c_prev, i, f, g, c, h in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        i_all,
        f_all,
        g_all,
        c_states[1:],
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3) (5)
        np.add(net, sums_h_prev, out=net)
        np.multiply(p_i_half, c_prev, out=spare_2)
        i += spare_2
        np.multiply(p_f_half, c_prev, out=spare_2)
        f += spare_2
        np.tanh(net, out=net)  # (2) (4) (6)
        gates = net[..., :2 * n]
        gates *= 0.5
        gates += 0.5
        np.multiply(c_prev, f, out=c)  # (7)
        np.multiply(i, g, out=spare_2)
        c += spare_2
        np.tanh(c, out=h)  # (8)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, block = tape
    work = {} if work is None else work
    params = packed["params"]
    p_i = params["p_i"]
    p_f = params["p_f"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    g_all = block[..., 2 * n:3 * n]
    delta_block = array(work, "delta_block", (T, N, 3 * n), d_outputs)
    delta_a_i_all = delta_block[..., :n]
    delta_a_f_all = delta_block[..., n:2 * n]
    delta_a_g_all = delta_block[..., 2 * n:3 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block.reshape(T, N, 3, n)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.square(h_states[1:], out=factor_1_all)  # (10)
    np.subtract(1, factor_1_all, out=factor_1_all)
    np.square(g_all, out=delta_a_g_all)  # (12)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= i_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (14)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    np.subtract(1, i_all, out=delta_a_i_all)  # (16)
    delta_a_i_all *= i_all
    delta_a_i_all *= g_all
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for delta_net, delta_gates, f, upstream_h, delta_a_f, delta_a_i, factor_1 in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_a_f_all[::-1],
        delta_a_i_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (9)
        np.multiply(delta_h, factor_1, out=delta_c)  # (10)
        delta_c += carry_c
        delta_gates *= delta_c[:, None]  # (12) (14) (16)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (17)
        np.multiply(p_i, delta_a_i, out=carry_c)  # (18)
        np.multiply(p_f, delta_a_f, out=spare_1)
        carry_c += spare_1
        np.multiply(delta_c, f, out=spare_1)
        carry_c += spare_1
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_i": grad_weight_x_t[:n],  # (19)
        "R_i": grad_weight_h_prev[:n],  # (20)
        "p_i": np.einsum("tni,tni->i", delta_a_i_all, c_states[:-1]),  # (21)
        "b_i": grad_net[:n],  # (22)
        "W_f": grad_weight_x_t[n:2 * n],  # (23)
        "R_f": grad_weight_h_prev[n:2 * n],  # (24)
        "p_f": np.einsum("tni,tni->i", delta_a_f_all, c_states[:-1]),  # (25)
        "b_f": grad_net[n:2 * n],  # (26)
        "W_g": grad_weight_x_t[2 * n:3 * n],  # (27)
        "R_g": grad_weight_h_prev[2 * n:3 * n],  # (28)
        "b_g": grad_net[2 * n:3 * n],  # (29)
    }
    d_x = product(delta_block, weight_x_t.T)
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
