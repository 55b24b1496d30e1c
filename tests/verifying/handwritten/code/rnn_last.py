"""A vanilla RNN that reads a sequence and hands on its last state only, as a classifier does."""

import numpy as np


def encode(seq, h, Wx, Wh, b):
    """seq (N, T, D) -> the last state (N, H), and what the way back needs."""
    history = [h]
    for t in range(seq.shape[1]):
        h = np.tanh(np.einsum("nd,dh->nh", seq[:, t], Wx) + np.einsum("nk,kh->nh", h, Wh) + b)
        history.append(h)
    return h, history


def encode_backward(grad_h, seq, history, Wx, Wh):
    grads = {"Wx": np.zeros_like(Wx), "Wh": np.zeros_like(Wh), "b": np.zeros(Wh.shape[1])}
    grad_seq = np.zeros_like(seq)
    steps = seq.shape[1]
    for t in range(steps)[::-1]:
        grad_a = grad_h * (1 - history[t + 1] ** 2)
        grads["Wx"] += np.einsum("nd,nh->dh", seq[:, t], grad_a)
        grads["Wh"] += np.einsum("nk,nh->kh", history[t], grad_a)
        grads["b"] += np.einsum("nh->h", grad_a)
        grad_seq[:, t] = np.einsum("nh,dh->nd", grad_a, Wx)
        grad_h = np.einsum("nh,kh->nk", grad_a, Wh)
    return grads, grad_seq, grad_h
