"""Layers in lists: any number of RNN layers on top of each other, a linear read-out, squared error at every step."""

import numpy as np


class Stacked:
    def __init__(self, sizes, n_out):
        self.W = [np.random.randn(b, a) * 0.3 for a, b in zip(sizes[:-1], sizes[1:])]
        self.R = [np.random.randn(b, b) * 0.3 for b in sizes[1:]]
        self.b = [np.zeros(b) for b in sizes[1:]]
        self.V = np.random.randn(n_out, sizes[-1]) * 0.3
        self.c = np.zeros(n_out)

    def forward(self, x):
        self.inputs = [x]
        self.states = []
        for W, R, b in zip(self.W, self.R, self.b):
            h = np.zeros((len(x) + 1, x.shape[1], len(b)))
            for t in range(len(x)):
                h[t] = np.tanh(self.inputs[-1][t] @ W.T + h[t - 1] @ R.T + b)
            self.states.append(h)
            self.inputs.append(h[:-1])
        return self.inputs[-1] @ self.V.T + self.c

    def loss(self, x, y):
        return 0.5 * np.sum((self.forward(x) - y) ** 2)

    def gradients(self, x, y):
        error = self.forward(x) - y
        dV = np.einsum("tnk,tnh->kh", error, self.inputs[-1])
        dc = error.sum((0, 1))
        above = error @ self.V
        dW, dR, db = [], [], []
        for layer in reversed(range(len(self.W))):
            h, inputs = self.states[layer], self.inputs[layer]
            gW, gR, gb = np.zeros_like(self.W[layer]), np.zeros_like(self.R[layer]), np.zeros_like(self.b[layer])
            below, carry = np.zeros_like(inputs), 0
            for t in reversed(range(len(x))):
                da = (above[t] + carry) * (1 - h[t] ** 2)
                gW += da.T @ inputs[t]
                gR += da.T @ h[t - 1]
                gb += da.sum(0)
                below[t] = da @ self.W[layer]
                carry = da @ self.R[layer]
            above = below
            dW.insert(0, gW)
            dR.insert(0, gR)
            db.insert(0, gb)
        return dW, dR, db, dV, dc
