"""An LSTM with gates fused, which takes a step of descent and returns the gradients too, for the logs."""

import numpy as np


class FusedLSTM:
    def __init__(self, D, H, learning_rate):
        self.W = np.random.randn(4 * H, D + H) * 0.1
        self.b = np.zeros(4 * H)
        self.learning_rate, self.H = learning_rate, H

    def forward(self, x, h0, c0):
        H, h, c = self.H, h0, c0
        self.cache, out = [], []
        for x_t in x:
            v = np.hstack([x_t, h])
            a = v @ self.W.T + self.b
            i, f, o = (1 / (1 + np.exp(-a[:, k * H : (k + 1) * H])) for k in range(3))
            g = np.tanh(a[:, 3 * H :])
            c_prev, c = c, f * c + i * g
            h = o * np.tanh(c)
            self.cache.append((v, i, f, o, g, c_prev, c))
            out.append(h)
        return np.array(out)

    def update(self, dout):
        dW, db = np.zeros_like(self.W), np.zeros_like(self.b)
        D = self.W.shape[1] - self.H
        dx = []
        dh = dc = np.zeros_like(dout[0])
        for t in reversed(range(len(dout))):
            v, i, f, o, g, c_prev, c = self.cache[t]
            dh = dh + dout[t]
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            da = np.hstack(
                [dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dh * np.tanh(c) * o * (1 - o), dc * i * (1 - g * g)]
            )
            dW += da.T @ v
            db += da.sum(axis=0)
            dv = da @ self.W
            dx.append(dv[:, :D])
            dh, dc = dv[:, D:], dc * f
        self.W -= self.learning_rate * dW
        self.b -= self.learning_rate * db
        return dW, db, np.array(dx[::-1]), dh, dc
