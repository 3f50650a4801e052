"""A character RNN: loss and gradients in one function, lists of columns, softmax with cross-entropy."""

import numpy as np


def make(vocabulary, hidden, rng):
    return {
        "Wxh": rng.normal(size=(hidden, vocabulary)) * 0.5,
        "Whh": rng.normal(size=(hidden, hidden)) * 0.5,
        "Why": rng.normal(size=(vocabulary, hidden)) * 0.5,
        "bh": rng.normal(size=(hidden, 1)) * 0.5,
        "by": rng.normal(size=(vocabulary, 1)) * 0.5,
    }


def lossFun(inputs, targets, hprev, Wxh, Whh, Why, bh, by, clip=None):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        ys[t] = Why @ hs[t] + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += dhraw @ xs[t].T
        dWhh += dhraw @ hs[t - 1].T
        dhnext = Whh.T @ dhraw
    if clip:
        for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
            np.clip(dparam, -clip, clip, out=dparam)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


def rnn_backward(params, x, d_ys, h0):
    """The same backward pass for any loss: one example, columns (T, n, 1)."""
    Wxh, Whh, bh = params["Wxh"], params["Whh"], params["bh"]
    hs = {-1: h0}
    for t in range(len(x)):
        hs[t] = np.tanh(Wxh @ x[t] + Whh @ hs[t - 1] + bh)
    dWxh, dWhh, dbh = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(bh)
    dhnext = np.zeros_like(h0)
    for t in reversed(range(len(x))):
        dh = d_ys[t] + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += dhraw @ x[t].T
        dWhh += dhraw @ hs[t - 1].T
        dhnext = Whh.T @ dhraw
    return {"Wxh": dWxh, "Whh": dWhh, "bh": dbh}
