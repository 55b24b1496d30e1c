"""Of section 5, the recurrences with exponential gates: sLSTM, and time mixing of RWKV-4."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, softplus, zeros_like


def slstm(params, x, state, d_outputs, d_final):
    """Section 5, "sLSTM", m a constant; verified by the page's author, through m as well.

    Without a state m this is the formula before it is stabilised, m = 0. With one, an m_0 = μ multiplies c_0 and n_0
    by e^μ and nothing else, which is all of its gradient.
    """
    p, plain = params, "m" not in state
    h, c, n = [state["h"]], [state["c"]], [state["n"]]
    m, tape = state.get("m", 0.0), []
    for t in range(len(x)):
        a = {k: x[t] @ p[f"W_{k}"].T + h[t] @ p[f"R_{k}"].T + p[f"b_{k}"] for k in "ifzo"}
        log_f = -softplus(-a["f"])
        m_new = 0.0 if plain else np.maximum(log_f + m, a["i"])
        i, f = np.exp(a["i"] - m_new), np.exp(log_f + m - m_new)
        z, o, m = np.tanh(a["z"]), sigmoid(a["o"]), m_new
        c.append(f * c[t] + i * z)
        n.append(f * n[t] + i)
        h.append(o * c[t + 1] / n[t + 1])
        tape.append((a["f"], i, f, z, o))

    d, dx = zeros_like(p), np.zeros_like(x)
    carry, dc, dn = d_final["h"], d_final["c"], d_final["n"]
    for t in reversed(range(len(x))):
        a_f, i, f, z, o = tape[t]
        dh = d_outputs[t] + carry
        da_o = dh * (c[t + 1] / n[t + 1]) * o * (1 - o)
        dc = dc + dh * o / n[t + 1]
        dn = dn - dh * o * c[t + 1] / n[t + 1] ** 2
        da_z = dc * i * (1 - z**2)
        da_i = (dc * z + dn) * i
        da_f = (dc * c[t] + dn * n[t]) * f * (1 - sigmoid(a_f))
        dc = dc * f
        dn = dn * f
        carry = np.zeros_like(carry)
        for k, da in (("i", da_i), ("f", da_f), ("z", da_z), ("o", da_o)):
            carry += da @ p[f"R_{k}"]
            dx[t] += da @ p[f"W_{k}"]
            d[f"W_{k}"] += da.T @ x[t]
            d[f"R_{k}"] += da.T @ h[t]
            d[f"b_{k}"] += da.sum(axis=0)
    d_state = {"h": carry, "c": dc, "n": dn}
    return d, dx, d_state if plain else {**d_state, "m": dc * c[0] + dn * n[0]}


def rwkv4(params, x, state, d_outputs, d_final):
    """Section 5, "RWKV-4", verified by the page's author: the recurrence of a and b, between matrices and token shift.

    A state p of the stabilised form multiplies a and b by e^p; its gradients are those of the formula before.
    """
    w = params
    scale = np.exp(state["p"]) if "p" in state else np.ones_like(state["a"])
    a, b, before = [scale * state["a"]], [scale * state["b"]], [state["s"], *x]
    lam = -np.exp(w["w"])
    tape = []
    for t in range(len(x)):
        mixed = {j: w[f"mu_{j}"] * x[t] + (1 - w[f"mu_{j}"]) * before[t] for j in "rkv"}
        r, k, v = sigmoid(mixed["r"] @ w["W_r"].T), mixed["k"] @ w["W_k"].T, mixed["v"] @ w["W_v"].T
        E = np.exp(w["u"] + k)
        D = b[t] + E
        tape.append((mixed, r, k, v, E, D, (a[t] + E * v) / D))
        a.append(np.exp(lam) * a[t] + np.exp(k) * v)
        b.append(np.exp(lam) * b[t] + np.exp(k))

    d, dx = zeros_like(w), np.zeros_like(x)
    d_lam = np.zeros_like(lam)
    da, db, d_before = d_final["a"], d_final["b"], d_final["s"]
    for t in reversed(range(len(x))):
        mixed, r, k, v, E, D, y = tape[t]
        d["W_o"] += d_outputs[t].T @ (r * y)
        d_ry = d_outputs[t] @ w["W_o"]
        G = d_ry * r
        q = G * E / D
        dk = q * (v - y) + np.exp(k) * (da * v + db)
        dv = q + np.exp(k) * da
        d["u"] += (q * (v - y)).sum(axis=0)
        d_lam += (np.exp(lam) * (da * a[t] + db * b[t])).sum(axis=0)
        da = np.exp(lam) * da + G / D
        db = np.exp(lam) * db - G * y / D

        dx[t] = d_before
        d_before = np.zeros_like(d_before)
        for j, net in (("r", d_ry * y * r * (1 - r)), ("k", dk), ("v", dv)):
            d[f"W_{j}"] += net.T @ mixed[j]
            d_mixed = net @ w[f"W_{j}"]
            d[f"mu_{j}"] += (d_mixed * (x[t] - before[t])).sum(axis=0)
            dx[t] += d_mixed * w[f"mu_{j}"]
            d_before += d_mixed * (1 - w[f"mu_{j}"])
    d["w"] = d_lam * lam
    d_state = {"s": d_before, "a": scale * da, "b": scale * db}
    if "p" in state:
        d_state["p"] = a[0] * da + b[0] * db
    return d, dx, d_state


def _positive(name):
    """Denominators are sums of exponentials: above 0 from the start."""
    return lambda params, x, state: (params, x, {**state, name: 0.5 + np.abs(state[name])})


# In the stabilised forms the final c and n, or a and b, are what they are for the final m, or p, whose gradient is not
# on the page: gradients come from the outputs, and from the final states that have nothing to do with the scale.
PUBLISHED = (
    Published("5, sLSTM", "slstm", slstm, given=_positive("n")),
    Published("5, sLSTM, m constant", "slstm_stabilised", slstm, given=_positive("n"), final=("h",)),
    Published("5, RWKV-4", "rwkv4", rwkv4, given=_positive("b")),
    Published("5, RWKV-4, scaled", "rwkv4_stabilised", rwkv4, given=_positive("b"), final=("s",)),
)
