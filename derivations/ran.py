"""ran: forward and backward pass in NumPy, derived by symrnn.

Recurrent additive network (Lee, Levy & Zettlemoyer 2017).

params: W_i, W_f, W (n, m); R_i, R_f (n, n); b_i, b_f (n,)
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
    b_i = params["b_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    b_f = params["b_f"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_i, W_f]),
        "weight_x_t_half": np.concatenate([0.5 * W_i, 0.5 * W_f]),
        "weight_h_prev": np.concatenate([R_i, R_f]),
        "weight_h_prev_half": np.concatenate([0.5 * R_i, 0.5 * R_f]),
        "net_bias": np.concatenate([0.5 * b_i, 0.5 * b_f]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 2 * n), x)
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    sums_h_prev = array(work, "sums_h_prev", (N, 2 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    u_c_all = product(x, W)  # (5)
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3)
    block += net_bias
    for net, h_prev, c_prev, i, f, c, h, u_c in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        i_all,
        f_all,
        c_states[1:],
        h_states[1:],
        u_c_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3)
        np.add(net, sums_h_prev, out=net)
        np.tanh(net, out=net)  # (2) (4)
        gates = net
        gates *= 0.5
        gates += 0.5
        np.multiply(i, u_c, out=c)  # (6)
        np.multiply(c_prev, f, out=spare_2)
        c += spare_2
        np.tanh(c, out=h)  # (7)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, block, u_c_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, block, u_c_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    delta_block = array(work, "delta_block", (T, N, 2 * n), d_outputs)
    delta_a_i_all = delta_block[..., :n]
    delta_a_f_all = delta_block[..., n:2 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c_all = array(work, "delta_c_all", (T, N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block.reshape(T, N, 2, n)
    np.square(h_states[1:], out=factor_1_all)  # (9)
    np.subtract(1, factor_1_all, out=factor_1_all)
    np.subtract(1, f_all, out=delta_a_f_all)  # (12)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    np.subtract(1, i_all, out=delta_a_i_all)  # (14)
    delta_a_i_all *= i_all
    delta_a_i_all *= u_c_all
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for delta_net, delta_gates, f, upstream_h, delta_c, factor_1 in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_c_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (8)
        np.multiply(delta_h, factor_1, out=delta_c)  # (9)
        delta_c += carry_c
        delta_gates *= delta_c[:, None]  # (12) (14)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (15)
        np.multiply(delta_c, f, out=carry_c)  # (16)
    delta_u_c_all = delta_c_all * i_all  # (10)
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_i": grad_weight_x_t[:n],  # (17)
        "R_i": grad_weight_h_prev[:n],  # (18)
        "b_i": grad_net[:n],  # (19)
        "W_f": grad_weight_x_t[n:2 * n],  # (20)
        "R_f": grad_weight_h_prev[n:2 * n],  # (21)
        "b_f": grad_net[n:2 * n],  # (22)
        "W": rows(delta_u_c_all).T @ rows(x),  # (23)
    }
    d_x = product(delta_block, weight_x_t.T) + product(delta_u_c_all, W.T)
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
        "b_i": draw((n,)),
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "b_f": draw((n,)),
        "W": draw((n, m)) / (m) ** 0.5,
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
