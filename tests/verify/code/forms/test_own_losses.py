"""Functions with a loss of their own, and with targets and no loss."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from answers import answer, said, verdicts

from verify.code.calling.base import MisfitError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

ARGMAX = """
def rnn_loss(params, x, y, h0):
    W, U, b, V, c = (params[n] for n in ("W", "U", "b", "V", "c"))
    T, B, _ = x.shape
    hs, ps, loss = [h0], [], 0
    for t in range(T):
        hs.append(np.tanh(x[t] @ W + hs[-1] @ U + b))
        z = np.exp(hs[-1] @ V + c)
        ps.append(z / z.sum(1, keepdims=True))
        loss -= np.log(ps[t][np.arange(B), y[t].argmax(1)]).sum()
    grads = {n: np.zeros_like(v) for n, v in params.items()}
    carry = 0
    for t in reversed(range(T)):
        dz = ps[t] - y[t]
        grads["V"] += hs[t + 1].T @ dz
        grads["c"] += dz.sum(0)
        da = (dz @ V.T + carry) * (1 - hs[t + 1] ** 2)
        grads["W"] += x[t].T @ da
        grads["U"] += hs[t].T @ da
        grads["b"] += da.sum(0)
        carry = da @ U.T
    return loss, grads
"""


SHAPES = """
SHAPES = {{"x": "{x}", "h0": "B H", "W": "D H", "U": "H H", "b": "H", "V": "H K", "c": "K"}}
"""
"""What a text may say of its arrays, where a test is of targets: else each way to draw them is tried in all layouts."""


def test_indices_are_matched_with_the_loss_of_the_cell(tmp_path: Path) -> None:
    text = ARGMAX.replace("y[t].argmax(1)", "y[t]").replace("ps[t] - y[t]", "ps[t] - np.eye(V.shape[1])[y[t]]")
    found = answer(tmp_path, text, "rnn_loss")
    assert (found["verdict"], found["forward"]) == ("right", "same"), found


def test_a_loss_takes_a_mask(tmp_path: Path) -> None:
    text = ARGMAX.replace("x, y, h0):", "x, y, h0, mask):").replace(
        "dz = ps[t] - y[t]", "dz = mask[t][:, None] * (ps[t] - y[t])"
    )
    text = text.replace(
        "np.log(ps[t][np.arange(B), y[t].argmax(1)]).sum()", "(mask[t][:, None] * y[t] * np.log(ps[t])).sum()"
    )
    found = answer(tmp_path, text, "rnn_loss")
    assert (found["verdict"], found["forward"]) == ("right", "same"), found


def test_targets_of_which_the_largest_is_looked_for_are_one_hot(tmp_path: Path) -> None:
    text = SHAPES.format(x="T B D") + ARGMAX
    found = answer(tmp_path, text, "rnn_loss")
    assert found["verdict"] == "right", found
    assert any("one-hot" in words for words in found["assumed"])
    found = answer(tmp_path, text.replace("carry = da @ U.T", "carry = 0"), "rnn_loss")
    assert [n for n, verdict in verdicts(found).items() if verdict == "wrong"] == ["W", "U", "b"]
    if os.environ.get("BACKPROOF_FULL_FIGURES"):  # it takes long to go through all layouts with all targets
        assert answer(tmp_path, ARGMAX, "rnn_loss")["verdict"] == "right"


WEIGHTED = """
def rnn_forward(x, h0, W, U, b, V, c):
    hs, ps = [h0], []
    for t in range(x.shape[1]):
        hs.append(np.tanh(x[:, t] @ W + hs[-1] @ U + b))
        z = np.exp(hs[-1] @ V + c)
        ps.append(z / z.sum(1, keepdims=True))
    return np.stack(ps, axis=1), (x, hs, ps, W, U, V)

def rnn_backward(y, cache):
    x, hs, ps, W, U, V = cache
    dW, dU, dV = np.zeros_like(W), np.zeros_like(U), np.zeros_like(V)
    db, dc, carry = np.zeros(U.shape[0]), np.zeros(V.shape[1]), 0
    weights = 1 + np.arange(V.shape[1])
    for t in reversed(range(x.shape[1])):
        wanted = weights * y[:, t]
        dz = ps[t] * wanted.sum(1, keepdims=True) - wanted
        dV += hs[t + 1].T @ dz
        dc += dz.sum(0)
        da = (dz @ V.T + carry) * (1 - hs[t + 1] ** 2)
        dW += x[:, t].T @ da
        dU += hs[t].T @ da
        db += da.sum(0)
        carry = da @ U.T
    return dW, dU, db, dV, dc
"""


def test_a_target_is_not_taken_for_the_gradient_of_the_outputs(tmp_path: Path) -> None:
    """The gradients are those of a cross-entropy with weights for the classes, which no one can know."""
    with pytest.raises(MisfitError, match="no loss was found whose gradients these are"):
        answer(tmp_path, SHAPES.format(x="B T D") + WEIGHTED, "rnn_backward")


LISTED = """
class Model:
    def __init__(self, in_size, out_size, hidden_size):
        self.W, self.U = np.ones((hidden_size, in_size)), np.ones((hidden_size, hidden_size))
        self.V = np.ones((out_size, hidden_size))

    def lossFun(self, inputs, targets):
        xs, hs, ps, loss = {}, {-1: np.zeros((len(self.U), 1))}, {}, 0
        for t in range(len(inputs)):
            xs[t] = np.zeros((self.W.shape[1], 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(self.W @ xs[t] + self.U @ hs[t - 1])
            e = np.exp(self.V @ hs[t])
            ps[t] = e / e.sum()
            loss -= np.log(ps[t][targets[t], 0])
        dW, dU, dV, carry = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.V), 0
        for t in reversed(range(len(inputs))):
            dy = ps[t].copy()
            dy[targets[t]] -= 1
            da = (self.V.T @ dy + carry) * (1 - hs[t] ** 2)
            dV += dy @ hs[t].T
            dW += da @ xs[t].T
            dU += da @ hs[t - 1].T
            carry = self.U.T @ da
        deltas = [dW, dU, dV]
        return loss, deltas, hs[len(inputs) - 1]
"""


def test_gradients_in_a_list_have_the_names_that_it_is_made_of(tmp_path: Path) -> None:
    found = answer(tmp_path, LISTED, "Model.lossFun")
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    found = answer(tmp_path, LISTED.replace("carry = self.U.T @ da", "carry = 0"), "Model.lossFun")
    assert said(found).startswith("carry left out"), found
