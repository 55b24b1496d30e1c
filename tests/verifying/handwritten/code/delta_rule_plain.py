"""A fast weight memory with the delta rule over (T, N, features) arrays: einsum for everything of a batch."""

import numpy as np


def softmax(a):
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def forward(x, S0, p):
    S, tape, ys = S0, [], []
    for xt in x:
        k = softmax(xt @ p["W_k"].T)
        v = xt @ p["W_v"].T + p["b_v"]
        q = np.tanh(xt @ p["W_q"].T)
        g = 1 / (1 + np.exp(-(xt @ p["W_g"].T + p["b_g"])))
        e = v - np.einsum("bnd,bd->bn", S, k)
        S_new = S + np.einsum("bn,bd->bnd", g * e, k)
        ys.append(np.einsum("bnd,bd->bn", S_new, q))
        tape.append((S, S_new, k, v, q, g, e))
        S = S_new
    return np.array(ys), S, tape


def backward(x, tape, p, dys, dS):
    d = {name: np.zeros_like(w) for name, w in p.items()}
    dx = np.zeros_like(x)
    dS_next = dS
    for t in reversed(range(len(x))):
        S_prev, S, k, v, q, g, e = tape[t]
        dy = dys[t]
        dS = dS_next + np.einsum("bn,bd->bnd", dy, q)
        dq = np.einsum("bnd,bn->bd", S, dy)
        du = np.einsum("bnd,bd->bn", dS, k)
        dk = np.einsum("bnd,bn->bd", dS, g * e)
        de = du * g
        dg = du * e
        dk -= np.einsum("bnd,bn->bd", S_prev, de)
        dak = k * (dk - (dk * k).sum(axis=1, keepdims=True))
        daq = dq * (1 - q**2)
        dag = dg * g * (1 - g)
        d["W_k"] += dak.T @ x[t]
        d["W_v"] += de.T @ x[t]
        d["b_v"] += de.sum(axis=0)
        d["W_q"] += daq.T @ x[t]
        d["W_g"] += dag.T @ x[t]
        d["b_g"] += dag.sum(axis=0)
        dx[t] = dak @ p["W_k"] + de @ p["W_v"] + daq @ p["W_q"] + dag @ p["W_g"]
        dS_next = dS - np.einsum("bn,bd->bnd", de, k)
    return d, dx, dS_next
