"""A GRU layer as an object: step methods, accumulators that the caller resets, history in lists."""

import numpy as np


class GRULayer:
    def __init__(self, input_dim, hidden_dim):
        self.params = {}
        for gate in "zrh":
            self.params["W" + gate] = np.random.randn(hidden_dim, input_dim)
            self.params["U" + gate] = np.random.randn(hidden_dim, hidden_dim)
            self.params["b" + gate] = np.zeros((1, hidden_dim))
        self.zero_grad()

    def zero_grad(self):
        self.grads = {name: np.zeros_like(value) for name, value in self.params.items()}

    def _affine(self, gate, x, h):
        return x @ self.params["W" + gate].T + h @ self.params["U" + gate].T + self.params["b" + gate]

    def _affine_back(self, gate, delta, x, h):
        self.grads["W" + gate] += delta.T @ x
        self.grads["U" + gate] += delta.T @ h
        self.grads["b" + gate] += delta.sum(axis=0, keepdims=True)
        return delta @ self.params["W" + gate], delta @ self.params["U" + gate]

    def init_state(self, h0):
        self.h, self.x, self.z, self.r, self.h_hat = [h0], [None], [None], [None], [None]

    def step(self, x):
        h = self.h[-1]
        z = 1 / (1 + np.exp(-self._affine("z", x, h)))
        r = 1 / (1 + np.exp(-self._affine("r", x, h)))
        h_hat = np.tanh(self._affine("h", x, r * h))
        self.x.append(x)
        self.z.append(z)
        self.r.append(r)
        self.h_hat.append(h_hat)
        self.h.append(z * h + (1 - z) * h_hat)
        return self.h[-1]

    def step_back(self, dh):
        """The gradients of x and h_prev; the step is taken off the history."""
        x, z, r, h_hat = self.x.pop(), self.z.pop(), self.r.pop(), self.h_hat.pop()
        self.h.pop()
        h_prev = self.h[-1]
        dh_hat = dh * (1 - z) * (1 - h_hat**2)
        dz = dh * (h_prev - h_hat) * z * (1 - z)
        dx_h, drh = self._affine_back("h", dh_hat, x, r * h_prev)
        dr = drh * h_prev * r * (1 - r)
        dx_z, dh_z = self._affine_back("z", dz, x, h_prev)
        dx_r, dh_r = self._affine_back("r", dr, x, h_prev)
        return dx_h + dx_z + dx_r, dh * z + drh * r + dh_z + dh_r
