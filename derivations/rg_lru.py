"""rg_lru: forward and backward pass in NumPy, derived by symrnn.

Real-gated linear recurrent unit (De et al. 2024).

params: W_r, W_i (n, n); b_r, b_i, Lambda (n,)
x: x (T, N, n)
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


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    Lambda = params["Lambda"]
    softplus_Lambda = np.logaddexp(-Lambda, 0)
    return {
        "params": params,
        "softplus_Lambda": softplus_Lambda,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_r = params["W_r"]
    b_r = params["b_r"]
    W_i = params["W_i"]
    b_i = params["b_i"]
    softplus_Lambda = packed["softplus_Lambda"]
    T, N = x.shape[:2]
    n = x.shape[2]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    spare_1 = array(work, "spare_1", (N, n), x)
    h_states[0] = state["h"]
    a_r_all = product(x, W_r) + b_r  # (1)
    r_all = sigmoid(a_r_all)  # (2)
    a_i_all = product(x, W_i) + b_i  # (3)
    i_all = sigmoid(a_i_all)  # (4)
    a_all = np.exp(-8 * softplus_Lambda * r_all)  # (5)
    sqrt_a_all = np.sqrt(1 - a_all**2)
    for x_t, h_prev, i, a, h, sqrt_a in zip(
        x,
        h_states[:-1],
        i_all,
        a_all,
        h_states[1:],
        sqrt_a_all,
        strict=True,
    ):
        np.multiply(h_prev, a, out=h)  # (6)
        np.multiply(sqrt_a, x_t, out=spare_1)
        spare_1 *= i
        h += spare_1
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "softplus_Lambda")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, r_all, i_all, a_all, sqrt_a_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, r_all, i_all, a_all, sqrt_a_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_r = params["W_r"]
    W_i = params["W_i"]
    Lambda = params["Lambda"]
    softplus_Lambda = packed["softplus_Lambda"]
    T, N = x.shape[:2]
    n = x.shape[2]
    delta_h_all = array(work, "delta_h_all", (T, N, n), d_outputs)
    carry_h = np.array(d_final_state["h"])
    for a, upstream_h, delta_h in zip(a_all[::-1], d_outputs[::-1], delta_h_all[::-1], strict=True):
        np.add(upstream_h, carry_h, out=delta_h)  # (7)
        np.multiply(delta_h, a, out=carry_h)  # (13)
    delta_a_i_all = delta_h_all * sqrt_a_all * x * i_all * (1 - i_all)  # (10)
    delta_a_r_all = -8 * delta_h_all * softplus_Lambda * r_all * a_all * (h_states[:-1] - x * i_all * a_all / sqrt_a_all) * (1 - r_all)  # (12)
    grads = {
        "W_r": rows(delta_a_r_all).T @ rows(x),  # (14)
        "b_r": delta_a_r_all.sum(axis=(0, 1)),  # (15)
        "W_i": rows(delta_a_i_all).T @ rows(x),  # (16)
        "b_i": delta_a_i_all.sum(axis=(0, 1)),  # (17)
        "Lambda": (8 * delta_h_all * r_all * a_all * (h_states[:-1] - x * i_all * a_all / sqrt_a_all) * sigmoid(-Lambda)).sum(axis=(0, 1)),  # (18)
    }
    d_x = np.array(product(delta_a_r_all, W_r.T) + product(delta_a_i_all, W_i.T) + delta_h_all * sqrt_a_all * i_all)
    return grads, d_x, {"h": carry_h}


def loss(arrays, d_outputs, d_final_state):
    """A number that depends on everything: outputs and final state, weighted."""
    params, x, state = arrays
    outputs, final_state, _ = forward(pack(params), x, state)
    total = (d_outputs * outputs).sum()
    return total + sum((d_final_state[name] * final_state[name]).sum() for name in final_state)


def slope(arrays, array, index, d_outputs, d_final_state):
    """The derivative of the loss by one entry: five-point differences."""
    kept, losses = array[index], []
    for step in (-2, -1, 1, 2):
        array[index] = kept + 1e-4 * step
        losses.append(loss(arrays, d_outputs, d_final_state))
    array[index] = kept
    return (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / 12e-4


def check(T=3, N=2, n=4):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_r": draw((n, n)) / (n) ** 0.5,
        "b_r": draw((n,)),
        "W_i": draw((n, n)) / (n) ** 0.5,
        "b_i": draw((n,)),
        "Lambda": draw((n,)),
    }
    x = draw((T, N, n))
    state = {"h": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n))}
    _, _, tape = forward(pack(params), x, state)
    grads, d_x, d_state = backward(tape, d_outputs, d_final_state)
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
    print(f"largest relative error against differences: {error:.1e}")
    raise SystemExit(error > 1e-6)
