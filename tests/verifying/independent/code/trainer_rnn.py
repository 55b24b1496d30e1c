"""An RNN layer that updates itself and hands the gradient of its inputs down to the layer below."""

import numpy as np


class RNN:
    def __init__(self, D, H, lr=0.1):
        self.lr = lr
        self.Wx, self.Wh, self.b = np.random.randn(H, D), np.random.randn(H, H), np.zeros(H)

    def forward(self, x, h0):
        self.inputs, self.hs = x, [h0]
        for x_t in x:
            self.hs.append(np.tanh(x_t @ self.Wx.T + self.hs[-1] @ self.Wh.T + self.b))
        return np.stack(self.hs[1:])

    def backward(self, dhs):
        dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        dx = np.empty_like(self.inputs)
        dh0 = np.zeros_like(self.hs[0])
        for t in reversed(range(len(dhs))):
            da = (dhs[t] + dh0) * (1 - self.hs[t + 1] ** 2)
            dWx += da.T @ self.inputs[t]
            dWh += da.T @ self.hs[t]
            db += da.sum(0)
            dx[t] = da @ self.Wx
            dh0 = da @ self.Wh
        self.Wx = self.Wx - self.lr * dWx
        self.Wh = self.Wh - self.lr * dWh
        self.b = self.b - self.lr * db
        return dx, dh0
