"""A peephole LSTM layer that keeps everything as attributes; lists in time with the initial state in slot 0."""

import numpy as np


class PeepholeLSTM:
    names = ("Wi", "Wf", "Wg", "Wo", "Ui", "Uf", "Ug", "Uo", "pi", "pf", "po", "bi", "bf", "bg", "bo")

    def __init__(self, n_in, n):
        for name in self.names:
            shape = {"W": (n, n_in), "U": (n, n)}.get(name[0], (n,))
            setattr(self, name, np.random.normal(0, 0.1, shape))

    @staticmethod
    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    def forward(self, xs, h0, c0):
        self.xs, self.hs, self.cs = list(xs), [h0], [c0]
        self.is_, self.fs, self.gs, self.os = [], [], [], []
        for x in self.xs:
            h, c = self.hs[-1], self.cs[-1]
            self.is_.append(self.sigmoid(x @ self.Wi.T + h @ self.Ui.T + self.pi * c + self.bi))
            self.fs.append(self.sigmoid(x @ self.Wf.T + h @ self.Uf.T + self.pf * c + self.bf))
            self.gs.append(np.tanh(x @ self.Wg.T + h @ self.Ug.T + self.bg))
            c = self.fs[-1] * c + self.is_[-1] * self.gs[-1]
            self.os.append(self.sigmoid(x @ self.Wo.T + h @ self.Uo.T + self.po * c + self.bo))
            self.cs.append(c)
            self.hs.append(self.os[-1] * np.tanh(c))
        return np.array(self.hs[1:])

    def backward(self, dhs, dh_next, dc_next):
        for name in self.names:
            setattr(self, "d" + name, np.zeros_like(getattr(self, name)))
        self.dxs = []
        for t in range(len(self.xs) - 1, -1, -1):
            x, h_old, c_old, c = self.xs[t], self.hs[t], self.cs[t], self.cs[t + 1]
            i, f, g, o = self.is_[t], self.fs[t], self.gs[t], self.os[t]
            dh = dhs[t] + dh_next
            eo = dh * np.tanh(c) * o * (1 - o)
            dc = dh * o * (1 - np.tanh(c) ** 2) + eo * self.po + dc_next
            ei = dc * g * i * (1 - i)
            ef = dc * c_old * f * (1 - f)
            eg = dc * i * (1 - g**2)
            self.dWi += ei.T @ x
            self.dWf += ef.T @ x
            self.dWg += eg.T @ x
            self.dWo += eo.T @ x
            self.dUi += ei.T @ h_old
            self.dUf += ef.T @ h_old
            self.dUg += eg.T @ h_old
            self.dUo += eo.T @ h_old
            self.dpi += np.sum(ei * c_old, axis=0)
            self.dpf += np.sum(ef * c_old, axis=0)
            self.dpo += np.sum(eo * c, axis=0)
            self.dbi += np.sum(ei, axis=0)
            self.dbf += np.sum(ef, axis=0)
            self.dbg += np.sum(eg, axis=0)
            self.dbo += np.sum(eo, axis=0)
            self.dxs.insert(0, ei @ self.Wi + ef @ self.Wf + eg @ self.Wg + eo @ self.Wo)
            dh_next = ei @ self.Ui + ef @ self.Uf + eg @ self.Ug + eo @ self.Uo
            dc_next = dc * f + ei * self.pi + ef * self.pf
        return dh_next, dc_next
