"""One sequence without a batch, states in a list."""

import numpy as np


def forward_pass(params, x, h0):
    """x (T, D), h0 (H,)."""
    hs = [h0]
    for t in range(len(x)):
        hs.append(np.tanh(params["Wxh"] @ x[t] + params["Whh"] @ hs[-1] + params["bh"]))
    return np.array(hs[1:]), hs


def backward_pass(params, x, hs, dhs):
    dWxh, dWhh, dbh = np.zeros_like(params["Wxh"]), np.zeros_like(params["Whh"]), np.zeros_like(params["bh"])
    dx = np.zeros_like(x)
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(len(x))):
        dh = dhs[t] + dh_next
        da = dh * (1 - hs[t + 1] ** 2)
        dWxh += np.outer(da, x[t])
        dWhh += np.outer(da, hs[t])
        dbh += da
        dx[t] = params["Wxh"].T @ da
        dh_next = params["Whh"].T @ da
    return {"Wxh": dWxh, "Whh": dWhh, "bh": dbh, "x": dx, "h0": dh_next}
