"""Backward passes as a person writes them, from the published formulas: independent of anything that is derived."""

import numpy as np


def rnn(p, x, h0, g, gT):
    """tanh network: gradients of parameters, x and h0 for upstream g (T, N, n) and gT on the last state."""
    T = len(x)
    h = [h0]
    for t in range(T):
        h.append(np.tanh(x[t] @ p["W"].T + h[-1] @ p["R"].T + p["b"]))
    d = {k: np.zeros_like(v) for k, v in p.items()}
    dx = np.zeros_like(x)
    back = gT
    for t in range(T - 1, -1, -1):
        da = (g[t] + back) * (1 - h[t + 1] ** 2)
        d["W"] += da.T @ x[t]
        d["R"] += da.T @ h[t]
        d["b"] += da.sum(0)
        dx[t] = da @ p["W"]
        back = da @ p["R"]
    return np.array(h[1:]), d, dx, back


def _sigma(a):
    return 1 / (1 + np.exp(-a))


def peephole_lstm(p, x, h0, c0, g, gh, gc):
    """Greff et al. 2015, with the terms of the first step that the printed version leaves out."""
    T = len(x)
    hs, cs, gates = [h0], [c0], []
    for t in range(T):
        h, c = hs[-1], cs[-1]
        i = _sigma(x[t] @ p["W_i"].T + h @ p["R_i"].T + p["p_i"] * c + p["b_i"])
        f = _sigma(x[t] @ p["W_f"].T + h @ p["R_f"].T + p["p_f"] * c + p["b_f"])
        z = np.tanh(x[t] @ p["W_g"].T + h @ p["R_g"].T + p["b_g"])
        c = f * c + i * z
        o = _sigma(x[t] @ p["W_o"].T + h @ p["R_o"].T + p["p_o"] * c + p["b_o"])
        gates.append((i, f, z, o))
        cs.append(c)
        hs.append(o * np.tanh(c))
    d = {k: np.zeros_like(v) for k, v in p.items()}
    dx = np.zeros_like(x)
    dh_back, dc_back = gh, gc
    for t in range(T - 1, -1, -1):
        i, f, z, o = gates[t]
        c, c_old, h_old = cs[t + 1], cs[t], hs[t]
        dh = g[t] + dh_back
        da_o = dh * np.tanh(c) * o * (1 - o)
        dc = dh * o * (1 - np.tanh(c) ** 2) + p["p_o"] * da_o + dc_back
        da = {"f": dc * c_old * f * (1 - f), "i": dc * z * i * (1 - i), "g": dc * i * (1 - z**2), "o": da_o}
        for k, delta in da.items():
            d[f"W_{k}"] += delta.T @ x[t]
            d[f"R_{k}"] += delta.T @ h_old
            d[f"b_{k}"] += delta.sum(0)
        d["p_i"] += (da["i"] * c_old).sum(0)
        d["p_f"] += (da["f"] * c_old).sum(0)
        d["p_o"] += (da["o"] * c).sum(0)
        dx[t] = sum(delta @ p[f"W_{k}"] for k, delta in da.items())
        dh_back = sum(delta @ p[f"R_{k}"] for k, delta in da.items())
        dc_back = dc * f + p["p_i"] * da["i"] + p["p_f"] * da["f"]
    return np.array(hs[1:]), d, dx, dh_back, dc_back
