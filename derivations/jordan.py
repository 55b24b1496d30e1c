"""jordan: forward and backward pass in NumPy, derived by symrnn.

Jordan network, which feeds its output back (Jordan 1986).

params: mu (); W (p, m); R (p, n); b (p,); U (n, p); b_y (n,)
x: x (T, N, m)
state: y (N, n); s (N, n)
outputs: y (T, N, n)
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
    R = params["R"]
    b = params["b"]
    U = params["U"]
    b_y = params["b_y"]
    return {
        "params": params,
        "weight_x_t": W,
        "weight_x_t_half": np.concatenate([0.5 * W]),
        "weight_s": R,
        "weight_s_half": np.concatenate([0.5 * R]),
        "weight_h": U,
        "net_bias": np.concatenate([0.5 * b, b_y]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    mu = params["mu"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_s_half = packed["weight_s_half"]
    weight_h = packed["weight_h"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    n = state["y"].shape[1]
    p = params["W"].shape[0]
    y_states = array(work, "y_states", (T + 1, N, n), x)
    s_states = array(work, "s_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, n + p), x)
    h_all = block[..., :p]
    a_y_all = block[..., p:n + p]
    sums_s = array(work, "sums_s", (N, p), x)
    sums_h = array(work, "sums_h", (N, n), x)
    y_states[0] = state["y"]
    s_states[0] = state["s"]
    input_sums = product(x, weight_x_t_half)
    h_all[...] = input_sums[..., :p]
    a_y_all[...] = 0
    block += net_bias
    for net, y_prev, s_prev, s, h, y, a_y in zip(
        block,
        y_states[:-1],
        s_states[:-1],
        s_states[1:],
        h_all,
        y_states[1:],
        a_y_all,
        strict=True,
    ):
        np.multiply(mu, s_prev, out=s)  # (1)
        s += y_prev
        np.matmul(s, weight_s_half.T, out=sums_s)  # (2)
        np.add(net[..., :p], sums_s, out=net[..., :p])
        np.tanh(h, out=h)  # (3)
        h *= 0.5
        h += 0.5
        np.matmul(h, weight_h.T, out=sums_h)  # (4)
        np.add(net[..., p:n + p], sums_h, out=net[..., p:n + p])
        np.multiply(a_y, 0.5, out=y)  # (5)
        np.tanh(y, out=y)
        y *= 0.5
        y += 0.5
    outputs = np.array(y_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_s", "weight_h")}
    return outputs, {"y": y_states[-1].copy(), "s": s_states[-1].copy()}, (kept, x, s_states, block, y_states)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, s_states, block, y_states = tape
    work = {} if work is None else work
    params = packed["params"]
    mu = params["mu"]
    weight_x_t = packed["weight_x_t"]
    weight_s = packed["weight_s"]
    weight_h = packed["weight_h"]
    T, N = x.shape[:2]
    n = d_final_state["y"].shape[1]
    p = params["W"].shape[0]
    h_all = block[..., :p]
    delta_block = array(work, "delta_block", (T, N, n + p), d_outputs)
    delta_a_h_all = delta_block[..., :p]
    delta_a_y_all = delta_block[..., p:n + p]
    delta_y = array(work, "delta_y", (N, n), d_outputs)
    delta_h = array(work, "delta_h", (N, p), d_outputs)
    delta_s_all = array(work, "delta_s_all", (T, N, n), d_outputs)
    np.subtract(1, y_states[1:], out=delta_a_y_all)  # (7)
    delta_a_y_all *= y_states[1:]
    np.subtract(1, h_all, out=delta_a_h_all)  # (9)
    delta_a_h_all *= h_all
    carry_y = np.array(d_final_state["y"])
    carry_s = np.array(d_final_state["s"])
    for delta_net, upstream_y, delta_a_y, delta_a_h, delta_s in zip(
        delta_block[::-1],
        d_outputs[::-1],
        delta_a_y_all[::-1],
        delta_a_h_all[::-1],
        delta_s_all[::-1],
        strict=True,
    ):
        np.add(upstream_y, carry_y, out=delta_y)  # (6)
        delta_a_y *= delta_y  # (7)
        np.matmul(delta_net[..., p:n + p], weight_h, out=delta_h)  # (8)
        delta_a_h *= delta_h  # (9)
        np.matmul(delta_net[..., :p], weight_s, out=delta_s)  # (10)
        delta_s += carry_s
        np.copyto(carry_y, delta_s)  # (11)
        np.multiply(mu, delta_s, out=carry_s)  # (12)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "mu": np.einsum("...i,...i->...", delta_s_all, s_states[:-1]).sum(axis=(0, 1)),  # (13)
        "W": rows(delta_a_h_all).T @ rows(x),  # (14)
        "R": rows(delta_a_h_all).T @ rows(s_states[1:]),  # (15)
        "b": grad_net[:p],  # (16)
        "U": rows(delta_a_y_all).T @ rows(h_all),  # (17)
        "b_y": grad_net[p:n + p],  # (18)
    }
    d_x = product(delta_block[..., :p], weight_x_t.T)
    return grads, d_x, {"y": carry_y, "s": carry_s}


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
        "mu": np.array(draw()),
        "W": draw((p, m)) / (m) ** 0.5,
        "R": draw((p, n)) / (n) ** 0.5,
        "b": draw((p,)),
        "U": draw((n, p)) / (p) ** 0.5,
        "b_y": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"y": draw((N, n)), "s": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"y": draw((N, n)), "s": draw((N, n))}
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
