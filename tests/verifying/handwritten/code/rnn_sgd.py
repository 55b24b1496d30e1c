"""A vanilla RNN that trains itself: the backward pass ends with the update and returns no gradient."""

import numpy as np


class VanillaRNN:
    def __init__(self, n_in, n_hidden, learning_rate=0.01):
        self.lr = learning_rate
        self.W_in = np.random.uniform(-0.1, 0.1, (n_in, n_hidden))
        self.W_rec = np.random.uniform(-0.1, 0.1, (n_hidden, n_hidden))
        self.bias = np.zeros((1, n_hidden))
        self.h0 = np.zeros((1, n_hidden))

    def forward(self, x):
        self.x = x
        self.states = [np.broadcast_to(self.h0, (x.shape[0], self.h0.shape[1]))]
        for t in range(x.shape[1]):
            net = x[:, t] @ self.W_in + self.states[-1] @ self.W_rec + self.bias
            self.states.append(np.tanh(net))
        return np.stack(self.states[1:], axis=1)

    def backward(self, d_states):
        gW_in, gW_rec, gb = 0, 0, 0
        grad_x = np.empty_like(self.x)
        grad_h = 0
        for t in range(self.x.shape[1] - 1, -1, -1):
            grad_h = grad_h + d_states[:, t]
            grad_net = grad_h * (1 - self.states[t + 1] ** 2)
            gW_in = gW_in + self.x[:, t].T @ grad_net
            gW_rec = gW_rec + self.states[t].T @ grad_net
            gb = gb + grad_net.sum(axis=0, keepdims=True)
            grad_x[:, t] = grad_net @ self.W_in.T
            grad_h = grad_net @ self.W_rec.T
        self.W_in -= self.lr * gW_in
        self.W_rec -= self.lr * gW_rec
        self.bias -= self.lr * gb
        self.h0 = self.h0 - self.lr * grad_h
        return grad_x
