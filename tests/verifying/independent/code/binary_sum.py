"""Binary addition: sizes are constants at the top, eight steps, logistic units without biases, a logistic output."""

import numpy as np

BITS, INPUTS, HIDDEN = 8, 2, 16


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def train(a, b, total, W0, Wh, W1, rate=1.0):
    """a, b and total: 8 bits each, the last one first; the three matrices are changed; returns the loss."""
    up0, uph, up1 = np.zeros_like(W0), np.zeros_like(Wh), np.zeros_like(W1)
    layer_1, deltas, loss = [np.zeros(HIDDEN)], [], 0.0
    for position in range(BITS):
        bit = BITS - position - 1
        X = np.array([a[bit], b[bit]])
        layer_1.append(sigmoid(X @ W0 + layer_1[-1] @ Wh))
        guess = sigmoid(layer_1[-1] @ W1)
        error = total[bit] - guess
        loss += 0.5 * float(np.sum(error**2))
        deltas.append(error * guess * (1 - guess))
    future = np.zeros(HIDDEN)
    for position in range(BITS):
        X = np.array([a[position], b[position]])
        hidden, before = layer_1[-position - 1], layer_1[-position - 2]
        d = deltas[-position - 1]
        delta = (future @ Wh.T + d @ W1.T) * hidden * (1 - hidden)
        up1 += np.outer(hidden, d)
        uph += np.outer(before, delta)
        up0 += np.outer(X, delta)
        future = delta
    W0 += rate * up0
    Wh += rate * uph
    W1 += rate * up1
    return loss
