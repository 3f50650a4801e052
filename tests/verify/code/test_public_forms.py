"""How people hand things over: the last of a list of outputs, gradients in a list under one name, sizes as capital
letters, one length for all, a loss and its gradients in two methods, earlier states in other words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from verify.code import answering
from verify.code.calling import words
from verify.code.calling.base import MisfitError
from verify.code.running.loading import imported

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def answer(folder: Path, text: str, target: str, cell: str = "rnn") -> dict[str, Any]:
    path = folder / "mine.py"
    path.write_text(f"import numpy as np\n\n{text}", encoding="utf-8")
    return answering.answered({"spec": f"{path}:{target}", "cell": cell}, imported(path), lambda stage: None)["json"]


def wrong(found: dict[str, Any]) -> set[str]:
    return {row["name"] for row in found["gradients"] if row["verdict"] == "wrong"}


LIST_OF_OUTPUTS = """
class Net:
    def __init__(self, M, N, n_out=4):
        self.W, self.U = np.random.randn(N, M), np.random.randn(N, N)
        self.b = np.zeros((N, 1))
        self.V, self.c = np.random.randn(n_out, N), np.zeros((n_out, 1))

    def forward(self, inputs):
        self.inputs, h, outputs = inputs, np.zeros((len(self.U), 1)), []
        self.hs = {-1: h}
        for t, x in enumerate(inputs):
            h = self.hs[t] = np.tanh(self.W @ x + self.U @ h + self.b)
            outputs.append(self.V @ h + self.c)
        return outputs

    def backward(self, d_out):
        dW, dU, db = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.b)
        dV = d_out @ self.hs[len(self.inputs) - 1].T
        dh = self.V.T @ d_out
        for t in reversed(range(len(self.inputs))):
            da = (1 - self.hs[t] ** 2) * dh
            dW += da @ self.inputs[t].T
            dU += da @ self.hs[t - 1].T
            db += da
            dh = self.U.T @ da
        grads = dW, dU, db, dV, d_out
        return grads
"""


def test_the_gradient_of_the_last_of_many_outputs_and_gradients_under_one_name(tmp_path: Path) -> None:
    text = LIST_OF_OUTPUTS.replace("dV, d_out\n", "dV, dc\n").replace(
        "        dh = self.V.T", "        dc = d_out\n        dh = self.V.T"
    )
    found = answer(tmp_path, text, "Net")
    assert found["verdict"] == "right", found
    assert {row["name"] for row in found["gradients"]} == {"dW", "dU", "db", "dV", "dc"}
    assert any("J reads the last output only" in words_ for words_ in found["assumed"])
    found = answer(tmp_path, text.replace("self.U.T @ da", "self.U @ da"), "Net")
    assert wrong(found) == {"dW", "dU", "db"}
    assert [m["name"] for m in found["mistakes"]] == ["missing transpose"]


ONE_LENGTH = """
n_chars = hidden_size = vocab_size = 7
Wx, Wh, Wy = (0.1 * np.random.randn(vocab_size, vocab_size) for _ in "123")
bh, by = np.zeros((hidden_size, 1)), np.zeros((vocab_size, 1))

def lossFun(inputs, targets, previous_hidden):
    xs, hs, ps, loss = {}, {-1: previous_hidden}, {}, 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wx @ xs[t] + Wh @ hs[t - 1] + bh)
        z = np.exp(Wy @ hs[t] + by)
        ps[t] = z / z.sum()
        loss -= np.log(ps[t][targets[t], 0])
    dWx, dWh, dWy, dbh, dby = (np.zeros_like(a) for a in (Wx, Wh, Wy, bh, by))
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = ps[t].copy()
        dy[targets[t]] -= 1
        dWy += dy @ hs[t].T
        dby += dy
        da = (1 - hs[t] ** 2) * (Wy.T @ dy + dhnext)
        dbh += da
        dWx += da @ xs[t].T
        dWh += da @ hs[t - 1].T
        dhnext = Wh.T @ da
    return loss, dWx, dWh, dWy, dbh, dby, hs[len(inputs) - 1]
"""


def test_input_state_and_output_of_one_length(tmp_path: Path) -> None:
    found = answer(tmp_path, ONE_LENGTH, "lossFun")
    assert found["verdict"] == "right", found
    assert found["forward"] == "same"
    assert any("one length" in note for note in found["notes"])
    found = answer(tmp_path, ONE_LENGTH.replace("dhnext = Wh.T @ da", "dhnext = Wh @ da"), "lossFun")
    assert wrong(found) == {"dWx", "dWh", "dbh"}


TWO_METHODS = """
class Model:
    def __init__(self, word_dim, hidden_dim=100):
        self.U, self.W = np.random.randn(hidden_dim, word_dim), np.random.randn(hidden_dim, hidden_dim)
        self.V = np.random.randn(word_dim, hidden_dim)

    def forward_propagation(self, x):
        return [Step(self, x, t) for t in range(len(x))]

    def states(self, x):
        s = {-1: np.zeros(len(self.W))}
        for t, k in enumerate(x):
            s[t] = np.tanh(self.U[:, k] + self.W @ s[t - 1])
        return s

    def calculate_loss(self, x, y):
        s = self.states(x)
        return sum(np.log(np.exp(self.V @ s[t]).sum()) - (self.V @ s[t])[k] for t, k in enumerate(y))

    def bptt(self, x, y):
        s = self.states(x)
        dU, dV, dW = np.zeros(self.U.shape), np.zeros(self.V.shape), np.zeros(self.W.shape)
        carry = np.zeros(len(self.W))
        for t in reversed(range(len(x))):
            p = np.exp(self.V @ s[t])
            p /= p.sum()
            p[y[t]] -= 1
            dV += np.outer(p, s[t])
            da = (self.V.T @ p + carry) * (1 - s[t] ** 2)
            dU[:, x[t]] += da
            dW += np.outer(da, s[t - 1])
            carry = self.W.T @ da
        return dU, dV, dW

class Step:
    def __init__(self, model, x, t):
        self.h = model.states(x)[t]
"""


def test_a_loss_and_its_gradients_in_two_methods_that_take_the_same(tmp_path: Path) -> None:
    found = answer(tmp_path, TWO_METHODS, "Model")
    assert found["verdict"] == "right", found
    found = answer(tmp_path, TWO_METHODS.replace("carry = self.W.T @ da", "carry = 0"), "Model")
    assert wrong(found) == {"dU", "dW"}


def test_the_bias_of_a_candidate_is_no_bias_of_a_readout() -> None:
    assert words.is_readout_bias("c")
    assert words.is_readout_bias("b_y")
    assert not words.is_readout_bias("b_c")
    assert words.part("previous_hidden") == "h"
    assert words.part("previous_cell") == "c"


OF_NO_KIND = """
class Found: pass

def run(net, batch):
    h, tape = np.zeros((batch[0].shape[0], len(net.R))), []
    for row in batch:
        h, before = np.tanh(row @ net.L + h @ net.R + net.off), h
        tape.append((row, before, h))
    return tape

def unwind(net, tape, signals):
    found = Found()
    found.L, found.R, found.off, s = np.zeros_like(net.L), np.zeros_like(net.R), np.zeros_like(net.off), 0
    for (row, before, h), signal in zip(tape[::-1], signals[::-1]):
        s = (s + signal) * (1 - h * h)
        found.L += row.T @ s
        found.R += before.T @ s
        found.off += s.sum(0)
        s = s @ net.R.T
    return found
"""

FILLED = (
    ("forward(x, h0, W", "forward(x, W"),
    (
        "outputs, kept = ..., ...  # call yours",
        "net = theirs.Found(); net.L, net.R, net.off = W.T, U.T, b; "
        "tape = theirs.run(net, [row[None] for row in x]); kept = net, tape; outputs = np.vstack([s[2] for s in tape])",
    ),
    ("found = ...  # call yours", "found = theirs.unwind(*kept, [row[None] for row in d_outputs])"),
    ('"dx": ...,', ""),
    ('"dh0": ...,', ""),
    ('"dW": ...', '"dW": found.L.T'),
    ('"dU": ...', '"dU": found.R.T'),
    ('"db": ...', '"db": found.off'),
)


def test_the_skeleton_runs_once_it_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "odd_names.py"
    path.write_text(f"import numpy as np\n\n{OF_NO_KIND}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    request = {"spec": f"{path}:unwind", "cell": "rnn"}
    with pytest.raises(MisfitError, match=r"unwind\(net, tape, signals\): how it is called could not be told"):
        answering.answered(request, imported(path), lambda stage: None)
    text = answering.answered({**request, "skeleton": True}, imported(path), lambda stage: None)["text"]
    assert "theirs.run(net, batch)" in text
    for before, after in FILLED:
        assert before in text
        text = text.replace(before, after)
    found = answer(tmp_path, text, "backward")
    assert (found["verdict"], found["forward"]) == ("right", "same")
    assert {row["name"] for row in found["gradients"]} == {"dW", "dU", "db"}


def test_the_skeleton_of_a_loss_is_python_and_declares_its_axes(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def train(net, x, targets, p): pass\n", encoding="utf-8")
    request = {"spec": f"{path}:train", "cell": "lstm", "skeleton": True}
    text = answering.answered(request, imported(path), lambda stage: None)["text"]
    space: dict[str, Any] = {}
    exec(compile(text.replace("import mine as theirs", ""), "adapter.py", "exec"), space)  # noqa: S102  # our own text
    assert space["SHAPES"]["y"] == "T K"
    assert space["SHAPES"]["U_f"] == "H H"


def test_axes_that_are_declared_need_no_search(tmp_path: Path) -> None:
    text = 'SHAPES = {"x": "T D Q"}\n\ndef rnn_forward(x): pass\ndef rnn_backward(dh, cache): pass\n'
    with pytest.raises(MisfitError, match="the axes of x, 'T D Q', are not of"):
        answer(tmp_path, text, "rnn_backward")


def test_a_skeleton_has_no_addresses_in_it_and_the_form_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class Net:\n    def train(self, act=print, n=3): pass\n", encoding="utf-8")
    request = {"spec": f"{path}:Net", "cell": "rnn", "skeleton": True}
    text = answering.answered(request, imported(path), lambda stage: None)["text"]
    assert ".train(act=..., n=3)" in text
    assert "def backward" in text
    text = answering.answered({**request, "as": "loss"}, imported(path), lambda stage: None)["text"]
    assert "def loss(params, x, y)" in text
