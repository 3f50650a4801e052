"""Layouts that run as another with one step or one example, and then show less."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, said, verdicts

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

STEPS_LAST = """
class Layer:
    def __init__(self, input_size, hidden_size):
        self.W, self.U = np.ones((input_size, hidden_size)), np.ones((hidden_size, hidden_size))

    def forward(self, X):
        self.X, self.A = X, [np.zeros((len(X), len(self.U)))]
        for t in range(X.shape[2]):
            self.A.append(np.tanh(X[:, :, t] @ self.W + self.A[-1] @ self.U))
        return np.dstack(self.A[1:])

    def backward(self, dA):
        self.dW, self.dU, dX, carry = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.X), 0
        for t in reversed(range(dA.shape[2])):
            da = (dA[:, :, t] + carry) * (1 - self.A[t + 1] ** 2)
            self.dW += self.X[:, :, t].T @ da
            self.dU += self.A[t].T @ da
            dX[:, :, t], carry = da @ self.W.T, da @ self.U.T
        return dX
"""


def test_steps_along_the_last_axis_are_several(tmp_path: Path) -> None:
    found = answer(tmp_path, STEPS_LAST.replace("(dA[:, :, t] + carry)", "dA[:, :, t]"), "Layer")
    assert {*verdicts(found).values()} == {"wrong"}
    assert said(found).startswith("carry left out")
