"""A character model; one method gives the loss and leaves the gradients in a dict."""

import numpy as np


class CharLSTM:
    def __init__(self, char_to_idx, idx_to_char, vocab_size, n_h=100, seq_len=25, lr=0.001):
        self.char_to_idx, self.idx_to_char = char_to_idx, idx_to_char
        self.vocab_size, self.n_h, self.seq_len, self.lr = vocab_size, n_h, seq_len, lr
        self.params, self.grads, self.moments = {}, {}, {}
        for gate in "fico":
            self.params["W" + gate] = np.random.randn(n_h, n_h + vocab_size) * 0.1
            self.params["b" + gate] = np.zeros((n_h, 1))
        self.params["Wv"] = np.random.randn(vocab_size, n_h) * 0.1
        self.params["bv"] = np.zeros((vocab_size, 1))
        for key in self.params:
            self.grads["d" + key] = np.zeros_like(self.params[key])
            self.moments["m" + key] = np.zeros_like(self.params[key])

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-x))

    def reset_grads(self):
        for key in self.grads:
            self.grads[key].fill(0)

    def forward_backward(self, x_batch, y_batch, h_prev, c_prev):
        p, g = self.params, self.grads
        zs, fs, ins, bars, os = {}, {}, {}, {}, {}
        h, c, y_hat = {-1: h_prev}, {-1: c_prev}, {}
        loss = 0.0
        for t in range(self.seq_len):
            x = np.zeros((self.vocab_size, 1))
            x[x_batch[t]] = 1
            zs[t] = np.vstack((h[t - 1], x))
            fs[t] = self.sigmoid(p["Wf"] @ zs[t] + p["bf"])
            ins[t] = self.sigmoid(p["Wi"] @ zs[t] + p["bi"])
            bars[t] = np.tanh(p["Wc"] @ zs[t] + p["bc"])
            os[t] = self.sigmoid(p["Wo"] @ zs[t] + p["bo"])
            c[t] = fs[t] * c[t - 1] + ins[t] * bars[t]
            h[t] = os[t] * np.tanh(c[t])
            e = np.exp(p["Wv"] @ h[t] + p["bv"])
            y_hat[t] = e / e.sum()
            loss += -np.log(y_hat[t][y_batch[t], 0])
        self.reset_grads()
        dh_next, dc_next = np.zeros_like(h_prev), np.zeros_like(c_prev)
        for t in reversed(range(self.seq_len)):
            dv = np.copy(y_hat[t])
            dv[y_batch[t]] -= 1
            g["dWv"] += dv @ h[t].T
            g["dbv"] += dv
            dh = p["Wv"].T @ dv + dh_next
            do = dh * np.tanh(c[t])
            dao = do * os[t] * (1 - os[t])
            dc = dh * os[t] * (1 - np.tanh(c[t]) ** 2) + dc_next
            dac = dc * ins[t] * (1 - bars[t] ** 2)
            dai = dc * bars[t] * ins[t] * (1 - ins[t])
            daf = dc * c[t - 1] * fs[t] * (1 - fs[t])
            g["dWo"] += dao @ zs[t].T
            g["dbo"] += dao
            g["dWc"] += dac @ zs[t].T
            g["dbc"] += dac
            g["dWi"] += dai @ zs[t].T
            g["dbi"] += dai
            g["dWf"] += daf @ zs[t].T
            g["dbf"] += daf
            dz = p["Wf"].T @ daf + p["Wi"].T @ dai + p["Wc"].T @ dac + p["Wo"].T @ dao
            dh_next = dz[: self.n_h]
            dc_next = fs[t] * dc
        return loss, h[self.seq_len - 1], c[self.seq_len - 1]
