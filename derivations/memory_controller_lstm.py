"""memory_controller_lstm: forward and backward pass in NumPy, derived by symrnn.

LSTM with a memory controller: what goes round is not what is shown (NIPS workshop of 2017).

params: W_i, W_f, W_g, W_o, W_k (n, m); R_i, R_f, R_g, R_o, R_k (n, n); b_i, b_f, b_g, b_o, b_k (n,)
x: x (T, N, m)
state: v (N, n); c (N, n)
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


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_i = params["W_i"]
    R_i = params["R_i"]
    b_i = params["b_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    b_f = params["b_f"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    b_g = params["b_g"]
    W_k = params["W_k"]
    R_k = params["R_k"]
    b_k = params["b_k"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_k, W_i, W_f, W_g]),
        "weight_x_t_half": np.concatenate([0.5 * W_k, 0.5 * W_i, 0.5 * W_f, W_g]),
        "weight_v_prev": np.concatenate([R_k, R_i, R_f, R_g]),
        "weight_v_prev_half": np.concatenate([0.5 * R_k, 0.5 * R_i, 0.5 * R_f, R_g]),
        "net_bias": np.concatenate([0.5 * b_k, 0.5 * b_i, 0.5 * b_f, b_g]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    b_o = params["b_o"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_v_prev_half = packed["weight_v_prev_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    n = state["v"].shape[1]
    v_states = array(work, "v_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 4 * n), x)
    k_all = block[..., :n]
    i_all = block[..., n:2 * n]
    f_all = block[..., 2 * n:3 * n]
    g_all = block[..., 3 * n:4 * n]
    u_all = array(work, "u_all", (T, N, n), x)
    sums_v_prev = array(work, "sums_v_prev", (N, 4 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    v_states[0] = state["v"]
    c_states[0] = state["c"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3) (5) (10)
    block += net_bias
    for net, v_prev, c_prev, i, f, g, c, k, u, v in zip(
        block,
        v_states[:-1],
        c_states[:-1],
        i_all,
        f_all,
        g_all,
        c_states[1:],
        k_all,
        u_all,
        v_states[1:],
        strict=True,
    ):
        np.matmul(v_prev, weight_v_prev_half.T, out=sums_v_prev)  # (1) (3) (5) (10)
        np.add(net, sums_v_prev, out=net)
        np.tanh(net, out=net)  # (2) (4) (6) (11)
        gates = net[..., :3 * n]
        gates *= 0.5
        gates += 0.5
        np.multiply(c_prev, f, out=c)  # (7)
        np.multiply(i, g, out=spare_2)
        c += spare_2
        np.tanh(c, out=u)  # (12)
        np.multiply(k, u, out=v)  # (14)
    a_o_all = product(x, W_o) + product(v_states[:-1], R_o) + b_o  # (8)
    o_all = sigmoid(a_o_all)  # (9)
    h_all = o_all * u_all  # (13)
    outputs = np.array(h_all)
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_v_prev")}
    return outputs, {"v": v_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, v_states, c_states, block, o_all, u_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, v_states, c_states, block, o_all, u_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    weight_x_t = packed["weight_x_t"]
    weight_v_prev = packed["weight_v_prev"]
    T, N = x.shape[:2]
    n = d_final_state["v"].shape[1]
    k_all = block[..., :n]
    i_all = block[..., n:2 * n]
    f_all = block[..., 2 * n:3 * n]
    g_all = block[..., 3 * n:4 * n]
    delta_block = array(work, "delta_block", (T, N, 4 * n), d_outputs)
    delta_a_k_all = delta_block[..., :n]
    delta_a_i_all = delta_block[..., n:2 * n]
    delta_a_f_all = delta_block[..., 2 * n:3 * n]
    delta_a_g_all = delta_block[..., 3 * n:4 * n]
    delta_v = array(work, "delta_v", (N, n), d_outputs)
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_u = array(work, "delta_u", (N, n), d_outputs)
    delta_a_o_all = array(work, "delta_a_o_all", (T, N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block[..., n:4 * n].reshape(T, N, 3, n)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.subtract(1, k_all, out=delta_a_k_all)  # (19)
    delta_a_k_all *= k_all
    delta_a_k_all *= u_all
    np.subtract(1, o_all, out=delta_a_o_all)  # (21)
    delta_a_o_all *= o_all
    delta_a_o_all *= u_all
    np.square(u_all, out=factor_1_all)  # (22)
    np.subtract(1, factor_1_all, out=factor_1_all)
    np.square(g_all, out=delta_a_g_all)  # (24)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= i_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (26)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    np.subtract(1, i_all, out=delta_a_i_all)  # (28)
    delta_a_i_all *= i_all
    delta_a_i_all *= g_all
    carry_v = np.array(d_final_state["v"])
    carry_c = np.array(d_final_state["c"])
    for delta_net, delta_gates, f, o, k, upstream_h, delta_a_k, delta_a_o, factor_1 in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        f_all[::-1],
        o_all[::-1],
        k_all[::-1],
        d_outputs[::-1],
        delta_a_k_all[::-1],
        delta_a_o_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.copyto(delta_v, carry_v)  # (15)
        np.copyto(delta_h, upstream_h)  # (16)
        np.multiply(delta_v, k, out=delta_u)  # (17)
        np.multiply(delta_h, o, out=spare_1)
        delta_u += spare_1
        delta_a_k *= delta_v  # (19)
        delta_a_o *= delta_h  # (21)
        np.multiply(delta_u, factor_1, out=delta_c)  # (22)
        delta_c += carry_c
        delta_gates *= delta_c[:, None]  # (24) (26) (28)
        np.matmul(delta_net, weight_v_prev, out=carry_v)  # (29)
        np.matmul(delta_a_o, R_o, out=spare_1)
        carry_v += spare_1
        np.multiply(delta_c, f, out=carry_c)  # (30)
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_v_prev = rows(delta_block).T @ rows(v_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_i": grad_weight_x_t[n:2 * n],  # (31)
        "R_i": grad_weight_v_prev[n:2 * n],  # (32)
        "b_i": grad_net[n:2 * n],  # (33)
        "W_f": grad_weight_x_t[2 * n:3 * n],  # (34)
        "R_f": grad_weight_v_prev[2 * n:3 * n],  # (35)
        "b_f": grad_net[2 * n:3 * n],  # (36)
        "W_g": grad_weight_x_t[3 * n:4 * n],  # (37)
        "R_g": grad_weight_v_prev[3 * n:4 * n],  # (38)
        "b_g": grad_net[3 * n:4 * n],  # (39)
        "W_o": rows(delta_a_o_all).T @ rows(x),  # (40)
        "R_o": rows(delta_a_o_all).T @ rows(v_states[:-1]),  # (41)
        "b_o": delta_a_o_all.sum(axis=(0, 1)),  # (42)
        "W_k": grad_weight_x_t[:n],  # (43)
        "R_k": grad_weight_v_prev[:n],  # (44)
        "b_k": grad_net[:n],  # (45)
    }
    d_x = product(delta_block, weight_x_t.T) + product(delta_a_o_all, W_o.T)
    return grads, d_x, {"v": carry_v, "c": carry_c}


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
        "b_i": draw((n,)),
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "b_f": draw((n,)),
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, n)) / (n) ** 0.5,
        "b_g": draw((n,)),
        "W_o": draw((n, m)) / (m) ** 0.5,
        "R_o": draw((n, n)) / (n) ** 0.5,
        "b_o": draw((n,)),
        "W_k": draw((n, m)) / (m) ** 0.5,
        "R_k": draw((n, n)) / (n) ** 0.5,
        "b_k": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"v": draw((N, n)), "c": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"v": draw((N, n)), "c": draw((N, n))}
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
