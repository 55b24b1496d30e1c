"""elman_concatenated: forward and backward pass in NumPy, derived by symrnn.

Elman network over one concatenated matrix, with a linear read-out (Elman 1990, as textbooks write it).

params: W (n, m + n); b (n,); U (p, n); b_y (p,)
x: x (T, N, m)
state: h (N, n)
outputs: y (T, N, p)
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
    W = params["W"]
    b = params["b"]
    return {
        "params": params,
        "weight_u_h": W,
        "net_bias": np.concatenate([b]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    U = params["U"]
    b_y = params["b_y"]
    weight_u_h = packed["weight_u_h"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, n), x)
    a_h_all = block[..., :n]
    u_h_all = array(work, "u_h_all", (T, N, m + n), x)
    sums_u_h = array(work, "sums_u_h", (N, n), x)
    h_states[0] = state["h"]
    a_h_all[...] = 0
    block += net_bias
    for net, x_t, h_prev, h, a_h, u_h in zip(
        block,
        x,
        h_states[:-1],
        h_states[1:],
        a_h_all,
        u_h_all,
        strict=True,
    ):
        np.copyto(u_h, np.concatenate([h_prev, x_t], axis=-1))  # (1)
        np.matmul(u_h, weight_u_h.T, out=sums_u_h)  # (2)
        np.add(net, sums_u_h, out=net)
        np.tanh(a_h, out=h)  # (3)
    y_all = product(h_states[1:], U) + b_y  # (4)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params", "weight_u_h")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, u_h_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, u_h_all = tape
    work = {} if work is None else work
    params = packed["params"]
    U = params["U"]
    weight_u_h = packed["weight_u_h"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = d_final_state["h"].shape[1]
    p = params["U"].shape[0]
    delta_block = array(work, "delta_block", (T, N, n), d_outputs)
    delta_a_h_all = delta_block[..., :n]
    delta_y_all = array(work, "delta_y_all", (T, N, p), d_outputs)
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_u_h_all = array(work, "delta_u_h_all", (T, N, m + n), d_outputs)
    np.square(h_states[1:], out=delta_a_h_all)  # (7)
    np.subtract(1, delta_a_h_all, out=delta_a_h_all)
    carry_h = np.array(d_final_state["h"])
    for delta_net, upstream_y, delta_y, delta_a_h, delta_u_h in zip(
        delta_block[::-1],
        d_outputs[::-1],
        delta_y_all[::-1],
        delta_a_h_all[::-1],
        delta_u_h_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (5)
        np.matmul(delta_y, U, out=delta_h)  # (6)
        delta_h += carry_h
        delta_a_h *= delta_h  # (7)
        np.matmul(delta_net, weight_u_h, out=delta_u_h)  # (8)
        np.copyto(carry_h, delta_u_h[..., :n])  # (9)
    grads = {
        "W": rows(delta_a_h_all).T @ rows(u_h_all),  # (10)
        "b": delta_a_h_all.sum(axis=(0, 1)),  # (11)
        "U": rows(delta_y_all).T @ rows(h_states[1:]),  # (12)
        "b_y": delta_y_all.sum(axis=(0, 1)),  # (13)
    }
    d_x = np.array(delta_u_h_all[..., n:m + n])
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


def check(T=3, N=2, m=4, n=6, p=3):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W": draw((n, m + n)) / (m + n) ** 0.5,
        "b": draw((n,)),
        "U": draw((p, n)) / (n) ** 0.5,
        "b_y": draw((p,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n))}
    d_outputs = draw((T, N, p))
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
