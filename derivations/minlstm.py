"""minlstm: forward and backward pass in NumPy, derived by symrnn.

minLSTM (Feng et al. 2024).

params: W_f, W_i, W_n (n, m); b_f, b_i, b_n (n,)
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


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


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
    b_f = params["b_f"]
    W_i = params["W_i"]
    b_i = params["b_i"]
    W_n = params["W_n"]
    b_n = params["b_n"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    spare_1 = array(work, "spare_1", (N, dim_n), x)
    h_states[0] = state["h"]
    a_f_all = product(x, W_f) + b_f  # (1)
    f_all = sigmoid(a_f_all)  # (2)
    a_i_all = product(x, W_i) + b_i  # (3)
    i_all = sigmoid(a_i_all)  # (4)
    n_all = product(x, W_n) + b_n  # (5)
    s_all = f_all + i_all  # (6)
    for h_prev, f, i, n, s, h in zip(
        h_states[:-1],
        f_all,
        i_all,
        n_all,
        s_all,
        h_states[1:],
        strict=True,
    ):
        np.multiply(h_prev, f, out=h)  # (7)
        np.multiply(i, n, out=spare_1)
        h += spare_1
        h /= s
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, f_all, i_all, n_all, s_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, f_all, i_all, n_all, s_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_f = params["W_f"]
    W_i = params["W_i"]
    W_n = params["W_n"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    np.divide(f_all, s_all, out=factor_1_all)  # (15)
    carry_h = np.array(d_final_state["h"])
    for upstream_h, delta_h, factor_1 in zip(
        d_outputs[::-1],
        delta_h_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (8)
        np.multiply(delta_h, factor_1, out=carry_h)  # (15)
    delta_n_all = delta_h_all * i_all / s_all  # (10)
    delta_i_all = delta_h_all * n_all / s_all - delta_h_all * (h_states[:-1] * f_all + i_all * n_all) / s_all**2  # (11)
    delta_a_i_all = delta_i_all * i_all * (1 - i_all)  # (12)
    delta_f_all = delta_h_all * h_states[:-1] / s_all - delta_h_all * (h_states[:-1] * f_all + i_all * n_all) / s_all**2  # (13)
    delta_a_f_all = delta_f_all * f_all * (1 - f_all)  # (14)
    grads = {
        "W_f": rows(delta_a_f_all).T @ rows(x),  # (16)
        "b_f": delta_a_f_all.sum(axis=(0, 1)),  # (17)
        "W_i": rows(delta_a_i_all).T @ rows(x),  # (18)
        "b_i": delta_a_i_all.sum(axis=(0, 1)),  # (19)
        "W_n": rows(delta_n_all).T @ rows(x),  # (20)
        "b_n": delta_n_all.sum(axis=(0, 1)),  # (21)
    }
    d_x = np.array(product(delta_a_f_all, W_f.T) + product(delta_a_i_all, W_i.T) + product(delta_n_all, W_n.T))
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
        "W_f": draw((n, m)) / (m) ** 0.5,
        "b_f": draw((n,)),
        "W_i": draw((n, m)) / (m) ** 0.5,
        "b_i": draw((n,)),
        "W_n": draw((n, m)) / (m) ** 0.5,
        "b_n": draw((n,)),
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
