"""Of section 5, layer normalisation, in the LSTM that has it three times."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, with_final, zeros_like

EPS = 1e-5


def normalise(a):
    """The normalised entries and the root of the variance."""
    sd = np.sqrt(a.var(axis=1, keepdims=True) + EPS)
    return (a - a.mean(axis=1, keepdims=True)) / sd, sd


def layer_norm_lstm(params, x, state, d_outputs, d_final):
    """Section 5, "LayerNorm", verified by the page's author, between the formulas of section 1 without peepholes."""
    p = params
    h, c, tape = [state["h"]], [state["c"]], []
    for t in range(len(x)):
        of_x, of_h = normalise(x[t] @ p["W"].T), normalise(h[t] @ p["R"].T)
        net = p["gamma_x"] * of_x[0] + p["beta_x"] + p["gamma_h"] * of_h[0] + p["beta_h"] + p["b"]
        a_i, a_f, a_z, a_o = np.split(net, 4, axis=1)
        i, f, z, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_z), sigmoid(a_o)
        c.append(f * c[t] + i * z)
        of_c = normalise(c[t + 1])
        squashed = np.tanh(p["gamma_c"] * of_c[0] + p["beta_c"])
        h.append(o * squashed)
        tape.append((of_x, of_h, of_c, i, f, z, o, squashed))

    d, dx = zeros_like(p), np.zeros_like(x)
    G = with_final(d_outputs, d_final["h"])
    carry, dc = np.zeros_like(state["h"]), d_final["c"]

    def through_normalisation(name, G, xh, sd):
        gh = G * p[f"gamma_{name}"]
        d[f"gamma_{name}"] += (G * xh).sum(axis=0)
        d[f"beta_{name}"] += G.sum(axis=0)
        return (gh - gh.mean(axis=1, keepdims=True) - xh * (gh * xh).mean(axis=1, keepdims=True)) / sd

    for t in reversed(range(len(x))):
        of_x, of_h, of_c, i, f, z, o, squashed = tape[t]
        dh = G[t] + carry
        da_o = dh * squashed * o * (1 - o)
        dc = dc + through_normalisation("c", dh * o * (1 - squashed**2), *of_c)
        da_f = dc * c[t] * f * (1 - f)
        da_i = dc * z * i * (1 - i)
        da_z = dc * i * (1 - z**2)
        dc = dc * f
        net = np.concatenate([da_i, da_f, da_z, da_o], axis=1)
        d["b"] += net.sum(axis=0)
        da_x, da_h = through_normalisation("x", net, *of_x), through_normalisation("h", net, *of_h)
        d["W"] += da_x.T @ x[t]
        d["R"] += da_h.T @ h[t]
        dx[t] = da_x @ p["W"]
        carry = da_h @ p["R"]
    return d, dx, {"h": carry, "c": dc}


PUBLISHED = (Published("5, LayerNorm", "layer_norm_lstm", layer_norm_lstm),)
