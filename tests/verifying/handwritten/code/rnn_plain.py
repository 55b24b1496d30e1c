"""A vanilla RNN over (T, N, features) arrays, written from the formulas."""

import numpy as np


def rnn_forward(x, h0, W, R, b):
    T, N, _ = x.shape
    hs = np.zeros((T + 1, N, len(b)))
    hs[0] = h0
    for t in range(T):
        hs[t + 1] = np.tanh(x[t] @ W.T + hs[t] @ R.T + b)
    return hs


def rnn_backward(dh_out, dh_last, x, hs, W, R, b):
    T = len(x)
    dW, dR, db = np.zeros_like(W), np.zeros_like(R), np.zeros_like(b)
    dx = np.zeros_like(x)
    dh_next = dh_last
    for t in reversed(range(T)):
        dh = dh_out[t] + dh_next
        da = dh * (1 - hs[t + 1] ** 2)
        dW += da.T @ x[t]
        dR += da.T @ hs[t]
        db += da.sum(axis=0)
        dx[t] = da @ W
        dh_next = da @ R
    return dx, dh_next, dW, dR, db
