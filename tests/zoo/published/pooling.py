"""Section 4, the SRU, and of section 5 the pooling of a QRNN: recurrences entry by entry."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, zeros_like

TANH = (np.tanh, lambda c: 1 - np.tanh(c) ** 2)
IDENTITY = (lambda c: c, np.ones_like)

# As the page has it; the zoo's `sru` has no φ, its `sru_v1` no v_f, v_r and α.
SRU_TANH = """def sru_tanh(x, c):
    alpha: scalar
    u = W @ x
    f = sigmoid(W_f @ x + v_f * c + b_f)
    r = sigmoid(W_r @ x + v_r * c + b_r)
    c = f * c + (1 - f) * u
    h = r * tanh(c) + (1 - r) * (alpha * x)
    return h, (c,)
"""


def sru(params, x, state, d_outputs, d_final, phi):
    """Section 4, "SRU", which the CUDA backward of the authors' library has too; φ = tanh or, as the library has it
    by default, φ(c) = c.

    The first preprint's cell is the one without v_f and v_r and with α = 1. The gradients of α and of the matrices,
    which the page leaves to the reader, are those of a product.
    """
    n = state["c"].shape[-1]
    w = {"v_f": np.zeros(n), "v_r": np.zeros(n), "alpha": np.ones(()), **params}
    phi, slope = phi
    alpha = w["alpha"]
    c, tape = [state["c"]], []
    for t in range(len(x)):
        u = x[t] @ w["W"].T
        f = sigmoid(x[t] @ w["W_f"].T + w["v_f"] * c[t] + w["b_f"])
        r = sigmoid(x[t] @ w["W_r"].T + w["v_r"] * c[t] + w["b_r"])
        c.append(f * c[t] + (1 - f) * u)
        tape.append((u, f, r))

    d, dx = zeros_like(w), np.zeros_like(x)
    cur = d_final["c"]
    for t in reversed(range(len(x))):
        (u, f, r), dh = tape[t], d_outputs[t]
        da_r = dh * (phi(c[t + 1]) - alpha * x[t]) * r * (1 - r)
        dc = dh * r * slope(c[t + 1]) + cur
        da_f = dc * (c[t] - u) * f * (1 - f)
        cur = dc * f + da_f * w["v_f"] + da_r * w["v_r"]
        du = dc * (1 - f)
        dx[t] = dh * (1 - r) * alpha + du @ w["W"] + da_f @ w["W_f"] + da_r @ w["W_r"]
        d["v_f"] += (da_f * c[t]).sum(axis=0)
        d["v_r"] += (da_r * c[t]).sum(axis=0)
        d["W"] += du.T @ x[t]
        d["W_f"] += da_f.T @ x[t]
        d["W_r"] += da_r.T @ x[t]
        d["b_f"] += da_f.sum(axis=0)
        d["b_r"] += da_r.sum(axis=0)
        d["alpha"] += (dh * (1 - r) * x[t]).sum()
    return {name: d[name] for name in params}, dx, {"c": cur}


def qrnn(params, x, state, d_outputs, d_final):
    """Section 5, "QRNN fo-pool", verified by the page's author; the convolution is two taps wide.

    What reaches the input before (the state p) reaches the step before as its input.
    """
    p = params
    before = [state["p"], *x]
    c, tape = [state["c"]], []
    for t in range(len(x)):
        a = {k: before[t] @ p[f"V_{k}"].T + x[t] @ p[f"W_{k}"].T for k in "zfo"}
        z, f, o = np.tanh(a["z"]), sigmoid(a["f"]), sigmoid(a["o"])
        c.append(f * c[t] + (1 - f) * z)
        tape.append((z, f, o))

    d, dx = zeros_like(p), np.zeros_like(x)
    e, d_before = d_final["c"], d_final["p"]
    for t in reversed(range(len(x))):
        (z, f, o), dh = tape[t], d_outputs[t]
        e = e + dh * o
        da_o = dh * c[t + 1] * o * (1 - o)
        da_f = e * (c[t] - z) * f * (1 - f)
        da_z = e * (1 - f) * (1 - z**2)
        e = e * f
        dx[t] = d_before
        d_before = np.zeros_like(d_before)
        for k, da in (("z", da_z), ("f", da_f), ("o", da_o)):
            dx[t] += da @ p[f"W_{k}"]
            d_before += da @ p[f"V_{k}"]
            d[f"W_{k}"] += da.T @ x[t]
            d[f"V_{k}"] += da.T @ before[t]
    return d, dx, {"c": e, "p": d_before}


PUBLISHED = (
    Published("4, φ(c) = c as in the library", "sru", sru, {"phi": IDENTITY}),
    Published("4", SRU_TANH, sru, {"phi": TANH}),
    Published("4, without v", "sru_v1", sru, {"phi": TANH}),
    Published("5, QRNN fo-pool", "qrnn", qrnn),
)
