"""Section 0, Elman networks, and of section 5 the clockwork network."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, with_final, zeros_like


def elman(params, x, state, d_outputs, d_final, phi, slope):
    """Section 0, "Elman", which names no source: backpropagation through time as it is found everywhere."""
    W, R, b = params["W"], params["R"], params["b"]
    h = [state["h"]]  # h[t] is h_{t−1} of the step with input x[t], h[t + 1] its h_t
    for x_t in x:
        h.append(phi(x_t @ W.T + h[-1] @ R.T + b))

    d, dx = zeros_like(params), np.zeros_like(x)
    G = with_final(d_outputs, d_final["h"])
    da = np.zeros_like(state["h"])
    for t in reversed(range(len(x))):
        dh = G[t] + da @ R
        da = dh * slope(h[t + 1])
        d["W"] += da.T @ x[t]
        d["R"] += da.T @ h[t]
        d["b"] += da.sum(axis=0)
        dx[t] = da @ W
    return d, dx, {"h": da @ R}


def clockwork(params, x, state, d_outputs, d_final):
    """Section 5, "Clockwork", with a full R; verified by the page's author, who names no source for it.

    The mask of a step depends on the clock alone, so that the periods have no gradient, and the clock hands on its own.
    """
    W, R, b = params["W"], params["R"], params["b"]
    h, masks, clock = [state["h"]], [], state["k"]
    for x_t in x:
        mask = (np.mod(clock[:, None], params["period"]) < 1).astype(float)
        masks.append(mask)
        h.append(mask * np.tanh(x_t @ W.T + h[-1] @ R.T + b) + (1 - mask) * h[-1])
        clock = clock + 1

    d, dx = zeros_like(params), np.zeros_like(x)
    G = with_final(d_outputs, d_final["h"])
    carry = np.zeros_like(state["h"])
    for t in reversed(range(len(x))):
        dh = G[t] + carry
        da = masks[t] * dh * (1 - np.tanh(x[t] @ W.T + h[t] @ R.T + b) ** 2)
        carry = (1 - masks[t]) * dh + da @ R
        d["W"] += da.T @ x[t]
        d["R"] += da.T @ h[t]
        d["b"] += da.sum(axis=0)
        dx[t] = da @ W
    return d, dx, {"h": carry, "k": d_final["k"]}


def with_clocks(params, x, state):
    """Periods 1, 2, 4, 1, …, and two sequences that start at different hours."""
    n = len(params["period"])
    return {**params, "period": 2.0 ** (np.arange(n) % 3)}, x, {**state, "k": np.arange(len(state["k"])) + 1.0}


PUBLISHED = (
    Published("0", "rnn", elman, {"phi": np.tanh, "slope": lambda h: 1 - h**2}),
    Published("0", "rnn_sigmoid", elman, {"phi": sigmoid, "slope": lambda h: h * (1 - h)}),
    Published("0", "rnn_relu", elman, {"phi": lambda a: np.maximum(a, 0), "slope": lambda h: (h > 0).astype(float)}),
    Published("5, Clockwork", "clockwork_rnn", clockwork, given=with_clocks),
)
