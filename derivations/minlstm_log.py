"""minlstm_log: forward and backward pass in NumPy, derived by symrnn.

minLSTM whose state stays positive (Feng et al. 2024, the log-space form).

params: W_f, W_i, W_n (n, m)
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
    W_f = params["W_f"]
    W_i = params["W_i"]
    W_n = params["W_n"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    spare_1 = array(work, "spare_1", (N, dim_n), x)
    h_states[0] = state["h"]
    p_all = product(x, W_f)  # (1)
    q_all = product(x, W_i)  # (2)
    a_f_all = np.logaddexp(-q_all, 0) - np.logaddexp(-p_all, 0)  # (3)
    f_all = sigmoid(a_f_all)  # (4)
    a_all = product(x, W_n)  # (5)
    sigmoid_a_all = sigmoid(a_all)
    at_least_a_all = at_least(a_all, 0)
    n_all = where(at_least_a_all, 0.5 + a_all, sigmoid_a_all)  # (6)
    for h_prev, f, n, h in zip(h_states[:-1], f_all, n_all, h_states[1:], strict=True):
        np.multiply(h_prev, f, out=h)  # (7)
        np.subtract(1, f, out=spare_1)
        spare_1 *= n
        h += spare_1
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, p_all, q_all, f_all, n_all, sigmoid_a_all, at_least_a_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, p_all, q_all, f_all, n_all, sigmoid_a_all, at_least_a_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_f = params["W_f"]
    W_i = params["W_i"]
    W_n = params["W_n"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    carry_h = np.array(d_final_state["h"])
    for f, upstream_h, delta_h in zip(f_all[::-1], d_outputs[::-1], delta_h_all[::-1], strict=True):
        np.add(upstream_h, carry_h, out=delta_h)  # (8)
        np.multiply(delta_h, f, out=carry_h)  # (15)
    delta_a_all = delta_h_all * (at_least_a_all + sigmoid_a_all * (1 - at_least_a_all) * (1 - sigmoid_a_all)) * (1 - f_all)  # (10)
    delta_q_all = -delta_h_all * f_all * (h_states[:-1] - n_all) * sigmoid(-q_all) * (1 - f_all)  # (13)
    delta_p_all = delta_h_all * f_all * (h_states[:-1] - n_all) * sigmoid(-p_all) * (1 - f_all)  # (14)
    grads = {
        "W_f": rows(delta_p_all).T @ rows(x),  # (16)
        "W_i": rows(delta_q_all).T @ rows(x),  # (17)
        "W_n": rows(delta_a_all).T @ rows(x),  # (18)
    }
    d_x = np.array(product(delta_p_all, W_f.T) + product(delta_q_all, W_i.T) + product(delta_a_all, W_n.T))
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


def check(T=3, N=2, m=4, n=6):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_f": draw((n, m)) / (m) ** 0.5,
        "W_i": draw((n, m)) / (m) ** 0.5,
        "W_n": draw((n, m)) / (m) ** 0.5,
    }
    x = draw((T, N, m))
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
