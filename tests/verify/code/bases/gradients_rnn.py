"""Both passes in one function, time first."""

import numpy as np


def gradients(params, x, d_ys, prev_h):
    W, U, b = params["W"], params["U"], params["b"]
    T, B, D = x.shape
    hs = [prev_h]
    for t in range(T):
        hs.append(np.tanh(x[t] @ W.T + hs[-1] @ U.T + b))
    dW, dU, db, dx = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(x)
    dh_next = np.zeros_like(prev_h)
    for t in reversed(range(T)):
        dh = d_ys[t] + dh_next
        da = dh * (1 - hs[t + 1] ** 2)
        dW += da.T @ x[t]
        dU += da.T @ hs[t]
        db += da.sum(axis=0)
        dx[t] = da @ W
        dh_next = da @ U
    return {"dW": dW, "dU": dU, "db": db, "dx": dx, "dprev_h": dh_next}
