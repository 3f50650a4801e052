"""An LSTM in columns, (n, m, T): dictionaries of parameters, a tuple of caches, W acting on [a_prev; x_t]."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    concat = np.concatenate((a_prev, xt))
    ft = sigmoid(parameters["Wf"] @ concat + parameters["bf"])
    it = sigmoid(parameters["Wi"] @ concat + parameters["bi"])
    cct = np.tanh(parameters["Wc"] @ concat + parameters["bc"])
    c_next = ft * c_prev + it * cct
    ot = sigmoid(parameters["Wo"] @ concat + parameters["bo"])
    a_next = ot * np.tanh(c_next)
    return a_next, c_next, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(x, a0, parameters):
    caches = []
    _, m, T_x = x.shape
    a = np.zeros((a0.shape[0], m, T_x))
    a_next, c_next = a0, np.zeros_like(a0)
    for t in range(T_x):
        a_next, c_next, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t] = a_next
        caches.append(cache)
    return a, (caches, x)


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    n_a = a_next.shape[0]
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    dcct = dc * it * (1 - cct**2)
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)
    concat = np.concatenate((a_prev, xt))
    gates = {"f": dft, "i": dit, "c": dcct, "o": dot}
    gradients = {f"dW{k}": d @ concat.T for k, d in gates.items()}
    gradients |= {f"db{k}": d.sum(axis=1, keepdims=True) for k, d in gates.items()}
    gradients["da_prev"] = sum(parameters[f"W{k}"][:, :n_a].T @ d for k, d in gates.items())
    gradients["dxt"] = sum(parameters[f"W{k}"][:, n_a:].T @ d for k, d in gates.items())
    gradients["dc_prev"] = dc * ft
    return gradients


def lstm_backward(da, caches):
    caches, x = caches
    n_a, m, T_x = da.shape
    gradients = {f"d{k}": np.zeros_like(v) for k, v in caches[0][-1].items()}
    dx = np.zeros_like(x)
    da_prevt = np.zeros((n_a, m))
    dc_prevt = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        step = lstm_cell_backward(da[:, :, t] + da_prevt, dc_prevt, caches[t])
        da_prevt = step["da_prev"]
        dc_prevt = step["dc_prev"]
        dx[:, :, t] = step["dxt"]
        for key in gradients:
            gradients[key] += step[key]
    gradients["dx"] = dx
    gradients["da0"] = da_prevt
    return gradients


def backward(parameters, x, da, a0):
    _, caches = lstm_forward(x, a0, parameters)
    return lstm_backward(da, caches)
