"""A GRU with the reset gate after the product as an object; slot 0 of each list is the initial state."""

import numpy as np


class ResetAfterGRU:
    def __init__(self, n_in, n):
        self.Wz, self.Wr, self.Wn = (np.random.randn(n, n_in) for _ in range(3))
        self.Rz, self.Rr, self.Rn = (np.random.randn(n, n) for _ in range(3))
        self.bz, self.br, self.bWn, self.bRn = (np.zeros(n) for _ in range(4))
        self.clear()

    def clear(self):
        for k in ("Wz", "Wr", "Wn", "Rz", "Rr", "Rn", "bz", "br", "bWn", "bRn"):
            setattr(self, "g" + k, np.zeros_like(getattr(self, k)))

    def forward(self, xs, h0):
        self.xs, self.hs = [None], [h0]
        self.zs, self.rs, self.qs, self.ns = [None], [None], [None], [None]
        for x in xs:
            h = self.hs[-1]
            self.xs.append(x)
            self.zs.append(1 / (1 + np.exp(-(x @ self.Wz.T + h @ self.Rz.T + self.bz))))
            self.rs.append(1 / (1 + np.exp(-(x @ self.Wr.T + h @ self.Rr.T + self.br))))
            self.qs.append(h @ self.Rn.T + self.bRn)
            self.ns.append(np.tanh(x @ self.Wn.T + self.bWn + self.rs[-1] * self.qs[-1]))
            self.hs.append((1 - self.zs[-1]) * self.ns[-1] + self.zs[-1] * h)
        return self.hs[1:]

    def backward(self, dys, dh):
        self.gxs = {}
        for t in range(len(self.xs) - 1, 0, -1):
            x, h, z, r, q, n = self.xs[t], self.hs[t - 1], self.zs[t], self.rs[t], self.qs[t], self.ns[t]
            dh = dh + dys[t - 1]
            en = dh * (1 - z) * (1 - n**2)
            er = en * q * r * (1 - r)
            ez = dh * (h - n) * z * (1 - z)
            eq = en * r
            self.gWz += np.dot(ez.T, x)
            self.gWr += np.dot(er.T, x)
            self.gWn += np.dot(en.T, x)
            self.gRz += np.dot(ez.T, h)
            self.gRr += np.dot(er.T, h)
            self.gRn += np.dot(eq.T, h)
            self.gbz += ez.sum(axis=0)
            self.gbr += er.sum(axis=0)
            self.gbWn += en.sum(axis=0)
            self.gbRn += eq.sum(axis=0)
            self.gxs[t] = np.dot(ez, self.Wz) + np.dot(er, self.Wr) + np.dot(en, self.Wn)
            dh = dh * z + np.dot(eq, self.Rn) + np.dot(ez, self.Rz) + np.dot(er, self.Rr)
        return dh
