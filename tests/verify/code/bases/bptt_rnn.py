"""A language model over indices; bptt(x, y) runs forward itself, and the loss is a method of its own."""

import numpy as np


class LanguageModel:
    def __init__(self, word_dim, hidden_dim=100):
        self.word_dim, self.hidden_dim = word_dim, hidden_dim
        self.U = np.random.uniform(-1, 1, (hidden_dim, word_dim))
        self.V = np.random.uniform(-1, 1, (word_dim, hidden_dim))
        self.W = np.random.uniform(-1, 1, (hidden_dim, hidden_dim))

    def forward_propagation(self, x):
        T = len(x)
        s = np.zeros((T + 1, self.hidden_dim))
        o = np.zeros((T, self.word_dim))
        for t in range(T):
            s[t] = np.tanh(self.U[:, x[t]] + self.W.dot(s[t - 1]))
            z = np.exp(self.V.dot(s[t]))
            o[t] = z / z.sum()
        return o, s

    def calculate_loss(self, x, y):
        o, _ = self.forward_propagation(x)
        return -np.sum(np.log(o[np.arange(len(y)), y]))

    def bptt(self, x, y):
        T = len(y)
        o, s = self.forward_propagation(x)
        dU, dV, dW = np.zeros_like(self.U), np.zeros_like(self.V), np.zeros_like(self.W)
        delta_o = o
        delta_o[np.arange(T), y] -= 1.0
        dh_next = np.zeros(self.hidden_dim)
        for t in reversed(range(T)):
            dV += np.outer(delta_o[t], s[t])
            dh = self.V.T.dot(delta_o[t]) + dh_next
            delta = dh * (1 - s[t] ** 2)
            dW += np.outer(delta, s[t - 1])
            dU[:, x[t]] += delta
            dh_next = self.W.T.dot(delta)
        return dU, dV, dW
