"""Scripts whose weights are globals that the backward pass moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, verdicts

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SCRIPT = """
D, H, T, lr = 3, 6, 5, 0.05
W, b, Wy = np.ones((H, H + D)), np.ones((H, 1)), np.ones((1, H))

def forward(xs):
    h, cache = np.zeros((H, 1)), []
    for x in xs:
        z = np.vstack((h, x.reshape(D, 1)))
        h = np.tanh(W @ z + b)
        cache.append((z, h))
    return Wy @ h, h, cache

def backward(xs, y_true, y_pred, cache):
    global W, b, Wy
    dW, db, dy = np.zeros_like(W), np.zeros_like(b), y_pred - y_true
    dWy, dh = dy @ cache[-1][1].T, Wy.T @ dy
    for t in reversed(range(T)):
        z, h = cache[t]
        da = dh * (1 - h**2)
        dW += da @ z.T
        db += da
        dh = (W.T @ da)[:H]
    for p, g in zip([W, b, Wy], [dW, db, dWy]):
        p -= lr * g
"""


def test_weights_in_globals_that_backward_moves(tmp_path: Path) -> None:
    found = answer(tmp_path, SCRIPT.replace("p -= lr * g", "p -= lr * g * (2 if p is b else 1)"), "backward", "")
    assert verdicts(found) == {"dW": "right", "db": "wrong", "dWy": "right"}
    assert "J is half the squared error of what is predicted, summed" in found["assumed"]
