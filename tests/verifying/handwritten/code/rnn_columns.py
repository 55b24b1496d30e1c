"""A vanilla RNN on one sequence whose features are rows and whose steps are columns."""

import numpy as np


def predict(X, h_init, U, W, b):
    """X (D, T); returns H (n, T + 1), with the initial state in column 0."""
    H = np.zeros((W.shape[0], X.shape[1] + 1))
    H[:, 0] = h_init
    for t in range(1, X.shape[1] + 1):
        H[:, t] = np.tanh(U @ X[:, t - 1] + W @ H[:, t - 1] + b)
    return H


def bptt(X, H, dLdH, U, W):
    dLdU, dLdW, dLdb = np.zeros(U.shape), np.zeros(W.shape), np.zeros(len(W))
    dLdX = np.zeros(X.shape)
    delta_t = np.zeros(len(W))
    for t in np.arange(X.shape[1], 0, -1):
        delta_t = (dLdH[:, t - 1] + W.T.dot(delta_t)) * (1 - (H[:, t] ** 2))
        dLdU += np.outer(delta_t, X[:, t - 1])
        dLdW += np.outer(delta_t, H[:, t - 1])
        dLdb += delta_t
        dLdX[:, t - 1] = U.T.dot(delta_t)
    return dLdU, dLdW, dLdb, dLdX, W.T.dot(delta_t)
