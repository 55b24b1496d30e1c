"""A GRU as TensorFlow 1 stacks it: gates over [x, h] in the order r, z, the candidate over [x, r * h]."""

import numpy as np


def forward(x, h, W_gates, b_gates, W_cand, b_cand):
    """x (T, N, D), W_gates (D + H, 2H), W_cand (D + H, H)."""
    H = h.shape[1]
    outs, cache = [], []
    for x_t in x:
        xh = np.concatenate([x_t, h], axis=1)
        rz = 1 / (1 + np.exp(-(xh @ W_gates + b_gates)))
        r, z = rz[:, :H], rz[:, H:]
        x_rh = np.concatenate([x_t, r * h], axis=1)
        n = np.tanh(x_rh @ W_cand + b_cand)
        cache.append((h, xh, x_rh, r, z, n))
        h = z * h + (1 - z) * n
        outs.append(h)
    return np.stack(outs), cache


def backward(douts, dh, cache, W_gates, W_cand):
    H = W_cand.shape[1]
    D = W_cand.shape[0] - H
    dW_gates, db_gates = np.zeros_like(W_gates), np.zeros(2 * H)
    dW_cand, db_cand = np.zeros_like(W_cand), np.zeros(H)
    dx = np.zeros((*douts.shape[:2], D))
    for t in range(len(cache))[::-1]:
        h_prev, xh, x_rh, r, z, n = cache[t]
        dh = dh + douts[t]
        da_n = dh * (1 - z) * (1 - n**2)
        dx_rh = da_n @ W_cand.T
        d_rh = dx_rh[:, D:]
        da_r = d_rh * h_prev * r * (1 - r)
        da_z = dh * (h_prev - n) * z * (1 - z)
        da_rz = np.concatenate([da_r, da_z], axis=1)
        dxh = da_rz @ W_gates.T
        dW_gates += xh.T @ da_rz
        db_gates += da_rz.sum(axis=0)
        dW_cand += x_rh.T @ da_n
        db_cand += da_n.sum(axis=0)
        dx[t] = dx_rh[:, :D] + dxh[:, :D]
        dh = dh * z + d_rh * r + dxh[:, D:]
    return dW_gates, db_gates, dW_cand, db_cand, dx, dh
