"""recurrent_highway: forward and backward pass in NumPy, derived by symrnn.

Recurrent highway network of depth 2 (Zilly, Srivastava, Koutník & Schmidhuber 2017).

params: W_n, W_t (n, m); R_n1, R_t1, R_n2, R_t2 (n, n); b_n1, b_t1, b_n2, b_t2 (n,)
x: x (T, N, m)
state: h (N, n)
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
    R_n1 = params["R_n1"]
    b_n1 = params["b_n1"]
    W_t = params["W_t"]
    R_t1 = params["R_t1"]
    b_t1 = params["b_t1"]
    R_n2 = params["R_n2"]
    b_n2 = params["b_n2"]
    R_t2 = params["R_t2"]
    b_t2 = params["b_t2"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_t, W_n]),
        "weight_x_t_half": np.concatenate([0.5 * W_t, W_n]),
        "weight_h_prev": np.concatenate([R_t1, R_n1]),
        "weight_h_prev_half": np.concatenate([0.5 * R_t1, R_n1]),
        "weight_s": np.concatenate([R_n2, R_t2]),
        "weight_s_half": np.concatenate([R_n2, 0.5 * R_t2]),
        "net_bias": np.concatenate([0.5 * b_t1, b_n1, b_n2, 0.5 * b_t2]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    weight_s_half = packed["weight_s_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 4 * n), x)
    t_1_all = block[..., :n]
    n_1_all = block[..., n:2 * n]
    n_2_all = block[..., 2 * n:3 * n]
    t_2_all = block[..., 3 * n:4 * n]
    s_all = array(work, "s_all", (T, N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 2 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    sums_s = array(work, "sums_s", (N, 2 * n), x)
    h_states[0] = state["h"]
    input_sums = product(x, weight_x_t_half)
    t_1_all[...] = input_sums[..., :n]
    n_1_all[...] = input_sums[..., n:2 * n]
    n_2_all[...] = 0
    t_2_all[...] = 0
    block += net_bias
    for net, h_prev, n_1, t_1, s, n_2, t_2, h in zip(
        block,
        h_states[:-1],
        n_1_all,
        t_1_all,
        s_all,
        n_2_all,
        t_2_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3)
        np.add(net[..., :2 * n], sums_h_prev, out=net[..., :2 * n])
        np.tanh(net[..., :2 * n], out=net[..., :2 * n])  # (2) (4)
        gates = net[..., :n]
        gates *= 0.5
        gates += 0.5
        np.multiply(n_1, t_1, out=s)  # (5)
        np.subtract(1, t_1, out=spare_2)
        spare_2 *= h_prev
        s += spare_2
        np.matmul(s, weight_s_half.T, out=sums_s)  # (6) (8)
        np.add(net[..., 2 * n:4 * n], sums_s, out=net[..., 2 * n:4 * n])
        np.tanh(n_2, out=n_2)  # (7)
        np.tanh(t_2, out=t_2)  # (9)
        t_2 *= 0.5
        t_2 += 0.5
        np.multiply(n_2, t_2, out=h)  # (10)
        np.subtract(1, t_2, out=spare_2)
        spare_2 *= s
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev", "weight_s")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, block, s_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block, s_all = tape
    work = {} if work is None else work
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_s = packed["weight_s"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    t_1_all = block[..., :n]
    n_1_all = block[..., n:2 * n]
    n_2_all = block[..., 2 * n:3 * n]
    t_2_all = block[..., 3 * n:4 * n]
    delta_block = array(work, "delta_block", (T, N, 4 * n), d_outputs)
    delta_a_t_1_all = delta_block[..., :n]
    delta_a_n_1_all = delta_block[..., n:2 * n]
    delta_a_n_2_all = delta_block[..., 2 * n:3 * n]
    delta_a_t_2_all = delta_block[..., 3 * n:4 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_s = array(work, "delta_s", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block[..., 2 * n:4 * n].reshape(T, N, 2, n)
    delta_gates_2_all = delta_block[..., :2 * n].reshape(T, N, 2, n)
    spare_all_1 = array(work, "spare_all_1", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.subtract(n_2_all, s_all, out=delta_a_t_2_all)  # (13)
    delta_a_t_2_all *= t_2_all
    np.subtract(1, t_2_all, out=spare_all_1)
    delta_a_t_2_all *= spare_all_1
    np.square(n_2_all, out=delta_a_n_2_all)  # (15)
    np.subtract(1, delta_a_n_2_all, out=delta_a_n_2_all)
    delta_a_n_2_all *= t_2_all
    np.subtract(1, t_2_all, out=factor_1_all)  # (16)
    np.subtract(n_1_all, h_states[:-1], out=delta_a_t_1_all)  # (18)
    delta_a_t_1_all *= t_1_all
    np.subtract(1, t_1_all, out=spare_all_1)
    delta_a_t_1_all *= spare_all_1
    np.square(n_1_all, out=delta_a_n_1_all)  # (20)
    np.subtract(1, delta_a_n_1_all, out=delta_a_n_1_all)
    delta_a_n_1_all *= t_1_all
    np.subtract(1, t_1_all, out=factor_2_all)  # (21)
    carry_h = np.array(d_final_state["h"])
    for delta_net, delta_gates, delta_gates_2, upstream_h, factor_1, factor_2 in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        delta_gates_2_all[::-1],
        d_outputs[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (11)
        delta_gates *= delta_h[:, None]  # (13) (15)
        np.matmul(delta_net[..., 2 * n:4 * n], weight_s, out=delta_s)  # (16)
        np.multiply(delta_h, factor_1, out=spare_1)
        delta_s += spare_1
        delta_gates_2 *= delta_s[:, None]  # (18) (20)
        np.matmul(delta_net[..., :2 * n], weight_h_prev, out=carry_h)  # (21)
        np.multiply(delta_s, factor_2, out=spare_1)
        carry_h += spare_1
    grad_weight_x_t = rows(delta_block[..., :2 * n]).T @ rows(x)
    grad_weight_h_prev = rows(delta_block[..., :2 * n]).T @ rows(h_states[:-1])
    grad_weight_s = rows(delta_block[..., 2 * n:4 * n]).T @ rows(s_all)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_n": grad_weight_x_t[n:2 * n],  # (22)
        "R_n1": grad_weight_h_prev[n:2 * n],  # (23)
        "b_n1": grad_net[n:2 * n],  # (24)
        "W_t": grad_weight_x_t[:n],  # (25)
        "R_t1": grad_weight_h_prev[:n],  # (26)
        "b_t1": grad_net[:n],  # (27)
        "R_n2": grad_weight_s[:n],  # (28)
        "b_n2": grad_net[2 * n:3 * n],  # (29)
        "R_t2": grad_weight_s[n:2 * n],  # (30)
        "b_t2": grad_net[3 * n:4 * n],  # (31)
    }
    d_x = product(delta_block[..., :2 * n], weight_x_t.T)
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
        "W_n": draw((n, m)) / (m) ** 0.5,
        "R_n1": draw((n, n)) / (n) ** 0.5,
        "b_n1": draw((n,)),
        "W_t": draw((n, m)) / (m) ** 0.5,
        "R_t1": draw((n, n)) / (n) ** 0.5,
        "b_t1": draw((n,)),
        "R_n2": draw((n, n)) / (n) ** 0.5,
        "b_n2": draw((n,)),
        "R_t2": draw((n, n)) / (n) ** 0.5,
        "b_t2": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n))}
    d_outputs = draw((T, N, n))
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
