"""A sequence classifier, batch first: the loss is a mean over the batch, on the last output."""

import numpy as np


def run(x, params):
    N, T, _ = x.shape
    h = np.zeros((N, T + 1, params["Wh"].shape[0]))
    for t in range(T):
        h[:, t + 1] = np.tanh(x[:, t] @ params["Wx"] + h[:, t] @ params["Wh"] + params["bh"])
    logits = h[:, T] @ params["Wy"] + params["by"]
    return logits, h


def loss_and_gradients(x, labels, params):
    N, T, _ = x.shape
    logits, h = run(x, params)
    shifted = logits - logits.max(axis=1, keepdims=True)
    probs = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(probs[np.arange(N), labels]))

    dlogits = probs.copy()
    dlogits[np.arange(N), labels] -= 1
    dlogits /= N
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    grads["Wy"] = h[:, T].T @ dlogits
    grads["by"] = dlogits.sum(axis=0)
    dh = dlogits @ params["Wy"].T
    for t in range(T, 0, -1):
        da = dh * (1 - h[:, t] ** 2)
        grads["Wx"] += x[:, t - 1].T @ da
        grads["Wh"] += h[:, t - 1].T @ da
        grads["bh"] += da.sum(axis=0)
        dh = da @ params["Wh"].T
    return loss, grads
