"""An LSTM in the manner of a gist: no batch, column vectors, one matrix for each gate over the column [h; x]."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward_backward(inputs, dhs, h_prev, C_prev, dh_last, dC_last, p):
    """inputs and dhs are lists of columns; returns the states, the gradients, and those of inputs and initial states."""
    z_s, f_s, i_s, C_bar_s, C_s, o_s, h_s = {}, {}, {}, {}, {}, {}, {}
    h_s[-1] = np.copy(h_prev)
    C_s[-1] = np.copy(C_prev)
    for t in range(len(inputs)):
        z_s[t] = np.vstack((h_s[t - 1], inputs[t]))
        f_s[t] = sigmoid(np.dot(p["W_f"], z_s[t]) + p["b_f"])
        i_s[t] = sigmoid(np.dot(p["W_i"], z_s[t]) + p["b_i"])
        C_bar_s[t] = np.tanh(np.dot(p["W_C"], z_s[t]) + p["b_C"])
        C_s[t] = f_s[t] * C_s[t - 1] + i_s[t] * C_bar_s[t]
        o_s[t] = sigmoid(np.dot(p["W_o"], z_s[t]) + p["b_o"])
        h_s[t] = o_s[t] * np.tanh(C_s[t])
    if dhs is None:
        return h_s, C_s
    d = {name: np.zeros_like(value) for name, value in p.items()}
    dxs = {}
    dh_next, dC_next = dh_last, dC_last
    for t in reversed(range(len(inputs))):
        dh = dhs[t] + dh_next
        do = dh * np.tanh(C_s[t])
        do = o_s[t] * (1 - o_s[t]) * do
        d["W_o"] += np.dot(do, z_s[t].T)
        d["b_o"] += do
        dC = np.copy(dC_next)
        dC += dh * o_s[t] * (1 - np.tanh(C_s[t]) ** 2)
        dC_bar = dC * i_s[t]
        dC_bar = (1 - C_bar_s[t] ** 2) * dC_bar
        d["W_C"] += np.dot(dC_bar, z_s[t].T)
        d["b_C"] += dC_bar
        di = dC * C_bar_s[t]
        di = i_s[t] * (1 - i_s[t]) * di
        d["W_i"] += np.dot(di, z_s[t].T)
        d["b_i"] += di
        df = dC * C_s[t - 1]
        df = f_s[t] * (1 - f_s[t]) * df
        d["W_f"] += np.dot(df, z_s[t].T)
        d["b_f"] += df
        dz = np.dot(p["W_f"].T, df) + np.dot(p["W_i"].T, di) + np.dot(p["W_C"].T, dC_bar) + np.dot(p["W_o"].T, do)
        dh_next = dz[: len(dh), :]
        dxs[t] = dz[len(dh) :, :]
        dC_next = f_s[t] * dC
    return d, dxs, dh_next, dC_next
