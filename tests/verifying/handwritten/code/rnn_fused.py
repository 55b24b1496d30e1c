"""A vanilla RNN with one matrix over [h, x]."""

import numpy as np


def forward(xs, h0, W, b):
    """xs (T, N, D), W (H + D, H)."""
    h, zs, hs = h0, [], []
    for x in xs:
        z = np.hstack((h, x))
        h = np.tanh(np.dot(z, W) + b)
        zs.append(z)
        hs.append(h)
    return np.stack(hs), (zs, hs, W)


def backward(dhs, cache):
    zs, hs, W = cache
    H = W.shape[1]
    dW, db = np.zeros(W.shape), np.zeros(H)
    dxs = []
    dh = np.zeros_like(hs[0])
    for t in range(len(zs) - 1, -1, -1):
        dh = dh + dhs[t]
        dy = dh * (1.0 - hs[t] * hs[t])
        dW += np.dot(zs[t].T, dy)
        db += np.sum(dy, 0)
        dz = np.dot(dy, W.T)
        dh = dz[:, :H]
        dxs.insert(0, dz[:, H:])
    return dW, db, np.stack(dxs), dh
