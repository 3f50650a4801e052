"""Parameters in globals, one function for the loss and the gradients."""

import numpy as np

hidden_size, vocab_size = 12, 9
Wxz, Wxr, Wxn = (np.random.randn(hidden_size, vocab_size) * 0.1 for _ in range(3))
Whz, Whr, Whn = (np.random.randn(hidden_size, hidden_size) * 0.1 for _ in range(3))
bz, br, bn = (np.zeros((hidden_size, 1)) for _ in range(3))
Why, by = np.random.randn(vocab_size, hidden_size) * 0.1, np.zeros((vocab_size, 1))


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lossFun(inputs, targets, hprev):
    xs, hs, zs, rs, ns, ps = {}, {}, {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        zs[t] = sigmoid(np.dot(Wxz, xs[t]) + np.dot(Whz, hs[t - 1]) + bz)
        rs[t] = sigmoid(np.dot(Wxr, xs[t]) + np.dot(Whr, hs[t - 1]) + br)
        ns[t] = np.tanh(np.dot(Wxn, xs[t]) + np.dot(Whn, rs[t] * hs[t - 1]) + bn)
        hs[t] = (1 - zs[t]) * hs[t - 1] + zs[t] * ns[t]
        y = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    dWxz, dWxr, dWxn = np.zeros_like(Wxz), np.zeros_like(Wxr), np.zeros_like(Wxn)
    dWhz, dWhr, dWhn = np.zeros_like(Whz), np.zeros_like(Whr), np.zeros_like(Whn)
    dbz, dbr, dbn = np.zeros_like(bz), np.zeros_like(br), np.zeros_like(bn)
    dWhy, dby = np.zeros_like(Why), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dn = dh * zs[t] * (1 - ns[t] * ns[t])
        dm = np.dot(Whn.T, dn)
        dz = dh * (ns[t] - hs[t - 1]) * zs[t] * (1 - zs[t])
        dr = dm * hs[t - 1] * rs[t] * (1 - rs[t])
        dWxz += np.dot(dz, xs[t].T)
        dWxr += np.dot(dr, xs[t].T)
        dWxn += np.dot(dn, xs[t].T)
        dWhz += np.dot(dz, hs[t - 1].T)
        dWhr += np.dot(dr, hs[t - 1].T)
        dWhn += np.dot(dn, (rs[t] * hs[t - 1]).T)
        dbz += dz
        dbr += dr
        dbn += dn
        dhnext = dh * (1 - zs[t]) + dm * rs[t] + np.dot(Whz.T, dz) + np.dot(Whr.T, dr)
    return loss, dWxz, dWxr, dWxn, dWhz, dWhr, dWhn, dbz, dbr, dbn, dWhy, dby, hs[len(inputs) - 1]
