"""feedforward: forward and backward pass in NumPy, derived by symrnn.

Three layers without states (Rumelhart, Hinton & Williams 1986).

params: W_1 (p, m); b_1 (p,); W_2 (q, p); b_2 (q,); W_3 (d, q); b_3 (d,)
x: x (T, N, m)
state: none
outputs: y (T, N, d)
"""

import numpy as np


def rows(a):
    """All steps and sequences as the rows of one matrix."""
    return a.reshape(-1, a.shape[-1])


def product(a, weight):
    """a @ weight.T for all steps and sequences in one product."""
    return (rows(a) @ weight.T).reshape(*a.shape[:-1], -1)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    return {
        "params": params,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    params = packed["params"]
    W_1 = params["W_1"]
    b_1 = params["b_1"]
    W_2 = params["W_2"]
    b_2 = params["b_2"]
    W_3 = params["W_3"]
    b_3 = params["b_3"]
    a_h_1_all = product(x, W_1) + b_1  # (1)
    h_1_all = np.tanh(a_h_1_all)  # (2)
    a_h_2_all = product(h_1_all, W_2) + b_2  # (3)
    h_2_all = np.tanh(a_h_2_all)  # (4)
    y_all = product(h_2_all, W_3) + b_3  # (5)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {}, (kept, x, h_1_all, h_2_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_1_all, h_2_all = tape
    params = packed["params"]
    W_1 = params["W_1"]
    W_2 = params["W_2"]
    W_3 = params["W_3"]
    delta_y_all = d_outputs  # (6)
    delta_h_2_all = product(delta_y_all, W_3.T)  # (7)
    delta_a_h_2_all = delta_h_2_all * (1 - h_2_all**2)  # (8)
    delta_h_1_all = product(delta_a_h_2_all, W_2.T)  # (9)
    delta_a_h_1_all = delta_h_1_all * (1 - h_1_all**2)  # (10)
    grads = {
        "W_1": rows(delta_a_h_1_all).T @ rows(x),  # (11)
        "b_1": delta_a_h_1_all.sum(axis=(0, 1)),  # (12)
        "W_2": rows(delta_a_h_2_all).T @ rows(h_1_all),  # (13)
        "b_2": delta_a_h_2_all.sum(axis=(0, 1)),  # (14)
        "W_3": rows(delta_y_all).T @ rows(h_2_all),  # (15)
        "b_3": delta_y_all.sum(axis=(0, 1)),  # (16)
    }
    d_x = np.array(product(delta_a_h_1_all, W_1.T))
    return grads, d_x, {}


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


def check(T=3, N=2, m=4, p=6, q=3, d=5):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_1": draw((p, m)) / (m) ** 0.5,
        "b_1": draw((p,)),
        "W_2": draw((q, p)) / (p) ** 0.5,
        "b_2": draw((q,)),
        "W_3": draw((d, q)) / (q) ** 0.5,
        "b_3": draw((d,)),
    }
    x = draw((T, N, m))
    state = {}
    d_outputs = draw((T, N, d))
    d_final_state = {}
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
