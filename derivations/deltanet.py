"""deltanet: forward and backward pass in NumPy, derived by symrnn.

DeltaNet, one head (Schlag, Irie & Schmidhuber 2021; Yang et al. 2024).

params: W_q, W_k (d, m); W_v (n, m); w_beta (m,)
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


def safe_ratio(a, b):
    """a / b, and 0 where b = 0."""
    return np.where(b == 0, 0, a / np.where(b == 0, 1, b))


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
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    w_beta = params["w_beta"]
    T, N = x.shape[:2]
    n = state["S"].shape[1]
    d = state["S"].shape[2]
    S_states = array(work, "S_states", (T + 1, N, n, d), x)
    u_S_all = array(work, "u_S_all", (T, N, n), x)
    u_S_2_all = array(work, "u_S_2_all", (T, N, n, d), x)
    S_states[0] = state["S"]
    a_r_all = product(x, W_q)  # (1)
    r_all = a_r_all * sigmoid(a_r_all)  # (2)
    a_s_all = product(x, W_k)  # (3)
    s_all = a_s_all * sigmoid(a_s_all)  # (4)
    u_q_all = np.sqrt(np.square(r_all).sum(axis=-1))  # (5)
    q_all = r_all / u_q_all[..., None]  # (6)
    u_k_all = np.sqrt(np.square(s_all).sum(axis=-1))  # (7)
    k_all = s_all / u_k_all[..., None]  # (8)
    v_all = product(x, W_v)  # (9)
    a_beta_all = np.einsum("i,...i->...", w_beta, x)  # (10)
    beta_all = sigmoid(a_beta_all)  # (11)
    for S_prev, k, v, beta, S, u_S, u_S_2 in zip(
        S_states[:-1],
        k_all,
        v_all,
        beta_all,
        S_states[1:],
        u_S_all,
        u_S_2_all,
        strict=True,
    ):
        np.copyto(u_S, np.einsum("...ij,...j->...i", S_prev, k))  # (12)
        np.subtract(v, u_S, out=u_S)
        np.copyto(u_S_2, np.einsum("...i,...j->...ij", u_S, k))  # (13)
        np.multiply(beta[..., None, None], u_S_2, out=S)  # (14)
        S += S_prev
    y_all = np.einsum("...ij,...j->...i", S_states[1:], q_all)  # (15)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"S": S_states[-1].copy()}, (kept, x, S_states, r_all, s_all, q_all, k_all, beta_all, a_r_all, a_s_all, u_q_all, u_k_all, u_S_all, u_S_2_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, S_states, r_all, s_all, q_all, k_all, beta_all, a_r_all, a_s_all, u_q_all, u_k_all, u_S_all, u_S_2_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    w_beta = params["w_beta"]
    T, N = x.shape[:2]
    n = d_final_state["S"].shape[1]
    d = d_final_state["S"].shape[2]
    delta_y_all = array(work, "delta_y_all", (T, N, n), d_outputs)
    delta_S_all = array(work, "delta_S_all", (T, N, n, d), d_outputs)
    delta_u_S_2_all = array(work, "delta_u_S_2_all", (T, N, n, d), d_outputs)
    delta_u_S_all = array(work, "delta_u_S_all", (T, N, n), d_outputs)
    carry_S = np.array(d_final_state["S"])
    for q, k, beta, upstream_y, delta_y, delta_S, delta_u_S_2, delta_u_S in zip(
        q_all[::-1],
        k_all[::-1],
        beta_all[::-1],
        d_outputs[::-1],
        delta_y_all[::-1],
        delta_S_all[::-1],
        delta_u_S_2_all[::-1],
        delta_u_S_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (16)
        np.copyto(delta_S, np.einsum("...i,...j->...ij", delta_y, q))  # (17)
        delta_S += carry_S
        np.multiply(delta_S, beta[..., None, None], out=delta_u_S_2)  # (18)
        np.copyto(delta_u_S, np.einsum("...ij,...j->...i", delta_u_S_2, k))  # (19)
        np.copyto(carry_S, np.einsum("...i,...j->...ij", delta_u_S, k))  # (31)
        np.subtract(delta_S, carry_S, out=carry_S)
    delta_beta_all = np.einsum("...ij,...ij->...", delta_S_all, u_S_2_all)  # (20)
    delta_a_beta_all = delta_beta_all * beta_all * (1 - beta_all)  # (21)
    delta_v_all = delta_u_S_all  # (22)
    delta_k_all = np.einsum("...ij,...j->...i", np.swapaxes(delta_u_S_2_all, -1, -2), u_S_all) - np.einsum("...ij,...j->...i", np.swapaxes(S_states[:-1], -1, -2), delta_u_S_all)  # (23)
    delta_u_k_all = -np.einsum("...i,...i->...", delta_k_all, s_all) / u_k_all**2  # (24)
    delta_q_all = np.einsum("...ij,...j->...i", np.swapaxes(S_states[1:], -1, -2), delta_y_all)  # (25)
    delta_u_q_all = -np.einsum("...i,...i->...", delta_q_all, r_all) / u_q_all**2  # (26)
    delta_s_all = delta_k_all / u_k_all[..., None] + delta_u_k_all[..., None] * safe_ratio(s_all, u_k_all[..., None])  # (27)
    delta_a_s_all = delta_s_all * (1 + a_s_all * (1 - sigmoid(a_s_all))) * sigmoid(a_s_all)  # (28)
    delta_r_all = delta_q_all / u_q_all[..., None] + delta_u_q_all[..., None] * safe_ratio(r_all, u_q_all[..., None])  # (29)
    delta_a_r_all = delta_r_all * (1 + a_r_all * (1 - sigmoid(a_r_all))) * sigmoid(a_r_all)  # (30)
    grads = {
        "W_q": rows(delta_a_r_all).T @ rows(x),  # (32)
        "W_k": rows(delta_a_s_all).T @ rows(x),  # (33)
        "W_v": rows(delta_v_all).T @ rows(x),  # (34)
        "w_beta": (delta_a_beta_all[..., None] * x).sum(axis=(0, 1)),  # (35)
    }
    d_x = np.array(product(delta_a_r_all, W_q.T) + product(delta_a_s_all, W_k.T) + product(delta_v_all, W_v.T) + w_beta * delta_a_beta_all[..., None])
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
        "w_beta": draw((m,)),
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
