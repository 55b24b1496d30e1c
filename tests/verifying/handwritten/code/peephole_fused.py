"""A peephole LSTM with stacked gates z, i, f, o (rows) and stacked peepholes i, f, o."""

import numpy as np


def forward(x, h0, c0, W, R, P, b):
    """x (T, N, D); W (4H, D), R (4H, H), P (3, H), b (4H,)."""
    H = R.shape[1]
    h, c, saved, out = h0, c0, [], []
    for t in range(x.shape[0]):
        zifo = x[t] @ W.T + h @ R.T + b
        z = np.tanh(zifo[:, :H])
        i = 1 / (1 + np.exp(-(zifo[:, H : 2 * H] + P[0] * c)))
        f = 1 / (1 + np.exp(-(zifo[:, 2 * H : 3 * H] + P[1] * c)))
        c_next = f * c + i * z
        o = 1 / (1 + np.exp(-(zifo[:, 3 * H :] + P[2] * c_next)))
        saved.append((h, c, z, i, f, o, c_next))
        h, c = o * np.tanh(c_next), c_next
        out.append(h)
    return np.stack(out), h, c, saved


def backward(dout, dh, dc, x, saved, W, R, P):
    H = R.shape[1]
    dW, dR, dP, db = np.zeros_like(W), np.zeros_like(R), np.zeros_like(P), np.zeros(4 * H)
    dx = np.zeros_like(x)
    dzifo = np.zeros((*dh.shape[:-1], 4 * H))
    for t in reversed(range(x.shape[0])):
        h_prev, c_prev, z, i, f, o, c = saved[t]
        dh = dh + dout[t]
        dzifo[:, 3 * H :] = dh * np.tanh(c) * o * (1 - o)
        dc = dc + dh * o * (1 - np.tanh(c) ** 2) + dzifo[:, 3 * H :] * P[2]
        dzifo[:, :H] = dc * i * (1 - z**2)
        dzifo[:, H : 2 * H] = dc * z * i * (1 - i)
        dzifo[:, 2 * H : 3 * H] = dc * c_prev * f * (1 - f)
        dP[0] += (dzifo[:, H : 2 * H] * c_prev).sum(0)
        dP[1] += (dzifo[:, 2 * H : 3 * H] * c_prev).sum(0)
        dP[2] += (dzifo[:, 3 * H :] * c).sum(0)
        dW += dzifo.T @ x[t]
        dR += dzifo.T @ h_prev
        db += dzifo.sum(0)
        dx[t] = dzifo @ W
        dh = dzifo @ R
        dc = dc * f + dzifo[:, H : 2 * H] * P[0] + dzifo[:, 2 * H : 3 * H] * P[1]
    return dW, dR, dP, db, dx, dh, dc
