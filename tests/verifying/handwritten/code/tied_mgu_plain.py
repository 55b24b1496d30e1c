"""A minimal gated unit whose gate and candidate share the recurrent matrix, over (T, N, features) arrays."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def forward(x, h0, p):
    hs, cache = [h0], []
    for xt in x:
        h = hs[-1]
        f = sigmoid(xt @ p["W_f"].T + h @ p["R"].T + p["b_f"])
        n = np.tanh(xt @ p["W_n"].T + (f * h) @ p["R"].T + p["b_n"])
        cache.append((f, n))
        hs.append((1 - f) * h + f * n)
    return hs, cache


def backward(x, hs, cache, p, dhs, dh_last):
    dp = {key: np.zeros_like(value) for key, value in p.items()}
    dx = np.zeros_like(x)
    dh_next = dh_last
    for t in range(len(x) - 1, -1, -1):
        h, (f, n) = hs[t], cache[t]
        dh = dhs[t] + dh_next
        dan = dh * f * (1 - n**2)
        dfh = dan @ p["R"]
        df = dh * (n - h) + dfh * h
        daf = df * f * (1 - f)
        dp["W_f"] += daf.T @ x[t]
        dp["W_n"] += dan.T @ x[t]
        dp["R"] += daf.T @ h + dan.T @ (f * h)
        dp["b_f"] += daf.sum(axis=0)
        dp["b_n"] += dan.sum(axis=0)
        dx[t] = daf @ p["W_f"] + dan @ p["W_n"]
        dh_next = dh * (1 - f) + dfh * f + daf @ p["R"]
    return dp, dx, dh_next
