"""A vanilla RNN as a layer object: accumulators, step methods, lists whose slot 0 is the initial state."""

import numpy as np


class RNN:
    def __init__(self, input_size, hidden_size):
        self.Wxh = np.random.randn(hidden_size, input_size) * 0.01
        self.Whh = np.random.randn(hidden_size, hidden_size) * 0.01
        self.bh = np.zeros(hidden_size)
        self.reset_grads()

    def reset_grads(self):
        self.dWxh = np.zeros_like(self.Wxh)
        self.dWhh = np.zeros_like(self.Whh)
        self.dbh = np.zeros_like(self.bh)

    def start(self, h0):
        self.x = [None]
        self.h = [h0]

    def step(self, x):
        a = np.matmul(x, self.Wxh.T) + np.matmul(self.h[-1], self.Whh.T) + self.bh
        self.x.append(x)
        self.h.append(np.tanh(a))
        return self.h[-1]

    def backstep(self, t, dh):
        delta = dh * (1 - np.square(self.h[t]))
        self.dWxh += np.matmul(delta.T, self.x[t])
        self.dWhh += np.matmul(delta.T, self.h[t - 1])
        self.dbh += np.sum(delta, axis=0)
        return np.matmul(delta, self.Wxh), np.matmul(delta, self.Whh)

    def backward(self, dhs, dh_final):
        T = len(self.h) - 1
        self.dx = [None] * T
        carry = dh_final
        for t in range(T, 0, -1):
            self.dx[t - 1], carry = self.backstep(t, dhs[t - 1] + carry)
        return carry
