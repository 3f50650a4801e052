"""A class of static methods; biases, input and recurrent weights in one matrix."""

import numpy as np


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


class LSTM:
    @staticmethod
    def forward(X, W, c0=None, h0=None):
        """X (T, B, D); the first row of W holds the biases, then those of x, then those of h."""
        T, B, D = X.shape
        H = W.shape[1] // 4
        c = np.zeros((B, H)) if c0 is None else c0
        h = np.zeros((B, H)) if h0 is None else h0
        out, steps = [], []
        for t in range(T):
            z = np.hstack((np.ones((B, 1)), X[t], h))
            a = z @ W
            i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
            g = np.tanh(a[:, 3 * H :])
            c_prev = c
            c = i * g + f * c_prev
            tc = np.tanh(c)
            h = o * tc
            steps.append((z, i, f, o, g, c_prev, c, tc))
            out.append(h)
        hs = np.array(out)
        return hs, c, h, {"W": W, "steps": steps, "D": D}

    @staticmethod
    def backward(dH_in, cache, dcn=None, dhn=None):
        W, steps, D = cache["W"], cache["steps"], cache["D"]
        T, B, H = dH_in.shape
        dX, dW = np.zeros((T, B, D)), np.zeros_like(W)
        dc_next = np.zeros((B, H)) if dcn is None else dcn.copy()
        dh_next = np.zeros((B, H)) if dhn is None else dhn.copy()
        for t in reversed(range(T)):
            z, i, f, o, g, c_prev, c, tc = steps[t]
            dh = dH_in[t] + dh_next
            do = dh * tc
            dc = dc_next + dh * o * (1 - tc**2)
            df = dc * c_prev
            di = dc * g
            dg = dc * i
            dc_next = dc * f
            da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)))
            dW += z.T @ da
            dz = da @ W.T
            dX[t] = dz[:, 1 : 1 + D]
            dh_next = dz[:, 1 + D :]
        dc0, dh0 = dc_next, dh_next
        return dX, dW, dc0, dh0
