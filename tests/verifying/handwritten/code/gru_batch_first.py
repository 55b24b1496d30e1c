"""A GRU on (N, T, D) arrays with row-vector weights in a dict, caches in arrays with slot 0 for the initial state."""

import numpy as np


def sigm(v):
    return 1.0 / (1.0 + np.exp(-v))


def gru_forward(X, h0, w):
    N, T, _ = X.shape
    S = np.zeros((N, T + 1, h0.shape[1]))
    S[:, 0] = h0
    Z, R, HH = (np.zeros_like(S[:, 1:]) for _ in range(3))
    for t in range(T):
        Z[:, t] = sigm(X[:, t] @ w["Uz"] + S[:, t] @ w["Vz"] + w["bz"])
        R[:, t] = sigm(X[:, t] @ w["Ur"] + S[:, t] @ w["Vr"] + w["br"])
        HH[:, t] = np.tanh(X[:, t] @ w["Uh"] + (R[:, t] * S[:, t]) @ w["Vh"] + w["bh"])
        S[:, t + 1] = Z[:, t] * S[:, t] + (1 - Z[:, t]) * HH[:, t]
    return S, Z, R, HH


def gru_backward(X, S, Z, R, HH, dS, w):
    g = {k: np.zeros_like(v) for k, v in w.items()}
    dX = np.zeros_like(X)
    ds = np.zeros_like(S[:, 0])
    for t in range(X.shape[1] - 1, -1, -1):
        x_t, s, z, r, hh = X[:, t], S[:, t], Z[:, t], R[:, t], HH[:, t]
        ds = ds + dS[:, t]
        dhh = ds * (1 - z)
        dhh = dhh * (1 - hh * hh)
        dz = ds * (s - hh)
        dz = dz * z * (1 - z)
        drs = dhh.dot(w["Vh"].T)
        dr = drs * s
        dr = dr * r * (1 - r)
        g["Uh"] += x_t.T.dot(dhh)
        g["Vh"] += (r * s).T.dot(dhh)
        g["bh"] += dhh.sum(axis=0)
        g["Uz"] += x_t.T.dot(dz)
        g["Vz"] += s.T.dot(dz)
        g["bz"] += dz.sum(axis=0)
        g["Ur"] += x_t.T.dot(dr)
        g["Vr"] += s.T.dot(dr)
        g["br"] += dr.sum(axis=0)
        dX[:, t] = dhh.dot(w["Uh"].T) + dz.dot(w["Uz"].T) + dr.dot(w["Ur"].T)
        ds = ds * z + drs * r + dz.dot(w["Vz"].T) + dr.dot(w["Vr"].T)
    return g, dX, ds
