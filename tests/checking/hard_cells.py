"""Cells that no proof came to an end on, or that took all memory: texts, some of them written by rule."""

from __future__ import annotations

import textwrap


def _repeated(line: str, times: int, before: str = "a = R @ h + U @ x", after: str = "h = tanh(a)") -> str:
    return "\n    ".join(["def cell(x, h):", before, *[line] * times, after, "return h\n"])


def _nested(operation: str, depth: int, inner: str) -> str:
    value = inner
    for k in range(depth):
        value = operation.format(value, k)
    return f"def cell(x, h):\n    a = W @ x + R @ h\n    h = {value}\n    return h\n"


_FAST_WEIGHTS = """
    def fast_weights(x, h, A: (n, n)):
        lam: scalar
        eta: scalar
        A = lam * A + eta * outer(h, h)
        a = W @ x + R @ h + b
        s = relu(a)
        r = a + A @ s
        u = r - mean(r)
        s = relu(gamma * u / sqrt(mean(u**2) + 1e-5) + beta)
        r = a + A @ s
        u = r - mean(r)
        h = relu(gamma * u / sqrt(mean(u**2) + 1e-5) + beta)
        return h, (h, A)
    """

_NTM_READ = """
    def ntm_read(x, h, M: (p, n), w: (p,)):
        c = tanh(W @ x + R @ h + b)
        k = tanh(W_k @ c + b_k)
        beta = softplus(dot(w_beta, c) + b_beta)
        b_beta: scalar
        g = sigmoid(dot(w_g, c) + b_g)
        b_g: scalar
        s = softmax(W_s @ c + b_s)
        W_s: (3, n)
        gamma = 1 + softplus(dot(w_gamma, c) + b_gamma)
        b_gamma: scalar
        d = M @ k / (norm(k) + 1e-8)
        z = softmax(beta * d)
        v = g * z + (1 - g) * w
        u = s[0] * [v[1:], v[:1]] + s[1] * v + s[2] * [v[-1:], v[:-1]]
        e = exp(gamma * log(u + 1e-8))
        w = e / sum(e)
        r = w @ M
        M = M - outer(w, sigmoid(W_e @ c) ) * M + outer(w, tanh(W_a @ c))
        h = tanh(c + W_r @ r)
        return h, (h, M, w)
    """

_HYPER_LSTM = """
    def hyper_lstm(x, h: (n,), c: (n,), s: (p,), q: (p,)):
        z = [x, h]
        si = sigmoid(V_i @ z + S_i @ s + e_i)
        sf = sigmoid(V_f @ z + S_f @ s + e_f)
        sg = tanh(V_g @ z + S_g @ s + e_g)
        so = sigmoid(V_o @ z + S_o @ s + e_o)
        q = sf * q + si * sg
        s = so * tanh(q)
        i = (D_hi @ (Z_hi @ s + z_hi)) * (R_i @ h) + (D_xi @ (Z_xi @ s + z_xi)) * (W_i @ x) + D_bi @ (Z_bi @ s) + b_i
        f = (D_hf @ (Z_hf @ s + z_hf)) * (R_f @ h) + (D_xf @ (Z_xf @ s + z_xf)) * (W_f @ x) + D_bf @ (Z_bf @ s) + b_f
        g = (D_hg @ (Z_hg @ s + z_hg)) * (R_g @ h) + (D_xg @ (Z_xg @ s + z_xg)) * (W_g @ x) + D_bg @ (Z_bg @ s) + b_g
        o = (D_ho @ (Z_ho @ s + z_ho)) * (R_o @ h) + (D_xo @ (Z_xo @ s + z_xo)) * (W_o @ x) + D_bo @ (Z_bo @ s) + b_o
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return h, (h, c, s, q)
    """

_TITANS = """
    def titans(x, M: (n, n), S: (n, n)):
        q = W_q @ x
        k = W_k @ x
        k = k / norm(k)
        v = W_v @ x
        theta = sigmoid(dot(w_theta, x))
        eta = sigmoid(dot(w_eta, x))
        alpha = sigmoid(dot(w_alpha, x))
        z = M @ k
        u = z - mean(z)
        r = sqrt(mean(u**2) + 1e-5)
        y = u / r
        e = gamma * (gamma * y + beta - (v - k))
        d = (e - mean(e) - y * mean(e * y)) / r
        S = eta * S - 2 * theta * outer(d, k)
        M = (1 - alpha) * M + S
        y = M @ q
        return y, (M, S)
    """

HARD: dict[str, str] = {
    "matmul_30": _repeated("a = W @ a", 30),
    "maximum_8": _nested("maximum({0}, h * a + {1})", 8, "a"),
    "tanh_40": _repeated("a = tanh(a * b + h)", 40),
    "leaky_relu_10": _nested("leaky_relu({0})", 10, "a"),
    "fast_weights": textwrap.dedent(_FAST_WEIGHTS).lstrip(),
    "ntm_read": textwrap.dedent(_NTM_READ).lstrip(),
    "hyper_lstm": textwrap.dedent(_HYPER_LSTM).lstrip(),
    "titans": textwrap.dedent(_TITANS).lstrip(),
}
