"""A tagger: class with dicts, an RNN below a softmax at every step, mean over all steps and sequences."""

import numpy as np


class Tagger:
    def __init__(self, n_in, n_hidden, n_tags):
        self.params = {
            "Wxh": np.random.randn(n_in, n_hidden) * 0.1,
            "Whh": np.random.randn(n_hidden, n_hidden) * 0.1,
            "bh": np.zeros(n_hidden),
            "Who": np.random.randn(n_hidden, n_tags) * 0.1,
            "bo": np.zeros(n_tags),
        }

    def forward(self, x):
        p = self.params
        T, N, _ = x.shape
        self.x, self.h = x, np.zeros((T + 1, N, len(p["bh"])))
        for t in range(T):
            self.h[t + 1] = np.tanh(x[t] @ p["Wxh"] + self.h[t] @ p["Whh"] + p["bh"])
        scores = self.h[1:] @ p["Who"] + p["bo"]
        exps = np.exp(scores - scores.max(axis=-1, keepdims=True))
        self.y = exps / exps.sum(axis=-1, keepdims=True)
        return self.y

    def loss(self, tags):
        T, N = tags.shape
        return -np.log(self.y[np.arange(T)[:, None], np.arange(N), tags]).mean()

    def backward(self, tags):
        p, (T, N) = self.params, tags.shape
        grads = {name: np.zeros_like(value) for name, value in p.items()}
        dscores = (self.y - np.eye(self.y.shape[-1])[tags]) / (T * N)
        dh_next = np.zeros_like(self.h[0])
        for t in reversed(range(T)):
            grads["Who"] += self.h[t + 1].T @ dscores[t]
            grads["bo"] += dscores[t].sum(axis=0)
            dh = dscores[t] @ p["Who"].T + dh_next
            draw = dh * (1 - self.h[t + 1] ** 2)
            grads["Wxh"] += self.x[t].T @ draw
            grads["Whh"] += self.h[t].T @ draw
            grads["bh"] += draw.sum(axis=0)
            dh_next = draw @ p["Whh"].T
        return grads
