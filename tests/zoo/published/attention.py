"""Of section 5, the recurrences of a matrix: linear attention, gated linear attention, gated DeltaNet."""

from __future__ import annotations

import numpy as np

from .record import Published, sigmoid, softplus, zeros_like


def outer(a, b):
    return a[:, :, None] * b[:, None, :]


def times(M, v):
    """M v, for every sequence."""
    return (M @ v[:, :, None])[:, :, 0]


def times_transposed(M, v):
    """M' v, for every sequence."""
    return (v[:, None, :] @ M)[:, 0, :]


def linear_attention(params, x, state, d_outputs, d_final):
    """Section 5, "Linear attention", verified by the page's author, who writes it without the denominator.

    The normaliser z is one more row of S, whose value is always 1; the page's recursion is that of the taller matrix.
    The features of keys and queries are elu + 1.
    """
    p = params
    S = [np.concatenate([state["S"], state["z"][:, None, :]], axis=1)]
    tape = []
    for x_t in x:
        a_q, a_k = x_t @ p["W_q"].T, x_t @ p["W_k"].T
        q, k = (np.where(a > 0, a + 1, np.exp(np.minimum(a, 0))) for a in (a_q, a_k))
        v = np.concatenate([x_t @ p["W_v"].T, np.ones((len(x_t), 1))], axis=1)
        S.append(S[-1] + outer(v, k))
        o = times(S[-1], q)
        tape.append((a_q, a_k, q, k, v, o[:, :-1], o[:, -1:]))

    d, dx = zeros_like(p), np.zeros_like(x)
    B = np.concatenate([d_final["S"], d_final["z"][:, None, :]], axis=1)
    for t in reversed(range(len(x))):
        a_q, a_k, q, k, v, above, below = tape[t]
        G = np.concatenate([d_outputs[t], -(d_outputs[t] * above / below).sum(axis=1, keepdims=True)], axis=1) / below
        B = B + outer(G, q)
        dq = times_transposed(S[t + 1], G)
        dv = times(B, k)
        dk = times_transposed(B, v)
        nets = {"q": dq * np.exp(np.minimum(a_q, 0)), "k": dk * np.exp(np.minimum(a_k, 0)), "v": dv[:, :-1]}
        for j, net in nets.items():
            d[f"W_{j}"] += net.T @ x[t]
            dx[t] += net @ p[f"W_{j}"]
    return d, dx, {"S": B[:, :-1], "z": B[:, -1]}


def gated_linear_attention(params, x, state, d_outputs, d_final):
    """Section 5, "GLA", verified by the page's author; with the constant α = γ of every column it is retention."""
    p, gated = params, "W_alpha" in params
    S, tape = [state["S"]], []
    for x_t in x:
        q, k, v = (x_t @ p[f"W_{j}"].T for j in "qkv")
        s = sigmoid(x_t @ p["W_alpha"].T + p["b_alpha"]) if gated else None
        alpha = s ** (1 / 16) if gated else np.full_like(k, p["gamma"])
        S.append(S[-1] * alpha[:, None, :] + outer(v, k))
        tape.append((q, k, v, s, alpha))

    d, dx = zeros_like(p), np.zeros_like(x)
    B = d_final["S"]
    for t in reversed(range(len(x))):
        (q, k, v, s, alpha), G = tape[t], d_outputs[t]
        B = B + outer(G, q)
        nets = {"q": times_transposed(S[t + 1], G), "k": times_transposed(B, v), "v": times(B, k)}
        d_alpha = (B * S[t]).sum(axis=1)
        B = B * alpha[:, None, :]
        if gated:
            nets["alpha"] = d_alpha * alpha * (1 - s) / 16
            d["b_alpha"] += nets["alpha"].sum(axis=0)
        else:
            d["gamma"] += d_alpha.sum()
        for j, net in nets.items():
            d[f"W_{j}"] += net.T @ x[t]
            dx[t] += net @ p[f"W_{j}"]
    return d, dx, {"S": B}


def gated_deltanet(params, x, state, d_outputs, d_final):
    """Section 5, "Gated DeltaNet", verified by the page's author; α = 1 for DeltaNet.

    Around it: keys and queries are silu, divided by their lengths; α = exp(−e^a softplus(w x + b)).
    """
    p, gated = params, "a_log" in params
    S, tape = [state["S"]], []
    for x_t in x:
        a_q, a_k, v = (x_t @ p[f"W_{j}"].T for j in "qkv")
        lengths = [np.linalg.norm(a * sigmoid(a), axis=1, keepdims=True) for a in (a_q, a_k)]
        q, k = a_q * sigmoid(a_q) / lengths[0], a_k * sigmoid(a_k) / lengths[1]
        beta = sigmoid(x_t @ p["w_beta"])[:, None]
        s = x_t @ p["w_alpha"] + p["b_alpha"] if gated else None
        alpha = (np.exp(-np.exp(p["a_log"]) * softplus(s)) if gated else np.ones(len(x_t)))[:, None, None]
        A = alpha * S[-1]
        e = v - times(A, k)
        S.append(A + beta[:, :, None] * outer(e, k))
        tape.append((a_q, a_k, lengths, q, k, beta, s, alpha, A, e))

    d, dx = zeros_like(p), np.zeros_like(x)
    B = d_final["S"]
    for t in reversed(range(len(x))):
        (a_q, a_k, lengths, q, k, beta, s, alpha, A, e), G = tape[t], d_outputs[t]
        B = B + outer(G, q)
        dq = times_transposed(S[t + 1], G)
        Bk = times(B, k)
        d_beta = (e * Bk).sum(axis=1, keepdims=True)
        dv = beta * Bk
        dk = beta * (times_transposed(B, e) - times_transposed(A, Bk))
        dA = B - beta[:, :, None] * outer(Bk, k)
        d_alpha = (dA * S[t]).sum(axis=(1, 2))
        B = alpha * dA

        nets = {"v": dv}
        for j, a, unit, length, gradient in (("q", a_q, q, lengths[0], dq), ("k", a_k, k, lengths[1], dk)):
            across = (gradient - unit * (unit * gradient).sum(axis=1, keepdims=True)) / length
            nets[j] = across * sigmoid(a) * (1 + a * (1 - sigmoid(a)))
        for j, net in nets.items():
            d[f"W_{j}"] += net.T @ x[t]
            dx[t] += net @ p[f"W_{j}"]
        net = d_beta * beta * (1 - beta)
        d["w_beta"] += (net * x[t]).sum(axis=0)
        dx[t] += net * p["w_beta"]
        if gated:
            d_log_alpha = -d_alpha * alpha[:, 0, 0] * np.exp(p["a_log"])
            d["a_log"] += (d_log_alpha * softplus(s)).sum()
            net = (d_log_alpha * sigmoid(s))[:, None]
            d["w_alpha"] += (net * x[t]).sum(axis=0)
            d["b_alpha"] += net.sum()
            dx[t] += net * p["w_alpha"]
    return d, dx, {"S": B}


def _positive(params, x, state):
    """The normaliser is a sum of positive features."""
    return params, x, {**state, "z": 0.5 + np.abs(state["z"])}


def _lasting(params, x, state):
    """Memories of a few steps: a decay α far from 0, so that what A contributes is seen."""
    return {**params, "a_log": params["a_log"] - 2}, x, state


PUBLISHED = (
    Published("5, linear attention", "linear_attention", linear_attention, given=_positive),
    Published("5, GLA", "gated_linear_attention", gated_linear_attention),
    Published("5, GLA, one α for all columns", "retention", gated_linear_attention),
    Published("5, gated DeltaNet", "gated_deltanet", gated_deltanet, given=_lasting),
    Published("5, gated DeltaNet, α = 1", "deltanet", gated_deltanet),
)
