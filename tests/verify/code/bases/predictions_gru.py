"""Columns; forward returns states and predictions, backward takes the targets."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def cost(y_pred, y):
    return -np.sum(y * np.log(y_pred)) / y.shape[1]


def gru_forward(x, a0, parameters):
    Wr, Wu, Wc, Wy = parameters["Wr"], parameters["Wu"], parameters["Wc"], parameters["Wy"]
    br, bu, bc, by = parameters["br"], parameters["bu"], parameters["bc"], parameters["by"]
    n_x, m, T_x = x.shape
    a = np.zeros((a0.shape[0], m, T_x))
    y_pred = np.zeros((Wy.shape[0], m, T_x))
    caches = []
    a_prev = a0
    for t in range(T_x):
        concat = np.concatenate([a_prev, x[:, :, t]], axis=0)
        r = sigmoid(Wr @ concat + br)
        u = sigmoid(Wu @ concat + bu)
        concat_r = np.concatenate([r * a_prev, x[:, :, t]], axis=0)
        cand = np.tanh(Wc @ concat_r + bc)
        a_next = u * cand + (1 - u) * a_prev
        y_pred[:, :, t] = softmax(Wy @ a_next + by)
        caches.append((a_next, a_prev, concat, concat_r, r, u, cand, y_pred[:, :, t]))
        a[:, :, t] = a_next
        a_prev = a_next
    return a, y_pred, caches


def gru_backward(y, caches, parameters):
    Wr, Wu, Wc, Wy = parameters["Wr"], parameters["Wu"], parameters["Wc"], parameters["Wy"]
    n_y, m, T_x = y.shape
    n_a = Wr.shape[0]
    grads = {"d" + name: np.zeros_like(value) for name, value in parameters.items()}
    dx = np.zeros((Wr.shape[1] - n_a, m, T_x))
    da_next = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        a_next, a_prev, concat, concat_r, r, u, cand, y_hat = caches[t]
        dz_y = (y_hat - y[:, :, t]) / m
        grads["dWy"] += dz_y @ a_next.T
        grads["dby"] += dz_y.sum(axis=1, keepdims=True)
        da = Wy.T @ dz_y + da_next
        du = da * (cand - a_prev)
        dzc = da * u * (1 - cand**2)
        grads["dWc"] += dzc @ concat_r.T
        grads["dbc"] += dzc.sum(axis=1, keepdims=True)
        dcr = Wc.T @ dzc
        dr = dcr[:n_a] * a_prev
        dzr = dr * r * (1 - r)
        dzu = du * u * (1 - u)
        grads["dWr"] += dzr @ concat.T
        grads["dbr"] += dzr.sum(axis=1, keepdims=True)
        grads["dWu"] += dzu @ concat.T
        grads["dbu"] += dzu.sum(axis=1, keepdims=True)
        dconcat = Wr.T @ dzr + Wu.T @ dzu
        da_next = da * (1 - u) + dcr[:n_a] * r + dconcat[:n_a]
        dx[:, :, t] = dcr[n_a:] + dconcat[n_a:]
    grads["dx"] = dx
    grads["da0"] = da_next
    return grads
