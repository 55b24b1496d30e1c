"""Section 2, memory blocks of several cells behind the same gates, in the ε and δ of Graves' thesis."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, with_final, zeros_like

GATES = "ifo"  # the thesis' ι, φ and ω

# The zoo's cells are blocks of one cell each, so here is one block of n.
MEMORY_BLOCK = """def memory_block(x, h, c):
    b_i: scalar
    b_f: scalar
    b_o: scalar
    i = sigmoid(dot(w_i, x) + dot(r_i, h) + dot(p_i, c) + b_i)
    f = sigmoid(dot(w_f, x) + dot(r_f, h) + dot(p_f, c) + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(dot(w_o, x) + dot(r_o, h) + dot(p_o, c) + b_o)
    h = o * tanh(c)
    return h, c
"""


def graves(params, x, state, d_outputs, d_final, one_block):
    """Section 2, Graves 2012, thesis, ε/δ form: one block of all cells, or as many blocks as there are cells."""
    n = state["c"].shape[-1]
    of_block = np.ones((n, 1)) if one_block else np.eye(n)  # of_block[c, k] is 1 where cell c is in block k
    blocks = of_block.shape[1]
    W = {k: params[f"{'w' if one_block else 'W'}_{k}"].reshape(blocks, -1) for k in GATES}
    R = {k: params[f"{'r' if one_block else 'R'}_{k}"].reshape(blocks, n) for k in GATES}
    w = {k: params[f"p_{k}"] for k in GATES}
    bias = {k: params[f"b_{k}"].reshape(blocks) for k in GATES}

    h, s, tape = [state["h"]], [state["c"]], []
    for t in range(len(x)):
        a = {k: x[t] @ W[k].T + h[t] @ R[k].T + bias[k] for k in GATES}
        b_iota = sigmoid(a["i"] + (w["i"] * s[t]) @ of_block)
        b_phi = sigmoid(a["f"] + (w["f"] * s[t]) @ of_block)
        g = np.tanh(x[t] @ params["W_g"].T + h[t] @ params["R_g"].T + params["b_g"])
        s.append((b_phi @ of_block.T) * s[t] + (b_iota @ of_block.T) * g)
        b_omega = sigmoid(a["o"] + (w["o"] * s[t + 1]) @ of_block)
        h.append((b_omega @ of_block.T) * np.tanh(s[t + 1]))
        tape.append((b_iota, b_phi, b_omega, g))

    d, dx = zeros_like(params), np.zeros_like(x)
    G = with_final(d_outputs, d_final["h"])
    hidden = np.zeros_like(state["h"])  # Σ_g w_cg δ_g^{t+1}, over gates and cells
    later = d_final["c"]  # the terms of ε_s at t + 1
    for t in reversed(range(len(x))):
        b_iota, b_phi, b_omega, g = tape[t]
        hsq = np.tanh(s[t + 1])
        eps_c = G[t] + hidden
        delta_omega = b_omega * (1 - b_omega) * ((hsq * eps_c) @ of_block)
        eps_s = (b_omega @ of_block.T) * (1 - hsq**2) * eps_c + later + w["o"] * (delta_omega @ of_block.T)
        delta_c = (b_iota @ of_block.T) * (1 - g**2) * eps_s
        delta_phi = b_phi * (1 - b_phi) * ((s[t] * eps_s) @ of_block)
        delta_iota = b_iota * (1 - b_iota) * ((g * eps_s) @ of_block)

        later = (b_phi @ of_block.T) * eps_s
        later = later + w["i"] * (delta_iota @ of_block.T) + w["f"] * (delta_phi @ of_block.T)
        hidden = delta_c @ params["R_g"]
        dx[t] = delta_c @ params["W_g"]
        d["W_g"] += delta_c.T @ x[t]
        d["R_g"] += delta_c.T @ h[t]
        d["b_g"] += delta_c.sum(axis=0)
        seen = {"i": s[t], "f": s[t], "o": s[t + 1]}
        for k, delta in zip(GATES, (delta_iota, delta_phi, delta_omega), strict=True):
            hidden = hidden + delta @ R[k]
            dx[t] += delta @ W[k]
            for name, of_gate in (("w", x[t]), ("r", h[t])):
                weight = f"{name if one_block else name.upper()}_{k}"
                d[weight] += (delta.T @ of_gate).reshape(d[weight].shape)
            d[f"p_{k}"] += ((delta @ of_block.T) * seen[k]).sum(axis=0)
            d[f"b_{k}"] += delta.sum(axis=0).reshape(d[f"b_{k}"].shape)
    return d, dx, {"h": hidden, "c": later}


PUBLISHED = (
    Published("2, blocks of one cell", "peephole_lstm", graves, {"one_block": False}),
    Published("2, one block", MEMORY_BLOCK, graves, {"one_block": True}),
)
