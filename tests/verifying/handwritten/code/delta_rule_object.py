"""A fast weight memory as an object that keeps its history; loops over the batch, since each element has its memory."""

import numpy as np


class DeltaMemory:
    def __init__(self, Wk, Wv, bv, Wq, Wg, bg):
        self.Wk, self.Wv, self.bv, self.Wq, self.Wg, self.bg = Wk, Wv, bv, Wq, Wg, bg
        self.dWk, self.dWv, self.dbv = np.zeros_like(Wk), np.zeros_like(Wv), np.zeros_like(bv)
        self.dWq, self.dWg, self.dbg = np.zeros_like(Wq), np.zeros_like(Wg), np.zeros_like(bg)

    def start(self, S):
        self.S = [S]
        self.trace = []

    def step(self, x):
        k = np.exp(self.Wk @ x)
        k = k / np.sum(k)
        v = self.Wv @ x + self.bv
        q = np.tanh(self.Wq @ x)
        g = 1 / (1 + np.exp(-(self.Wg @ x + self.bg)))
        e = v - self.S[-1] @ k
        self.trace.append((x, k, q, g, e))
        self.S.append(self.S[-1] + np.outer(g * e, k))
        return self.S[-1] @ q

    def backward(self, dys, dS):
        dxs = [None] * len(dys)
        for t in range(len(dys), 0, -1):
            x, k, q, g, e = self.trace[t - 1]
            dy = dys[t - 1]
            dS = dS + np.outer(dy, q)
            dq = np.dot(self.S[t].T, dy)
            dw = np.dot(dS, k)
            dg = dw * e * g * (1 - g)
            dv = dw * g
            dk = np.dot(dS.T, g * e) - np.dot(self.S[t - 1].T, dv)
            dak = k * (dk - np.dot(dk, k))
            daq = dq * (1 - q * q)
            self.dWk += np.outer(dak, x)
            self.dWv += np.outer(dv, x)
            self.dbv += dv
            self.dWq += np.outer(daq, x)
            self.dWg += np.outer(dg, x)
            self.dbg += dg
            dxs[t - 1] = self.Wk.T @ dak + self.Wv.T @ dv + self.Wq.T @ daq + self.Wg.T @ dg
            dS = dS - np.outer(dv, k)
        return dxs, dS
