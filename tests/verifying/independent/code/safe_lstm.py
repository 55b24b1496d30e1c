"""An LSTM that is careful with its numbers: a sigmoid with an epsilon, one sequence, columns in a dict."""

import numpy as np

EPS = 1e-12


def sigmoid(z):
    return 1 / (1 + np.exp(-z) + EPS)


def forward(xs, h, c, P):
    """xs (T, D); gates in one matrix over [h; x], order f i g o; returns states and what the way back needs."""
    H = len(h)
    hs, tape = [], []
    for x in xs:
        v = np.concatenate([h, x])
        a = P["W"] @ v + P["b"]
        f, i, o = sigmoid(a[:H]), sigmoid(a[H : 2 * H]), sigmoid(a[3 * H :])
        g = np.tanh(a[2 * H : 3 * H])
        c_prev, c = c, f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
        tape.append((v, f, i, g, o, c_prev, c))
    return np.array(hs), tape


def backward(dhs, tape, P):
    dW, db = np.zeros_like(P["W"]), np.zeros_like(P["b"])
    H = len(P["b"]) // 4
    dh, dc = np.zeros(H), np.zeros(H)
    dxs = np.zeros((len(dhs), P["W"].shape[1] - H))
    for t in range(len(dhs) - 1, -1, -1):
        v, f, i, g, o, c_prev, c = tape[t]
        dh = dh + dhs[t]
        tc = np.tanh(c)
        dc = dc + dh * o * (1 - tc * tc)
        da = np.concatenate([dc * c_prev * f * (1 - f), dc * g * i * (1 - i), dc * i * (1 - g * g), dh * tc * o * (1 - o)])
        dW += np.outer(da, v)
        db += da
        dv = P["W"].T @ da
        dh, dxs[t] = dv[:H], dv[H:]
        dc = dc * f
    return dW, db, dxs, dh, dc
