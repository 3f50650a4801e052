"""A class made from sizes; weights by gate, gradients left in attributes."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    def __init__(self, input_size, hidden_size):
        self.hidden_size = hidden_size
        self.W_z, self.W_r, self.W_h = (np.random.randn(input_size, hidden_size) * 0.1 for _ in range(3))
        self.U_z, self.U_r, self.U_h = (np.random.randn(hidden_size, hidden_size) * 0.1 for _ in range(3))
        self.b_z, self.b_r, self.b_h = (np.zeros(hidden_size) for _ in range(3))

    def forward(self, x):
        B, T, _ = x.shape
        h = np.zeros((B, self.hidden_size))
        self.x, self.steps, out = x, [], np.zeros((B, T, self.hidden_size))
        for t in range(T):
            z = sigmoid(x[:, t] @ self.W_z + h @ self.U_z + self.b_z)
            r = sigmoid(x[:, t] @ self.W_r + h @ self.U_r + self.b_r)
            n = np.tanh(x[:, t] @ self.W_h + (r * h) @ self.U_h + self.b_h)
            h_prev = h
            h = (1 - z) * h_prev + z * n
            self.steps.append((h_prev, z, r, n))
            out[:, t] = h
        return out

    def backward(self, grad):
        for name in ("W_z", "W_r", "W_h", "U_z", "U_r", "U_h", "b_z", "b_r", "b_h"):
            setattr(self, "d" + name, np.zeros_like(getattr(self, name)))
        B, T, H = grad.shape
        dx = np.zeros_like(self.x)
        dh_next = np.zeros((B, H))
        for t in reversed(range(T)):
            h_prev, z, r, n = self.steps[t]
            x = self.x[:, t]
            dh = grad[:, t] + dh_next
            dn = dh * z * (1 - n**2)
            dz = dh * (n - h_prev) * z * (1 - z)
            drh = dn @ self.U_h.T
            dr = drh * h_prev * r * (1 - r)
            self.dW_z += x.T @ dz
            self.dW_r += x.T @ dr
            self.dW_h += x.T @ dn
            self.dU_z += h_prev.T @ dz
            self.dU_r += h_prev.T @ dr
            self.dU_h += (r * h_prev).T @ dn
            self.db_z += dz.sum(axis=0)
            self.db_r += dr.sum(axis=0)
            self.db_h += dn.sum(axis=0)
            dx[:, t] = dz @ self.W_z.T + dr @ self.W_r.T + dn @ self.W_h.T
            dh_next = dh * (1 - z) + drh * r + dz @ self.U_z.T + dr @ self.U_r.T
        return dx
