"""A GRU, features first, whose training function changes the dict of parameters and returns a dict of gradients."""

import numpy as np


def sig(a):
    return 1 / (1 + np.exp(-a))


def gru_predict(p, X, h0):
    """X (D, N, T), h0 (H, N)."""
    h, Z, R, C = [h0], [], [], []
    for t in range(X.shape[2]):
        Z.append(sig(p["Wz"] @ X[:, :, t] + p["Uz"] @ h[t] + p["bz"]))
        R.append(sig(p["Wr"] @ X[:, :, t] + p["Ur"] @ h[t] + p["br"]))
        C.append(np.tanh(p["Wc"] @ X[:, :, t] + p["Uc"] @ (R[t] * h[t]) + p["bc"]))
        h.append(Z[t] * h[t] + (1 - Z[t]) * C[t])
    return h, Z, R, C


def gru_train(p, X, h0, dH, alpha):
    h, Z, R, C = gru_predict(p, X, h0)
    T = X.shape[2]
    grads = {"d" + k: np.zeros_like(v) for k, v in p.items()}
    grads["dX"] = np.zeros_like(X)
    dh = np.zeros_like(h0)
    for t in reversed(range(T)):
        dh = dh + dH[:, :, t]
        dc = dh * (1 - Z[t]) * (1 - C[t] ** 2)
        dz = dh * (h[t] - C[t]) * Z[t] * (1 - Z[t])
        drh = p["Uc"].T @ dc
        dr = drh * h[t] * R[t] * (1 - R[t])
        grads["dUc"] += dc @ (R[t] * h[t]).T
        grads["dUz"] += dz @ h[t].T
        grads["dUr"] += dr @ h[t].T
        for name, delta in (("z", dz), ("r", dr), ("c", dc)):
            grads["dW" + name] += delta @ X[:, :, t].T
            grads["db" + name] += delta.sum(axis=1, keepdims=True)
            grads["dX"][:, :, t] += p["W" + name].T @ delta
        dh = dh * Z[t] + drh * R[t] + p["Uz"].T @ dz + p["Ur"].T @ dr
    grads["dh0"] = dh
    for k in p:
        p[k] -= alpha * grads["d" + k]
    return grads
