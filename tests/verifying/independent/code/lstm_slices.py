"""An LSTM, batch first, arrays over time for every gate; weight gradients after the loop, from reshaped slices."""

import numpy as np


def lstm_forward(x, h0, c0, W, U, b):
    """x (N, T, D); W (D, 4H), U (H, 4H); gates i, f, g, o."""
    N, T, _ = x.shape
    H = h0.shape[1]
    h, c = np.zeros((N, T + 1, H)), np.zeros((N, T + 1, H))
    gates = np.zeros((N, T, 4 * H))
    h[:, 0], c[:, 0] = h0, c0
    for t in range(T):
        a = x[:, t] @ W + h[:, t] @ U + b
        gates[:, t] = 1 / (1 + np.exp(-a))
        gates[:, t, 2 * H : 3 * H] = np.tanh(a[:, 2 * H : 3 * H])
        i, f, g, o = np.split(gates[:, t], 4, axis=1)
        c[:, t + 1] = f * c[:, t] + i * g
        h[:, t + 1] = o * np.tanh(c[:, t + 1])
    return h, c, gates


def lstm_backward(dh_out, x, h, c, gates, W, U):
    N, T, D = x.shape
    H = U.shape[0]
    da = np.zeros_like(gates)
    dh, dc = np.zeros((N, H)), np.zeros((N, H))
    tanh_c = np.tanh(c[:, 1:])
    for t in reversed(range(T)):
        i, f, g, o = np.split(gates[:, t], 4, axis=1)
        dh = dh + dh_out[:, t]
        dc = dc + dh * o * (1 - tanh_c[:, t] ** 2)
        da[:, t, :H] = dc * g * i * (1 - i)
        da[:, t, H : 2 * H] = dc * c[:, t] * f * (1 - f)
        da[:, t, 2 * H : 3 * H] = dc * i * (1 - g**2)
        da[:, t, 3 * H :] = dh * tanh_c[:, t] * o * (1 - o)
        dh = da[:, t] @ U.T
        dc = dc * f
    flat = da.reshape(N * T, 4 * H)
    dW = x.reshape(N * T, D).T @ flat
    dU = h[:, :-1].reshape(N * T, H).T @ flat
    return da @ W.T, dh, dc, dW, dU, flat.sum(axis=0)
