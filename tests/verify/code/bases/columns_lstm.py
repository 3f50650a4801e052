"""Columns, one matrix a gate for [a; x], caches as tuples."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_forward(x, a0, parameters):
    Wf, Wi, Wc, Wo = parameters["Wf"], parameters["Wi"], parameters["Wc"], parameters["Wo"]
    bf, bi, bc, bo = parameters["bf"], parameters["bi"], parameters["bc"], parameters["bo"]
    n_x, m, T_x = x.shape
    a = np.zeros((a0.shape[0], m, T_x))
    caches = []
    a_prev, c_prev = a0, np.zeros_like(a0)
    for t in range(T_x):
        concat = np.concatenate((a_prev, x[:, :, t]))
        ft = sigmoid(Wf @ concat + bf)
        it = sigmoid(Wi @ concat + bi)
        cct = np.tanh(Wc @ concat + bc)
        c_next = ft * c_prev + it * cct
        ot = sigmoid(Wo @ concat + bo)
        a_next = ot * np.tanh(c_next)
        caches.append((a_next, c_next, a_prev, c_prev, ft, it, cct, ot, concat, parameters))
        a[:, :, t] = a_next
        a_prev, c_prev = a_next, c_next
    return a, caches


def lstm_backward(da, caches):
    n_a, m, T_x = da.shape
    parameters = caches[0][-1]
    Wf, Wi, Wc, Wo = parameters["Wf"], parameters["Wi"], parameters["Wc"], parameters["Wo"]
    n_x = Wf.shape[1] - n_a
    dx = np.zeros((n_x, m, T_x))
    dWf, dWi, dWc, dWo = (np.zeros((n_a, n_a + n_x)) for _ in range(4))
    dbf, dbi, dbc, dbo = (np.zeros((n_a, 1)) for _ in range(4))
    da_prev, dc_prev = np.zeros((n_a, m)), np.zeros((n_a, m))
    for t in range(T_x - 1, -1, -1):
        a_next, c_next, a_old, c_old, ft, it, cct, ot, concat, _ = caches[t]
        da_next = da[:, :, t] + da_prev
        dot = da_next * np.tanh(c_next) * ot * (1 - ot)
        dc = dc_prev + ot * (1 - np.tanh(c_next) ** 2) * da_next
        dcct = dc * it * (1 - cct**2)
        dit = dc * cct * it * (1 - it)
        dft = dc * c_old * ft * (1 - ft)
        dWf += dft @ concat.T
        dWi += dit @ concat.T
        dWc += dcct @ concat.T
        dWo += dot @ concat.T
        dbf += dft.sum(axis=1, keepdims=True)
        dbi += dit.sum(axis=1, keepdims=True)
        dbc += dcct.sum(axis=1, keepdims=True)
        dbo += dot.sum(axis=1, keepdims=True)
        dconcat = Wf.T @ dft + Wi.T @ dit + Wc.T @ dcct + Wo.T @ dot
        da_prev = dconcat[:n_a]
        dx[:, :, t] = dconcat[n_a:]
        dc_prev = dc * ft
    da0 = da_prev
    return {"dx": dx, "da0": da0, "dWf": dWf, "dbf": dbf, "dWi": dWi, "dbi": dbi, "dWc": dWc, "dbc": dbc,
            "dWo": dWo, "dbo": dbo}  # fmt: skip
