"""A fast weight memory with one stacked projection, rows k, q, v, g, on one sequence at a time."""

import numpy as np


def forward(xs, S, W, b):
    """xs (T, D), S (n, d), W (2d + 2n, D), b (2n,)."""
    n, d = S.shape
    ys, steps = [], []
    for x in xs:
        a = W @ x
        a[2 * d :] += b
        k = np.exp(a[:d] - np.max(a[:d]))
        k /= k.sum()
        q, v = np.tanh(a[d : 2 * d]), a[2 * d : 2 * d + n]
        g = 1 / (1 + np.exp(-a[2 * d + n :]))
        e = v - S @ k
        S_prev, S = S, S + np.outer(g * e, k)
        ys.append(S @ q)
        steps.append((S_prev, S, k, q, g, e))
    return np.array(ys), S, steps


def backward(dys, dS, xs, steps, W):
    n, d = dS.shape
    dW, db, dxs = np.zeros_like(W), np.zeros(2 * n), np.zeros_like(xs)
    for t in range(len(xs) - 1, -1, -1):
        S_prev, S, k, q, g, e = steps[t]
        dS = dS + np.outer(dys[t], q)
        da = np.zeros(len(W))
        da[d : 2 * d] = (S.T @ dys[t]) * (1 - q**2)
        dge = dS @ k
        dv = dge * g
        dk = dS.T @ (g * e) - S_prev.T @ dv
        jacobian = np.diag(k) - np.outer(k, k)
        da[:d] = jacobian @ dk
        da[2 * d : 2 * d + n] = dv
        da[2 * d + n :] = dge * e * g * (1 - g)
        dW += np.outer(da, xs[t])
        db += da[2 * d :]
        dxs[t] = W.T @ da
        dS = dS - np.outer(dv, k)
    return dW, db, dxs, dS
