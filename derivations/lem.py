"""lem: forward and backward pass in NumPy, derived by symrnn.

LEM, a long expressive memory: two states with learned step lengths (Rusch, Mishra, Erichson & Mahoney 2022).

params: W_r, W_s, W_g, W_n (n, m); R_r, R_s, R_g, R_n (n, n); b_r, b_s, b_g, b_n (n,); dt ()
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
    W_r = params["W_r"]
    R_r = params["R_r"]
    b_r = params["b_r"]
    W_s = params["W_s"]
    R_s = params["R_s"]
    b_s = params["b_s"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    b_g = params["b_g"]
    W_n = params["W_n"]
    R_n = params["R_n"]
    b_n = params["b_n"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_r, W_s, W_g, W_n]),
        "weight_x_t_half": np.concatenate([0.5 * W_r, 0.5 * W_s, W_g, W_n]),
        "weight_h_prev": np.concatenate([R_r, R_s, R_g]),
        "weight_h_prev_half": np.concatenate([0.5 * R_r, 0.5 * R_s, R_g]),
        "weight_c": R_n,
        "net_bias": np.concatenate([0.5 * b_r, 0.5 * b_s, b_g, b_n]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    dt = params["dt"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    weight_c = packed["weight_c"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    c_states = array(work, "c_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, 4 * dim_n), x)
    r_all = block[..., :dim_n]
    s_all = block[..., dim_n:2 * dim_n]
    g_all = block[..., 2 * dim_n:3 * dim_n]
    n_all = block[..., 3 * dim_n:4 * dim_n]
    sums_h_prev = array(work, "sums_h_prev", (N, 3 * dim_n), x)
    sums_c = array(work, "sums_c", (N, dim_n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3) (5) (8)
    block += net_bias
    for net, h_prev, c_prev, r, s, g, c, n, h in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        r_all,
        s_all,
        g_all,
        c_states[1:],
        n_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3) (5)
        np.add(net[..., :3 * dim_n], sums_h_prev, out=net[..., :3 * dim_n])
        np.tanh(net[..., :3 * dim_n], out=net[..., :3 * dim_n])  # (2) (4) (6)
        gates = net[..., :2 * dim_n]
        gates *= 0.5
        gates += 0.5
        np.subtract(g, c_prev, out=c)  # (7)
        c *= dt
        c *= s
        c += c_prev
        np.matmul(c, weight_c.T, out=sums_c)  # (8)
        np.add(net[..., 3 * dim_n:4 * dim_n], sums_c, out=net[..., 3 * dim_n:4 * dim_n])
        np.tanh(n, out=n)  # (9)
        np.subtract(n, h_prev, out=h)  # (10)
        h *= dt
        h *= r
        h += h_prev
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev", "weight_c")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, block = tape
    work = {} if work is None else work
    params = packed["params"]
    dt = params["dt"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_c = packed["weight_c"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    r_all = block[..., :dim_n]
    s_all = block[..., dim_n:2 * dim_n]
    g_all = block[..., 2 * dim_n:3 * dim_n]
    n_all = block[..., 3 * dim_n:4 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 4 * dim_n), d_outputs)
    delta_a_r_all = delta_block[..., :dim_n]
    delta_a_s_all = delta_block[..., dim_n:2 * dim_n]
    delta_a_g_all = delta_block[..., 2 * dim_n:3 * dim_n]
    delta_a_n_all = delta_block[..., 3 * dim_n:4 * dim_n]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    delta_c_all = array(work, "delta_c_all", (T, N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, dim_n), d_outputs)
    delta_gates_all = delta_block[..., dim_n:3 * dim_n].reshape(T, N, 2, dim_n)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.square(n_all, out=delta_a_n_all)  # (13)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    delta_a_n_all *= dt
    delta_a_n_all *= r_all
    np.square(g_all, out=delta_a_g_all)  # (16)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= dt
    delta_a_g_all *= s_all
    np.subtract(g_all, c_states[:-1], out=delta_a_s_all)  # (18)
    delta_a_s_all *= dt
    delta_a_s_all *= s_all
    np.subtract(1, s_all, out=spare_all_1)
    delta_a_s_all *= spare_all_1
    np.subtract(n_all, h_states[:-1], out=delta_a_r_all)  # (20)
    delta_a_r_all *= dt
    delta_a_r_all *= r_all
    np.subtract(1, r_all, out=spare_all_1)
    delta_a_r_all *= spare_all_1
    np.multiply(dt, r_all, out=factor_1_all)  # (21)
    np.subtract(1, factor_1_all, out=factor_1_all)
    np.multiply(dt, s_all, out=factor_2_all)  # (22)
    np.subtract(1, factor_2_all, out=factor_2_all)
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for (
        delta_net, delta_gates, upstream_h, delta_h, delta_a_n, delta_c, delta_a_r, factor_1, factor_2
    ) in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_a_n_all[::-1],
        delta_c_all[::-1],
        delta_a_r_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (11)
        delta_a_n *= delta_h  # (13)
        np.matmul(delta_net[..., 3 * dim_n:4 * dim_n], weight_c, out=delta_c)  # (14)
        delta_c += carry_c
        delta_gates *= delta_c[:, None]  # (16) (18)
        delta_a_r *= delta_h  # (20)
        np.matmul(delta_net[..., :3 * dim_n], weight_h_prev, out=carry_h)  # (21)
        np.multiply(delta_h, factor_1, out=spare_1)
        carry_h += spare_1
        np.multiply(delta_c, factor_2, out=carry_c)  # (22)
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block[..., :3 * dim_n]).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_r": grad_weight_x_t[:dim_n],  # (23)
        "R_r": grad_weight_h_prev[:dim_n],  # (24)
        "b_r": grad_net[:dim_n],  # (25)
        "W_s": grad_weight_x_t[dim_n:2 * dim_n],  # (26)
        "R_s": grad_weight_h_prev[dim_n:2 * dim_n],  # (27)
        "b_s": grad_net[dim_n:2 * dim_n],  # (28)
        "W_g": grad_weight_x_t[2 * dim_n:3 * dim_n],  # (29)
        "R_g": grad_weight_h_prev[2 * dim_n:3 * dim_n],  # (30)
        "b_g": grad_net[2 * dim_n:3 * dim_n],  # (31)
        "dt": np.einsum("...i,...i->...", delta_c_all, s_all * (g_all - c_states[:-1])).sum(axis=(0, 1)) + np.einsum("...i,...i->...", delta_h_all, r_all * (n_all - h_states[:-1])).sum(axis=(0, 1)),  # (32)
        "W_n": grad_weight_x_t[3 * dim_n:4 * dim_n],  # (33)
        "R_n": rows(delta_a_n_all).T @ rows(c_states[1:]),  # (34)
        "b_n": grad_net[3 * dim_n:4 * dim_n],  # (35)
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
        "W_r": draw((n, m)) / (m) ** 0.5,
        "R_r": draw((n, n)) / (n) ** 0.5,
        "b_r": draw((n,)),
        "W_s": draw((n, m)) / (m) ** 0.5,
        "R_s": draw((n, n)) / (n) ** 0.5,
        "b_s": draw((n,)),
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, n)) / (n) ** 0.5,
        "b_g": draw((n,)),
        "dt": np.array(draw()),
        "W_n": draw((n, m)) / (m) ** 0.5,
        "R_n": draw((n, n)) / (n) ** 0.5,
        "b_n": draw((n,)),
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
