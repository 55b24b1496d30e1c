"""The adding problem: an LSTM over pairs of numbers, squared error of one number that is read at the end."""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def train_step(X, y, W, b, w_out, b_out):
    """X (T, N, D), y (N,); W (D + H, 4H) over [x, h], gates i f o g."""
    T, N, D = X.shape
    H = len(w_out)
    h, c = np.zeros((N, H)), np.zeros((N, H))
    history = []
    for t in range(T):
        xh = np.concatenate([X[t], h], axis=1)
        A = xh @ W + b
        i, f, o, g = sigmoid(A[:, :H]), sigmoid(A[:, H : 2 * H]), sigmoid(A[:, 2 * H : 3 * H]), np.tanh(A[:, 3 * H :])
        c_old = c
        c = f * c_old + i * g
        h = o * np.tanh(c)
        history.append((xh, i, f, o, g, c_old, c))
    prediction = h @ w_out + b_out
    error = prediction - y
    loss = 0.5 * np.sum(error**2) / N

    derror = error / N
    dw_out = h.T @ derror
    db_out = derror.sum()
    dh = np.outer(derror, w_out)
    dc = np.zeros((N, H))
    dW, db = np.zeros_like(W), np.zeros_like(b)
    for xh, i, f, o, g, c_old, c_new in reversed(history):
        tc = np.tanh(c_new)
        dc = dc + dh * o * (1 - tc**2)
        do = dh * tc
        di, df, dg = dc * g, dc * c_old, dc * i
        dA = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)], axis=1)
        dW += xh.T @ dA
        db += dA.sum(axis=0)
        dh = (dA @ W.T)[:, D:]
        dc = dc * f
    return loss, {"W": dW, "b": db, "w_out": dw_out, "b_out": db_out}
