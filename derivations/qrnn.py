"""qrnn: forward and backward pass in NumPy, derived by symrnn.

Quasi-recurrent network with fo-pooling (Bradbury, Merity, Xiong & Socher 2017).

params: V_z, W_z, V_f, W_f, V_o, W_o (n, m)
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
    V_f = params["V_f"]
    W_f = params["W_f"]
    return {
        "params": params,
        "weight_p_prev": np.concatenate([V_f, V_z]),
        "weight_p_prev_half": np.concatenate([0.5 * V_f, V_z]),
        "weight_x_t": np.concatenate([W_f, W_z]),
        "weight_x_t_half": np.concatenate([0.5 * W_f, W_z]),
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
    block = array(work, "block", (T, N, 2 * n), x)
    f_all = block[..., :n]
    z_all = block[..., n:2 * n]
    sums_p_prev = array(work, "sums_p_prev", (N, 2 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    c_states[0] = state["c"]
    p_states[0] = state["p"]
    p_states[1:][...] = x  # (9)
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3)
    for net, c_prev, p_prev, z, f, c in zip(
        block,
        c_states[:-1],
        p_states[:-1],
        z_all,
        f_all,
        c_states[1:],
        strict=True,
    ):
        np.matmul(p_prev, weight_p_prev_half.T, out=sums_p_prev)  # (1) (3)
        np.add(net, sums_p_prev, out=net)
        np.tanh(net, out=net)  # (2) (4)
        gates = net[..., :n]
        gates *= 0.5
        gates += 0.5
        np.multiply(c_prev, f, out=c)  # (7)
        np.subtract(1, f, out=spare_2)
        spare_2 *= z
        c += spare_2
    a_o_all = product(p_states[:-1], V_o) + product(x, W_o)  # (5)
    o_all = sigmoid(a_o_all)  # (6)
    h_all = o_all * c_states[1:]  # (8)
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
    f_all = block[..., :n]
    z_all = block[..., n:2 * n]
    delta_block = array(work, "delta_block", (T, N, 2 * n), d_outputs)
    delta_a_f_all = delta_block[..., :n]
    delta_a_z_all = delta_block[..., n:2 * n]
    delta_p_all = array(work, "delta_p_all", (T, N, m), d_outputs)
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_a_o_all = array(work, "delta_a_o_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block.reshape(T, N, 2, n)
    spare_all_1 = array(work, "spare_all_1", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, m), d_outputs)
    np.subtract(1, o_all, out=delta_a_o_all)  # (14)
    delta_a_o_all *= o_all
    delta_a_o_all *= c_states[1:]
    np.subtract(c_states[:-1], z_all, out=delta_a_f_all)  # (16)
    delta_a_f_all *= f_all
    np.subtract(1, f_all, out=spare_all_1)
    delta_a_f_all *= spare_all_1
    np.square(z_all, out=delta_a_z_all)  # (18)
    np.subtract(1, delta_a_z_all, out=delta_a_z_all)
    np.subtract(1, f_all, out=spare_all_1)
    delta_a_z_all *= spare_all_1
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
        np.copyto(delta_p, carry_p)  # (10)
        np.copyto(delta_h, upstream_h)  # (11)
        np.multiply(delta_h, o, out=delta_c)  # (12)
        delta_c += carry_c
        delta_a_o *= delta_h  # (14)
        delta_gates *= delta_c[:, None]  # (16) (18)
        np.multiply(delta_c, f, out=carry_c)  # (19)
        np.matmul(delta_net, weight_p_prev, out=carry_p)  # (20)
        np.matmul(delta_a_o, V_o, out=spare_1)
        carry_p += spare_1
    grad_weight_p_prev = rows(delta_block).T @ rows(p_states[:-1])
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grads = {
        "V_z": grad_weight_p_prev[n:2 * n],  # (21)
        "W_z": grad_weight_x_t[n:2 * n],  # (22)
        "V_f": grad_weight_p_prev[:n],  # (23)
        "W_f": grad_weight_x_t[:n],  # (24)
        "V_o": rows(delta_a_o_all).T @ rows(p_states[:-1]),  # (25)
        "W_o": rows(delta_a_o_all).T @ rows(x),  # (26)
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
