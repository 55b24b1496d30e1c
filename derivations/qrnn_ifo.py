"""qrnn_ifo: forward and backward pass in NumPy, derived by symrnn.

Quasi-recurrent network with ifo-pooling (Bradbury, Merity, Xiong & Socher 2017).

params: V_z, W_z, V_i, W_i, V_f, W_f, V_o, W_o (n, m)
x: x (T, N, m)
state: c (N, n); p (N, m)
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
    V_z = params["V_z"]
    W_z = params["W_z"]
    V_i = params["V_i"]
    W_i = params["W_i"]
    V_f = params["V_f"]
    W_f = params["W_f"]
    return {
        "params": params,
        "weight_p_prev": np.concatenate([V_i, V_f, V_z]),
        "weight_p_prev_half": np.concatenate([0.5 * V_i, 0.5 * V_f, V_z]),
        "weight_x_t": np.concatenate([W_i, W_f, W_z]),
        "weight_x_t_half": np.concatenate([0.5 * W_i, 0.5 * W_f, W_z]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    V_o = params["V_o"]
    W_o = params["W_o"]
    weight_p_prev_half = packed["weight_p_prev_half"]
    weight_x_t_half = packed["weight_x_t_half"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = state["c"].shape[1]
    c_states = array(work, "c_states", (T + 1, N, n), x)
    p_states = array(work, "p_states", (T + 1, N, m), x)
    block = array(work, "block", (T, N, 3 * n), x)
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    z_all = block[..., 2 * n:3 * n]
    sums_p_prev = array(work, "sums_p_prev", (N, 3 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    c_states[0] = state["c"]
    p_states[0] = state["p"]
    p_states[1:][...] = x  # (11)
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3) (5)
    for net, c_prev, p_prev, z, i, f, c in zip(
        block,
        c_states[:-1],
        p_states[:-1],
        z_all,
        i_all,
        f_all,
        c_states[1:],
        strict=True,
    ):
        np.matmul(p_prev, weight_p_prev_half.T, out=sums_p_prev)  # (1) (3) (5)
        np.add(net, sums_p_prev, out=net)
        np.tanh(net, out=net)  # (2) (4) (6)
        gates = net[..., :2 * n]
        gates *= 0.5
        gates += 0.5
        np.multiply(c_prev, f, out=c)  # (9)
        np.multiply(z, i, out=spare_2)
        c += spare_2
    a_o_all = product(p_states[:-1], V_o) + product(x, W_o)  # (7)
    o_all = sigmoid(a_o_all)  # (8)
    h_all = o_all * c_states[1:]  # (10)
    outputs = np.array(h_all)
    kept = {name: packed[name] for name in ("params", "weight_p_prev", "weight_x_t")}
    return outputs, {"c": c_states[-1].copy(), "p": p_states[-1].copy()}, (kept, x, c_states, p_states, block, o_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, c_states, p_states, block, o_all = tape
    work = {} if work is None else work
    params = packed["params"]
    V_o = params["V_o"]
    W_o = params["W_o"]
    weight_p_prev = packed["weight_p_prev"]
    weight_x_t = packed["weight_x_t"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = d_final_state["c"].shape[1]
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    z_all = block[..., 2 * n:3 * n]
    delta_block = array(work, "delta_block", (T, N, 3 * n), d_outputs)
    delta_a_i_all = delta_block[..., :n]
    delta_a_f_all = delta_block[..., n:2 * n]
    delta_a_z_all = delta_block[..., 2 * n:3 * n]
    delta_p_all = array(work, "delta_p_all", (T, N, m), d_outputs)
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_a_o_all = array(work, "delta_a_o_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block.reshape(T, N, 3, n)
    spare_1 = array(work, "spare_1", (N, m), d_outputs)
    np.subtract(1, o_all, out=delta_a_o_all)  # (16)
    delta_a_o_all *= o_all
    delta_a_o_all *= c_states[1:]
    np.subtract(1, f_all, out=delta_a_f_all)  # (18)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    np.subtract(1, i_all, out=delta_a_i_all)  # (20)
    delta_a_i_all *= z_all
    delta_a_i_all *= i_all
    np.square(z_all, out=delta_a_z_all)  # (22)
    np.subtract(1, delta_a_z_all, out=delta_a_z_all)
    delta_a_z_all *= i_all
    carry_c = np.array(d_final_state["c"])
    carry_p = np.array(d_final_state["p"])
    for delta_net, delta_gates, f, o, upstream_h, delta_p, delta_a_o in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        f_all[::-1],
        o_all[::-1],
        d_outputs[::-1],
        delta_p_all[::-1],
        delta_a_o_all[::-1],
        strict=True,
    ):
        np.copyto(delta_p, carry_p)  # (12)
        np.copyto(delta_h, upstream_h)  # (13)
        np.multiply(delta_h, o, out=delta_c)  # (14)
        delta_c += carry_c
        delta_a_o *= delta_h  # (16)
        delta_gates *= delta_c[:, None]  # (18) (20) (22)
        np.multiply(delta_c, f, out=carry_c)  # (23)
        np.matmul(delta_net, weight_p_prev, out=carry_p)  # (24)
        np.matmul(delta_a_o, V_o, out=spare_1)
        carry_p += spare_1
    grad_weight_p_prev = rows(delta_block).T @ rows(p_states[:-1])
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grads = {
        "V_z": grad_weight_p_prev[2 * n:3 * n],  # (25)
        "W_z": grad_weight_x_t[2 * n:3 * n],  # (26)
        "V_i": grad_weight_p_prev[:n],  # (27)
        "W_i": grad_weight_x_t[:n],  # (28)
        "V_f": grad_weight_p_prev[n:2 * n],  # (29)
        "W_f": grad_weight_x_t[n:2 * n],  # (30)
        "V_o": rows(delta_a_o_all).T @ rows(p_states[:-1]),  # (31)
        "W_o": rows(delta_a_o_all).T @ rows(x),  # (32)
    }
    d_x = product(delta_block, weight_x_t.T) + product(delta_a_o_all, W_o.T) + delta_p_all
    return grads, d_x, {"c": carry_c, "p": carry_p}


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
        "V_z": draw((n, m)) / (m) ** 0.5,
        "W_z": draw((n, m)) / (m) ** 0.5,
        "V_i": draw((n, m)) / (m) ** 0.5,
        "W_i": draw((n, m)) / (m) ** 0.5,
        "V_f": draw((n, m)) / (m) ** 0.5,
        "W_f": draw((n, m)) / (m) ** 0.5,
        "V_o": draw((n, m)) / (m) ** 0.5,
        "W_o": draw((n, m)) / (m) ** 0.5,
    }
    x = draw((T, N, m))
    state = {"c": draw((N, n)), "p": draw((N, m))}
    d_outputs = draw((T, N, n))
    d_final_state = {"c": draw((N, n)), "p": draw((N, m))}
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
