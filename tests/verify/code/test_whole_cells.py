"""Cells written with other arrays than the catalogue, and what a layer leaves or takes under other names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from verify.code import answering
from verify.code.calling import words
from verify.code.running.loading import imported

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def answer(folder: Path, text: str, target: str, cell: str) -> dict[str, Any]:
    path = folder / "mine.py"
    path.write_text(f"import numpy as np\n\n{text}", encoding="utf-8")
    return answering.answered({"spec": f"{path}:{target}", "cell": cell}, imported(path), lambda stage: None)["json"]


def named(found: dict[str, Any]) -> list[str]:
    return [mistake["name"] for mistake in found["mistakes"]]


UNIT = """
class Unit:
    def __init__(self, D, H):
        self.Wf, self.Uf, self.bf = np.random.randn(D, H), np.random.randn(H, H), np.zeros(H)
        self.Wn, self.Un, self.bn = np.random.randn(D, H), np.random.randn(H, H), np.zeros(H)

    def forward(self, x, h):
        f = 1 / (1 + np.exp(-(x @ self.Wf + h @ self.Uf + self.bf)))
        n = np.tanh(x @ self.Wn + (f * h) @ self.Un + self.bn)
        self.cache = x, h, f, n
        return (1 - f) * h + f * n

    def backward(self, dh):
        x, h, f, n = self.cache
        dn = dh * f * (1 - n**2)
        back = dn @ self.Un.T
        df = (dh * (n - h) + back * h) * f * (1 - f)
        self.dWf, self.dUf, self.dbf = x.T @ df, h.T @ df, df.sum(0)
        self.dWn, self.dUn, self.dbn = x.T @ dn, (f * h).T @ dn, dn.sum(0)
        return dn @ self.Wn.T + df @ self.Wf.T, dh * (1 - f) + back * f + df @ self.Uf.T
"""


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("", "", ""),
        ("(dh * (n - h) + back * h)", "(dh * (n - h))", "missing term"),
        ("dh * (1 - f) + back", "dh * f + back", "gate and complement exchanged"),
    ],
)
def test_matrices_for_each_of_two_vectors_that_the_catalogue_stacks(
    tmp_path: Path, old: str, new: str, name: str
) -> None:
    found = answer(tmp_path, UNIT.replace(old, new) if old else UNIT, "Unit", "mgu")
    assert found["forward"] == "same"
    assert found["verdict"] == ("wrong" if name else "right")
    assert named(found) == ([name] if name else [])


VECTORS = """
class Net:
    def __init__(self, D, H):
        self.W, self.u, self.b = np.random.randn(H, D), np.random.randn(H), np.zeros(H)

    def forward(self, x):
        self.x, self.h = x, [np.zeros((x.shape[1], len(self.b)))]
        for step in x:
            self.h.append(np.maximum(0, step @ self.W.T + self.h[-1] * self.u + self.b))
        return np.array(self.h[1:])

    def backward(self, dout):
        dW, du, db, dx = np.zeros_like(self.W), np.zeros_like(self.u), np.zeros_like(self.b), np.zeros_like(self.x)
        carry = 0
        for t in reversed(range(len(dout))):
            d = (dout[t] + carry) * (self.h[t + 1] > 0)
            dW += d.T @ self.x[t]
            du += (d * self.h[t]).sum(0)
            db += d.sum(0)
            dx[t], carry = d @ self.W, d * self.u
        return dx, dW, du, db
"""


def test_a_weight_of_every_unit_is_no_bias(tmp_path: Path) -> None:
    assert answer(tmp_path, VECTORS, "Net", "indrnn")["forward"] == "same"
    found = answer(tmp_path, VECTORS.replace("d * self.h[t])", "d * self.h[t + 1])"), "Net", "indrnn")
    assert named(found) == ["wrong time index"]


LAYER = """
class Layer:
    def forward(self, x, h_prev, U, W, V):
        self.h = np.tanh(U @ x + W @ h_prev)
        self.out = V @ self.h

    def backward(self, x, h_prev, U, W, V, diff_h, dout):
        self.forward(x, h_prev, U, W, V)
        dh = (V.T @ dout + diff_h) * (1 - self.h**2)
        dV, dU, dW = np.outer(dout, self.h), np.outer(dh, x), np.outer(dh, h_prev)
        dx, dh_prev = U.T @ dh, W.T @ dh
        return dx, dh_prev, dU, dW, dV
"""


def test_what_a_layer_leaves_has_the_gradients_of_its_names(tmp_path: Path) -> None:
    found = answer(tmp_path, LAYER, "Layer", "rnn")
    assert found["verdict"] == "right", found
    assert {row["name"] for row in found["gradients"]} == {"dx", "dh_prev", "dU", "dW", "dV"}
    assert answer(tmp_path, LAYER.replace(" + diff_h)", ")"), "Layer", "rnn")["verdict"] == "wrong"


CLIPPED = """
class RNN:
    def __init__(self, D, H, K):
        self.Wxh, self.Whh = np.random.randn(H, D), np.random.randn(H, H)
        self.Why, self.bh, self.by = np.random.randn(K, H), np.zeros((H, 1)), np.zeros((K, 1))

    def forward(self, xs):
        self.hs, ys = {-1: np.zeros_like(self.bh)}, {}
        for t in range(len(xs)):
            self.hs[t] = np.tanh(self.Wxh @ xs[t] + self.Whh @ self.hs[t - 1] + self.bh)
            ys[t] = self.Why @ self.hs[t] + self.by
        return ys

    def backward(self, xs, y_targets, y_pred):
        dWxh, dWhh, dWhy = np.zeros_like(self.Wxh), np.zeros_like(self.Whh), np.zeros_like(self.Why)
        dbh, dby, carry = np.zeros_like(self.bh), np.zeros_like(self.by), np.zeros_like(self.bh)
        for t in reversed(range(len(xs))):
            dy = y_pred[t] - y_targets[t]
            dWhy += dy @ self.hs[t].T
            dby += dy
            d = (self.Why.T @ dy + carry) * (1 - self.hs[t] ** 2)
            dWxh += d @ xs[t].T
            dWhh += d @ self.hs[t - 1].T
            dbh += d
            carry = self.Whh.T @ d
        for g in (dWxh, dWhh, dWhy, dbh, dby):
            np.clip(g, -5, 5, out=g)
        return dWxh, dWhh, dWhy, dbh, dby
"""


def test_targets_by_two_words_are_no_gradients_and_clipping_hides_no_loss(tmp_path: Path) -> None:
    found = answer(tmp_path, CLIPPED, "RNN", "rnn")
    assert found["verdict"] == "right", found
    assert any("squared error" in said for said in found["assumed"])
    assert [words.part(name) for name in ("y_targets", "label_idx", "target_seq", "x_targets")] == 3 * ["target"] + [""]


def test_a_function_of_an_object_is_a_method_of_its_class(tmp_path: Path) -> None:
    head, body = CLIPPED.split("    def backward(self, xs, y_targets, y_pred):\n")
    lines = ["def gradients(net, xs, y_targets):", "    y_pred = net.forward(xs)"]
    lines += [line.removeprefix("    ").replace("self.", "net.") for line in body.splitlines()]
    text = head + "\n\n" + "\n".join(lines) + "\n"
    assert answer(tmp_path, text, "gradients", "rnn")["verdict"] == "right"
    found = answer(tmp_path, text.replace("net.Whh.T @ d", "net.Whh @ d"), "gradients", "rnn")
    assert named(found)[:1] == ["missing transpose"]
