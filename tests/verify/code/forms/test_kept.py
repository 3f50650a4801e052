"""Where objects keep what they learn: under the same keys in two dicts, in tensors, behind a column of ones; and a
number for which a function of torch gives no gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from verify.code import answering
from verify.code.running.loading import imported

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def answer(folder: Path, text: str, target: str, cell: str = "") -> dict[str, Any]:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return answering.answered({"spec": f"{path}:{target}", "cell": cell}, imported(path), lambda stage: None)["json"]


def wrong(found: dict[str, Any]) -> set[str]:
    return {row["name"] for row in found["gradients"] if row["verdict"] == "wrong"}


TWO_DICTS = """
import numpy as np

class Ran:
    def __init__(self, input_dim, hidden_dim):
        self.W = {k: np.random.randn(hidden_dim, input_dim) for k in "fc"}
        self.b = {k: np.zeros(hidden_dim) for k in "fc"}

    def __call__(self, x):
        h, self.saved, out = np.zeros((x.shape[1], len(self.b["f"]))), [], []
        for xt in x:
            f = 1 / (1 + np.exp(-(xt @ self.W["f"].T + self.b["f"])))
            c = xt @ self.W["c"].T + self.b["c"]
            self.saved.append((xt, h, f, c))
            h = f * h + (1 - f) * c
            out.append(h)
        return np.array(out)

    def grad(self, dy):
        dW = {k: np.zeros_like(v) for k, v in self.W.items()}
        db = {k: np.zeros_like(v) for k, v in self.b.items()}
        d, dx = 0, np.zeros((len(dy), *self.saved[0][0].shape))
        for t in reversed(range(len(dy))):
            xt, h, f, c = self.saved[t]
            d = d + dy[t]
            df, dc = d * (h - c) * f * (1 - f), d * (1 - f)
            for k, one in (("f", df), ("c", dc)):
                dW[k] += one.T @ xt
                db[k] += one.sum(0)
                dx[t] += one @ self.W[k]
            d = d * f
        return dx, dW, db
"""


def test_two_dicts_with_the_same_keys(tmp_path: Path) -> None:
    found = answer(tmp_path, TWO_DICTS, "Ran")
    assert found["verdict"] == "right", found
    assert {row["name"] for row in found["gradients"]} == {"dx", "dW_f", "dW_c", "db_f", "db_c"}
    assert wrong(answer(tmp_path, TWO_DICTS.replace("db[k] += one.sum(0)", "db[k] += one[0]"), "Ran")) == {
        "db_f",
        "db_c",
    }


IN_TENSORS = """
import torch

class Leaky:
    def __init__(self, d, h):
        self.W = torch.ones(h, d, dtype=torch.float64)
        self.b = torch.zeros(h, dtype=torch.float64)

    def forward(self, x):
        h, self.x, self.hs = x.new_zeros(x.shape[0], len(self.b)), x, []
        for t in range(x.shape[1]):
            h = torch.tanh(x[:, t] @ self.W.t() + 0.5 * h + self.b)
            self.hs.append(h)
        return torch.stack(self.hs, 1)

    def backward(self, dy):
        self.dW, self.db = torch.zeros_like(self.W), torch.zeros_like(self.b)
        d = torch.zeros_like(dy[:, 0])
        for t in reversed(range(dy.shape[1])):
            a = (dy[:, t] + d) * (1 - self.hs[t] ** 2)
            self.dW += a.t() @ self.x[:, t]
            self.db += a.sum(0)
            d = 0.5 * a
"""


def test_an_object_that_keeps_tensors(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert answer(tmp_path, IN_TENSORS, "Leaky")["verdict"] == "right"
    assert wrong(answer(tmp_path, IN_TENSORS.replace("d = 0.5 * a", "d = a"), "Leaky")) == {"dW", "db"}


A_NUMBER = """
import torch

class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, x2h_w, x2h_b, h0, leak):
        new = torch.tanh(x @ x2h_w.t() + x2h_b)
        ctx.save_for_backward(x, x2h_w, new)
        ctx.leak = leak
        return (1 - leak) * h0 + leak * new

    @staticmethod
    def backward(ctx, d):
        x, w, new = ctx.saved_tensors
        a = ctx.leak * d * (1 - new * new)
        return a @ w, a.t() @ x, a.sum(0), (1 - ctx.leak) * d, None
"""


def test_a_number_without_a_gradient(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    found = answer(tmp_path, A_NUMBER, "Step")
    assert found["verdict"] == "right", found
    assert any("leak" in words for words in found["not_given"])
    assert wrong(answer(tmp_path, A_NUMBER.replace("(1 - ctx.leak) * d, None", "d, None"), "Step")) == {"h0"}


BIAS_COLUMNS = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hid, n_out):
        self.W1, self.W2 = np.random.randn(n_hid, 1 + n_in + n_hid), np.random.randn(n_out, 1 + n_hid)

    def predict(self, X):
        h, self.Z, self.H, Y = np.zeros((len(self.W1), X.shape[2])), [], [], []
        ones = np.ones((1, X.shape[2]))
        for x in X:
            self.Z.append(np.vstack([ones, x, h]))
            h = np.tanh(self.W1 @ self.Z[-1])
            self.H.append(np.vstack([ones, h]))
            Y.append(self.W2 @ self.H[-1])
        return np.stack(Y)

    def loss(self, X, targets):
        return 0.5 * np.sum((self.predict(X) - targets) ** 2)

    def gradients(self, X, targets):
        E = self.predict(X) - targets
        g1, g2, carry = np.zeros_like(self.W1), np.zeros_like(self.W2), 0
        for t in reversed(range(len(E))):
            g2 += E[t] @ self.H[t].T
            a = (self.W2[:, 1:].T @ E[t] + carry) * (1 - self.H[t][1:] ** 2)
            g1 += a @ self.Z[t].T
            carry = self.W1[:, 1 + X.shape[1]:].T @ a
        return g1, g2
"""


def test_weights_with_the_bias_as_a_column_of_a_readout_too(tmp_path: Path) -> None:
    assert answer(tmp_path, BIAS_COLUMNS, "Net")["verdict"] == "right"
    assert wrong(answer(tmp_path, BIAS_COLUMNS.replace("E[t] + carry", "E[t]"), "Net")) == {"dW1"}
