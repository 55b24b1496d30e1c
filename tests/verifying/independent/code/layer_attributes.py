"""An RNN layer that keeps what it computes as attributes; `dh` is the gradient of the state it is at."""

import numpy as np


class RNNLayer:
    def __init__(self, n_in, n_out):
        self.Wx = np.random.randn(n_in, n_out) * 0.1
        self.Wh = np.random.randn(n_out, n_out) * 0.1
        self.b = np.zeros(n_out)

    def forward(self, x, h0):
        self.x = x
        self.states = [h0]
        for t in range(len(x)):
            self.states.append(np.tanh(x[t] @ self.Wx + self.states[-1] @ self.Wh + self.b))
        return np.array(self.states[1:])

    def backward(self, dout):
        self.dWx = np.zeros_like(self.Wx)
        self.dWh = np.zeros_like(self.Wh)
        self.db = np.zeros_like(self.b)
        self.dx = np.zeros_like(self.x)
        carry = np.zeros_like(self.states[0])
        for t in range(len(self.x) - 1, -1, -1):
            self.dh = dout[t] + carry
            self.da = self.dh * (1 - self.states[t + 1] ** 2)
            self.dWx += self.x[t].T @ self.da
            self.dWh += self.states[t].T @ self.da
            self.db += self.da.sum(axis=0)
            self.dx[t] = self.da @ self.Wx.T
            carry = self.da @ self.Wh.T
        return self.dx
