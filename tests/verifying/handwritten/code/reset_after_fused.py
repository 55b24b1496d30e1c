"""A GRU laid out as PyTorch's: weight_ih (3H, D), weight_hh (3H, H), two biases, gates r, z, n."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_forward(x, h, w_ih, w_hh, b_ih, b_hh):
    H = h.shape[-1]
    gates = np.zeros((*x.shape[:2], 4 * H))
    hs = np.zeros((len(x) + 1, *h.shape))
    hs[0] = h
    gi_all = np.tensordot(x, w_ih, axes=(2, 1)) + b_ih
    for t in range(len(x)):
        gi, gh = gi_all[t], hs[t] @ w_hh.T + b_hh
        r = sigmoid(gi[:, :H] + gh[:, :H])
        z = sigmoid(gi[:, H : 2 * H] + gh[:, H : 2 * H])
        n = np.tanh(gi[:, 2 * H :] + r * gh[:, 2 * H :])
        hs[t + 1] = n + z * (hs[t] - n)
        gates[t] = np.concatenate([r, z, n, gh[:, 2 * H :]], axis=1)
    return hs, gates


def gru_backward(dy, x, hs, gates, w_ih, w_hh):
    T, N, D = x.shape
    H = hs.shape[-1]
    dgi, dgh = np.zeros((T, N, 3 * H)), np.zeros((T, N, 3 * H))
    dh = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        r, z, n, hn = np.split(gates[t], 4, axis=1)
        dh = dh + dy[t]
        dn = dh * (1 - z) * (1 - n * n)
        dz = dh * (hs[t] - n) * z * (1 - z)
        dr = dn * hn * r * (1 - r)
        dgi[t] = np.concatenate([dr, dz, dn], axis=1)
        dgh[t] = np.concatenate([dr, dz, dn * r], axis=1)
        dh = dh * z + dgh[t] @ w_hh
    dw_ih = np.tensordot(dgi, x, axes=([0, 1], [0, 1]))
    dw_hh = np.tensordot(dgh, hs[:-1], axes=([0, 1], [0, 1]))
    db_ih = dgi.sum(axis=(0, 1))
    db_hh = dgh.sum(axis=(0, 1))
    dx = dgi @ w_ih
    return dx, dh, dw_ih, dw_hh, db_ih, db_hh
