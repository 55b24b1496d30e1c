"""jordan_step: forward and backward pass in NumPy, derived by symrnn.

jordan_step

params: W (p, m); R (p, n); b (p,); V (n, p); c (n,)
x: x (T, N, m)
state: y (N, n)
outputs: z (T, N, n)
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


def softmax(a):
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W = params["W"]
    R = params["R"]
    b = params["b"]
    V = params["V"]
    c = params["c"]
    return {
        "params": params,
        "weight_x_t": W,
        "weight_y_prev": R,
        "weight_h": V,
        "net_bias": np.concatenate([b, c]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_x_t = packed["weight_x_t"]
    weight_y_prev = packed["weight_y_prev"]
    weight_h = packed["weight_h"]
    net_bias = packed["net_bias"]
    params = packed["params"]
    T, N = x.shape[:2]
    n = state["y"].shape[1]
    p = params["W"].shape[0]
    y_states = array(work, "y_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, n + p), x)
    h_all = block[..., :p]
    z_all = block[..., p:n + p]
    sums_y_prev = array(work, "sums_y_prev", (N, p), x)
    sums_h = array(work, "sums_h", (N, n), x)
    y_states[0] = state["y"]
    input_sums = product(x, weight_x_t)
    h_all[...] = input_sums[..., :p]
    z_all[...] = 0
    block += net_bias
    for net, y_prev, h, z, y in zip(block, y_states[:-1], h_all, z_all, y_states[1:], strict=True):
        np.matmul(y_prev, weight_y_prev.T, out=sums_y_prev)  # (1)
        np.add(net[..., :p], sums_y_prev, out=net[..., :p])
        np.tanh(net[..., :p], out=net[..., :p])  # (2)
        np.matmul(h, weight_h.T, out=sums_h)  # (3)
        np.add(net[..., p:n + p], sums_h, out=net[..., p:n + p])
        np.copyto(y, softmax(z))  # (4)
    outputs = np.array(z_all)
    kept = {name: packed[name] for name in ("weight_x_t", "weight_y_prev", "weight_h", "params")}
    return outputs, {"y": y_states[-1].copy()}, (kept, x, y_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, y_states, block = tape
    work = {} if work is None else work
    weight_x_t = packed["weight_x_t"]
    weight_y_prev = packed["weight_y_prev"]
    weight_h = packed["weight_h"]
    params = packed["params"]
    T, N = x.shape[:2]
    n = d_final_state["y"].shape[1]
    p = params["W"].shape[0]
    h_all = block[..., :p]
    delta_block = array(work, "delta_block", (T, N, n + p), d_outputs)
    delta_a_h_all = delta_block[..., :p]
    delta_z_all = delta_block[..., p:n + p]
    delta_y = array(work, "delta_y", (N, n), d_outputs)
    delta_h = array(work, "delta_h", (N, p), d_outputs)
    np.square(h_all, out=delta_a_h_all)  # (8)
    np.subtract(1, delta_a_h_all, out=delta_a_h_all)
    carry_y = np.array(d_final_state["y"])
    for delta_net, y, upstream_z, delta_z, delta_a_h in zip(
        delta_block[::-1],
        y_states[1:][::-1],
        d_outputs[::-1],
        delta_z_all[::-1],
        delta_a_h_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, carry_y)  # (5)
        np.subtract(delta_y, np.einsum("...i,...i->...", delta_y, y)[..., None], out=delta_z)  # (6)
        delta_z *= y
        delta_z += upstream_z
        np.matmul(delta_net[..., p:n + p], weight_h, out=delta_h)  # (7)
        delta_a_h *= delta_h  # (8)
        np.matmul(delta_net[..., :p], weight_y_prev, out=carry_y)  # (9)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W": rows(delta_a_h_all).T @ rows(x),  # (10)
        "R": rows(delta_a_h_all).T @ rows(y_states[:-1]),  # (11)
        "b": grad_net[:p],  # (12)
        "V": rows(delta_z_all).T @ rows(h_all),  # (13)
        "c": grad_net[p:n + p],  # (14)
    }
    d_x = product(delta_block[..., :p], weight_x_t.T)
    return grads, d_x, {"y": carry_y}


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
        "W": draw((p, m)) / (m) ** 0.5,
        "R": draw((p, n)) / (n) ** 0.5,
        "b": draw((p,)),
        "V": draw((n, p)) / (p) ** 0.5,
        "c": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"y": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"y": draw((N, n))}
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
