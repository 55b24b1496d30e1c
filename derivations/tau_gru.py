"""tau_gru: forward and backward pass in NumPy, derived by symrnn.

GRU with a delayed state (Erichson, Lim & Mahoney 2022).

params: W_n, W_p, W_g, W_a (n, m); R_n, R_p, R_g, R_a (n, n)
x: x (T, N, m)
state: h (N, n); d (N, n)
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
    W_n = params["W_n"]
    R_n = params["R_n"]
    W_p = params["W_p"]
    R_p = params["R_p"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    W_a = params["W_a"]
    R_a = params["R_a"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_g, W_a, W_n, W_p]),
        "weight_x_t_half": np.concatenate([0.5 * W_g, 0.5 * W_a, W_n, W_p]),
        "weight_h_prev": np.concatenate([R_g, R_a, R_n]),
        "weight_h_prev_half": np.concatenate([0.5 * R_g, 0.5 * R_a, R_n]),
        "weight_d_prev": R_p,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    weight_d_prev = packed["weight_d_prev"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    d_states = array(work, "d_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, 4 * dim_n), x)
    g_all = block[..., :dim_n]
    a_all = block[..., dim_n:2 * dim_n]
    n_all = block[..., 2 * dim_n:3 * dim_n]
    p_all = block[..., 3 * dim_n:4 * dim_n]
    sums_h_prev = array(work, "sums_h_prev", (N, 3 * dim_n), x)
    sums_d_prev = array(work, "sums_d_prev", (N, dim_n), x)
    spare_3 = array(work, "spare_3", (N, dim_n), x)
    h_states[0] = state["h"]
    d_states[0] = state["d"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3) (5) (7)
    for net, h_prev, d_prev, n, p, g, a, d, h in zip(
        block,
        h_states[:-1],
        d_states[:-1],
        n_all,
        p_all,
        g_all,
        a_all,
        d_states[1:],
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (5) (7)
        np.add(net[..., :3 * dim_n], sums_h_prev, out=net[..., :3 * dim_n])
        np.matmul(d_prev, weight_d_prev.T, out=sums_d_prev)  # (3)
        np.add(net[..., 3 * dim_n:4 * dim_n], sums_d_prev, out=net[..., 3 * dim_n:4 * dim_n])
        np.tanh(net, out=net)  # (2) (4) (6) (8)
        gates = net[..., :2 * dim_n]
        gates *= 0.5
        gates += 0.5
        np.copyto(d, h_prev)  # (9)
        np.subtract(1, g, out=h)  # (10)
        h *= h_prev
        np.multiply(p, a, out=spare_3)
        spare_3 += n
        spare_3 *= g
        h += spare_3
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev", "weight_d_prev")}
    return outputs, {"h": h_states[-1].copy(), "d": d_states[-1].copy()}, (kept, x, h_states, d_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, d_states, block = tape
    work = {} if work is None else work
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_d_prev = packed["weight_d_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    g_all = block[..., :dim_n]
    a_all = block[..., dim_n:2 * dim_n]
    n_all = block[..., 2 * dim_n:3 * dim_n]
    p_all = block[..., 3 * dim_n:4 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 4 * dim_n), d_outputs)
    delta_a_g_all = delta_block[..., :dim_n]
    delta_a_a_all = delta_block[..., dim_n:2 * dim_n]
    delta_a_n_all = delta_block[..., 2 * dim_n:3 * dim_n]
    delta_a_p_all = delta_block[..., 3 * dim_n:4 * dim_n]
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    delta_d = array(work, "delta_d", (N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    delta_gates_all = delta_block.reshape(T, N, 4, dim_n)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.subtract(1, a_all, out=delta_a_a_all)  # (14)
    delta_a_a_all *= p_all
    delta_a_a_all *= g_all
    delta_a_a_all *= a_all
    np.multiply(p_all, a_all, out=delta_a_g_all)  # (16)
    delta_a_g_all += n_all
    delta_a_g_all -= h_states[:-1]
    delta_a_g_all *= g_all
    np.subtract(1, g_all, out=spare_all_1)
    delta_a_g_all *= spare_all_1
    np.square(p_all, out=delta_a_p_all)  # (18)
    np.subtract(1, delta_a_p_all, out=delta_a_p_all)
    delta_a_p_all *= g_all
    delta_a_p_all *= a_all
    np.square(n_all, out=delta_a_n_all)  # (20)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    delta_a_n_all *= g_all
    np.subtract(1, g_all, out=factor_1_all)  # (21)
    carry_h = np.array(d_final_state["h"])
    carry_d = np.array(d_final_state["d"])
    for delta_net, delta_gates, upstream_h, factor_1 in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        d_outputs[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (11)
        np.copyto(delta_d, carry_d)  # (12)
        delta_gates *= delta_h[:, None]  # (14) (16) (18) (20)
        np.matmul(delta_net[..., :3 * dim_n], weight_h_prev, out=carry_h)  # (21)
        carry_h += delta_d
        np.multiply(delta_h, factor_1, out=spare_1)
        carry_h += spare_1
        np.matmul(delta_net[..., 3 * dim_n:4 * dim_n], weight_d_prev, out=carry_d)  # (22)
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block[..., :3 * dim_n]).T @ rows(h_states[:-1])
    grads = {
        "W_n": grad_weight_x_t[2 * dim_n:3 * dim_n],  # (23)
        "R_n": grad_weight_h_prev[2 * dim_n:3 * dim_n],  # (24)
        "W_p": grad_weight_x_t[3 * dim_n:4 * dim_n],  # (25)
        "R_p": rows(delta_a_p_all).T @ rows(d_states[:-1]),  # (26)
        "W_g": grad_weight_x_t[:dim_n],  # (27)
        "R_g": grad_weight_h_prev[:dim_n],  # (28)
        "W_a": grad_weight_x_t[dim_n:2 * dim_n],  # (29)
        "R_a": grad_weight_h_prev[dim_n:2 * dim_n],  # (30)
    }
    d_x = product(delta_block, weight_x_t.T)
    return grads, d_x, {"h": carry_h, "d": carry_d}


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
        "W_n": draw((n, m)) / (m) ** 0.5,
        "R_n": draw((n, n)) / (n) ** 0.5,
        "W_p": draw((n, m)) / (m) ** 0.5,
        "R_p": draw((n, n)) / (n) ** 0.5,
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, n)) / (n) ** 0.5,
        "W_a": draw((n, m)) / (m) ** 0.5,
        "R_a": draw((n, n)) / (n) ** 0.5,
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "d": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "d": draw((N, n))}
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
