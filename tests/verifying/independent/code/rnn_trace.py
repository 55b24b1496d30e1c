"""A vanilla RNN whose backward also hands out the gradient of every state, to plot how it vanishes."""

import numpy as np


def rnn_forward(x, U, W, b):
    """x (N, T, D) -> states (N, T, H)."""
    N, T, _ = x.shape
    h = np.zeros((N, T, len(b)))
    prev = np.zeros((N, len(b)))
    for t in range(T):
        prev = np.tanh(x[:, t] @ U + prev @ W + b)
        h[:, t] = prev
    return h


def rnn_backward(dout, x, h, U, W):
    N, T, H = h.shape
    dh = np.zeros_like(h)
    dU, dW, db = np.zeros_like(U), np.zeros_like(W), np.zeros(H)
    dx = np.zeros_like(x)
    carry = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dh[:, t] = dout[:, t] + carry
        dz = dh[:, t] * (1 - h[:, t] ** 2)
        if t > 0:
            dW += h[:, t - 1].T @ dz
        dU += x[:, t].T @ dz
        db += dz.sum(axis=0)
        dx[:, t] = dz @ U.T
        carry = dz @ W.T
    return dx, dh, dU, dW, db
