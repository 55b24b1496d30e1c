"""intersection_rnn: forward and backward pass in NumPy, derived by symrnn.

Intersection RNN, gated through time and through depth (Collins, Sohl-Dickstein & Sussillo 2016).

params: W_u, W_y (m, m); R_u, R_y (m, n); b_u, b_y (m,); W_n, W_h (n, m); R_n, R_h (n, n); b_n, b_h (n,)
x: x (T, N, m)
state: h (N, n)
outputs: y (T, N, m)
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


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_n = params["W_n"]
    R_n = params["R_n"]
    b_n = params["b_n"]
    W_h = params["W_h"]
    R_h = params["R_h"]
    b_h = params["b_h"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_h, W_n]),
        "weight_x_t_half": np.concatenate([0.5 * W_h, W_n]),
        "weight_h_prev": np.concatenate([R_h, R_n]),
        "weight_h_prev_half": np.concatenate([0.5 * R_h, R_n]),
        "net_bias": np.concatenate([0.5 * b_h, b_n]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_u = params["W_u"]
    R_u = params["R_u"]
    b_u = params["b_u"]
    W_y = params["W_y"]
    R_y = params["R_y"]
    b_y = params["b_y"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, 2 * dim_n), x)
    g_h_all = block[..., :dim_n]
    n_all = block[..., dim_n:2 * dim_n]
    sums_h_prev = array(work, "sums_h_prev", (N, 2 * dim_n), x)
    spare_2 = array(work, "spare_2", (N, dim_n), x)
    h_states[0] = state["h"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (3) (7)
    block += net_bias
    for net, h_prev, n, g_h, h in zip(
        block,
        h_states[:-1],
        n_all,
        g_h_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (3) (7)
        np.add(net, sums_h_prev, out=net)
        np.tanh(net, out=net)  # (4) (8)
        gates = net[..., :dim_n]
        gates *= 0.5
        gates += 0.5
        np.multiply(h_prev, g_h, out=h)  # (10)
        np.subtract(1, g_h, out=spare_2)
        spare_2 *= n
        h += spare_2
    a_u_all = product(x, W_u) + product(h_states[:-1], R_u) + b_u  # (1)
    u_all = np.maximum(a_u_all, 0)  # (2)
    a_g_y_all = product(x, W_y) + product(h_states[:-1], R_y) + b_y  # (5)
    g_y_all = sigmoid(a_g_y_all)  # (6)
    y_all = x * g_y_all + u_all * (1 - g_y_all)  # (9)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, u_all, block, g_y_all, a_u_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, u_all, block, g_y_all, a_u_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_u = params["W_u"]
    R_u = params["R_u"]
    W_y = params["W_y"]
    R_y = params["R_y"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    m = x.shape[2]
    dim_n = d_final_state["h"].shape[1]
    g_h_all = block[..., :dim_n]
    n_all = block[..., dim_n:2 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 2 * dim_n), d_outputs)
    delta_a_g_h_all = delta_block[..., :dim_n]
    delta_a_n_all = delta_block[..., dim_n:2 * dim_n]
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    delta_y_all = array(work, "delta_y_all", (T, N, m), d_outputs)
    delta_a_g_y_all = array(work, "delta_a_g_y_all", (T, N, m), d_outputs)
    delta_a_u_all = array(work, "delta_a_u_all", (T, N, m), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_all_2 = array(work, "spare_all_2", (T, N, m), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.subtract(h_states[:-1], n_all, out=delta_a_g_h_all)  # (14)
    delta_a_g_h_all *= g_h_all
    np.subtract(1, g_h_all, out=spare_all_1)
    delta_a_g_h_all *= spare_all_1
    np.subtract(x, u_all, out=delta_a_g_y_all)  # (16)
    delta_a_g_y_all *= g_y_all
    np.subtract(1, g_y_all, out=spare_all_2)
    delta_a_g_y_all *= spare_all_2
    np.square(n_all, out=delta_a_n_all)  # (18)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    np.subtract(1, g_h_all, out=spare_all_1)
    delta_a_n_all *= spare_all_1
    np.subtract(1, g_y_all, out=delta_a_u_all)  # (20)
    np.copyto(spare_all_2, above(a_u_all, 0))
    delta_a_u_all *= spare_all_2
    carry_h = np.array(d_final_state["h"])
    for (
        delta_net, g_h, upstream_y, delta_y, delta_a_g_h, delta_a_g_y, delta_a_n, delta_a_u
    ) in zip(
        delta_block[::-1],
        g_h_all[::-1],
        d_outputs[::-1],
        delta_y_all[::-1],
        delta_a_g_h_all[::-1],
        delta_a_g_y_all[::-1],
        delta_a_n_all[::-1],
        delta_a_u_all[::-1],
        strict=True,
    ):
        np.copyto(delta_h, carry_h)  # (11)
        np.copyto(delta_y, upstream_y)  # (12)
        delta_a_g_h *= delta_h  # (14)
        delta_a_g_y *= delta_y  # (16)
        delta_a_n *= delta_h  # (18)
        delta_a_u *= delta_y  # (20)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (21)
        np.matmul(delta_a_u, R_u, out=spare_1)
        carry_h += spare_1
        np.matmul(delta_a_g_y, R_y, out=spare_1)
        carry_h += spare_1
        np.multiply(delta_h, g_h, out=spare_1)
        carry_h += spare_1
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_u": rows(delta_a_u_all).T @ rows(x),  # (22)
        "R_u": rows(delta_a_u_all).T @ rows(h_states[:-1]),  # (23)
        "b_u": delta_a_u_all.sum(axis=(0, 1)),  # (24)
        "W_n": grad_weight_x_t[dim_n:2 * dim_n],  # (25)
        "R_n": grad_weight_h_prev[dim_n:2 * dim_n],  # (26)
        "b_n": grad_net[dim_n:2 * dim_n],  # (27)
        "W_y": rows(delta_a_g_y_all).T @ rows(x),  # (28)
        "R_y": rows(delta_a_g_y_all).T @ rows(h_states[:-1]),  # (29)
        "b_y": delta_a_g_y_all.sum(axis=(0, 1)),  # (30)
        "W_h": grad_weight_x_t[:dim_n],  # (31)
        "R_h": grad_weight_h_prev[:dim_n],  # (32)
        "b_h": grad_net[:dim_n],  # (33)
    }
    d_x = product(delta_block, weight_x_t.T) + product(delta_a_u_all, W_u.T) + product(delta_a_g_y_all, W_y.T) + delta_y_all * g_y_all
    return grads, d_x, {"h": carry_h}


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
        "W_u": draw((m, m)) / (m) ** 0.5,
        "R_u": draw((m, n)) / (n) ** 0.5,
        "b_u": draw((m,)),
        "W_n": draw((n, m)) / (m) ** 0.5,
        "R_n": draw((n, n)) / (n) ** 0.5,
        "b_n": draw((n,)),
        "W_y": draw((m, m)) / (m) ** 0.5,
        "R_y": draw((m, n)) / (n) ** 0.5,
        "b_y": draw((m,)),
        "W_h": draw((n, m)) / (m) ** 0.5,
        "R_h": draw((n, n)) / (n) ** 0.5,
        "b_h": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n))}
    d_outputs = draw((T, N, m))
    d_final_state = {"h": draw((N, n))}
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
