"""Forecasting: from every value but the last the next one; one output fewer than inputs, no bias in the read-out."""

import numpy as np


def fit(series, Wx, Wh, b, Wo):
    """series (T, D); half the squared error of the forecasts of series[1:]."""
    T = len(series)
    hs = [np.zeros(len(b))]
    errors = []
    for t in range(T - 1):
        hs.append(np.tanh(Wx @ series[t] + Wh @ hs[-1] + b))
        errors.append(Wo @ hs[-1] - series[t + 1])
    loss = 0.5 * sum(e @ e for e in errors)
    gWx, gWh, gb, gWo = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b), np.zeros_like(Wo)
    dh = np.zeros(len(b))
    for t in reversed(range(T - 1)):
        gWo += np.outer(errors[t], hs[t + 1])
        dh = dh + Wo.T @ errors[t]
        da = dh * (1 - hs[t + 1] ** 2)
        gWx += np.outer(da, series[t])
        gWh += np.outer(da, hs[t])
        gb += da
        dh = Wh.T @ da
    return loss, gWx, gWh, gb, gWo
