"""The textbook's NumPy: stacked gates, a loop over the steps, lists of what backward needs, another loop back.

Written by hand from the formulas, as people do in tutorials and courses; nothing here comes from a derivation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .problem import Array, Key, Problem
from .rival import Absent, Rival

Params = dict[str, Array]
States = dict[str, Array]
Result = tuple[Array, Params, Array, States]
"""Outputs; gradients of the parameters, of x, of the initial states."""


def textbook(problem: Problem) -> Rival | Absent:
    """The cell's implementation, where there is one."""
    step = _TEXTBOOK.get(problem.name)
    if step is None:
        return Absent("not written")
    params, state, d_final = problem.packed(), dict(problem.state), dict(problem.d_final)

    def results(found: Result) -> dict[Key, Array]:
        outputs, d_params, d_x, d_state = found
        return problem.unpacked(d_params, d_x, d_state, outputs)

    return Rival(lambda: step(params, problem.x, state, problem.d_outputs, d_final), results)


def _sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def _zeros(params: Params) -> Params:
    return {name: np.zeros_like(value) for name, value in params.items()}


def lstm(p: Params, x: Array, state: States, d_out: Array, d_final: States) -> Result:
    h, c = state["h"], state["c"]
    hs, caches = [], []
    for x_t in x:
        a = x_t @ p["W"].T + h @ p["R"].T + p["b"]
        a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
        i, f, g, o = _sigmoid(a_i), _sigmoid(a_f), np.tanh(a_g), _sigmoid(a_o)
        c_new = f * c + i * g
        tanh_c = np.tanh(c_new)
        caches.append((x_t, h, c, i, f, g, o, tanh_c))
        h, c = o * tanh_c, c_new
        hs.append(h)
    d, dx = _zeros(p), np.zeros_like(x)
    dh_next, dc_next = d_final["h"], d_final["c"]
    for t in reversed(range(len(x))):
        x_t, h_prev, c_prev, i, f, g, o, tanh_c = caches[t]
        dh = d_out[t] + dh_next
        dc = dh * o * (1 - tanh_c**2) + dc_next
        da_i = dc * g * i * (1 - i)
        da_f = dc * c_prev * f * (1 - f)
        da_g = dc * i * (1 - g**2)
        da_o = dh * tanh_c * o * (1 - o)
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
        d["W"] += da.T @ x_t
        d["R"] += da.T @ h_prev
        d["b"] += da.sum(axis=0)
        dx[t] = da @ p["W"]
        dh_next = da @ p["R"]
        dc_next = dc * f
    return np.stack(hs), d, dx, {"h": dh_next, "c": dc_next}


def peephole_lstm(p: Params, x: Array, state: States, d_out: Array, d_final: States) -> Result:
    h, c = state["h"], state["c"]
    hs, caches = [], []
    for x_t in x:
        a = x_t @ p["W"].T + h @ p["R"].T + p["b"]
        a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
        i, f, g = _sigmoid(a_i + p["p_i"] * c), _sigmoid(a_f + p["p_f"] * c), np.tanh(a_g)
        c_new = f * c + i * g
        o = _sigmoid(a_o + p["p_o"] * c_new)
        tanh_c = np.tanh(c_new)
        caches.append((x_t, h, c, i, f, g, o, c_new, tanh_c))
        h, c = o * tanh_c, c_new
        hs.append(h)
    d, dx = _zeros(p), np.zeros_like(x)
    dh_next, dc_next = d_final["h"], d_final["c"]
    for t in reversed(range(len(x))):
        x_t, h_prev, c_prev, i, f, g, o, c_t, tanh_c = caches[t]
        dh = d_out[t] + dh_next
        da_o = dh * tanh_c * o * (1 - o)
        dc = dh * o * (1 - tanh_c**2) + dc_next + da_o * p["p_o"]
        da_i = dc * g * i * (1 - i)
        da_f = dc * c_prev * f * (1 - f)
        da_g = dc * i * (1 - g**2)
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
        d["W"] += da.T @ x_t
        d["R"] += da.T @ h_prev
        d["b"] += da.sum(axis=0)
        d["p_i"] += (da_i * c_prev).sum(axis=0)
        d["p_f"] += (da_f * c_prev).sum(axis=0)
        d["p_o"] += (da_o * c_t).sum(axis=0)
        dx[t] = da @ p["W"]
        dh_next = da @ p["R"]
        dc_next = dc * f + da_i * p["p_i"] + da_f * p["p_f"]
    return np.stack(hs), d, dx, {"h": dh_next, "c": dc_next}


def gru(p: Params, x: Array, state: States, d_out: Array, d_final: States) -> Result:
    h = state["h"]
    hs, caches = [], []
    for x_t in x:
        a_r, a_z, a_n = np.split(x_t @ p["W"].T + p["b"], 3, axis=1)
        u_r, u_z = np.split(h @ p["R"].T, 2, axis=1)
        r, z = _sigmoid(a_r + u_r), _sigmoid(a_z + u_z)
        n = np.tanh(a_n + (r * h) @ p["R_n"].T)
        caches.append((x_t, h, r, z, n))
        h = z * h + (1 - z) * n
        hs.append(h)
    d, dx = _zeros(p), np.zeros_like(x)
    dh_next = d_final["h"]
    for t in reversed(range(len(x))):
        x_t, h_prev, r, z, n = caches[t]
        dh = d_out[t] + dh_next
        da_n = dh * (1 - z) * (1 - n**2)
        drh = da_n @ p["R_n"]
        da_r = drh * h_prev * r * (1 - r)
        da_z = dh * (h_prev - n) * z * (1 - z)
        da, du = np.concatenate([da_r, da_z, da_n], axis=1), np.concatenate([da_r, da_z], axis=1)
        d["W"] += da.T @ x_t
        d["R"] += du.T @ h_prev
        d["R_n"] += da_n.T @ (r * h_prev)
        d["b"] += da.sum(axis=0)
        dx[t] = da @ p["W"]
        dh_next = dh * z + drh * r + du @ p["R"]
    return np.stack(hs), d, dx, {"h": dh_next}


def gru_reset_after(p: Params, x: Array, state: States, d_out: Array, d_final: States) -> Result:
    h = state["h"]
    hs, caches = [], []
    for x_t in x:
        a_r, a_z, a_n = np.split(x_t @ p["W"].T + p["b"], 3, axis=1)
        u_r, u_z, u_n = np.split(h @ p["R"].T, 3, axis=1)
        r, z = _sigmoid(a_r + u_r), _sigmoid(a_z + u_z)
        q = u_n + p["b_n"]
        n = np.tanh(a_n + r * q)
        caches.append((x_t, h, r, z, n, q))
        h = (1 - z) * n + z * h
        hs.append(h)
    d, dx = _zeros(p), np.zeros_like(x)
    dh_next = d_final["h"]
    for t in reversed(range(len(x))):
        x_t, h_prev, r, z, n, q = caches[t]
        dh = d_out[t] + dh_next
        da_n = dh * (1 - z) * (1 - n**2)
        dq = da_n * r
        da_r = da_n * q * r * (1 - r)
        da_z = dh * (h_prev - n) * z * (1 - z)
        da, du = np.concatenate([da_r, da_z, da_n], axis=1), np.concatenate([da_r, da_z, dq], axis=1)
        d["W"] += da.T @ x_t
        d["R"] += du.T @ h_prev
        d["b"] += da.sum(axis=0)
        d["b_n"] += dq.sum(axis=0)
        dx[t] = da @ p["W"]
        dh_next = dh * z + du @ p["R"]
    return np.stack(hs), d, dx, {"h": dh_next}


def mgu(p: Params, x: Array, state: States, d_out: Array, d_final: States) -> Result:
    h = state["h"]
    hs, caches = [], []
    for x_t in x:
        a_f, a_n = np.split(x_t @ p["W"].T + p["b"], 2, axis=1)
        f = _sigmoid(a_f + h @ p["R_f"].T)
        n = np.tanh(a_n + (f * h) @ p["R_n"].T)
        caches.append((x_t, h, f, n))
        h = (1 - f) * h + f * n
        hs.append(h)
    d, dx = _zeros(p), np.zeros_like(x)
    dh_next = d_final["h"]
    for t in reversed(range(len(x))):
        x_t, h_prev, f, n = caches[t]
        dh = d_out[t] + dh_next
        da_n = dh * f * (1 - n**2)
        dfh = da_n @ p["R_n"]
        da_f = (dh * (n - h_prev) + dfh * h_prev) * f * (1 - f)
        da = np.concatenate([da_f, da_n], axis=1)
        d["W"] += da.T @ x_t
        d["R_f"] += da_f.T @ h_prev
        d["R_n"] += da_n.T @ (f * h_prev)
        d["b"] += da.sum(axis=0)
        dx[t] = da @ p["W"]
        dh_next = dh * (1 - f) + dfh * f + da_f @ p["R_f"]
    return np.stack(hs), d, dx, {"h": dh_next}


_TEXTBOOK: dict[str, Callable[[Params, Array, States, Array, States], Any]] = {
    "lstm": lstm,
    "peephole_lstm": peephole_lstm,
    "gru": gru,
    "gru_reset_after": gru_reset_after,
    "mgu": mgu,
}
