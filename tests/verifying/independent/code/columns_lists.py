"""An RNN for one sequence of columns with lists over time, after a lecture's blackboard: list[-1] holds the first state."""

import numpy as np


def forward(xs, s0, U, W, b):
    """xs: a list of columns; the states come back as a dict whose -1 is the first state."""
    s = {-1: s0}
    for t, x in enumerate(xs):
        s[t] = np.tanh(U @ x + W @ s[t - 1] + b)
    return s


def backward(xs, s, ds, U, W):
    steps = len(xs)
    states = [s[t] for t in range(steps)]
    delta = [None] * steps
    dU, dW, db = np.zeros_like(U), np.zeros_like(W), np.zeros((len(W), 1))
    for t in range(steps - 1, -1, -1):
        from_later = W.T @ delta[t + 1] if t + 1 < steps else 0
        delta[t] = (ds[t] + from_later) * (1 - states[t] ** 2)
        previous = states[t - 1] if t > 0 else s[-1]
        dU += delta[t] @ xs[t].T
        dW += delta[t] @ previous.T
        db += delta[t]
    dxs = [U.T @ d for d in delta]
    return dU, dW, db, dxs, W.T @ delta[0]
