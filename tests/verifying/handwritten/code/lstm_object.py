"""An LSTM as objects: a Gate holds its weights and accumulators, the cell its history from slot 0 on."""

import numpy as np


class Gate:
    def __init__(self, n_x, n_h, act, dact):
        self.W, self.U, self.b = np.random.randn(n_h, n_x), np.random.randn(n_h, n_h), np.zeros(n_h)
        self.act, self.dact = act, dact
        self.zero_grad()

    def zero_grad(self):
        self.gW, self.gU, self.gb = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.b)

    def __call__(self, x, h):
        return self.act(x @ self.W.T + h @ self.U.T + self.b)

    def backward(self, grad, y, x, h):
        grad = grad * self.dact(y)
        self.gW += grad.T @ x
        self.gU += grad.T @ h
        self.gb += grad.sum(0)
        return grad @ self.W, grad @ self.U


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def dsigmoid(y):
    return y * (1 - y)


def dtanh(y):
    return 1 - y**2


class LSTM:
    def __init__(self, n_x, n_h):
        self.input_gate = Gate(n_x, n_h, sigmoid, dsigmoid)
        self.forget_gate = Gate(n_x, n_h, sigmoid, dsigmoid)
        self.output_gate = Gate(n_x, n_h, sigmoid, dsigmoid)
        self.candidate = Gate(n_x, n_h, np.tanh, dtanh)

    def zero_grad(self):
        for gate in (self.input_gate, self.forget_gate, self.output_gate, self.candidate):
            gate.zero_grad()

    def forward(self, xs, h0, c0):
        self.x, self.h, self.c = [None, *xs], [h0], [c0]
        self.i, self.f, self.o, self.g = [None], [None], [None], [None]
        for x in xs:
            h, c = self.h[-1], self.c[-1]
            self.i.append(self.input_gate(x, h))
            self.f.append(self.forget_gate(x, h))
            self.o.append(self.output_gate(x, h))
            self.g.append(self.candidate(x, h))
            self.c.append(self.f[-1] * c + self.i[-1] * self.g[-1])
            self.h.append(self.o[-1] * np.tanh(self.c[-1]))
        return self.h[1:]

    def backward(self, dhs, dh_next, dc_next):
        self.dx = [None] * len(self.x)
        for t in range(len(self.x) - 1, 0, -1):
            x, h_prev = self.x[t], self.h[t - 1]
            dh = dhs[t - 1] + dh_next
            dc = dc_next + dh * self.o[t] * dtanh(np.tanh(self.c[t]))
            dx_o, dh_o = self.output_gate.backward(dh * np.tanh(self.c[t]), self.o[t], x, h_prev)
            dx_f, dh_f = self.forget_gate.backward(dc * self.c[t - 1], self.f[t], x, h_prev)
            dx_i, dh_i = self.input_gate.backward(dc * self.g[t], self.i[t], x, h_prev)
            dx_g, dh_g = self.candidate.backward(dc * self.i[t], self.g[t], x, h_prev)
            self.dx[t] = dx_i + dx_f + dx_o + dx_g
            dh_next = dh_i + dh_f + dh_o + dh_g
            dc_next = dc * self.f[t]
        return dh_next, dc_next
