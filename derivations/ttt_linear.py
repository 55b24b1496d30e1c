"""ttt_linear: forward and backward pass in NumPy, derived by symrnn.

TTT-Linear, one head, one token a step (Sun et al. 2024).

params: W_q, W_k, W_v (n, m); w_eta (m,); g, s (n,)
x: x (T, N, m)
state: W (N, n, n); b (N, n)
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
    w_eta = params["w_eta"]
    g = params["g"]
    s = params["s"]
    T, N = x.shape[:2]
    n = state["W"].shape[1]
    W_states = array(work, "W_states", (T + 1, N, n, n), x)
    b_states = array(work, "b_states", (T + 1, N, n), x)
    z = array(work, "z", (N, n), x)
    u_c = array(work, "u_c", (N,), x)
    c_all = array(work, "c_all", (T, N, n), x)
    u_sd = array(work, "u_sd", (N, n), x)
    u_sd_2 = array(work, "u_sd_2", (N,), x)
    sd_all = array(work, "sd_all", (T, N), x)
    u_all = array(work, "u_all", (T, N, n), x)
    e_all = array(work, "e_all", (T, N, n), x)
    u_delta_all = array(work, "u_delta_all", (T, N), x)
    u_delta_2 = array(work, "u_delta_2", (N, n), x)
    u_delta_3_all = array(work, "u_delta_3_all", (T, N), x)
    delta_all = array(work, "delta_all", (T, N, n), x)
    u_W_all = array(work, "u_W_all", (T, N, n, n), x)
    W_states[0] = state["W"]
    b_states[0] = state["b"]
    q_all = product(x, W_q)  # (1)
    k_all = product(x, W_k)  # (2)
    v_all = product(x, W_v)  # (3)
    a_eta_all = np.einsum("i,...i->...", w_eta, x)  # (4)
    eta_all = sigmoid(a_eta_all)  # (5)
    for W_prev, b_prev, k, v, eta, c, sd, u, e, delta, W, b, u_delta, u_delta_3, u_W in zip(
        W_states[:-1],
        b_states[:-1],
        k_all,
        v_all,
        eta_all,
        c_all,
        sd_all,
        u_all,
        e_all,
        delta_all,
        W_states[1:],
        b_states[1:],
        u_delta_all,
        u_delta_3_all,
        u_W_all,
        strict=True,
    ):
        np.copyto(z, np.einsum("...ij,...j->...i", W_prev, k))  # (6)
        z += b_prev
        np.copyto(u_c, z.mean(axis=-1))  # (7)
        np.subtract(z, u_c[..., None], out=c)  # (8)
        np.square(c, out=u_sd)  # (9)
        np.copyto(u_sd_2, u_sd.mean(axis=-1))  # (10)
        np.add(1e-06, u_sd_2, out=sd)  # (11)
        np.sqrt(sd, out=sd)
        np.divide(c, sd[..., None], out=u)  # (12)
        np.multiply(g, u, out=e)  # (13)
        e += k
        e += s
        e -= v
        e *= g
        np.copyto(u_delta, e.mean(axis=-1))  # (14)
        np.multiply(u, e, out=u_delta_2)  # (15)
        np.copyto(u_delta_3, u_delta_2.mean(axis=-1))  # (16)
        np.multiply(u, u_delta_3[..., None], out=delta)  # (17)
        np.subtract(e, delta, out=delta)
        delta -= u_delta[..., None]
        delta /= sd[..., None]
        np.copyto(u_W, np.einsum("...i,...j->...ij", delta, k))  # (18)
        np.multiply(eta[..., None, None], u_W, out=W)  # (19)
        np.subtract(W_prev, W, out=W)
        np.multiply(eta[..., None], delta, out=b)  # (20)
        np.subtract(b_prev, b, out=b)
    z_q_all = np.einsum("...ij,...j->...i", W_states[1:], q_all) + b_states[1:]  # (21)
    u_c_q_all = z_q_all.mean(axis=-1)  # (22)
    c_q_all = z_q_all - u_c_q_all[..., None]  # (23)
    u_sd_q_all = c_q_all**2  # (24)
    u_sd_q_2_all = u_sd_q_all.mean(axis=-1)  # (25)
    sd_q_all = np.sqrt(1e-06 + u_sd_q_2_all)  # (26)
    y_all = q_all + g * c_q_all / sd_q_all[..., None] + s  # (27)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"W": W_states[-1].copy(), "b": b_states[-1].copy()}, (kept, x, W_states, q_all, k_all, v_all, eta_all, c_all, sd_all, u_all, e_all, delta_all, c_q_all, sd_q_all, u_delta_all, u_delta_3_all, u_W_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, W_states, q_all, k_all, v_all, eta_all, c_all, sd_all, u_all, e_all, delta_all, c_q_all, sd_q_all, u_delta_all, u_delta_3_all, u_W_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    w_eta = params["w_eta"]
    g = params["g"]
    s = params["s"]
    T, N = x.shape[:2]
    n = d_final_state["W"].shape[1]
    delta_y_all = array(work, "delta_y_all", (T, N, n), d_outputs)
    delta_sd_q = array(work, "delta_sd_q", (N,), d_outputs)
    delta_u_sd_q_2 = array(work, "delta_u_sd_q_2", (N,), d_outputs)
    delta_u_sd_q = array(work, "delta_u_sd_q", (N, n), d_outputs)
    delta_c_q = array(work, "delta_c_q", (N, n), d_outputs)
    delta_u_c_q = array(work, "delta_u_c_q", (N,), d_outputs)
    delta_z_q_all = array(work, "delta_z_q_all", (T, N, n), d_outputs)
    delta_b_all = array(work, "delta_b_all", (T, N, n), d_outputs)
    delta_W_all = array(work, "delta_W_all", (T, N, n, n), d_outputs)
    delta_u_W_all = array(work, "delta_u_W_all", (T, N, n, n), d_outputs)
    delta_delta = array(work, "delta_delta", (N, n), d_outputs)
    delta_u_delta_3 = array(work, "delta_u_delta_3", (N,), d_outputs)
    delta_u_delta_2 = array(work, "delta_u_delta_2", (N, n), d_outputs)
    delta_u_delta = array(work, "delta_u_delta", (N,), d_outputs)
    delta_e_all = array(work, "delta_e_all", (T, N, n), d_outputs)
    delta_u = array(work, "delta_u", (N, n), d_outputs)
    delta_sd = array(work, "delta_sd", (N,), d_outputs)
    delta_u_sd_2 = array(work, "delta_u_sd_2", (N,), d_outputs)
    delta_u_sd = array(work, "delta_u_sd", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_u_c = array(work, "delta_u_c", (N,), d_outputs)
    delta_z_all = array(work, "delta_z_all", (T, N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    factor_3_all = array(work, "factor_3_all", (T, N, n), d_outputs)
    factor_4_all = array(work, "factor_4_all", (T, N), d_outputs)
    factor_5_all = array(work, "factor_5_all", (T, N), d_outputs)
    factor_6_all = array(work, "factor_6_all", (T, N), d_outputs)
    factor_7_all = array(work, "factor_7_all", (T, N), d_outputs)
    factor_8_all = array(work, "factor_8_all", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N,), d_outputs)
    spare_2 = array(work, "spare_2", (N, n), d_outputs)
    spare_3 = array(work, "spare_3", (N,), d_outputs)
    np.divide(0.5, sd_q_all, out=factor_1_all)  # (30)
    np.divide(g, sd_q_all[..., None], out=factor_2_all)  # (32)
    np.multiply(c_q_all, 2, out=factor_3_all)  # (32)
    np.multiply(eta_all, -1, out=factor_4_all)  # (37)
    np.divide(1, sd_all, out=factor_5_all)  # (42)
    np.multiply(u_delta_3_all, -1, out=factor_6_all)  # (43)
    factor_6_all /= sd_all
    np.divide(0.5, sd_all, out=factor_7_all)  # (45)
    np.multiply(c_all, 2, out=factor_8_all)  # (47)
    carry_W = np.array(d_final_state["W"])
    carry_b = np.array(d_final_state["b"])
    for (
        q, k, c, sd, u, e, c_q, sd_q, u_delta, u_delta_3, upstream_y, delta_y, delta_z_q, delta_b, delta_W, delta_u_W, delta_e, delta_z, factor_1, factor_2, factor_3, factor_4, factor_5, factor_6, factor_7, factor_8
    ) in zip(
        q_all[::-1],
        k_all[::-1],
        c_all[::-1],
        sd_all[::-1],
        u_all[::-1],
        e_all[::-1],
        c_q_all[::-1],
        sd_q_all[::-1],
        u_delta_all[::-1],
        u_delta_3_all[::-1],
        d_outputs[::-1],
        delta_y_all[::-1],
        delta_z_q_all[::-1],
        delta_b_all[::-1],
        delta_W_all[::-1],
        delta_u_W_all[::-1],
        delta_e_all[::-1],
        delta_z_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        factor_3_all[::-1],
        factor_4_all[::-1],
        factor_5_all[::-1],
        factor_6_all[::-1],
        factor_7_all[::-1],
        factor_8_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (28)
        np.copyto(delta_sd_q, np.einsum("...i,...i->...", delta_y, g * c_q))  # (29)
        np.square(sd_q, out=spare_1)
        delta_sd_q /= spare_1
        np.multiply(delta_sd_q, -1, out=delta_sd_q)
        np.multiply(delta_sd_q, factor_1, out=delta_u_sd_q_2)  # (30)
        np.copyto(delta_u_sd_q, (delta_u_sd_q_2 / n)[..., None])  # (31)
        np.multiply(delta_y, factor_2, out=delta_c_q)  # (32)
        np.multiply(delta_u_sd_q, factor_3, out=spare_2)
        delta_c_q += spare_2
        np.copyto(delta_u_c_q, delta_c_q.sum(axis=-1))  # (33)
        np.multiply(delta_u_c_q, -1, out=delta_u_c_q)
        np.add(delta_c_q, (delta_u_c_q / n)[..., None], out=delta_z_q)  # (34)
        np.add(delta_z_q, carry_b, out=delta_b)  # (35)
        np.copyto(delta_W, np.einsum("...i,...j->...ij", delta_z_q, q))  # (36)
        delta_W += carry_W
        np.multiply(delta_W, factor_4[..., None, None], out=delta_u_W)  # (37)
        np.multiply(delta_b, factor_4[..., None], out=delta_delta)  # (38)
        np.copyto(spare_2, np.einsum("...ij,...j->...i", delta_u_W, k))
        delta_delta += spare_2
        np.copyto(delta_u_delta_3, np.einsum("...i,...i->...", delta_delta, u))  # (39)
        delta_u_delta_3 /= sd
        np.multiply(delta_u_delta_3, -1, out=delta_u_delta_3)
        np.copyto(delta_u_delta_2, (delta_u_delta_3 / n)[..., None])  # (40)
        np.copyto(delta_u_delta, delta_delta.sum(axis=-1))  # (41)
        delta_u_delta /= sd
        np.multiply(delta_u_delta, -1, out=delta_u_delta)
        np.multiply(delta_delta, factor_5[..., None], out=delta_e)  # (42)
        np.multiply(delta_u_delta_2, u, out=spare_2)
        delta_e += spare_2
        delta_e += (delta_u_delta / n)[..., None]
        np.multiply(delta_delta, factor_6[..., None], out=delta_u)  # (43)
        np.multiply(delta_u_delta_2, e, out=spare_2)
        delta_u += spare_2
        np.multiply(delta_e, g**2, out=spare_2)
        delta_u += spare_2
        np.copyto(delta_sd, np.einsum("...i,...i->...", delta_delta, e - u * u_delta_3[..., None] - u_delta[..., None]))  # (44)
        np.square(sd, out=spare_1)
        delta_sd /= spare_1
        np.multiply(delta_sd, -1, out=delta_sd)
        np.copyto(spare_1, np.einsum("...i,...i->...", delta_u, c))
        np.square(sd, out=spare_3)
        spare_1 /= spare_3
        delta_sd -= spare_1
        np.multiply(delta_sd, factor_7, out=delta_u_sd_2)  # (45)
        np.copyto(delta_u_sd, (delta_u_sd_2 / n)[..., None])  # (46)
        np.multiply(delta_u, factor_5[..., None], out=delta_c)  # (47)
        np.multiply(delta_u_sd, factor_8, out=spare_2)
        delta_c += spare_2
        np.copyto(delta_u_c, delta_c.sum(axis=-1))  # (48)
        np.multiply(delta_u_c, -1, out=delta_u_c)
        np.add(delta_c, (delta_u_c / n)[..., None], out=delta_z)  # (49)
        np.copyto(carry_W, np.einsum("...i,...j->...ij", delta_z, k))  # (55)
        carry_W += delta_W
        np.add(delta_z, delta_b, out=carry_b)  # (56)
    delta_eta_all = -np.einsum("...i,...i->...", delta_b_all, delta_all) - np.einsum("...ij,...ij->...", delta_W_all, u_W_all)  # (50)
    delta_a_eta_all = delta_eta_all * eta_all * (1 - eta_all)  # (51)
    delta_v_all = -g * delta_e_all  # (52)
    delta_k_all = np.einsum("...ij,...j->...i", np.swapaxes(delta_u_W_all, -1, -2), delta_all) + g * delta_e_all + np.einsum("...ij,...j->...i", np.swapaxes(W_states[:-1], -1, -2), delta_z_all)  # (53)
    delta_q_all = delta_y_all + np.einsum("...ij,...j->...i", np.swapaxes(W_states[1:], -1, -2), delta_z_q_all)  # (54)
    grads = {
        "W_q": rows(delta_q_all).T @ rows(x),  # (57)
        "W_k": rows(delta_k_all).T @ rows(x),  # (58)
        "W_v": rows(delta_v_all).T @ rows(x),  # (59)
        "w_eta": (delta_a_eta_all[..., None] * x).sum(axis=(0, 1)),  # (60)
        "g": (delta_e_all * (k_all + 2 * g * u_all + s - v_all)).sum(axis=(0, 1)) + (delta_y_all * c_q_all / sd_q_all[..., None]).sum(axis=(0, 1)),  # (61)
        "s": (g * delta_e_all).sum(axis=(0, 1)) + delta_y_all.sum(axis=(0, 1)),  # (62)
    }
    d_x = np.array(product(delta_q_all, W_q.T) + product(delta_k_all, W_k.T) + product(delta_v_all, W_v.T) + w_eta * delta_a_eta_all[..., None])
    return grads, d_x, {"W": carry_W, "b": carry_b}


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
        "W_q": draw((n, m)) / (m) ** 0.5,
        "W_k": draw((n, m)) / (m) ** 0.5,
        "W_v": draw((n, m)) / (m) ** 0.5,
        "w_eta": draw((m,)),
        "g": draw((n,)),
        "s": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"W": draw((N, n, n)), "b": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"W": draw((N, n, n)), "b": draw((N, n))}
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
