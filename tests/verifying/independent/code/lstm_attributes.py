"""An LSTM object in which every intermediate gradient is an attribute, so that a notebook can look at it."""

import numpy as np


def sigm(a):
    return 1 / (1 + np.exp(-a))


class LSTM:
    def __init__(self, D, H):
        self.H = H
        for gate in "ifgo":
            setattr(self, f"W{gate}", np.random.randn(H, D))
            setattr(self, f"U{gate}", np.random.randn(H, H))
            setattr(self, f"b{gate}", np.zeros(H))

    def forward(self, x):
        T, N, _ = x.shape
        self.x = x
        self.hidden = np.zeros((T + 1, N, self.H))
        self.cell = np.zeros((T + 1, N, self.H))
        self.i, self.f, self.g, self.o = (np.zeros((T, N, self.H)) for _ in range(4))
        for t in range(T):
            self.i[t] = sigm(x[t] @ self.Wi.T + self.hidden[t] @ self.Ui.T + self.bi)
            self.f[t] = sigm(x[t] @ self.Wf.T + self.hidden[t] @ self.Uf.T + self.bf)
            self.g[t] = np.tanh(x[t] @ self.Wg.T + self.hidden[t] @ self.Ug.T + self.bg)
            self.o[t] = sigm(x[t] @ self.Wo.T + self.hidden[t] @ self.Uo.T + self.bo)
            self.cell[t + 1] = self.f[t] * self.cell[t] + self.i[t] * self.g[t]
            self.hidden[t + 1] = self.o[t] * np.tanh(self.cell[t + 1])
        return self.hidden[1:]

    def backward(self, grad_h):
        for gate in "ifgo":
            setattr(self, f"dW{gate}", 0)
            setattr(self, f"dU{gate}", 0)
            setattr(self, f"db{gate}", 0)
        self.dx = np.zeros_like(self.x)
        back_h, back_c = 0, 0
        for t in range(len(self.x))[::-1]:
            i, f, g, o = self.i[t], self.f[t], self.g[t], self.o[t]
            self.dh = grad_h[t] + back_h
            self.dc = self.dh * o * (1 - np.tanh(self.cell[t + 1]) ** 2) + back_c
            deltas = {
                "i": self.dc * g * i * (1 - i),
                "f": self.dc * self.cell[t] * f * (1 - f),
                "g": self.dc * i * (1 - g**2),
                "o": self.dh * np.tanh(self.cell[t + 1]) * o * (1 - o),
            }
            back_h = 0
            for gate, delta in deltas.items():
                setattr(self, f"dW{gate}", getattr(self, f"dW{gate}") + delta.T @ self.x[t])
                setattr(self, f"dU{gate}", getattr(self, f"dU{gate}") + delta.T @ self.hidden[t])
                setattr(self, f"db{gate}", getattr(self, f"db{gate}") + delta.sum(0))
                self.dx[t] += delta @ getattr(self, f"W{gate}")
                back_h = back_h + delta @ getattr(self, f"U{gate}")
            back_c = self.dc * f
