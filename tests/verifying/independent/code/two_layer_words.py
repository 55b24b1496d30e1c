"""A language model of two layers with an embedding: batches of word ids, dicts by layer, np.add.at for the table."""

import numpy as np


def loss_and_grads(ids, targets, E, layers, V, c):
    """ids and targets (N, T); layers is a list of dicts with W, R and b; the loss is a mean over the batch."""
    N, T = ids.shape
    below = E[ids]
    kept = []
    for layer in layers:
        h = np.zeros((N, T, len(layer["b"])))
        prev = np.zeros((N, len(layer["b"])))
        for t in range(T):
            prev = np.tanh(below[:, t] @ layer["W"] + prev @ layer["R"] + layer["b"])
            h[:, t] = prev
        kept.append((below, h))
        below = h
    logits = below @ V + c
    p = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    n, t = np.ogrid[:N, :T]
    loss = -np.log(p[n, t, targets]).sum() / N

    d = p
    d[n, t, targets] -= 1
    d /= N
    dV = np.einsum("nth,ntk->hk", below, d)
    dc = d.sum(axis=(0, 1))
    d = d @ V.T
    grads = []
    for layer, (inputs, h) in zip(layers[::-1], kept[::-1]):
        g = {"W": 0, "R": 0, "b": 0}
        carry = np.zeros((N, h.shape[2]))
        dinputs = np.zeros_like(inputs)
        for t in range(T - 1, -1, -1):
            da = (d[:, t] + carry) * (1 - h[:, t] ** 2)
            before = h[:, t - 1] if t > 0 else np.zeros_like(carry)
            g["W"] = g["W"] + inputs[:, t].T @ da
            g["R"] = g["R"] + before.T @ da
            g["b"] = g["b"] + da.sum(axis=0)
            dinputs[:, t] = da @ layer["W"].T
            carry = da @ layer["R"].T
        grads.insert(0, g)
        d = dinputs
    dE = np.zeros_like(E)
    np.add.at(dE, ids, d)
    return loss, dE, grads, dV, dc
