"""A peephole LSTM over (T, N, features) arrays, from the appendix of Greff et al."""

import numpy as np


def sigma(a):
    return 1 / (1 + np.exp(-a))


def forward(x, y0, c0, p):
    T, N, _ = x.shape
    n = y0.shape[1]
    y, c = np.zeros((T + 1, N, n)), np.zeros((T + 1, N, n))
    y[0], c[0] = y0, c0
    z, i, f, o = (np.zeros((T + 1, N, n)) for _ in range(4))
    for t in range(1, T + 1):
        z[t] = np.tanh(x[t - 1] @ p["Wz"].T + y[t - 1] @ p["Rz"].T + p["bz"])
        i[t] = sigma(x[t - 1] @ p["Wi"].T + y[t - 1] @ p["Ri"].T + p["pi"] * c[t - 1] + p["bi"])
        f[t] = sigma(x[t - 1] @ p["Wf"].T + y[t - 1] @ p["Rf"].T + p["pf"] * c[t - 1] + p["bf"])
        c[t] = z[t] * i[t] + c[t - 1] * f[t]
        o[t] = sigma(x[t - 1] @ p["Wo"].T + y[t - 1] @ p["Ro"].T + p["po"] * c[t] + p["bo"])
        y[t] = np.tanh(c[t]) * o[t]
    return y, c, z, i, f, o


def backward(x, y, c, z, i, f, o, p, delta_above, dy_last, dc_last):
    T = len(x)
    grad = {k: np.zeros_like(v) for k, v in p.items()}
    dx = np.zeros_like(x)
    dy_rec, dc_rec = dy_last, dc_last
    for t in range(T, 0, -1):
        dy = delta_above[t - 1] + dy_rec
        do = dy * np.tanh(c[t]) * o[t] * (1 - o[t])
        dc = dy * o[t] * (1 - np.tanh(c[t]) ** 2) + p["po"] * do + dc_rec
        df = dc * c[t - 1] * f[t] * (1 - f[t])
        di = dc * z[t] * i[t] * (1 - i[t])
        dz = dc * i[t] * (1 - z[t] ** 2)
        dx[t - 1] = dz @ p["Wz"] + di @ p["Wi"] + df @ p["Wf"] + do @ p["Wo"]
        dy_rec = dz @ p["Rz"] + di @ p["Ri"] + df @ p["Rf"] + do @ p["Ro"]
        dc_rec = dc * f[t] + p["pi"] * di + p["pf"] * df
        for k, delta in zip("zifo", (dz, di, df, do), strict=True):
            grad["W" + k] += delta.T @ x[t - 1]
            grad["R" + k] += delta.T @ y[t - 1]
            grad["b" + k] += delta.sum(0)
        grad["pi"] += (c[t - 1] * di).sum(0)
        grad["pf"] += (c[t - 1] * df).sum(0)
        grad["po"] += (c[t] * do).sum(0)
    return grad, dx, dy_rec, dc_rec
