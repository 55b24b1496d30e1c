"""A tied minimal gated unit as an object on single columns: step methods, accumulators, history in lists."""

import numpy as np


class MGU:
    def __init__(self, W_f, W_n, R, b_f, b_n):
        self.W_f, self.W_n, self.R, self.b_f, self.b_n = W_f, W_n, R, b_f, b_n

    def reset(self, h0):
        self.h, self.f, self.n, self.x = [h0], [None], [None], [None]
        self.gW_f, self.gW_n, self.gR = np.zeros(self.W_f.shape), np.zeros(self.W_n.shape), np.zeros(self.R.shape)
        self.gb_f, self.gb_n = np.zeros(self.b_f.shape), np.zeros(self.b_n.shape)

    def feed(self, x):
        h = self.h[-1]
        self.x.append(x)
        self.f.append(1 / (1 + np.exp(-(self.W_f @ x + self.R @ h + self.b_f))))
        self.n.append(np.tanh(self.W_n @ x + self.R @ (self.f[-1] * h) + self.b_n))
        self.h.append((1 - self.f[-1]) * h + self.f[-1] * self.n[-1])
        return self.h[-1]

    def feed_back(self, t, dh):
        h, f, n, x = self.h[t - 1], self.f[t], self.n[t], self.x[t]
        dn = dh * f * (1 - n**2)
        dfh = self.R.T @ dn
        df = (dh * (n - h) + dfh * h) * f * (1 - f)
        self.gW_f += np.outer(df, x)
        self.gW_n += np.outer(dn, x)
        self.gR += np.outer(df, h)
        self.gR += np.outer(dn, f * h)
        self.gb_f += df
        self.gb_n += dn
        dx = self.W_f.T @ df + self.W_n.T @ dn
        return dx, dh * (1 - f) + dfh * f + self.R.T @ df
