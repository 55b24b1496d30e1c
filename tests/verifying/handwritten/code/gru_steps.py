"""A GRU's step forwards and backwards in pure functions; the caller owns the loop and the sums."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(x, h, Wz, Uz, bz, Wr, Ur, br, Wh, Uh, bh):
    """One sequence: x (m,), h (n,)."""
    zt = sigmoid(Wz @ x + Uz @ h + bz)
    rt = sigmoid(Wr @ x + Ur @ h + br)
    hh = np.tanh(Wh @ x + Uh @ (rt * h) + bh)
    return zt * h + (1 - zt) * hh, (x, h, zt, rt, hh)


def step_backward(dh, memory, Wz, Uz, Wr, Ur, Wh, Uh):
    x, h, zt, rt, hh = memory
    dhhraw = dh * (1 - zt) * (1 - hh * hh)
    dzraw = dh * (h - hh) * zt * (1 - zt)
    drh = np.dot(Uh.T, dhhraw)
    drraw = drh * h * rt * (1 - rt)
    grads = {
        "Wz": np.outer(dzraw, x),
        "Uz": np.outer(dzraw, h),
        "bz": dzraw,
        "Wr": np.outer(drraw, x),
        "Ur": np.outer(drraw, h),
        "br": drraw,
        "Wh": np.outer(dhhraw, x),
        "Uh": np.outer(dhhraw, rt * h),
        "bh": dhhraw,
    }
    dx = np.dot(Wz.T, dzraw) + np.dot(Wr.T, drraw) + np.dot(Wh.T, dhhraw)
    dhprev = dh * zt + drh * rt + np.dot(Uz.T, dzraw) + np.dot(Ur.T, drraw)
    return dx, dhprev, grads
