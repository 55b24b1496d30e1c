"""retention: forward and backward pass in NumPy, derived by symrnn.

Retention, the recurrent form of one head (Sun et al. 2023).

params: W_q, W_k (d, m); W_v (n, m); gamma ()
x: x (T, N, m)
state: S (N, n, d)
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
    return {
        "params": params,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    gamma = params["gamma"]
    T, N = x.shape[:2]
    n = state["S"].shape[1]
    d = state["S"].shape[2]
    S_states = array(work, "S_states", (T + 1, N, n, d), x)
    spare_1 = array(work, "spare_1", (N, n, d), x)
    S_states[0] = state["S"]
    q_all = product(x, W_q)  # (1)
    k_all = product(x, W_k)  # (2)
    v_all = product(x, W_v)  # (3)
    for S_prev, k, v, S in zip(S_states[:-1], k_all, v_all, S_states[1:], strict=True):
        np.multiply(gamma, S_prev, out=S)  # (4)
        np.copyto(spare_1, np.einsum("...i,...j->...ij", v, k))
        S += spare_1
    y_all = np.einsum("...ij,...j->...i", S_states[1:], q_all)  # (5)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"S": S_states[-1].copy()}, (kept, x, S_states, q_all, k_all, v_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, S_states, q_all, k_all, v_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    gamma = params["gamma"]
    T, N = x.shape[:2]
    n = d_final_state["S"].shape[1]
    d = d_final_state["S"].shape[2]
    delta_y_all = array(work, "delta_y_all", (T, N, n), d_outputs)
    delta_S_all = array(work, "delta_S_all", (T, N, n, d), d_outputs)
    carry_S = np.array(d_final_state["S"])
    for q, upstream_y, delta_y, delta_S in zip(
        q_all[::-1],
        d_outputs[::-1],
        delta_y_all[::-1],
        delta_S_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (6)
        np.copyto(delta_S, np.einsum("...i,...j->...ij", delta_y, q))  # (7)
        delta_S += carry_S
        np.multiply(gamma, delta_S, out=carry_S)  # (11)
    delta_v_all = np.einsum("...ij,...j->...i", delta_S_all, k_all)  # (8)
    delta_k_all = np.einsum("...ij,...j->...i", np.swapaxes(delta_S_all, -1, -2), v_all)  # (9)
    delta_q_all = np.einsum("...ij,...j->...i", np.swapaxes(S_states[1:], -1, -2), delta_y_all)  # (10)
    grads = {
        "W_q": rows(delta_q_all).T @ rows(x),  # (12)
        "W_k": rows(delta_k_all).T @ rows(x),  # (13)
        "W_v": rows(delta_v_all).T @ rows(x),  # (14)
        "gamma": np.einsum("...ij,...ij->...", delta_S_all, S_states[:-1]).sum(axis=(0, 1)),  # (15)
    }
    d_x = np.array(product(delta_q_all, W_q.T) + product(delta_k_all, W_k.T) + product(delta_v_all, W_v.T))
    return grads, d_x, {"S": carry_S}


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


def check(T=3, N=2, m=4, n=6, d=3):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_q": draw((d, m)) / (m) ** 0.5,
        "W_k": draw((d, m)) / (m) ** 0.5,
        "W_v": draw((n, m)) / (m) ** 0.5,
        "gamma": np.array(draw()),
    }
    x = draw((T, N, m))
    state = {"S": draw((N, n, d))}
    d_outputs = draw((T, N, n))
    d_final_state = {"S": draw((N, n, d))}
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
