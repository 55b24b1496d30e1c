"""gated_deltanet: forward and backward pass in NumPy, derived by symrnn.

Gated DeltaNet, one head (Yang, Kautz & Hatamizadeh 2024).

params: W_q, W_k (d, m); W_v (n, m); w_beta, w_alpha (m,); a_log, b_alpha ()
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
    a_log = params["a_log"]
    exp_a_log = np.exp(a_log)
    return {
        "params": params,
        "exp_a_log": exp_a_log,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    w_beta = params["w_beta"]
    w_alpha = params["w_alpha"]
    b_alpha = params["b_alpha"]
    exp_a_log = packed["exp_a_log"]
    T, N = x.shape[:2]
    n = state["S"].shape[1]
    d = state["S"].shape[2]
    S_states = array(work, "S_states", (T + 1, N, n, d), x)
    M_all = array(work, "M_all", (T, N, n, d), x)
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
    a_alpha_all = np.einsum("i,...i->...", w_alpha, x) + b_alpha  # (12)
    softplus_a_alpha_all = np.logaddexp(a_alpha_all, 0)
    alpha_all = np.exp(-exp_a_log * softplus_a_alpha_all)  # (13)
    for S_prev, k, v, beta, alpha, M, S, u_S, u_S_2 in zip(
        S_states[:-1],
        k_all,
        v_all,
        beta_all,
        alpha_all,
        M_all,
        S_states[1:],
        u_S_all,
        u_S_2_all,
        strict=True,
    ):
        np.multiply(S_prev, alpha[..., None, None], out=M)  # (14)
        np.copyto(u_S, np.einsum("...ij,...j->...i", M, k))  # (15)
        np.subtract(v, u_S, out=u_S)
        np.copyto(u_S_2, np.einsum("...i,...j->...ij", u_S, k))  # (16)
        np.multiply(beta[..., None, None], u_S_2, out=S)  # (17)
        S += M
    y_all = np.einsum("...ij,...j->...i", S_states[1:], q_all)  # (18)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params", "exp_a_log")}
    return outputs, {"S": S_states[-1].copy()}, (kept, x, S_states, r_all, s_all, q_all, k_all, beta_all, alpha_all, M_all, a_r_all, a_s_all, u_q_all, u_k_all, a_alpha_all, u_S_all, u_S_2_all, softplus_a_alpha_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, S_states, r_all, s_all, q_all, k_all, beta_all, alpha_all, M_all, a_r_all, a_s_all, u_q_all, u_k_all, a_alpha_all, u_S_all, u_S_2_all, softplus_a_alpha_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    w_beta = params["w_beta"]
    w_alpha = params["w_alpha"]
    exp_a_log = packed["exp_a_log"]
    T, N = x.shape[:2]
    n = d_final_state["S"].shape[1]
    d = d_final_state["S"].shape[2]
    delta_y_all = array(work, "delta_y_all", (T, N, n), d_outputs)
    delta_S_all = array(work, "delta_S_all", (T, N, n, d), d_outputs)
    delta_u_S_2_all = array(work, "delta_u_S_2_all", (T, N, n, d), d_outputs)
    delta_u_S_all = array(work, "delta_u_S_all", (T, N, n), d_outputs)
    delta_M_all = array(work, "delta_M_all", (T, N, n, d), d_outputs)
    carry_S = np.array(d_final_state["S"])
    for (
        q, k, beta, alpha, upstream_y, delta_y, delta_S, delta_u_S_2, delta_u_S, delta_M
    ) in zip(
        q_all[::-1],
        k_all[::-1],
        beta_all[::-1],
        alpha_all[::-1],
        d_outputs[::-1],
        delta_y_all[::-1],
        delta_S_all[::-1],
        delta_u_S_2_all[::-1],
        delta_u_S_all[::-1],
        delta_M_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (19)
        np.copyto(delta_S, np.einsum("...i,...j->...ij", delta_y, q))  # (20)
        delta_S += carry_S
        np.multiply(delta_S, beta[..., None, None], out=delta_u_S_2)  # (21)
        np.copyto(delta_u_S, np.einsum("...ij,...j->...i", delta_u_S_2, k))  # (22)
        np.copyto(delta_M, np.einsum("...i,...j->...ij", delta_u_S, k))  # (23)
        np.subtract(delta_S, delta_M, out=delta_M)
        np.multiply(delta_M, alpha[..., None, None], out=carry_S)  # (37)
    delta_alpha_all = np.einsum("...ij,...ij->...", delta_M_all, S_states[:-1])  # (24)
    delta_a_alpha_all = -delta_alpha_all * exp_a_log * alpha_all * sigmoid(a_alpha_all)  # (25)
    delta_beta_all = np.einsum("...ij,...ij->...", delta_S_all, u_S_2_all)  # (26)
    delta_a_beta_all = delta_beta_all * beta_all * (1 - beta_all)  # (27)
    delta_v_all = delta_u_S_all  # (28)
    delta_k_all = np.einsum("...ij,...j->...i", np.swapaxes(delta_u_S_2_all, -1, -2), u_S_all) - np.einsum("...ij,...j->...i", np.swapaxes(M_all, -1, -2), delta_u_S_all)  # (29)
    delta_u_k_all = -np.einsum("...i,...i->...", delta_k_all, s_all) / u_k_all**2  # (30)
    delta_q_all = np.einsum("...ij,...j->...i", np.swapaxes(S_states[1:], -1, -2), delta_y_all)  # (31)
    delta_u_q_all = -np.einsum("...i,...i->...", delta_q_all, r_all) / u_q_all**2  # (32)
    delta_s_all = delta_k_all / u_k_all[..., None] + delta_u_k_all[..., None] * safe_ratio(s_all, u_k_all[..., None])  # (33)
    delta_a_s_all = delta_s_all * (1 + a_s_all * (1 - sigmoid(a_s_all))) * sigmoid(a_s_all)  # (34)
    delta_r_all = delta_q_all / u_q_all[..., None] + delta_u_q_all[..., None] * safe_ratio(r_all, u_q_all[..., None])  # (35)
    delta_a_r_all = delta_r_all * (1 + a_r_all * (1 - sigmoid(a_r_all))) * sigmoid(a_r_all)  # (36)
    grads = {
        "W_q": rows(delta_a_r_all).T @ rows(x),  # (38)
        "W_k": rows(delta_a_s_all).T @ rows(x),  # (39)
        "W_v": rows(delta_v_all).T @ rows(x),  # (40)
        "w_beta": (delta_a_beta_all[..., None] * x).sum(axis=(0, 1)),  # (41)
        "a_log": (-delta_alpha_all * exp_a_log * softplus_a_alpha_all * alpha_all).sum(axis=(0, 1)),  # (42)
        "w_alpha": (delta_a_alpha_all[..., None] * x).sum(axis=(0, 1)),  # (43)
        "b_alpha": delta_a_alpha_all.sum(axis=(0, 1)),  # (44)
    }
    d_x = np.array(product(delta_a_r_all, W_q.T) + product(delta_a_s_all, W_k.T) + product(delta_v_all, W_v.T) + w_beta * delta_a_beta_all[..., None] + w_alpha * delta_a_alpha_all[..., None])
    return grads, d_x, {"S": carry_S}


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


def check(T=3, N=2, m=4, n=6, d=3):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_q": draw((d, m)) / (m) ** 0.5,
        "W_k": draw((d, m)) / (m) ** 0.5,
        "W_v": draw((n, m)) / (m) ** 0.5,
        "w_beta": draw((m,)),
        "a_log": np.array(draw()),
        "w_alpha": draw((m,)),
        "b_alpha": np.array(draw()),
    }
    x = draw((T, N, m))
    state = {"S": draw((N, n, d))}
    d_outputs = draw((T, N, n))
    d_final_state = {"S": draw((N, n, d))}
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
