"""A tied minimal gated unit with the input matrices in one array, gates in the order n, f, rows."""

import numpy as np


def mgu_forward(x, h, W, U, b):
    """x (T, N, D), W (2H, D), U (H, H), b (2H,)."""
    H = len(U)
    a = np.einsum("tnd,hd->tnh", x, W) + b
    hs, fs, ns = [h], [], []
    for t in range(len(x)):
        f = 1 / (1 + np.exp(-(a[t, :, H:] + hs[t] @ U.T)))
        n = np.tanh(a[t, :, :H] + (f * hs[t]) @ U.T)
        fs.append(f)
        ns.append(n)
        hs.append(f * n + (1 - f) * hs[t])
    return np.array(hs), np.array(fs), np.array(ns)


def mgu_backward(dout, dh, x, hs, fs, ns, W, U):
    H = len(U)
    da = np.zeros((*x.shape[:2], 2 * H))
    dU = np.zeros_like(U)
    for t in range(len(x))[::-1]:
        f, n, h = fs[t], ns[t], hs[t]
        dh = dh + dout[t]
        da[t, :, :H] = dh * f * (1 - n**2)
        dfh = da[t, :, :H] @ U
        da[t, :, H:] = (dh * (n - h) + dfh * h) * f * (1 - f)
        dU += np.einsum("ni,nj->ij", da[t, :, :H], f * h)
        dU += np.einsum("ni,nj->ij", da[t, :, H:], h)
        dh = dh * (1 - f) + dfh * f + da[t, :, H:] @ U
    dW = np.einsum("tnh,tnd->hd", da, x)
    db = np.einsum("tnh->h", da)
    dx = np.einsum("tnh,hd->tnd", da, W)
    return dW, dU, db, dx, dh
