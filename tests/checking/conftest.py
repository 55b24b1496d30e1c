"""Cells that stress one thing each."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pytest

CELLS: dict[str, str] = {
    "delta": """
        def delta(q, k, v, /, S):
            beta: scalar
            k = k / norm(k)
            S = S + sigmoid(beta) * outer(v - S @ k, k)
            return S @ q, (S,)
        """,
    "lnrnn": """
        def lnrnn(x, h):
            a = W @ x + R @ h
            u = a - mean(a)
            h = tanh(g * u / sqrt(mean(square(u)) + 0.00001) + b)
            return h
        """,
    "catlstm": """
        def catlstm(x, h, c):
            a = W @ [h, x] + b
            i = sigmoid(a[:n])
            f = sigmoid(a[n:2*n])
            g = tanh(a[2*n:3*n])
            o = sigmoid(a[3*n:])
            c = f * c + i * g
            h = o * tanh(c)
            return h, c
        """,
    "attention": """
        def attention(x, h, M):
            q = Q @ x + R @ h
            w = softmax(M @ q)
            r = w @ M
            h = tanh(A @ r + U @ x)
            M = M + outer(w, B @ h)
            return h, M
        """,
    "tied": """
        def tied(x, h):
            a = W @ x + b
            h = tanh(a + sin(W @ (W.T @ h)))
            return h
        """,
    "lse": """
        def lse(x, h):
            a = W @ x + R @ h
            h = a - logsumexp(a)
            return h
        """,
    "branches": """
        def branches(x, h):
            a = W @ x + b
            u = R @ h
            s = where(a > u, a * u, sin(u))
            h = tanh(s + maximum(a, 2 * u) - 0.5 * minimum(u, p))
            return h
        """,
    "stopped": """
        def stopped(x, h):
            a = W @ x + R @ stop_gradient(h) + b
            s = stop_gradient(sigmoid(a))
            h = s * tanh(a) + (1 - s) * h
            return h
        """,
    "kinked": """
        def kinked(x, h):
            a = W @ x + b
            u = relu(a) + leaky_relu(R @ h, 0.1) + elu(a * h)
            v = hard_sigmoid(4 * a) * clip(u, -0.5, 0.75) + abs(a) * sign(h)
            h = tanh(u + v)
            return h
        """,
    "smooth": """
        def smooth(x, h):
            a = W @ x + R @ h + b
            u = gelu(a) + gelu_tanh(a) * silu(h)
            v = softplus(u) + log(1 + exp(a)) / cos(sin(h))
            h = tanh(v - sqrt(1 + square(a)) + u ** 3 + (2 + sin(a)) ** -1.5)
            return h
        """,
    "matrix": """
        def matrix(x, M):
            alpha: scalar
            G = sigmoid(alpha * M + V)
            y = diag(x) @ (M @ x) + dot(x, M @ x) * x
            M = G * M + (1 - G) * (M @ M.T @ K) + sum(y) * outer(x, y)
            M = M / (1 + norm(M))
            return y, (M,)
        """,
    "gated": """
        def gated(x, k, /, h, c):
            s = sigmoid(dot(w, x) + d)
            d: scalar
            c = s * c + (1 - s) * (W @ k)
            h = tanh(c + mean(h) * p)
            y = C @ h + x[1:] * x[0]
            return y, (h, c)
        """,
    "picking": """
        def picking(x, h):
            a = W[1:, :] @ x + W[0] @ x
            h = tanh(a * h[-1] + [h[1:], x[:1]])
            return h
        """,
}


@pytest.fixture
def texts() -> Mapping[str, str]:
    """The cells by name."""
    return {name: textwrap.dedent(text) for name, text in CELLS.items()}
