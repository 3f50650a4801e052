"""An LSTM as a class with lists of parameters and gradients: rows, stacked gates i f g o, two biases, x @ W.T."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class StackedLSTM:
    def __init__(self, W_ih, W_hh, b_ih, b_hh):
        self.params = [W_ih, W_hh, b_ih, b_hh]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, x, h, c):
        W_ih, W_hh, b_ih, b_hh = self.params
        self.steps, ys = [], []
        for t in range(x.shape[1]):
            z = x[:, t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh
            i, f, g, o = np.split(z, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c_next = f * c + i * g
            self.steps.append((x[:, t], h, c, i, f, g, o, c_next))
            h, c = o * np.tanh(c_next), c_next
            ys.append(h)
        return np.stack(ys, axis=1)

    def backward(self, dys):
        W_ih, W_hh, _, _ = self.params
        dW_ih, dW_hh, db_ih, db_hh = self.grads
        dh = np.zeros_like(dys[:, 0])
        dc = np.zeros_like(dys[:, 0])
        dxs = np.zeros((*dys.shape[:2], W_ih.shape[1]))
        for t in reversed(range(dys.shape[1])):
            x, h, c, i, f, g, o, c_next = self.steps[t]
            dh = dh + dys[:, t]
            tanh_c = np.tanh(c_next)
            dc = dc + dh * o * (1 - tanh_c**2)
            dz = np.concatenate(
                (dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * tanh_c * o * (1 - o)), axis=1
            )
            dW_ih += dz.T @ x
            dW_hh += dz.T @ h
            db_ih += dz.sum(axis=0)
            db_hh += dz.sum(axis=0)
            dxs[:, t] = dz @ W_ih
            dh = dz @ W_hh
            dc = dc * f
        self.dh, self.dc = dh, dc
        return dxs


def backward(params, x, d_ys, h0, c0):
    """The adapter: what a person writes to have the class checked."""
    layer = StackedLSTM(params["W_ih"], params["W_hh"], params["b_ih"], params["b_hh"])
    layer.forward(x, h0, c0)
    dx = layer.backward(d_ys)
    return dict(zip(params, layer.grads, strict=True)) | {"x": dx, "h0": layer.dh, "c0": layer.dc}
