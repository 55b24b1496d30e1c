"""Of section 5, the linear recurrences: the LRU in complex numbers, and one channel of S6."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, softplus, zeros_like


def lru(params, x, state, d_outputs, d_final):
    """Section 5, "LRU complex", verified by the page's author; the zoo's cell is the same in pairs of real numbers."""
    p = params
    nu, theta, g = p["nu_log"], p["theta_log"], p["gamma_log"]
    B, C = p["B_u"] + 1j * p["B_v"], p["C_u"] + 1j * p["C_v"]
    lam = np.exp(-np.exp(nu) + 1j * np.exp(theta))
    h = [state["u"] + 1j * state["v"]]
    for x_t in x:
        h.append(lam * h[-1] + np.exp(g) * (x_t @ B.T))

    d, dx = zeros_like(p), np.zeros_like(x)
    d_lam = np.zeros_like(lam)
    e = d_final["u"] + 1j * d_final["v"]
    for t in reversed(range(len(x))):
        G = d_outputs[t]
        e = e + G @ C.conj()
        dB = (np.exp(g) * e).T @ x[t]
        d["B_u"] += dB.real
        d["B_v"] += dB.imag
        dC = G.T @ h[t + 1].conj()
        d["C_u"] += dC.real
        d["C_v"] += dC.imag
        d_lam = d_lam + (e * h[t].conj()).sum(axis=0)
        d["gamma_log"] += (np.exp(g) * (e.conj() * (x[t] @ B.T)).real).sum(axis=0)
        d["d"] += (G * x[t]).sum(axis=0)
        dx[t] = ((np.exp(g) * e) @ B.conj()).real + G * p["d"]
        e = lam.conj() * e
    mu = d_lam.conj() * lam
    d["nu_log"] = -np.exp(nu) * mu.real
    d["theta_log"] = -np.exp(theta) * mu.imag
    return d, dx, {"u": e.real, "v": e.imag}


def s6(params, x, state, d_outputs, d_final):
    """Section 5, "S6 channel", verified by the page's author; the zoo's cell ends with the gate silu(z)."""
    A, skip = -np.exp(params["a_log"]), params["d"]
    pre = x["delta"] + params["b_delta"]
    s, tape = [state["h"]], []
    for t in range(len(pre)):
        step, B, u = softplus(pre[t])[:, None], x["B"][t], x["u"][t][:, None]
        abar = np.exp(step * A)
        s.append(abar * s[t] + step * B * u)
        tape.append((step, abar, B, u, (x["C"][t] * s[t + 1]).sum(axis=1) + skip * x["u"][t]))

    d, dx, dA = zeros_like(params), zeros_like(x), np.zeros_like(A)
    ds = d_final["h"]
    for t in reversed(range(len(pre))):
        step, abar, B, u, y = tape[t]
        z = x["z"][t]
        dx["z"][t] = d_outputs[t] * y * sigmoid(z) * (1 + z * (1 - sigmoid(z)))
        G = d_outputs[t] * z * sigmoid(z)
        ds = ds + G[:, None] * x["C"][t]
        dx["C"][t] = G[:, None] * s[t + 1]
        dA += (ds * abar * step * s[t]).sum(axis=0)
        d_step = (ds * (abar * A * s[t] + B * u)).sum(axis=1)
        dx["B"][t] = ds * step * u
        dx["u"][t] = step[:, 0] * (ds * B).sum(axis=1) + skip * G
        dx["delta"][t] = d_step * sigmoid(pre[t])
        d["b_delta"] += dx["delta"][t].sum()
        d["d"] += (G * x["u"][t]).sum()
        ds = ds * abar
    d["a_log"] = dA * A
    return d, dx, {"h": ds}


PUBLISHED = (
    Published("5, LRU complex", "lru", lru),
    Published("5, S6 channel", "s6", s6),
)
