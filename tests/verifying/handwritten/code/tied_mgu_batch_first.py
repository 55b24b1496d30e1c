"""A tied minimal gated unit on (N, T, D) arrays with row-vector weights and a cache for each step."""

import numpy as np


def step_forward(x, h, Wf, Wn, U, bf, bn):
    f = 1 / (1 + np.exp(-(x @ Wf + h @ U + bf)))
    fh = f * h
    n = np.tanh(x @ Wn + fh @ U + bn)
    return h + f * (n - h), (x, h, f, fh, n)


def step_backward(dh_next, cache, Wf, Wn, U):
    x, h, f, fh, n = cache
    dh = dh_next * (1 - f)
    df = dh_next * (n - h)
    dn = dh_next * f
    dn_raw = dn * (1 - n * n)
    dfh = np.dot(dn_raw, U.T)
    df += dfh * h
    dh += dfh * f
    df_raw = df * f * (1 - f)
    dh += np.dot(df_raw, U.T)
    dx = np.dot(dn_raw, Wn.T) + np.dot(df_raw, Wf.T)
    dWf, dWn = np.dot(x.T, df_raw), np.dot(x.T, dn_raw)
    dU = np.dot(fh.T, dn_raw)
    dU += np.dot(h.T, df_raw)
    dbf, dbn = df_raw.sum(axis=0), dn_raw.sum(axis=0)
    return dx, dh, dWf, dWn, dU, dbf, dbn


def layer_forward(X, h, *weights):
    H, caches = [], []
    for t in range(X.shape[1]):
        h, cache = step_forward(X[:, t], h, *weights)
        H.append(h)
        caches.append(cache)
    return np.stack(H, axis=1), caches


def layer_backward(dH, caches, Wf, Wn, U):
    totals = [0.0, 0.0, 0.0, 0.0, 0.0]
    dX = []
    dh = 0.0
    for t in reversed(range(len(caches))):
        dx, dh, *grads = step_backward(dH[:, t] + dh, caches[t], Wf, Wn, U)
        totals = [total + grad for total, grad in zip(totals, grads, strict=True)]
        dX.append(dx)
    return np.stack(dX[::-1], axis=1), dh, totals
