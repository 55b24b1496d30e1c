"""minimal_rnn: forward and backward pass in NumPy, derived by symrnn.

Minimal RNN (Chen 2017).

params: W (n, m); b, b_u (n,); R_u, M_u (n, n)
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
    R_u = params["R_u"]
    M_u = params["M_u"]
    b_u = params["b_u"]
    return {
        "params": params,
        "weight_h_prev": R_u,
        "weight_h_prev_half": np.concatenate([0.5 * R_u]),
        "weight_n": M_u,
        "weight_n_half": np.concatenate([0.5 * M_u]),
        "net_bias": np.concatenate([0.5 * b_u]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    b = params["b"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    weight_n_half = packed["weight_n_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, dim_n), x)
    u_all = block[..., :dim_n]
    sums_h_prev = array(work, "sums_h_prev", (N, dim_n), x)
    spare_2 = array(work, "spare_2", (N, dim_n), x)
    h_states[0] = state["h"]
    a_n_all = product(x, W) + b  # (1)
    n_all = np.tanh(a_n_all)  # (2)
    np.matmul(rows(n_all), weight_n_half.T, out=rows(block))  # (3)
    block += net_bias
    for net, h_prev, n, u, h in zip(block, h_states[:-1], n_all, u_all, h_states[1:], strict=True):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (3)
        np.add(net, sums_h_prev, out=net)
        np.tanh(net, out=net)  # (4)
        gates = net
        gates *= 0.5
        gates += 0.5
        np.multiply(h_prev, u, out=h)  # (5)
        np.subtract(1, u, out=spare_2)
        spare_2 *= n
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, n_all, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, n_all, block = tape
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    M_u = params["M_u"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    u_all = block[..., :dim_n]
    delta_block = array(work, "delta_block", (T, N, dim_n), d_outputs)
    delta_a_u_all = delta_block[..., :dim_n]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.subtract(h_states[:-1], n_all, out=delta_a_u_all)  # (8)
    delta_a_u_all *= u_all
    np.subtract(1, u_all, out=spare_all_1)
    delta_a_u_all *= spare_all_1
    carry_h = np.array(d_final_state["h"])
    for delta_net, u, upstream_h, delta_h, delta_a_u in zip(
        delta_block[::-1],
        u_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_a_u_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (6)
        delta_a_u *= delta_h  # (8)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (11)
        np.multiply(delta_h, u, out=spare_1)
        carry_h += spare_1
    delta_n_all = delta_h_all * (1 - u_all) + product(delta_a_u_all, M_u.T)  # (9)
    delta_a_n_all = delta_n_all * (1 - n_all**2)  # (10)
    grads = {
        "W": rows(delta_a_n_all).T @ rows(x),  # (12)
        "b": delta_a_n_all.sum(axis=(0, 1)),  # (13)
        "R_u": rows(delta_a_u_all).T @ rows(h_states[:-1]),  # (14)
        "M_u": rows(delta_a_u_all).T @ rows(n_all),  # (15)
        "b_u": delta_a_u_all.sum(axis=(0, 1)),  # (16)
    }
    d_x = np.array(product(delta_a_n_all, W.T))
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
        "W": draw((n, m)) / (m) ** 0.5,
        "b": draw((n,)),
        "R_u": draw((n, n)) / (n) ** 0.5,
        "M_u": draw((n, n)) / (n) ** 0.5,
        "b_u": draw((n,)),
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
