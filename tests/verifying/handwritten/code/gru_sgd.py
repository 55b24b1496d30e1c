"""A GRU on one sequence of column vectors that takes a step of gradient descent and returns what goes further down."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    def __init__(self, wz, wr, wh, lr):
        """Each matrix (n, n + m + 1) over the column [h; x; 1]."""
        self.wz, self.wr, self.wh, self.lr = wz, wr, wh, lr

    def forward(self, xs, h):
        self.cache, hs = [], []
        one = np.ones((1, 1))
        for x in xs:
            v = np.vstack([h, x, one])
            z, r = sigmoid(self.wz @ v), sigmoid(self.wr @ v)
            u = np.vstack([r * h, x, one])
            hh = np.tanh(self.wh @ u)
            self.cache.append((h, v, u, z, r, hh))
            h = z * h + (1 - z) * hh
            hs.append(h)
        return hs

    def backward(self, dhs):
        gz, gr, gh = np.zeros_like(self.wz), np.zeros_like(self.wr), np.zeros_like(self.wh)
        n = len(self.wz)
        dh, dxs = np.zeros((n, 1)), []
        for (h, v, u, z, r, hh), dh_out in zip(self.cache[::-1], dhs[::-1], strict=True):
            dh = dh + dh_out
            dhh = dh * (1 - z) * (1 - hh**2)
            du = self.wh.T @ dhh
            dz = dh * (h - hh) * z * (1 - z)
            dr = du[:n] * h * r * (1 - r)
            dv = self.wz.T @ dz + self.wr.T @ dr
            gz += dz @ v.T
            gr += dr @ v.T
            gh += dhh @ u.T
            dxs.append(du[n:-1] + dv[n:-1])
            dh = dh * z + du[:n] * r + dv[:n]
        self.wz -= self.lr * gz
        self.wr -= self.lr * gr
        self.wh -= self.lr * gh
        return dxs[::-1], dh
