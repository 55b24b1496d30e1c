"""A fast weight memory on (N, T, D) arrays: row vectors, batched products, projections before the loop."""

import numpy as np


def memory_forward(x, S, Wk, Wv, bv, Wq, Wg, bg):
    """Wk, Wq (D, d); Wv, Wg (D, n); S (N, n, d)."""
    ak = x @ Wk
    k = np.exp(ak) / np.sum(np.exp(ak), axis=-1, keepdims=True)
    v, q = x @ Wv + bv, np.tanh(x @ Wq)
    g = 1 / (1 + np.exp(-(x @ Wg + bg)))
    states, y, err = [S], np.zeros_like(v), np.zeros_like(v)
    for t in range(x.shape[1]):
        err[:, t] = v[:, t] - (states[-1] @ k[:, t, :, None])[:, :, 0]
        states.append(states[-1] + (g[:, t] * err[:, t])[:, :, None] * k[:, t, None, :])
        y[:, t] = (states[-1] @ q[:, t, :, None])[:, :, 0]
    return y, (x, k, v, q, g, err, states)


def memory_backward(dy, dS, cache, Wk, Wv, Wq, Wg):
    x, k, v, q, g, err, states = cache
    dk, dv, dq, dg = np.zeros_like(k), np.zeros_like(v), np.zeros_like(q), np.zeros_like(g)
    for t in range(x.shape[1] - 1, -1, -1):
        dS = dS + dy[:, t, :, None] * q[:, t, None, :]
        dq[:, t] = (states[t + 1].transpose(0, 2, 1) @ dy[:, t, :, None])[:, :, 0]
        dwrite = (dS @ k[:, t, :, None])[:, :, 0]
        dv[:, t] = dwrite * g[:, t]
        dg[:, t] = dwrite * err[:, t]
        dk[:, t] = (dS.transpose(0, 2, 1) @ (g[:, t] * err[:, t])[:, :, None])[:, :, 0]
        dk[:, t] -= (states[t].transpose(0, 2, 1) @ dv[:, t, :, None])[:, :, 0]
        dS = dS - dv[:, t, :, None] * k[:, t, None, :]
    dak = k * dk - k * np.sum(k * dk, axis=-1, keepdims=True)
    daq = (1 - q**2) * dq
    dag = g * (1 - g) * dg
    dx = dak @ Wk.T + dv @ Wv.T + daq @ Wq.T + dag @ Wg.T
    dWk, dWv, dWq, dWg = (np.einsum("ntm,nti->mi", x, delta) for delta in (dak, dv, daq, dag))
    dbv, dbg = dv.sum(axis=(0, 1)), dag.sum(axis=(0, 1))
    return dx, dS, dWk, dWv, dbv, dWq, dWg, dbg
