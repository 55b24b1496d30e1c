"""A character model as one long script: one-hot columns, globals, the softmax and its loss inside."""

import numpy as np

vocab_size, hidden_size = 5, 4
rng = np.random.default_rng(3)
U = rng.normal(0, 0.1, (hidden_size, vocab_size))
W = rng.normal(0, 0.1, (hidden_size, hidden_size))
V = rng.normal(0, 0.1, (vocab_size, hidden_size))
b = np.zeros((hidden_size, 1))
c = np.zeros((vocab_size, 1))


def forward_backward(inputs, targets, h_prev):
    x, h, p = {}, {-1: h_prev}, {}
    loss = 0.0
    for t, (char, target) in enumerate(zip(inputs, targets)):
        x[t] = np.zeros((vocab_size, 1))
        x[t][char] = 1
        h[t] = np.tanh(U @ x[t] + W @ h[t - 1] + b)
        z = V @ h[t] + c
        e = np.exp(z - z.max())
        p[t] = e / e.sum()
        loss -= np.log(p[t][target, 0])
    dU, dW, dV = np.zeros_like(U), np.zeros_like(W), np.zeros_like(V)
    db, dc = np.zeros_like(b), np.zeros_like(c)
    dh_next = np.zeros_like(h_prev)
    T = len(inputs)
    for t in range(T - 1, -1, -1):
        dz = p[t].copy()
        dz[targets[t]] -= 1
        dV += dz @ h[t].T
        dc += dz
        dh = V.T @ dz + dh_next
        da = dh * (1 - h[t] ** 2)
        dU += da @ x[t].T
        dW += da @ h[t - 1].T
        db += da
        dh_next = W.T @ da
    return loss, [dU, dW, dV, db, dc], h[T - 1]


if __name__ == "__main__":
    text = "hello hello hello"
    chars = sorted(set(text))
    ids = [chars.index(ch) for ch in text]
    for _ in range(100):
        loss, grads, _ = forward_backward(ids[:-1], ids[1:], np.zeros((hidden_size, 1)))
        for param, grad in zip([U, W, V, b, c], grads):
            param -= 0.1 * grad
