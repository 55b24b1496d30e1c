"""lstm_concatenated: forward and backward pass in NumPy, derived by symrnn.

LSTM with one matrix a gate, over the concatenation [h, x] (Gers, Schmidhuber & Cummins 2000).

params: W_f, W_i, W_g, W_o (n, m + n); b_f, b_i, b_g, b_o (n,)
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


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_f = params["W_f"]
    b_f = params["b_f"]
    W_i = params["W_i"]
    b_i = params["b_i"]
    W_g = params["W_g"]
    b_g = params["b_g"]
    W_o = params["W_o"]
    b_o = params["b_o"]
    return {
        "params": params,
        "weight_z": np.concatenate([W_o, W_f, W_i, W_g]),
        "weight_z_half": np.concatenate([0.5 * W_o, 0.5 * W_f, 0.5 * W_i, W_g]),
        "net_bias": np.concatenate([0.5 * b_o, 0.5 * b_f, 0.5 * b_i, b_g]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_z_half = packed["weight_z_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 4 * n), x)
    o_all = block[..., :n]
    f_all = block[..., n:2 * n]
    i_all = block[..., 2 * n:3 * n]
    g_all = block[..., 3 * n:4 * n]
    z_all = array(work, "z_all", (T, N, m + n), x)
    tanh_c_all = array(work, "tanh_c_all", (T, N, n), x)
    sums_z = array(work, "sums_z", (N, 4 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    o_all[...] = 0
    f_all[...] = 0
    i_all[...] = 0
    g_all[...] = 0
    block += net_bias
    for net, x_t, h_prev, c_prev, z, f, i, g, c, o, h, tanh_c in zip(
        block,
        x,
        h_states[:-1],
        c_states[:-1],
        z_all,
        f_all,
        i_all,
        g_all,
        c_states[1:],
        o_all,
        h_states[1:],
        tanh_c_all,
        strict=True,
    ):
        np.copyto(z, np.concatenate([h_prev, x_t], axis=-1))  # (1)
        np.matmul(z, weight_z_half.T, out=sums_z)  # (2) (4) (6) (9)
        np.add(net, sums_z, out=net)
        np.tanh(f, out=f)  # (3)
        f *= 0.5
        f += 0.5
        np.tanh(i, out=i)  # (5)
        i *= 0.5
        i += 0.5
        np.tanh(g, out=g)  # (7)
        np.multiply(c_prev, f, out=c)  # (8)
        np.multiply(i, g, out=spare_2)
        c += spare_2
        np.tanh(o, out=o)  # (10)
        o *= 0.5
        o += 0.5
        np.tanh(c, out=tanh_c)
        np.multiply(tanh_c, o, out=h)  # (11)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("weight_z",)}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, c_states, z_all, block, tanh_c_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, c_states, z_all, block, tanh_c_all = tape
    work = {} if work is None else work
    weight_z = packed["weight_z"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = d_final_state["h"].shape[1]
    o_all = block[..., :n]
    f_all = block[..., n:2 * n]
    i_all = block[..., 2 * n:3 * n]
    g_all = block[..., 3 * n:4 * n]
    delta_block = array(work, "delta_block", (T, N, 4 * n), d_outputs)
    delta_a_o_all = delta_block[..., :n]
    delta_a_f_all = delta_block[..., n:2 * n]
    delta_a_i_all = delta_block[..., 2 * n:3 * n]
    delta_a_g_all = delta_block[..., 3 * n:4 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_z_all = array(work, "delta_z_all", (T, N, m + n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block[..., n:4 * n].reshape(T, N, 3, n)
    np.subtract(1, o_all, out=delta_a_o_all)  # (14)
    delta_a_o_all *= tanh_c_all
    delta_a_o_all *= o_all
    np.square(tanh_c_all, out=factor_1_all)  # (15)
    np.subtract(1, factor_1_all, out=factor_1_all)
    factor_1_all *= o_all
    np.square(g_all, out=delta_a_g_all)  # (17)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= i_all
    np.subtract(1, i_all, out=delta_a_i_all)  # (19)
    delta_a_i_all *= i_all
    delta_a_i_all *= g_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (21)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for delta_net, delta_gates, f, upstream_h, delta_a_o, delta_z, factor_1 in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_a_o_all[::-1],
        delta_z_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (12)
        delta_a_o *= delta_h  # (14)
        np.multiply(delta_h, factor_1, out=delta_c)  # (15)
        delta_c += carry_c
        delta_gates *= delta_c[:, None]  # (17) (19) (21)
        np.matmul(delta_net, weight_z, out=delta_z)  # (22)
        np.copyto(carry_h, delta_z[..., :n])  # (23)
        np.multiply(delta_c, f, out=carry_c)  # (24)
    grad_weight_z = rows(delta_block).T @ rows(z_all)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_f": grad_weight_z[n:2 * n],  # (25)
        "b_f": grad_net[n:2 * n],  # (26)
        "W_i": grad_weight_z[2 * n:3 * n],  # (27)
        "b_i": grad_net[2 * n:3 * n],  # (28)
        "W_g": grad_weight_z[3 * n:4 * n],  # (29)
        "b_g": grad_net[3 * n:4 * n],  # (30)
        "W_o": grad_weight_z[:n],  # (31)
        "b_o": grad_net[:n],  # (32)
    }
    d_x = np.array(delta_z_all[..., n:m + n])
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
        "W_f": draw((n, m + n)) / (m + n) ** 0.5,
        "b_f": draw((n,)),
        "W_i": draw((n, m + n)) / (m + n) ** 0.5,
        "b_i": draw((n,)),
        "W_g": draw((n, m + n)) / (m + n) ** 0.5,
        "b_g": draw((n,)),
        "W_o": draw((n, m + n)) / (m + n) ** 0.5,
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
