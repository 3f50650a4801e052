"""Classes: where their arrays, outputs and gradients are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, said, verdicts

from verify.code.calling.base import MisfitError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

APPENDED = """
class Step:
    def __init__(self, input_size, hidden_size, batch_size=1):
        self.W = np.random.randn(input_size, hidden_size)
        self.U = np.random.randn(hidden_size, hidden_size)
        self.b = np.random.randn(batch_size, hidden_size)
        self.params = [self.W, self.U]
        self.grads = []

    def forward(self, x, h_t_minus_1):
        self.seen = x, h_t_minus_1
        self.h = np.tanh(x @ self.W + h_t_minus_1 @ self.U + self.b)
        return self.h

    def backward(self, dnext):
        x, before = self.seen
        self.grads = []
        da = dnext * (1 - self.h**2)
        dU, dW, db = before.T @ da, x.T @ da, da.copy()
        self.grads.append(dU)
        self.grads.append(dW)
        self.grads.append(db)
        d_h_minus_1, dx = da @ self.U, da @ self.W.T
        return d_h_minus_1, dx
"""


def test_gradients_that_are_appended_have_their_own_names(tmp_path: Path) -> None:
    found = verdicts(answer(tmp_path, APPENDED, "Step"))
    assert found.pop("d_h_minus_1") == "wrong"
    assert set(found) >= {"dU", "dW", "db"}
    assert set(found.values()) == {"right"}


READOUT = """
class Net:
    def __init__(self, input_size, hidden_size, output_size):
        self.W = np.random.randn(input_size, hidden_size)
        self.U = np.random.randn(hidden_size, hidden_size)
        self.V = np.random.randn(hidden_size, output_size)

    def forward(self, x):
        self.x, self.hs = x, [np.zeros((x.shape[1], len(self.U)))]
        for t in range(len(x)):
            self.hs.append(np.tanh(x[t] @ self.W + self.hs[-1] @ self.U))
        self.outputs = [h @ self.V for h in self.hs[1:]]

    def backward(self, d_outputs):
        return self.truncated(d_outputs, 0)

    def truncated(self, d_outputs, start):
        dW, dU, dV, carry = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.V), 0
        for t in reversed(range(start, len(self.x))):
            da = (d_outputs[t] @ self.V.T + carry) * (1 - self.hs[t + 1] ** 2)
            carry = da @ self.U.T
            dV += self.hs[t + 1].T @ d_outputs[t]
            dW += self.x[t].T @ da
            dU += self.hs[t].T @ da
        return dW, dU, dV
"""


def test_outputs_left_in_the_object_and_results_handed_on(tmp_path: Path) -> None:
    found = answer(tmp_path, READOUT, "Net")
    assert verdicts(found) == {"dW": "right", "dU": "right", "dV": "right"}


def test_what_runs_for_square_readouts_only_is_judged_there(tmp_path: Path) -> None:
    found = answer(tmp_path, READOUT.replace("@ self.V.T", "@ self.V"), "Net")
    assert verdicts(found) == {"dW": "wrong", "dU": "wrong", "dV": "right"}
    assert any("only where the output is as long as the state" in note for note in found["notes"])


def test_gradients_of_every_step_lack_the_sum(tmp_path: Path) -> None:
    text = READOUT.replace("dU += self.hs[t].T @ da", "dU[t] = self.hs[t].T @ da")
    text = text.replace("np.zeros_like(self.U)", "np.zeros((len(self.x), *self.U.shape))")
    found = answer(tmp_path, text, "Net")
    assert verdicts(found)["dU"] == "wrong"
    assert said(found).startswith("missing sum over t: shape (7, 5, 5), expected (5, 5)")


FIRST_PASS = """
class Layer:
    def __init__(self, units):
        self.units, self.p, self.g = units, {}, {}

    def forward(self, A):
        if not self.p:
            rng = np.random.default_rng(0)
            self.p = {"U": rng.normal(size=(A.shape[2], self.units)), "V": rng.normal(size=(self.units, self.units))}
        self.A, self.hs = A, [np.zeros((len(A), self.units))]
        for t in range(A.shape[1]):
            self.hs.append(np.tanh(A[:, t] @ self.p["U"] + self.hs[-1] @ self.p["V"]))
        return np.stack(self.hs[1:], axis=1)

    def backward(self, dX):
        self.g = {"dU": np.zeros_like(self.p["U"]), "dV": np.zeros_like(self.p["V"])}
        dA, carry = np.zeros_like(self.A), 0
        for t in reversed(range(self.A.shape[1])):
            da = (dX[:, t] + carry) * (1 - self.hs[t + 1] ** 2)
            self.g["dU"] += self.A[:, t].T @ da
            self.g["dV"] += self.hs[t].T @ da
            dA[:, t], carry = da @ self.p["U"].T, da @ self.p["V"].T
        return dA
"""


def test_weights_that_the_first_forward_pass_makes_are_judged(tmp_path: Path) -> None:
    found = answer(tmp_path, FIRST_PASS, "Layer")
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    assert {*verdicts(found)} == {"dU", "dV", "dA"}
    found = answer(tmp_path, FIRST_PASS.replace("self.hs[t].T @ da", "self.hs[t + 1].T @ da"), "Layer")
    assert [n for n, verdict in verdicts(found).items() if verdict == "wrong"] == ["dV"]
    text = FIRST_PASS.replace(
        "[np.zeros((len(A), self.units))]", "getattr(self, 'hs', [np.zeros((1, self.units))])[-1:]"
    )
    with pytest.raises(MisfitError, match="makes its weights in its first forward pass and keeps more of it"):
        answer(tmp_path, text, "Layer")
    text += "\n    def reset(self):\n        del self.hs\n"
    assert answer(tmp_path, text, "Layer")["verdict"] == "right"


NORM = """
class Norm:
    def __init__(self, d_model):
        self.gamma, self.beta = np.ones(d_model), np.zeros(d_model)

    def forward(self, x):
        self.scale = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        self.hat = (x - x.mean(axis=-1, keepdims=True)) * self.scale
        return self.gamma * self.hat + self.beta

    def backward(self, d_out):
        self.d_beta, self.d_gamma = d_out.sum((0, 1)), (d_out * self.hat).sum((0, 1))
        d = d_out * self.gamma
        d = d - d.mean(axis=-1, keepdims=True) - self.hat * (d * self.hat).mean(axis=-1, keepdims=True)
        return d * self.scale
"""


def test_an_output_may_be_as_long_as_the_input_and_none_is_stretched(tmp_path: Path) -> None:
    assert verdicts(answer(tmp_path, NORM, "Norm", "")) == {"d_beta": "right", "d_gamma": "right", "dx": "right"}
    found = answer(tmp_path, NORM.replace("d_out * self.gamma\n", "d_out\n"), "Norm", "")
    assert verdicts(found)["dx"] == "wrong"


CELL = """
class Cell:
    def __init__(self, input_size, hidden_size):
        self.W, self.U = np.ones((hidden_size, input_size)), np.ones((hidden_size, hidden_size))
        self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)

    def forward(self, x, h_prev_t):
        return np.tanh(x @ self.W.T + h_prev_t @ self.U.T)

    def backward(self, delta, h_t, h_prev_l, h_prev_t):
        da = delta * (1 - h_t**2)
        self.dW += da.T @ h_prev_l
        self.dU += da.T @ h_prev_t
        return da @ self.W, da @ self.U
"""


def test_a_step_is_handed_its_states_again_and_adds_to_its_gradients(tmp_path: Path) -> None:
    found = answer(tmp_path, CELL, "Cell")
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    assert any("each step adds its gradients to those of the steps before: dW, dU" in note for note in found["notes"])


DICTS = """
class Cell:
    def __init__(self, input_size, hidden_size):
        self.w = {"W": np.ones((hidden_size, input_size)), "U": np.ones((hidden_size, hidden_size))}

    def forward(self, x, h):
        return {"x": x, "h": np.tanh(self.w["W"] @ x + self.w["U"] @ h), "before": h}

    def backward(self, deltah, fd):
        da = deltah * (1 - fd["h"] ** 2)
        dx, dh = self.w["W"].T @ da, self.w["U"].T @ da
        return {"dW": da @ fd["x"].T, "dU": da @ fd["before"].T, "dx": dx, "dh_prev": dh}
"""


def test_outputs_under_keys_of_a_dict(tmp_path: Path) -> None:
    found = answer(tmp_path, DICTS, "Cell")
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    found = answer(tmp_path, DICTS.replace('self.w["U"].T @ da', 'self.w["U"] @ da'), "Cell")
    assert "missing transpose" in said(found)


ADDS = """
class Net:
    def __init__(self, input_size, hidden_size):
        self.W, self.U = np.ones((input_size, hidden_size)), np.ones((hidden_size, hidden_size))
        self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)

    def forward(self, x):
        self.x, self.hs = x, [np.zeros((x.shape[1], len(self.U)))]
        for t in range(len(x)):
            self.hs.append(np.tanh(x[t] @ self.W + self.hs[-1] @ self.U))
        return np.stack(self.hs[1:])

    def backward(self, dh):
        carry = 0
        for t in reversed(range(len(self.x))):
            da = (dh[t] + carry) * (1 - self.hs[t + 1] ** 2)
            self.dW += self.x[t].T @ da
            self.dU += self.hs[t].T @ da
            carry = da @ self.U.T

    def learn(self, rate):
        self.W -= rate * self.dW
        self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)
"""


def test_gradients_that_another_method_sets_back_may_add_up(tmp_path: Path) -> None:
    found = answer(tmp_path, ADDS, "Net")
    assert found["verdict"] == "right", found
    assert any("until learn() is called" in note for note in found["notes"])
    found = answer(tmp_path, ADDS[: ADDS.index("    def learn")], "Net")
    assert said(found).startswith("kept between calls")
