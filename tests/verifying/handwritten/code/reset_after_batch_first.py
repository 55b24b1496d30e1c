"""A GRU with the reset gate after the product on (N, T, D) arrays, row vectors, a cache of tuples."""

import numpy as np


def gru_cell(x, h, w):
    z = 1 / (1 + np.exp(-(x @ w["xz"] + h @ w["hz"] + w["bz"])))
    r = 1 / (1 + np.exp(-(x @ w["xr"] + h @ w["hr"] + w["br"])))
    hn = h @ w["hn"] + w["bhn"]
    n = np.tanh(x @ w["xn"] + w["bxn"] + r * hn)
    return (1 - z) * n + z * h, (x, h, z, r, hn, n)


def gru_cell_backward(dh, cache, w, dw):
    x, h, z, r, hn, n = cache
    dn = dh * (1 - z)
    dn_in = dn * (1 - n**2)
    dhn = dn_in * r
    dr = dn_in * hn
    dr_in = dr * r * (1 - r)
    dz = dh * (h - n)
    dz_in = dz * z * (1 - z)
    dw["xz"] += x.T @ dz_in
    dw["hz"] += h.T @ dz_in
    dw["bz"] += dz_in.sum(axis=0)
    dw["xr"] += x.T @ dr_in
    dw["hr"] += h.T @ dr_in
    dw["br"] += dr_in.sum(axis=0)
    dw["xn"] += x.T @ dn_in
    dw["bxn"] += dn_in.sum(axis=0)
    dw["hn"] += h.T @ dhn
    dw["bhn"] += dhn.sum(axis=0)
    dx = dz_in @ w["xz"].T + dr_in @ w["xr"].T + dn_in @ w["xn"].T
    dh_prev = dh * z + dz_in @ w["hz"].T + dr_in @ w["hr"].T + dhn @ w["hn"].T
    return dx, dh_prev


def forward(x, h, w):
    caches, outputs = [], np.empty((*x.shape[:2], h.shape[1]))
    for t in range(x.shape[1]):
        h, cache = gru_cell(x[:, t], h, w)
        outputs[:, t] = h
        caches.append(cache)
    return outputs, caches


def backward(dout, dh, caches, w):
    dw = {k: np.zeros_like(v) for k, v in w.items()}
    dx = np.empty((*dout.shape[:2], len(w["xz"])))
    for t in reversed(range(dout.shape[1])):
        dx[:, t], dh = gru_cell_backward(dout[:, t] + dh, caches[t], w, dw)
    return dw, dx, dh
