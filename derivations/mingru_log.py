"""mingru_log: forward and backward pass in NumPy, derived by symrnn.

minGRU whose state stays positive (Feng et al. 2024, the log-space form).

params: W_z, W_n (n, m)
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


def at_least(a, b):
    """1 where a >= b, 0 elsewhere, in the type of the operands."""
    return (a >= b).astype(np.result_type(a, b))


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def where(condition, a, b):
    """a where the condition is 1, b elsewhere, in the type of all three."""
    return np.where(condition > 0, a, b).astype(np.result_type(condition, a, b), copy=False)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    return {
        "params": params,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_z = params["W_z"]
    W_n = params["W_n"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    spare_1 = array(work, "spare_1", (N, dim_n), x)
    h_states[0] = state["h"]
    a_z_all = product(x, W_z)  # (1)
    z_all = sigmoid(a_z_all)  # (2)
    a_all = product(x, W_n)  # (3)
    sigmoid_a_all = sigmoid(a_all)
    at_least_a_all = at_least(a_all, 0)
    n_all = where(at_least_a_all, 0.5 + a_all, sigmoid_a_all)  # (4)
    for h_prev, z, n, h in zip(h_states[:-1], z_all, n_all, h_states[1:], strict=True):
        np.subtract(1, z, out=h)  # (5)
        h *= h_prev
        np.multiply(z, n, out=spare_1)
        h += spare_1
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, z_all, n_all, sigmoid_a_all, at_least_a_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, z_all, n_all, sigmoid_a_all, at_least_a_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_z = params["W_z"]
    W_n = params["W_n"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    np.subtract(1, z_all, out=factor_1_all)  # (11)
    carry_h = np.array(d_final_state["h"])
    for upstream_h, delta_h, factor_1 in zip(
        d_outputs[::-1],
        delta_h_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (6)
        np.multiply(delta_h, factor_1, out=carry_h)  # (11)
    delta_a_all = delta_h_all * z_all * (at_least_a_all + sigmoid_a_all * (1 - at_least_a_all) * (1 - sigmoid_a_all))  # (8)
    delta_a_z_all = delta_h_all * z_all * (n_all - h_states[:-1]) * (1 - z_all)  # (10)
    grads = {
        "W_z": rows(delta_a_z_all).T @ rows(x),  # (12)
        "W_n": rows(delta_a_all).T @ rows(x),  # (13)
    }
    d_x = np.array(product(delta_a_z_all, W_z.T) + product(delta_a_all, W_n.T))
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
        "W_z": draw((n, m)) / (m) ** 0.5,
        "W_n": draw((n, m)) / (m) ** 0.5,
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
