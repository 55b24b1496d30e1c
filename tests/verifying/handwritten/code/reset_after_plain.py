"""A GRU with the reset gate after the product, over (T, N, features) arrays."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def forward(x, h0, p):
    h, steps, out = h0, [], []
    for t in range(len(x)):
        z = sigmoid(x[t] @ p["Wz"].T + h @ p["Rz"].T + p["bz"])
        r = sigmoid(x[t] @ p["Wr"].T + h @ p["Rr"].T + p["br"])
        q = h @ p["Rn"].T + p["bRn"]
        n = np.tanh(x[t] @ p["Wn"].T + p["bWn"] + r * q)
        steps.append((h, z, r, q, n))
        h = (1 - z) * n + z * h
        out.append(h)
    return np.array(out), steps


def backward(x, steps, p, dout, dh_last):
    g = {k: np.zeros_like(v) for k, v in p.items()}
    dx = np.zeros_like(x)
    dh_next = dh_last
    for t in range(len(x) - 1, -1, -1):
        h, z, r, q, n = steps[t]
        dh = dout[t] + dh_next
        dan = dh * (1 - z) * (1 - n**2)
        dq = dan * r
        dar = dan * q * r * (1 - r)
        daz = dh * (h - n) * z * (1 - z)
        g["Wz"] += daz.T @ x[t]
        g["Wr"] += dar.T @ x[t]
        g["Wn"] += dan.T @ x[t]
        g["Rz"] += daz.T @ h
        g["Rr"] += dar.T @ h
        g["Rn"] += dq.T @ h
        g["bz"] += daz.sum(0)
        g["br"] += dar.sum(0)
        g["bRn"] += dq.sum(0)
        g["bWn"] += dan.sum(0)
        dx[t] = daz @ p["Wz"] + dar @ p["Wr"] + dan @ p["Wn"]
        dh_next = dh * z + dq @ p["Rn"] + daz @ p["Rz"] + dar @ p["Rr"]
    return g, dx, dh_next
