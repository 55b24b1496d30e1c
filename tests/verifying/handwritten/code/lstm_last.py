"""An LSTM encoder of which the last states alone are used; (features, batch, time) arrays."""

import numpy as np


def expit(v):
    return 1 / (1 + np.exp(-v))


def encode(X, h, c, W, U, b):
    """X (D, N, T); W, U, b are dicts by gate."""
    trace = []
    for t in range(X.shape[2]):
        x = X[:, :, t]
        i, f, o = (expit(W[k] @ x + U[k] @ h + b[k]) for k in ("i", "f", "o"))
        z = np.tanh(W["z"] @ x + U["z"] @ h + b["z"])
        c_new = f * c + i * z
        trace.append((x, h, c, i, f, o, z, c_new))
        h, c = o * np.tanh(c_new), c_new
    return h, c, trace


def encode_grad(dh, dc, trace, W, U, b):
    dW, dU, db = ({k: np.zeros_like(v) for k, v in group.items()} for group in (W, U, b))
    dX = np.zeros((*trace[0][0].shape, len(trace)))
    for t in range(len(trace) - 1, -1, -1):
        x, h, c, i, f, o, z, c_new = trace[t]
        tc = np.tanh(c_new)
        dc = dc + dh * o * (1 - tc * tc)
        delta = {
            "i": dc * z * i * (1 - i),
            "f": dc * c * f * (1 - f),
            "o": dh * tc * o * (1 - o),
            "z": dc * i * (1 - z * z),
        }
        for k, d in delta.items():
            dW[k] += d @ x.T
            dU[k] += d @ h.T
            db[k] += d.sum(axis=1, keepdims=True)
        dX[:, :, t] = sum(W[k].T @ d for k, d in delta.items())
        dh = sum(U[k].T @ d for k, d in delta.items())
        dc = dc * f
    return dW, dU, db, dX, dh, dc
