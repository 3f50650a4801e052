"""Classes that keep their arrays in objects of their own, take two states as one, or take the places of words."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, said, verdicts

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

PARTS = """
class Part:
    def __init__(self, D, H):
        self.W, self.U = np.ones((D, H)), np.ones((H, H))

    def forward(self, x):
        self.x, self.hs = x, [np.zeros((len(x), len(self.U)))]
        for t in range(x.shape[1]):
            self.hs.append(np.tanh(x[:, t] @ self.W + self.hs[-1] @ self.U))
        return np.stack(self.hs[1:], axis=1)

    def backward(self, dh):
        self.dW, self.dU, dx, carry = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.x), 0
        for t in reversed(range(dh.shape[1])):
            da = (dh[:, t] + carry) * (1 - self.hs[t + 1] ** 2)
            self.dW += self.x[:, t].T @ da
            self.dU += self.hs[t].T @ da
            dx[:, t], carry = da @ self.W.T, da @ self.U.T
        return dx
"""
BOTH = (
    PARTS
    + """
class Both:
    def __init__(self, input_dim, hidden_dim):
        self.ahead, self.back = Part(input_dim, hidden_dim), Part(input_dim, hidden_dim)

    def forward(self, x):
        return np.concatenate([self.ahead.forward(x), self.back.forward(x[:, ::-1])[:, ::-1]], axis=2)

    def backward(self, d_out):
        H = d_out.shape[2] // 2
        dx = self.ahead.backward(d_out[:, :, :H])
        return dx + self.back.backward(d_out[:, ::-1, H:])[:, ::-1]
"""
)
ABOVE = (
    PARTS
    + """
class Above:
    def __init__(self, input_dim, hidden_dim):
        self.parts = [Part(input_dim, hidden_dim), Part(hidden_dim, hidden_dim)]

    def forward(self, x):
        for part in self.parts:
            x = part.forward(x)
        return x

    def backward(self, d):
        for part in reversed(self.parts):
            d = part.backward(d)
        return d
"""
)


def test_gradients_of_objects_within_are_those_of_their_arrays(tmp_path: Path) -> None:
    found = answer(tmp_path, BOTH.replace("d_out[:, ::-1, H:]", "d_out[:, :, H:]"), "Both", "")
    wrong = [n for n, verdict in verdicts(found).items() if verdict == "wrong"]
    assert (wrong, len(verdicts(found))) == (["back.dW", "back.dU", "dx"], 5), found


def test_objects_in_a_list(tmp_path: Path) -> None:
    found = answer(tmp_path, ABOVE, "Above", "")
    assert (found["verdict"], len(found["gradients"])) == ("right", 5), found


PAIR = """
class LSTM:
    def __init__(self, D, H):
        self.H = H
        self.model = {f"W{k}": np.ones((H + D, H)) for k in "fico"}

    def forward(self, X, state):
        h_old, c_old = state
        Z = np.column_stack((h_old, X))
        f, i, o = (1 / (1 + np.exp(-(Z @ self.model["W" + k]))) for k in "fio")
        g = np.tanh(Z @ self.model["Wc"])
        c = f * c_old + i * g
        h = o * np.tanh(c)
        return h, c, (Z, c_old, f, i, o, g, c)

    def backward(self, d_next, cache):
        dh, dc = d_next
        Z, c_old, f, i, o, g, c = cache
        do = dh * np.tanh(c) * o * (1 - o)
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        parts = {"f": dc * c_old * f * (1 - f), "i": dc * g * i * (1 - i), "c": dc * i * (1 - g**2), "o": do}
        dZ = sum(d @ self.model["W" + k].T for k, d in parts.items())
        dh_prev, dX, dc_prev = dZ[:, : self.H], dZ[:, self.H :], f * dc
        grad = {"W" + k: Z.T @ d for k, d in parts.items()}
        return dX, (dh_prev, dc_prev), grad
"""


def test_two_states_come_and_go_as_one(tmp_path: Path) -> None:
    found = answer(tmp_path, PAIR.replace("dZ[:, self.H :], f * dc", "dZ[:, self.H :], -f * dc"), "LSTM", "lstm")
    assert found["forward"] == "same"
    assert [n for n, verdict in verdicts(found).items() if verdict == "wrong"] == ["dc_prev"]
    assert said(found).startswith("sign")


WORDS = """
class Model:
    def __init__(self, vocab_size, embed_dim, hidden_size, num_classes):
        self.E, self.W = np.ones((vocab_size, embed_dim)), np.ones((embed_dim, hidden_size))
        self.U, self.V = np.ones((hidden_size, hidden_size)), np.ones((hidden_size, num_classes))

    def forward(self, tokens):
        self.tokens, self.x, self.h = tokens, self.E[tokens], [np.zeros((len(tokens), len(self.U)))]
        for t in range(tokens.shape[1]):
            self.h.append(np.tanh(self.x[:, t] @ self.W + self.h[-1] @ self.U))
        return self.h[-1] @ self.V

    def backward(self, dlogits):
        grads = {n: np.zeros_like(getattr(self, n)) for n in "EWUV"}
        grads["V"], dh = self.h[-1].T @ dlogits, dlogits @ self.V.T
        for t in reversed(range(self.tokens.shape[1])):
            da = dh * (1 - self.h[t + 1] ** 2)
            grads["W"] += self.x[:, t].T @ da
            grads["U"] += self.h[t].T @ da
            np.add.at(grads["E"], self.tokens[:, t], da @ self.W.T)
            dh = da @ self.U.T
        return grads
"""


def test_places_of_words_are_given_where_arrays_are_not_taken(tmp_path: Path) -> None:
    found = answer(tmp_path, WORDS.replace("da @ self.W.T)", "da @ self.W.T / 2)"), "Model", "")
    assert verdicts(found) == {"E": "wrong", "W": "right", "U": "right", "V": "right"}


FILTER = """
def forward(W, decay, x):
    u, h, hs = np.tanh(x @ W), 0, []
    for row in u:
        h = decay * h + row
        hs.append(h)
    return np.array(hs), (W, decay, x, u, hs)

def backward(dhs, cache):
    W, decay, x, u, hs = cache
    d, ddecay, da = 0, np.zeros_like(decay), np.zeros_like(u)
    for t in reversed(range(len(x))):
        d = dhs[t] + d * decay if t < len(x) - 1 else dhs[t]
        da[t] = d * (1 - u[t] ** 2)
        ddecay += d * hs[t - 1] if t else 0
    return x.T @ da, ddecay, da @ W.T
"""


def test_a_vector_beside_a_matrix(tmp_path: Path) -> None:
    found = answer(tmp_path, FILTER.replace("hs[t - 1] if t", "hs[t] if t"), "backward", "")
    assert verdicts(found) == {"dW": "right", "ddecay": "wrong", "dx": "right"}
