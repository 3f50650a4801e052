"""Gradients that objects keep: of an object within, made by setup, scaled to one norm; a state with an axis of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from backproof.command_line import main

CELL = """import numpy as np

class Cell:
    def __init__(self, n_in, n_h):
        self.W, self.U = np.random.randn(n_h, n_in), np.random.randn(n_h, n_h)
        self.grad_W = self.grad_U = None

    def forward(self, x, h):
        self.kept = x, h, np.tanh(x @ self.W.T + h @ self.U.T)
        return self.kept[2]

    def backward(self, dh):
        x, h, new = self.kept
        d = dh * (1 - new ** 2)
        self.grad_W, self.grad_U = d.T @ x, d.T @ h
        return d @ self.W, d @ self.U

class Layer:
    def __init__(self, n_in, n_h):
        self.cell, self.n_h = Cell(n_in, n_h), n_h

    def forward(self, x):
        h, hs, self.steps = np.zeros((x.shape[0], self.n_h)), [], []
        for t in range(x.shape[1]):
            h = self.cell.forward(x[:, t, :], h)
            hs.append(h)
            self.steps.append(self.cell.kept)
        return np.stack(hs, axis=1)

    def backward(self, d_hs):
        self.grad_W, self.grad_U = np.zeros_like(self.cell.W), np.zeros_like(self.cell.U)
        dh, dx = 0, []
        for t in reversed(range(d_hs.shape[1])):
            self.cell.kept = self.steps[t]
            d, dh = self.cell.backward(d_hs[:, t, :] + dh)
            dx.insert(0, d)
            self.grad_W += self.cell.grad_W
            self.grad_U += self.cell.grad_U
        return np.stack(dx, axis=1)
"""

SETUP = """import numpy as np

class Params(dict):
    pass

class Layer:
    def __init__(self, hidden_dim):
        self.hidden_dim, self.p = hidden_dim, Params()

    def setup(self, x_shape):
        self.p["W"] = np.random.randn(x_shape[2], self.hidden_dim)
        self.p["U"] = np.random.randn(self.hidden_dim, self.hidden_dim)

    def forward_pass(self, X):
        hs = np.zeros((X.shape[0], X.shape[1] + 1, self.hidden_dim))
        for t in range(X.shape[1]):
            hs[:, t] = np.tanh(X[:, t] @ self.p["W"] + hs[:, t - 1] @ self.p["U"])
        self.kept = X, hs
        return hs[:, :-1]

    def backward_pass(self, delta):
        X, hs = self.kept
        self.p.grad = {"W": np.zeros_like(self.p["W"]), "U": np.zeros_like(self.p["U"])}
        carry, dx = 0, np.zeros_like(X)
        for t in reversed(range(X.shape[1])):
            d = (delta[:, t] + carry) * (1 - hs[:, t] ** 2)
            self.p.grad["W"] += X[:, t].T @ d
            self.p.grad["U"] += hs[:, t - 1].T @ d
            carry, dx[:, t] = d @ self.p["U"].T, d @ self.p["W"].T
        return dx
"""

SCALED = """import numpy as np

def forward(x, W, U):
    hs = [np.zeros((x.shape[1], W.shape[1]))]
    for t in range(len(x)):
        hs.append(np.tanh(x[t] @ W + hs[-1] @ U))
    return np.array(hs[1:]), (x, W, U, hs)

def backward(d_hs, cache):
    x, W, U, hs = cache
    dW, dU, carry = np.zeros_like(W), np.zeros_like(U), 0
    for t in reversed(range(len(x))):
        d = (d_hs[t] + carry) * (1 - hs[t + 1] ** 2)
        dW += x[t].T @ d
        dU += hs[t].T @ d
        carry = d @ U.T
    norm = np.sqrt((dW ** 2).sum() + (dU ** 2).sum())
    if norm > 0.5:
        dW, dU = dW * 0.5 / norm, dU * 0.5 / norm
    return dW, dU
"""


LAYERS = """import numpy as np

def forward(x, h0, W, U):
    hs = [h0[0]]  # h0: (layers, batch, hidden)
    for t in range(x.shape[1]):
        hs.append(np.tanh(x[:, t] @ W + hs[-1] @ U))
    return np.stack(hs[1:], axis=1), (x, W, U, hs)

def backward(d_hs, cache):
    x, W, U, hs = cache
    dx, dW, dU, carry = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), 0
    for t in reversed(range(x.shape[1])):
        d = (d_hs[:, t] + carry) * (1 - hs[t + 1] ** 2)
        dW += x[:, t].T @ d
        dU += hs[t].T @ d
        carry, dx[:, t] = d @ U.T, d @ W.T
    return dx, carry[None], dW, dU
"""


def verdict(path: Path, text: str, target: str) -> str:
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["check-code", f"{path}:{target}", "--gradients", "--json"])
    return str(json.loads(done.stdout)["verdict"])


@pytest.mark.parametrize(
    ("text", "target"), [(CELL, "Layer"), (SETUP, "Layer"), (SCALED, "backward"), (LAYERS, "backward")]
)
def test_they_are_found_and_right(tmp_path: Path, text: str, target: str) -> None:
    assert verdict(tmp_path / "mine.py", text, target) == "right"


def test_a_sum_over_steps_that_is_none_is_wrong(tmp_path: Path) -> None:
    slip = CELL.replace("self.grad_U += self.cell.grad_U", "self.grad_U = self.cell.grad_U")
    assert verdict(tmp_path / "mine.py", slip, "Layer") == "wrong"
