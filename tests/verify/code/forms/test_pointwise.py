"""Code without matrices of its own: norms, gates from outside, attention; and two gates with arrays of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, said, verdicts

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

NORM = """
def layernorm_forward(x, gamma, beta, ln_param):
    std = np.sqrt(x.var(axis=1, keepdims=True) + ln_param.get("eps", 1e-5))
    hat = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * hat + beta, (hat, gamma, std)

def layernorm_backward(dout, cache):
    hat, gamma, std = cache
    d = dout * gamma
    dx = (d - d.mean(axis=1, keepdims=True) - hat * (d * hat).mean(axis=1, keepdims=True)) / std
    return dx, (dout * hat).sum(axis=0), dout.sum(axis=0)
"""


def test_options_are_given_and_a_scale_is_as_long_as_a_row(tmp_path: Path) -> None:
    assert {*verdicts(answer(tmp_path, NORM, "layernorm_backward", "")).values()} == {"right"}
    found = answer(tmp_path, NORM.replace(" - d.mean(axis=1, keepdims=True)", ""), "layernorm_backward", "")
    assert [n for n, verdict in verdicts(found).items() if verdict == "wrong"] == ["dx"]


GATES = """
def step_forward(gates, cx):
    i, g, o = (gates[:, k::3] for k in range(3))
    i, g, o = 1 / (1 + np.exp(-i)), np.tanh(g), 1 / (1 + np.exp(-o))
    cy = cx + i * g
    return o * np.tanh(cy), cy, (i, g, o, cy)

def step_backward(dhy, dcy, cache):
    i, g, o, cy = cache
    dc = dcy + dhy * o * (1 - np.tanh(cy) ** 2)
    dgates = np.zeros((len(dc), 3 * dc.shape[1]))
    dgates[:, 0::3], dgates[:, 1::3] = dc * g * i * (1 - i), dc * i * (1 - g * g)
    dgates[:, 2::3] = dhy * np.tanh(cy) * o * (1 - o)
    return dgates, dc
"""


def test_gates_from_outside_have_the_width_of_several_states(tmp_path: Path) -> None:
    assert {*verdicts(answer(tmp_path, GATES, "step_backward", "")).values()} == {"right"}
    found = answer(tmp_path, GATES.replace("dcy + dhy", "dhy"), "step_backward", "")
    assert {*verdicts(found).values()} == {"wrong"}


ATTENTION = """
class Attention:
    def __init__(self, hidden_dim, attention_dim):
        self.W, self.U = np.ones((hidden_dim, attention_dim)), np.ones((hidden_dim, attention_dim))
        self.v = np.ones((attention_dim, 1))

    def forward(self, query, values):
        self.query, self.values = query, values
        self.act = np.tanh(query @ self.W + values @ self.U)
        e = np.exp(self.act @ self.v)
        self.alpha = e / e.sum()
        return (self.alpha * values).sum(axis=0, keepdims=True)

    def backward(self, d_context):
        d = self.values @ d_context.T
        ds = self.alpha * (d - (self.alpha * d).sum())
        da = (ds @ self.v.T) * (1 - self.act**2)
        dq = da.sum(axis=0, keepdims=True)
        self.dv, self.dW, self.dU = self.act.T @ ds, self.query.T @ dq, self.values.T @ da
        d_query, d_values = dq @ self.W.T, self.alpha @ d_context + da @ self.U.T
        return d_query, d_values
"""


def test_attention_over_states(tmp_path: Path) -> None:
    found = answer(tmp_path, ATTENTION, "Attention", "")
    assert verdicts(found) == dict.fromkeys(("dW", "dU", "dv", "d_query", "d_values"), "right"), found
    found = answer(tmp_path, ATTENTION.replace("self.alpha @ d_context + ", ""), "Attention", "")
    assert [n for n, verdict in verdicts(found).items() if verdict == "wrong"] == ["d_values"]


TWO_BIASES = """
class Cell:
    def __init__(self, in_dim, hidden_dim):
        for k in "rzn":
            setattr(self, f"W{k}x", np.ones((hidden_dim, in_dim)))
            setattr(self, f"W{k}h", np.ones((hidden_dim, hidden_dim)))
            setattr(self, f"b{k}x", np.ones(hidden_dim))
            setattr(self, f"b{k}h", np.ones(hidden_dim))

    def forward(self, x, h_prev_t):
        self.x, self.h = x, h_prev_t
        self.r = 1 / (1 + np.exp(-(self.Wrx @ x + self.brx + self.Wrh @ h_prev_t + self.brh)))
        self.z = 1 / (1 + np.exp(-(self.Wzx @ x + self.bzx + self.Wzh @ h_prev_t + self.bzh)))
        self.inner = self.Wnh @ h_prev_t + self.bnh
        self.n = np.tanh(self.Wnx @ x + self.bnx + self.r * self.inner)
        h_t = (1 - self.z) * self.n + self.z * h_prev_t
        assert h_t.shape == h_prev_t.shape
        return h_t

    def backward(self, delta):
        dz = delta * (self.h - self.n) * self.z * (1 - self.z)
        dn = delta * (1 - self.z) * (1 - self.n**2)
        dr = dn * self.inner * self.r * (1 - self.r)
        self.dWnx, self.dWzx, self.dWrx = (np.outer(d, self.x) for d in (dn, dz, dr))
        self.dWnh, self.dWzh, self.dWrh = (np.outer(d, self.h) for d in (dn * self.r, dz, dr))
        self.dbnx, self.dbzx, self.dbrx = dn, dz, dr
        self.dbnh, self.dbzh, self.dbrh = dn * self.r, dz, dr
        dh = delta * self.z + (dn * self.r) @ self.Wnh + dz @ self.Wzh + dr @ self.Wrh
        return dn @ self.Wnx + dz @ self.Wzx + dr @ self.Wrx, dh
"""


def test_two_biases_for_every_gate_are_matched(tmp_path: Path) -> None:
    found = answer(tmp_path, TWO_BIASES, "Cell", "gru_reset_after")
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    found = answer(tmp_path, TWO_BIASES.replace("delta * self.z + ", ""), "Cell", "gru_reset_after")
    assert said(found).startswith("missing term")
