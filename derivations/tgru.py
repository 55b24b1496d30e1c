"""tgru: forward and backward pass in NumPy, derived by symrnn.

Strongly typed gated recurrent unit, T-GRU (Balduzzi & Ghifary 2016).

params: V_z, W_z, V_f, W_f, V_o, W_o (n, m); b_z, b_f, b_o (n,)
x: x (T, N, m)
state: h (N, n); p (N, m)
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
    V_z = params["V_z"]
    W_z = params["W_z"]
    b_z = params["b_z"]
    V_f = params["V_f"]
    W_f = params["W_f"]
    b_f = params["b_f"]
    V_o = params["V_o"]
    W_o = params["W_o"]
    b_o = params["b_o"]
    return {
        "params": params,
        "weight_p_prev": np.concatenate([V_f, V_o, V_z]),
        "weight_p_prev_half": np.concatenate([0.5 * V_f, V_o, V_z]),
        "weight_x_t": np.concatenate([W_f, W_o, W_z]),
        "weight_x_t_half": np.concatenate([0.5 * W_f, W_o, W_z]),
        "net_bias": np.concatenate([0.5 * b_f, b_o, b_z]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_p_prev_half = packed["weight_p_prev_half"]
    weight_x_t_half = packed["weight_x_t_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    p_states = array(work, "p_states", (T + 1, N, m), x)
    block = array(work, "block", (T, N, 3 * n), x)
    f_all = block[..., :n]
    o_all = block[..., n:2 * n]
    z_all = block[..., 2 * n:3 * n]
    sums_p_prev = array(work, "sums_p_prev", (N, 3 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    h_states[0] = state["h"]
    p_states[0] = state["p"]
    p_states[1:][...] = x  # (7)
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (2) (4)
    block += net_bias
    for net, h_prev, p_prev, z, f, o, h in zip(
        block,
        h_states[:-1],
        p_states[:-1],
        z_all,
        f_all,
        o_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(p_prev, weight_p_prev_half.T, out=sums_p_prev)  # (1) (2) (4)
        np.add(net, sums_p_prev, out=net)
        np.tanh(net[..., :2 * n], out=net[..., :2 * n])  # (3) (5)
        gates = net[..., :n]
        gates *= 0.5
        gates += 0.5
        np.multiply(h_prev, f, out=h)  # (6)
        np.multiply(z, o, out=spare_2)
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("weight_p_prev", "weight_x_t")}
    return outputs, {"h": h_states[-1].copy(), "p": p_states[-1].copy()}, (kept, x, h_states, p_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, p_states, block = tape
    work = {} if work is None else work
    weight_p_prev = packed["weight_p_prev"]
    weight_x_t = packed["weight_x_t"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = d_final_state["h"].shape[1]
    f_all = block[..., :n]
    o_all = block[..., n:2 * n]
    z_all = block[..., 2 * n:3 * n]
    delta_block = array(work, "delta_block", (T, N, 3 * n), d_outputs)
    delta_a_f_all = delta_block[..., :n]
    delta_a_o_all = delta_block[..., n:2 * n]
    delta_z_all = delta_block[..., 2 * n:3 * n]
    delta_p_all = array(work, "delta_p_all", (T, N, m), d_outputs)
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_gates_all = delta_block[..., :2 * n].reshape(T, N, 2, n)
    np.square(o_all, out=delta_a_o_all)  # (11)
    np.subtract(1, delta_a_o_all, out=delta_a_o_all)
    delta_a_o_all *= z_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (13)
    delta_a_f_all *= h_states[:-1]
    delta_a_f_all *= f_all
    carry_h = np.array(d_final_state["h"])
    carry_p = np.array(d_final_state["p"])
    for delta_net, delta_gates, f, o, upstream_h, delta_p, delta_z in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        f_all[::-1],
        o_all[::-1],
        d_outputs[::-1],
        delta_p_all[::-1],
        delta_z_all[::-1],
        strict=True,
    ):
        np.copyto(delta_p, carry_p)  # (8)
        np.add(upstream_h, carry_h, out=delta_h)  # (9)
        delta_gates *= delta_h[:, None]  # (11) (13)
        np.multiply(delta_h, o, out=delta_z)  # (14)
        np.multiply(delta_h, f, out=carry_h)  # (15)
        np.matmul(delta_net, weight_p_prev, out=carry_p)  # (16)
    grad_weight_p_prev = rows(delta_block).T @ rows(p_states[:-1])
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "V_z": grad_weight_p_prev[2 * n:3 * n],  # (17)
        "W_z": grad_weight_x_t[2 * n:3 * n],  # (18)
        "b_z": grad_net[2 * n:3 * n],  # (19)
        "V_f": grad_weight_p_prev[:n],  # (20)
        "W_f": grad_weight_x_t[:n],  # (21)
        "b_f": grad_net[:n],  # (22)
        "V_o": grad_weight_p_prev[n:2 * n],  # (23)
        "W_o": grad_weight_x_t[n:2 * n],  # (24)
        "b_o": grad_net[n:2 * n],  # (25)
    }
    d_x = product(delta_block, weight_x_t.T) + delta_p_all
    return grads, d_x, {"h": carry_h, "p": carry_p}


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
        "b_z": draw((n,)),
        "V_f": draw((n, m)) / (m) ** 0.5,
        "W_f": draw((n, m)) / (m) ** 0.5,
        "b_f": draw((n,)),
        "V_o": draw((n, m)) / (m) ** 0.5,
        "W_o": draw((n, m)) / (m) ** 0.5,
        "b_o": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "p": draw((N, m))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "p": draw((N, m))}
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
