"""An RNN whose loop collects the deltas and whose gradients are one product each, over slices of all steps."""

import numpy as np


def rnn(X, h0, W_xh, W_hh, b_h):
    """X (T, N, D); the states come back with h0 in front."""
    states = np.empty((len(X) + 1, *h0.shape))
    states[0] = h0
    for t in range(len(X)):
        states[t + 1] = np.tanh(X[t] @ W_xh + states[t] @ W_hh + b_h)
    return states


def rnn_grads(X, states, dY, W_xh, W_hh):
    slopes = 1 - states[1:] ** 2
    deltas = np.empty_like(dY)
    deltas[-1] = dY[-1] * slopes[-1]
    for t in range(len(X) - 2, -1, -1):
        deltas[t] = (dY[t] + deltas[t + 1] @ W_hh.T) * slopes[t]
    dW_xh = np.einsum("tnd,tnh->dh", X, deltas)
    dW_hh = np.einsum("tnk,tnh->kh", states[:-1], deltas)
    db_h = deltas.sum(axis=(0, 1))
    dX = deltas @ W_xh.T
    dh0 = deltas[0] @ W_hh.T
    return dW_xh, dW_hh, db_h, dX, dh0
