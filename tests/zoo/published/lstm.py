"""Section 1, the LSTM with peepholes and everything that is obtained from it by a change."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, with_final, zeros_like

TANH = (np.tanh, lambda a: 1 - np.tanh(a) ** 2)
IDENTITY = (lambda a: a, np.ones_like)
# The squashing functions of 1997: 4σ(a) − 2 for the input of the block, 2σ(a) − 1 for its output.
INPUT_1997 = (lambda a: 4 * sigmoid(a) - 2, lambda a: 4 * sigmoid(a) * (1 - sigmoid(a)))
OUTPUT_1997 = (lambda a: 2 * sigmoid(a) - 1, lambda a: 2 * sigmoid(a) * (1 - sigmoid(a)))

GATES = "ifo"
NETS = "ifgo"  # the page's z is the zoo's g


def with_zeros(params, m, n, p):
    """The weights of vanilla V with projection and full gate recurrence; what a cell lacks is 0, or does nothing."""
    shapes = {"W": (n, m), "R": (n, p), "b": (n,)}
    every = {f"{kind}_{k}": np.zeros(shape) for kind, shape in shapes.items() for k in NETS}
    every |= {f"{kind}_{k}": np.zeros(shape) for kind, shape in (("p", (n,)), ("P", (n, n))) for k in GATES}
    every |= {f"R_{s}{d}": np.zeros((n, n)) for s in GATES for d in GATES}
    return {**every, "W_h": np.eye(n), **params}


def greff(params, x, state, d_outputs, d_final, g=TANH, hsq=TANH, lacks="", coupled=False, first=0):
    """Section 1, Greff et al. 2015/17, appendix: vanilla V, its eight variants, full peepholes and a projection.

    Peepholes are diagonal (p) or full (P); whichever is not there is zero. `lacks` names a gate that is always 1,
    `coupled` is f = 1 − i. `first` is 1 where the sums over t are indexed as the paper prints them, which leaves the
    first step out of those with h_{t−1} and c_{t−1}.
    """
    w = with_zeros(params, x.shape[-1], state["c"].shape[-1], state["h"].shape[-1])
    (g, g_slope), (hsq, hsq_slope) = g, hsq
    none = np.zeros_like(state["c"])
    r, c = [state["h"]], [state["c"]]
    gates = [{s: state.get(s, none) for s in GATES}]  # gates[t] are those of the step before x[t]
    tape = []
    for t in range(len(x)):
        net = {k: x[t] @ w[f"W_{k}"].T + r[t] @ w[f"R_{k}"].T + w[f"b_{k}"] for k in NETS}
        for s, k in ((s, k) for s in GATES for k in GATES):
            net[k] = net[k] + gates[t][s] @ w[f"R_{s}{k}"].T
        i = sigmoid(net["i"] + w["p_i"] * c[t] + c[t] @ w["P_i"].T) if lacks != "i" else np.ones_like(none)
        f = sigmoid(net["f"] + w["p_f"] * c[t] + c[t] @ w["P_f"].T) if lacks != "f" else np.ones_like(none)
        f = 1 - i if coupled else f
        z = g(net["g"])
        c.append(f * c[t] + i * z)
        o = sigmoid(net["o"] + w["p_o"] * c[t + 1] + c[t + 1] @ w["P_o"].T) if lacks != "o" else np.ones_like(none)
        m = o * hsq(c[t + 1])
        r.append(m @ w["W_h"].T)
        gates.append({"i": i, "f": f, "o": o})
        tape.append((net["g"], z, m))

    d, dx = zeros_like(w), np.zeros_like(x)
    G = with_final(d_outputs, d_final["h"])
    # What stands at t + 1 is 0 at t = T, but for the gradients of the final states: f_{T+1} = 1 hands on that of c_T.
    dai_next = daf_next = dao_next = daz_next = none
    f_next, dc_next = np.ones_like(none), d_final["c"]
    outer = {s: d_final.get(s, none) for s in GATES}
    for t in reversed(range(len(x))):
        (a_z, z, m), (i, f, o) = tape[t], gates[t + 1].values()
        dr = G[t] + daz_next @ w["R_g"] + dai_next @ w["R_i"] + daf_next @ w["R_f"] + dao_next @ w["R_o"]
        dh = dr @ w["W_h"]  # the page's dm = Wp' dr
        di, df, do = (
            outer[s] + dai_next @ w[f"R_{s}i"] + daf_next @ w[f"R_{s}f"] + dao_next @ w[f"R_{s}o"] for s in GATES
        )
        da_o = (do + dh * hsq(c[t + 1])) * o * (1 - o)
        dc = dh * o * hsq_slope(c[t + 1]) + w["p_o"] * da_o + w["p_i"] * dai_next + w["p_f"] * daf_next
        dc = dc + da_o @ w["P_o"] + dai_next @ w["P_i"] + daf_next @ w["P_f"] + f_next * dc_next
        da_f = (df + dc * c[t]) * f * (1 - f)
        da_i = (di + dc * z) * i * (1 - i)
        if coupled:
            da_f, da_i = none, dc * (z - c[t]) * i * (1 - i)
        da_z = dc * i * g_slope(a_z)

        for k, da in zip(NETS, (da_i, da_f, da_z, da_o), strict=True):
            dx[t] += da @ w[f"W_{k}"]
            d[f"W_{k}"] += da.T @ x[t]
            d[f"b_{k}"] += da.sum(axis=0)
            if t >= first:
                d[f"R_{k}"] += da.T @ r[t]
        for k, da in zip(GATES, (da_i, da_f, da_o), strict=True):
            if t >= first:
                for s in GATES:
                    d[f"R_{s}{k}"] += da.T @ gates[t][s]
            if k == "o" or t >= first:
                seen = c[t + 1] if k == "o" else c[t]
                d[f"p_{k}"] += (da * seen).sum(axis=0)
                d[f"P_{k}"] += da.T @ seen
        d["W_h"] += dr.T @ m
        dai_next, daf_next, dao_next, daz_next = da_i, da_f, da_o, da_z
        f_next, dc_next = f, dc
        outer = dict.fromkeys(GATES, none)

    d_state = {"h": da_i @ w["R_i"] + da_f @ w["R_f"] + da_z @ w["R_g"] + da_o @ w["R_o"]}
    d_state["c"] = f * dc + w["p_i"] * da_i + w["p_f"] * da_f + da_i @ w["P_i"] + da_f @ w["P_f"]
    # The page lets the gates before the first step be 0; where they are given, the recurrent term of di_0 is all.
    for s in set(GATES) & set(state):
        d_state[s] = da_i @ w[f"R_{s}i"] + da_f @ w[f"R_{s}f"] + da_o @ w[f"R_{s}o"]
    return {name: d[name] for name in params}, dx, d_state


# The page's author has verified both at once; the zoo has no such cell.
PROJECTED_FULL_PEEPHOLES = """def projected_full_peephole_lstm(x, h, c):
    h: (p,)
    c: (n,)
    i = sigmoid(W_i @ x + R_i @ h + P_i @ c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + P_f @ c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + P_o @ c + b_o)
    q = o * tanh(c)
    h = W_h @ q
    return h, c
"""


def from_zero(params, x, state):
    return params, x, zeros_like(state)


PUBLISHED = (
    Published("1, V", "peephole_lstm", greff),
    Published("1, V, sums as the paper prints them", "peephole_lstm", greff, {"first": 1}, given=from_zero),
    Published("1, NP", "lstm", greff),
    Published("1, NIG", "lstm_nig", greff, {"lacks": "i"}),
    Published("1, NFG", "lstm_nfg", greff, {"lacks": "f"}),
    Published("1, NOG", "lstm_nog", greff, {"lacks": "o"}),
    Published("1, NIAF", "lstm_niaf", greff, {"g": IDENTITY}),
    Published("1, NOAF", "lstm_noaf", greff, {"hsq": IDENTITY}),
    Published("1, CIFG", "lstm_cifg", greff, {"coupled": True}),
    Published("1, CIFG and NP", "coupled_lstm", greff, {"coupled": True}),
    Published("1, FGR", "lstm_fgr", greff),
    Published("1, LSTM-1997", "lstm_1997", greff, {"lacks": "f", "g": INPUT_1997, "hsq": OUTPUT_1997}),
    Published("1, full-matrix peephole", "full_peephole_lstm", greff),
    Published("1, projection", "projected_lstm", greff),
    Published("1, projection", "projected_peephole_lstm", greff),
    Published("1, full-matrix peephole and projection", PROJECTED_FULL_PEEPHOLES, greff),
)
