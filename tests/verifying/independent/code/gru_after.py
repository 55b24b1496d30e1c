"""A GRU as torch has it, the reset gate after the product, in NumPy, time first; lists over time."""

import numpy as np


def sig(v):
    return 1 / (1 + np.exp(-v))


class GRU:
    def __init__(self, params):
        self.p = params

    def forward(self, x, h0):
        p = self.p
        self.x, self.h, self.tape = x, [h0], []
        for t in range(len(x)):
            hp = self.h[t]
            r = sig(x[t] @ p["W_ir"].T + hp @ p["W_hr"].T + p["b_r"])
            z = sig(x[t] @ p["W_iz"].T + hp @ p["W_hz"].T + p["b_z"])
            q = hp @ p["W_hn"].T + p["b_hn"]
            n = np.tanh(x[t] @ p["W_in"].T + p["b_in"] + r * q)
            self.h.append((1 - z) * n + z * hp)
            self.tape.append((r, z, q, n))
        return np.array(self.h[1:])

    def backward(self, dh):
        p = self.p
        d = {k: np.zeros_like(v) for k, v in p.items()}
        dx, carry = np.zeros_like(self.x), np.zeros_like(self.h[0])
        for t in reversed(range(len(self.x))):
            r, z, q, n = self.tape[t]
            hp, x = self.h[t], self.x[t]
            total = dh[t] + carry
            dan = total * (1 - z) * (1 - n * n)
            daz = total * (hp - n) * z * (1 - z)
            dar = dan * q * r * (1 - r)
            dq = dan * r
            d["W_in"] += dan.T @ x
            d["b_in"] += dan.sum(0)
            d["W_hn"] += dq.T @ hp
            d["b_hn"] += dq.sum(0)
            d["W_iz"] += daz.T @ x
            d["W_hz"] += daz.T @ hp
            d["b_z"] += daz.sum(0)
            d["W_ir"] += dar.T @ x
            d["W_hr"] += dar.T @ hp
            d["b_r"] += dar.sum(0)
            dx[t] = dan @ p["W_in"] + daz @ p["W_iz"] + dar @ p["W_ir"]
            carry = total * z + dq @ p["W_hn"] + daz @ p["W_hz"] + dar @ p["W_hr"]
        return d, dx, carry
