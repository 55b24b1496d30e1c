"""A GRU (reset before the product, z keeps) over (T, N, features) arrays, one matrix for each gate."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru_forward(x, h0, Wz, Wr, Wn, Rz, Rr, Rn, bz, br, bn):
    hs, cache = [h0], []
    for xt in x:
        h = hs[-1]
        z = sigmoid(xt @ Wz.T + h @ Rz.T + bz)
        r = sigmoid(xt @ Wr.T + h @ Rr.T + br)
        n = np.tanh(xt @ Wn.T + (r * h) @ Rn.T + bn)
        hs.append(z * h + (1 - z) * n)
        cache.append((xt, h, z, r, n))
    return np.array(hs[1:]), cache


def gru_backward(dh_out, dh_last, cache, Wz, Wr, Wn, Rz, Rr, Rn):
    dWz, dWr, dWn = np.zeros_like(Wz), np.zeros_like(Wr), np.zeros_like(Wn)
    dRz, dRr, dRn = np.zeros_like(Rz), np.zeros_like(Rr), np.zeros_like(Rn)
    dbz, dbr, dbn = np.zeros(len(Wz)), np.zeros(len(Wr)), np.zeros(len(Wn))
    dx, dh_next = [], dh_last
    for t in range(len(cache) - 1, -1, -1):
        x, h_prev, z, r, n = cache[t]
        dh = dh_out[t] + dh_next
        dn = dh * (1 - z)
        dan = dn * (1 - n**2)
        drh = dan @ Rn
        dr = drh * h_prev
        dar = dr * r * (1 - r)
        dz = dh * (h_prev - n)
        daz = dz * z * (1 - z)
        dWz += daz.T @ x
        dWr += dar.T @ x
        dWn += dan.T @ x
        dRz += daz.T @ h_prev
        dRr += dar.T @ h_prev
        dRn += dan.T @ (r * h_prev)
        dbz += np.sum(daz, axis=0)
        dbr += np.sum(dar, axis=0)
        dbn += np.sum(dan, axis=0)
        dx.append(daz @ Wz + dar @ Wr + dan @ Wn)
        dh_next = dh * z + drh * r + daz @ Rz + dar @ Rr
    return dWz, dWr, dWn, dRz, dRr, dRn, dbz, dbr, dbn, np.array(dx[::-1]), dh_next
