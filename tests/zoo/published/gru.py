"""Section 3, the GRU with the reset gate before and after the product, and what z keeps."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, with_final, zeros_like


def reset_before(params, x, state, d_outputs, d_final, keep):
    """Section 3a, "reset-before", for z and for 1 − z that keeps the old state; the page names no source."""
    p = params
    h, tape = [state["h"]], []
    for t in range(len(x)):
        z = sigmoid(x[t] @ p["W_z"].T + h[t] @ p["R_z"].T + p["b_z"])
        r = sigmoid(x[t] @ p["W_r"].T + h[t] @ p["R_r"].T + p["b_r"])
        n = np.tanh(x[t] @ p["W_n"].T + (r * h[t]) @ p["R_n"].T + p["b_n"])
        k = z if keep == "z" else 1 - z
        h.append(k * h[t] + (1 - k) * n)
        tape.append((z, r, n, k))

    d, dx = zeros_like(p), np.zeros_like(x)
    G = with_final(d_outputs, d_final["h"])
    carry = np.zeros_like(state["h"])
    for t in reversed(range(len(x))):
        z, r, n, k = tape[t]
        dh = G[t] + carry
        da_n = dh * (1 - k) * (1 - n**2)
        da_z = dh * (h[t] - n if keep == "z" else n - h[t]) * z * (1 - z)
        u = da_n @ p["R_n"]
        da_r = u * h[t] * r * (1 - r)
        carry = dh * k + u * r + da_z @ p["R_z"] + da_r @ p["R_r"]
        for gate, da in (("z", da_z), ("r", da_r), ("n", da_n)):
            d[f"W_{gate}"] += da.T @ x[t]
            d[f"b_{gate}"] += da.sum(axis=0)
            dx[t] += da @ p[f"W_{gate}"]
        d["R_z"] += da_z.T @ h[t]
        d["R_r"] += da_r.T @ h[t]
        d["R_n"] += da_n.T @ (r * h[t])
    return d, dx, {"h": carry}


def reset_after(params, x, state, d_outputs, d_final, keep):
    """Section 3b, "reset-after"; published in code as GruBackwardSingleLayer in MXNet's rnn_impl.h and in haste's
    gru_backward_gpu.cu.cc, whose deltas of the recurrent side differ in n alone, by the factor r (here dm)."""
    p = params
    h, tape = [state["h"]], []
    for t in range(len(x)):
        z = sigmoid(x[t] @ p["W_z"].T + h[t] @ p["R_z"].T + p["b_z"])
        r = sigmoid(x[t] @ p["W_r"].T + h[t] @ p["R_r"].T + p["b_r"])
        m = h[t] @ p["R_n"].T + p["b_Rn"]
        n = np.tanh(x[t] @ p["W_n"].T + p["b_Wn"] + r * m)
        k = z if keep == "z" else 1 - z
        h.append(k * h[t] + (1 - k) * n)
        tape.append((z, r, m, n, k))

    d, dx = zeros_like(p), np.zeros_like(x)
    G = with_final(d_outputs, d_final["h"])
    carry = np.zeros_like(state["h"])
    for t in reversed(range(len(x))):
        z, r, m, n, k = tape[t]
        dh = G[t] + carry
        da_n = dh * (1 - k) * (1 - n**2)
        da_z = dh * (h[t] - n if keep == "z" else n - h[t]) * z * (1 - z)
        da_r = da_n * m * r * (1 - r)
        dm = da_n * r
        carry = dh * k + dm @ p["R_n"] + da_z @ p["R_z"] + da_r @ p["R_r"]
        d["R_n"] += dm.T @ h[t]
        d["b_Rn"] += dm.sum(axis=0)
        d["b_Wn"] += da_n.sum(axis=0)
        d["b_z"] += da_z.sum(axis=0)
        d["b_r"] += da_r.sum(axis=0)
        d["R_z"] += da_z.T @ h[t]
        d["R_r"] += da_r.T @ h[t]
        for gate, da in (("z", da_z), ("r", da_r), ("n", da_n)):
            d[f"W_{gate}"] += da.T @ x[t]
            dx[t] += da @ p[f"W_{gate}"]
    return d, dx, {"h": carry}


def tensorflow(params, x, state, d_outputs, d_final):
    """Section 3c, TensorFlow's GRUBlockCellGrad: what the op computes, not what its documentation says.

    Rows, one matrix over [x, h] for the gates r and u, one over [x, r ⊙ h] for the candidate c; u is z and keeps.
    """
    m = x.shape[-1]
    w_r_x, w_r_h = params["W_r"].T, params["R_r"].T
    w_u_x, w_u_h = params["W_z"].T, params["R_z"].T
    w_c_x, w_c_h = params["W_n"].T, params["R_n"].T
    h, tape = [state["h"]], []
    for t in range(len(x)):
        r = sigmoid(x[t] @ w_r_x + h[t] @ w_r_h + params["b_r"])
        u = sigmoid(x[t] @ w_u_x + h[t] @ w_u_h + params["b_z"])
        c = np.tanh(x[t] @ w_c_x + (r * h[t]) @ w_c_h + params["b_n"])
        h.append(u * h[t] + (1 - u) * c)
        tape.append((r, u, c))

    n = state["h"].shape[-1]
    d_w_ru, d_w_c = np.zeros((m + n, 2 * n)), np.zeros((m + n, n))
    d_b_ru, d_b_c, dx = np.zeros(2 * n), np.zeros(n), np.zeros_like(x)
    G = with_final(d_outputs, d_final["h"])
    d_h_prev = np.zeros_like(state["h"])
    for t in reversed(range(len(x))):
        r, u, c = tape[t]
        h_prev, d_h = h[t], G[t] + d_h_prev
        d_c_bar = d_h * (1 - u) * (1 - c * c)
        d_u_bar = d_h * (h_prev - c) * u * (1 - u)
        d_hr = d_c_bar @ w_c_h.T
        d_r_bar = (d_hr * h_prev) * r * (1 - r)
        dx[t] = d_c_bar @ w_c_x.T + d_r_bar @ w_r_x.T + d_u_bar @ w_u_x.T
        d_h_prev = d_hr * r + d_h * u + d_r_bar @ w_r_h.T + d_u_bar @ w_u_h.T
        d_ru = np.concatenate([d_r_bar, d_u_bar], axis=1)
        d_w_ru += np.concatenate([x[t], h_prev], axis=1).T @ d_ru
        d_w_c += np.concatenate([x[t], r * h_prev], axis=1).T @ d_c_bar
        d_b_ru += d_ru.sum(axis=0)
        d_b_c += d_c_bar.sum(axis=0)

    columns = {"r": (d_w_ru[:, :n], d_b_ru[:n]), "z": (d_w_ru[:, n:], d_b_ru[n:]), "n": (d_w_c, d_b_c)}
    d = {f"W_{k}": weights[:m].T for k, (weights, _) in columns.items()}
    d |= {f"R_{k}": weights[m:].T for k, (weights, _) in columns.items()}
    return d | {f"b_{k}": bias for k, (_, bias) in columns.items()}, dx, {"h": d_h_prev}


PUBLISHED = (
    Published("3a, keep=z", "gru", reset_before, {"keep": "z"}),
    Published("3a, keep=1-z", "gru_update", reset_before, {"keep": "1-z"}),
    Published("3b, keep=z", "gru_reset_after", reset_after, {"keep": "z"}),
    Published("3b, keep=1-z", "gru_reset_after_update", reset_after, {"keep": "1-z"}),
    Published("3c, put right", "gru", tensorflow),
)
