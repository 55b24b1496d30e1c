"""A function for one training step of a tagger: the logarithm and the division of the softmax have an epsilon."""

import numpy as np


def step(X, Y, U, W, V, bh, by, eps=1e-12):
    """X (N, T, D), Y one-hot (N, T, K); loss per sequence, and gradients in the order of the arguments."""
    N, T, _ = X.shape
    H = np.zeros((N, T + 1, W.shape[0]))
    P = np.zeros_like(Y)
    loss = 0.0
    for t in range(T):
        H[:, t + 1] = np.tanh(X[:, t] @ U + H[:, t] @ W + bh)
        E = np.exp(H[:, t + 1] @ V + by)
        P[:, t] = E / (E.sum(axis=1, keepdims=True) + eps)
        loss -= np.sum(Y[:, t] * np.log(P[:, t] + eps)) / N
    dU, dW, dV, dbh, dby = (np.zeros_like(p) for p in (U, W, V, bh, by))
    dH = np.zeros_like(H[:, 0])
    for t in range(T - 1, -1, -1):
        dO = (P[:, t] - Y[:, t]) / N
        dV += H[:, t + 1].T @ dO
        dby += dO.sum(0)
        dA = (dO @ V.T + dH) * (1 - H[:, t + 1] ** 2)
        dU += X[:, t].T @ dA
        dW += H[:, t].T @ dA
        dbh += dA.sum(0)
        dH = dA @ W.T
    return loss, (dU, dW, dV, dbh, dby)
