"""Right code as people write it, in the shapes that public implementations have. Nothing here knows symrnn."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# Whole sequences, batch first, fused gates, a cache; the course's LSTM ---------------------------------------------


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    dc = dnext_c + dnext_h * o * (1 - np.tanh(next_c) ** 2)
    di, df, do, dg = dc * g, dc * prev_c, dnext_h * np.tanh(next_c), dc * i
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g * g)])
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    prev_h, prev_c, cache = h0, np.zeros_like(h0), []
    for t in range(T):
        prev_h, prev_c, step = lstm_step_forward(x[:, t], prev_h, prev_c, Wx, Wh, b)
        h[:, t] = prev_h
        cache.append(step)
    return h, cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    x, prev_h, prev_c, Wx, Wh, *_ = cache[0]
    dx = np.zeros((N, T, x.shape[1]))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * H)
    dprev_h, dprev_c = np.zeros((N, H)), np.zeros((N, H))
    for t in reversed(range(T)):
        dx[:, t], dprev_h, dprev_c, dWx_t, dWh_t, db_t = lstm_step_backward(dh[:, t] + dprev_h, dprev_c, cache[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dprev_h, dWx, dWh, db


# Features first, time last, one weight per gate over [a, x], dicts of gradients -------------------------------------


def coursera_forward(x, a0, Wf, bf, Wi, bi, Wc, bc, Wo, bo):
    n, N = a0.shape
    T = x.shape[2]
    a, steps = np.zeros((n, N, T)), []
    a_prev, c_prev = a0, np.zeros_like(a0)
    for t in range(T):
        z = np.concatenate([a_prev, x[:, :, t]])
        ft, it, ot = sigmoid(Wf @ z + bf), sigmoid(Wi @ z + bi), sigmoid(Wo @ z + bo)
        cct = np.tanh(Wc @ z + bc)
        c_next = ft * c_prev + it * cct
        a_next = ot * np.tanh(c_next)
        steps.append((z, a_next, c_next, c_prev, ft, it, cct, ot, (Wf, Wi, Wc, Wo)))
        a[:, :, t] = a_next
        a_prev, c_prev = a_next, c_next
    return a, steps


def coursera_backward(da, cache):
    n, N, T = da.shape
    Wf, Wi, Wc, Wo = cache[0][-1]
    g = dict.fromkeys(("dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo"), 0)
    g["dx"] = np.zeros((Wf.shape[1] - n, N, T))
    da_next, dc_next = np.zeros((n, N)), np.zeros((n, N))
    for t in range(T - 1, -1, -1):
        z, a_next, c_next, c_prev, ft, it, cct, ot, _ = cache[t]
        d = da[:, :, t] + da_next
        dot = d * np.tanh(c_next) * ot * (1 - ot)
        dc = d * ot * (1 - np.tanh(c_next) ** 2) + dc_next
        dcct, dit, dft = dc * it * (1 - cct**2), dc * cct * it * (1 - it), dc * c_prev * ft * (1 - ft)
        for name, delta in (("f", dft), ("i", dit), ("c", dcct), ("o", dot)):
            g[f"dW{name}"] = g[f"dW{name}"] + delta @ z.T
            g[f"db{name}"] = g[f"db{name}"] + delta.sum(axis=1, keepdims=True)
        dz = Wf.T @ dft + Wi.T @ dit + Wc.T @ dcct + Wo.T @ dot
        da_next, g["dx"][:, :, t] = dz[:n], dz[n:]
        dc_next = dc * ft
    g["da0"] = da_next
    return g


# An object with attributes; the bias folded in as the first row of the matrix ---------------------------------------


class FoldedRNN:
    def __init__(self, D, H):
        self.W = np.zeros((1 + D + H, H))
        self.D, self.H = D, H

    def forward(self, x, h0):
        T, N, D = x.shape
        self.x, self.hs, self.zs = x, [h0], []
        for t in range(T):
            self.zs.append(np.hstack([np.ones((N, 1)), x[t], self.hs[-1]]))
            self.hs.append(np.tanh(self.zs[-1] @ self.W))
        return np.array(self.hs[1:])

    def backward(self, dout):
        self.dW, self.dx = np.zeros_like(self.W), np.zeros_like(self.x)
        back = 0
        for t in reversed(range(len(self.x))):
            da = (dout[t] + back) * (1 - self.hs[t + 1] ** 2)
            self.dW += self.zs[t].T @ da
            dz = da @ self.W.T
            self.dx[t], back = dz[:, 1 : 1 + self.D], dz[:, 1 + self.D :]
        self.dh0 = back


# No batch axis -------------------------------------------------------------------------------------------------------


def vector_rnn_forward(x, h0, U, W, b):
    s = np.zeros((len(x) + 1, len(h0)))
    s[-1] = h0
    for t in range(len(x)):
        s[t] = np.tanh(U @ x[t] + W @ s[t - 1] + b)
    return s


def vector_rnn_backward(x, h0, U, W, b, dout):
    s = vector_rnn_forward(x, h0, U, W, b)
    dU, dW, db, back, dx = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b), np.zeros_like(h0), np.zeros_like(x)
    for t in reversed(range(len(x))):
        da = (dout[t] + back) * (1 - s[t] ** 2)
        dU += np.outer(da, x[t])
        dW += np.outer(da, s[t - 1])
        db += da
        dx[t], back = U.T @ da, W.T @ da
    return (dU, dW, db), dx, back


# Changes its parameters in place -------------------------------------------------------------------------------------


def train_step(params, x, state, d_outputs, lr=0.5):
    W, R, b = params["W"], params["R"], params["b"]
    hs = [state["h"]]
    for x_t in x:
        hs.append(np.tanh(x_t @ W.T + hs[-1] @ R.T + b))
    dW, dR, db, back = np.zeros_like(W), np.zeros_like(R), np.zeros_like(b), 0
    for t in reversed(range(len(x))):
        da = (d_outputs[t] + back) * (1 - hs[t + 1] ** 2)
        dW, dR, db, back = dW + da.T @ x[t], dR + da.T @ hs[t], db + da.sum(0), da @ R
    params["W"] -= lr * dW
    params["R"] -= lr * dR
    params["b"] -= lr * db


# The last output alone -----------------------------------------------------------------------------------------------


def many_to_one(x, Wxh, Whh, bh):
    h = np.zeros((x.shape[0], Whh.shape[0]))
    hs = {-1: h}
    for t in range(x.shape[1]):
        hs[t] = np.tanh(x[:, t] @ Wxh + hs[t - 1] @ Whh + bh)
    return hs[x.shape[1] - 1], hs


def many_to_one_backward(x, Wxh, Whh, bh, dh, cache):
    grads = {"Wxh": 0, "Whh": 0, "bh": 0}
    dx = np.zeros_like(x)
    for t in reversed(range(x.shape[1])):
        da = dh * (1 - cache[t] ** 2)
        grads["Wxh"] = grads["Wxh"] + x[:, t].T @ da
        grads["Whh"] = grads["Whh"] + cache[t - 1].T @ da
        grads["bh"] = grads["bh"] + da.sum(axis=0)
        dx[:, t], dh = da @ Wxh.T, da @ Whh.T
    return grads, dx


# A script with globals, a softmax inside, column vectors, dicts over time --------------------------------------------

Wxh = Whh = Why = bh = by = None


def loss_fun(inputs, targets, hprev):
    xs, hs, ps, loss = inputs, {-1: np.copy(hprev)}, {}, 0
    for t in range(len(inputs)):
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        y = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(Whh.T, dhraw)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


# A mean squared error inside -----------------------------------------------------------------------------------------


def mse_gradients(p, x, target):
    hs = [np.zeros((x.shape[1], len(p["b"])))]
    for x_t in x:
        hs.append(np.tanh(x_t @ p["W"].T + hs[-1] @ p["R"].T + p["b"]))
    g, back = {k: np.zeros_like(v) for k, v in p.items()}, 0
    for t in reversed(range(len(x))):
        da = (2 * (hs[t + 1] - target[t]) / target.size + back) * (1 - hs[t + 1] ** 2)
        g["W"] += da.T @ x[t]
        g["R"] += da.T @ hs[t]
        g["b"] += da.sum(0)
        back = da @ p["R"]
    return g


# An object whose gradients are accumulators, one step a call ---------------------------------------------------------


class Accumulating:
    def __init__(self, W, R, b):
        self.W, self.R, self.b = W, R, b
        self.gW, self.gR, self.gb = (np.zeros_like(a) for a in (W, R, b))
        self.tape = []

    def step(self, x, h):
        new = np.tanh(x @ self.W.T + h @ self.R.T + self.b)
        self.tape.append((x, h, new))
        return new

    def back(self, dh):
        x, h, new = self.tape.pop()
        da = dh * (1 - new**2)
        self.gW += da.T @ x
        self.gR += da.T @ h
        self.gb += da.sum(0)
        return da @ self.W, da @ self.R
