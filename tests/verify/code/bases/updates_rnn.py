"""Many to one; backward returns nothing and takes the gradients off the weights."""

import numpy as np


class ManyToOneRNN:
    def __init__(self, n_inputs, n_outputs, n_hidden=64):
        self.U = np.random.randn(n_hidden, n_inputs) * 0.1
        self.W = np.random.randn(n_hidden, n_hidden) * 0.1
        self.V = np.random.randn(n_outputs, n_hidden) * 0.1
        self.b = np.zeros((n_hidden, 1))
        self.c = np.zeros((n_outputs, 1))

    def forward(self, inputs):
        self.inputs = inputs
        self.states = {-1: np.zeros((self.W.shape[0], 1))}
        for t, x in enumerate(inputs):
            self.states[t] = np.tanh(self.U @ x + self.W @ self.states[t - 1] + self.b)
        y = self.V @ self.states[len(inputs) - 1] + self.c
        return y, self.states[len(inputs) - 1]

    def backprop(self, d_y, learning_rate=0.02):
        T = len(self.inputs)
        dU, dW, db = np.zeros_like(self.U), np.zeros_like(self.W), np.zeros_like(self.b)
        dV = d_y @ self.states[T - 1].T
        dc = d_y
        dh = self.V.T @ d_y
        for t in reversed(range(T)):
            da = (1 - self.states[t] ** 2) * dh
            dU += da @ self.inputs[t].T
            dW += da @ self.states[t - 1].T
            db += da
            dh = self.W.T @ da
        self.U -= learning_rate * dU
        self.W -= learning_rate * dW
        self.V -= learning_rate * dV
        self.b -= learning_rate * db
        self.c -= learning_rate * dc
