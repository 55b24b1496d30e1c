"""A GRU with a step function and a cache, batch first; gates z and r fused, the candidate apart."""

import numpy as np


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def step_forward(x, h, Wg, Ug, bg, Wc, Uc, bc):
    H = h.shape[1]
    gates = sigmoid(x @ Wg + h @ Ug + bg)
    z, r = gates[:, :H], gates[:, H:]
    hr = r * h
    c = np.tanh(x @ Wc + hr @ Uc + bc)
    return z * h + (1 - z) * c, (x, h, z, r, hr, c)


def step_backward(dnew, cache, Wg, Ug, Wc, Uc):
    x, h, z, r, hr, c = cache
    dc = dnew * (1 - z)
    dz = dnew * (h - c)
    dac = dc * (1 - c**2)
    dhr = dac @ Uc.T
    dr = dhr * h
    dgates = np.hstack([dz * z * (1 - z), dr * r * (1 - r)])
    dh = dnew * z + dhr * r + dgates @ Ug.T
    dx = dac @ Wc.T + dgates @ Wg.T
    return dx, dh, (x.T @ dgates, h.T @ dgates, dgates.sum(0), x.T @ dac, hr.T @ dac, dac.sum(0))


def forward(x, h0, Wg, Ug, bg, Wc, Uc, bc):
    h, hs, caches = h0, np.zeros((x.shape[0], x.shape[1], h0.shape[1])), []
    for t in range(x.shape[1]):
        h, cache = step_forward(x[:, t], h, Wg, Ug, bg, Wc, Uc, bc)
        hs[:, t] = h
        caches.append(cache)
    return hs, caches


def backward(dhs, caches, Wg, Ug, Wc, Uc):
    dx = np.zeros((dhs.shape[0], dhs.shape[1], Wg.shape[0]))
    dh, sums = 0, None
    for t in range(dhs.shape[1] - 1, -1, -1):
        dx[:, t], dh, grads = step_backward(dhs[:, t] + dh, caches[t], Wg, Ug, Wc, Uc)
        sums = grads if sums is None else tuple(a + b for a, b in zip(sums, grads))
    return dx, dh, *sums
