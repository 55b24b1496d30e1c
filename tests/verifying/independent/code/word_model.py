"""A word model without biases: a column of U for each word, and at each step a walk back through time of its own."""

import numpy as np


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / e.sum()


class WordRNN:
    def __init__(self, word_dim=5, hidden_dim=4, bptt_truncate=100):
        self.word_dim, self.hidden_dim, self.bptt_truncate = word_dim, hidden_dim, bptt_truncate
        self.U = np.random.uniform(-0.5, 0.5, (hidden_dim, word_dim))
        self.V = np.random.uniform(-0.5, 0.5, (word_dim, hidden_dim))
        self.W = np.random.uniform(-0.5, 0.5, (hidden_dim, hidden_dim))

    def forward(self, words):
        s = np.zeros((len(words) + 1, self.hidden_dim))
        o = np.zeros((len(words), self.word_dim))
        for t, word in enumerate(words):
            s[t] = np.tanh(self.U[:, word] + self.W.dot(s[t - 1]))
            o[t] = softmax(self.V.dot(s[t]))
        return o, s

    def loss(self, words, labels):
        o, _ = self.forward(words)
        return -np.sum(np.log(o[np.arange(len(labels)), labels]))

    def bptt(self, words, labels):
        o, s = self.forward(words)
        dLdU, dLdV, dLdW = np.zeros(self.U.shape), np.zeros(self.V.shape), np.zeros(self.W.shape)
        delta_o = o.copy()
        delta_o[np.arange(len(labels)), labels] -= 1.0
        for t in range(len(labels))[::-1]:
            dLdV += np.outer(delta_o[t], s[t])
            delta_t = self.V.T.dot(delta_o[t]) * (1 - s[t] ** 2)
            for step in range(max(0, t - self.bptt_truncate), t + 1)[::-1]:
                dLdW += np.outer(delta_t, s[step - 1])
                dLdU[:, words[step]] += delta_t
                delta_t = self.W.T.dot(delta_t) * (1 - s[step - 1] ** 2)
        return dLdU, dLdV, dLdW
