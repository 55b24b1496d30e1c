"""An Elman network of logistic units, time first, with helpers for derivatives that take what is activated."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def d_sigmoid(y):
    return y * (1 - y)


def forward(x, h0, W_in, W_rec, b):
    h = [h0]
    for x_t in x:
        h.append(sigmoid(x_t @ W_in + h[-1] @ W_rec + b))
    return np.array(h[1:]), h


def backward(dh, x, h, W_in, W_rec):
    grads = {"W_in": np.zeros_like(W_in), "W_rec": np.zeros_like(W_rec), "b": np.zeros(len(W_rec)), "x": []}
    delta = np.zeros_like(h[0])
    for t in range(len(x), 0, -1):
        delta = (dh[t - 1] + delta @ W_rec.T) * d_sigmoid(h[t])
        grads["W_in"] += x[t - 1].T @ delta
        grads["W_rec"] += h[t - 1].T @ delta
        grads["b"] += delta.sum(axis=0)
        grads["x"].append(delta @ W_in.T)
    grads["x"] = np.array(grads["x"][::-1])
    grads["h0"] = delta @ W_rec.T
    return grads
