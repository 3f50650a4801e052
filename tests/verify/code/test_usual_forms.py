"""What people's files have beside the plain sequence: the last output alone, masks and lengths, layers, lists to which
gradients are appended, outputs that are left in the object, modules that only draw, arrays that are made empty."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from verify.code import answering
from verify.code.calling.base import MisfitError
from verify.code.running import bystanders
from verify.code.running.loading import imported

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def answer(folder: Path, text: str, target: str, cell: str = "rnn", **network: Any) -> dict[str, Any]:
    path = folder / "mine.py"
    path.write_text(f"import numpy as np\n\n{text}", encoding="utf-8")
    request = {"spec": f"{path}:{target}", "cell": cell, "network": network}
    return answering.answered(request, imported(path), lambda stage: None)["json"]


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {row["name"]: row["verdict"] for row in found["gradients"]}


def said(found: dict[str, Any]) -> str:
    return "; ".join(f"{m['name']}: {m['detail']}" for m in found["mistakes"])


LAST = """
def rnn_forward(x, h0, W, U, b):
    hs = [h0]
    for t in range(x.shape[1]):
        hs.append(np.tanh(x[:, t] @ W + hs[-1] @ U + b))
    return np.stack(hs[1:], axis=1), (x, hs, W, U)

def rnn_backward(dh, cache):
    x, hs, W, U = cache
    dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros(U.shape[0])
    carry = dh[:, -1]
    for t in reversed(range(x.shape[1])):
        da = carry * (1 - hs[t + 1] ** 2)
        dx[:, t], carry = da @ W.T, da @ U.T
        dW += x[:, t].T @ da
        dU += hs[t].T @ da
        db += da.sum(0)
    dh0 = carry
    return dx, dh0, dW, dU, db
"""


def test_the_last_output_alone_counts_where_that_is_asked(tmp_path: Path) -> None:
    found = answer(tmp_path, LAST, "rnn_backward", last_step=True)
    assert found["verdict"] == "right", found
    assert "J reads the last output only, as asked" in found["assumed"]
    assert found["forward"] == "same"


def test_the_last_output_alone_is_wrong_where_all_count(tmp_path: Path) -> None:
    found = answer(tmp_path, LAST, "rnn_backward")
    assert found["verdict"] == "wrong"
    assert "last step only" in said(found)


def test_a_mistake_is_named_where_the_last_output_counts(tmp_path: Path) -> None:
    found = answer(tmp_path, LAST.replace("da @ U.T", "da @ U"), "rnn_backward", last_step=True)
    assert found["verdict"] == "wrong"
    assert "transpose" in said(found)


def test_a_loss_over_all_steps_is_not_that_of_the_last_one(tmp_path: Path) -> None:
    text = (Path(__file__).parent / "cases" / "char_rnn_right.py").read_text(encoding="utf-8")
    found = answer(tmp_path, text, "lossFun", head="softmax", last_step=True)
    assert found["verdict"] == "right", found
    assert found["forward"] == "its loss counts all steps, not the last one alone"


MASKED = """
def forward(x, mask, h0, W, U, b):
    hs, new = [h0], []
    for t in range(x.shape[1]):
        m = {mask}
        new.append(np.tanh(x[:, t] @ W + hs[-1] @ U + b))
        hs.append(m * new[-1] + (1 - m) * hs[-1])
    return np.stack(hs[1:], axis=1), (x, mask, hs, new, W, U)

def backward(dh, cache):
    x, mask, hs, new, W, U = cache
    dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros(U.shape[0])
    carry = 0
    for t in reversed(range(x.shape[1])):
        m = {mask}
        d = dh[:, t] + carry
        da = m * d * (1 - new[t] ** 2)
        dx[:, t], carry = da @ W.T, da @ U.T + (1 - m) * d
        dW += x[:, t].T @ da
        dU += hs[t].T @ da
        db += da.sum(0)
    dh0 = carry
    return dx, dh0, dW, dU, db
"""
MASKS = {"mask": "mask[:, t : t + 1]", "lengths": "(t < mask)[:, None] * 1.0"}


def masked(kind: str) -> str:
    return MASKED.replace("{mask}", MASKS[kind]).replace("mask", kind)


@pytest.mark.parametrize("kind", MASKS)
def test_masks_and_lengths_are_given(kind: str, tmp_path: Path) -> None:
    found = answer(tmp_path, masked(kind), "backward")
    assert found["verdict"] == "right", found


@pytest.mark.parametrize("kind", MASKS)
def test_a_sequence_that_has_ended_is_named(kind: str, tmp_path: Path) -> None:
    found = answer(tmp_path, masked(kind).replace(" + (1 - m) * d", ""), "backward")
    assert found["verdict"] == "wrong"
    assert "wrong where a sequence has ended" in said(found)


LAYERS = """
def forward(x, W0, U0, b0, W1, U1, b1):
    h, k, hs, ks = np.zeros((len(x), len(b0))), np.zeros((len(x), len(b1))), [], []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W0 + h @ U0 + b0)
        k = np.tanh(h @ W1 + k @ U1 + b1)
        hs.append(h)
        ks.append(k)
    return np.stack(ks, axis=1), (x, hs, ks, W0, U0, W1, U1)

def backward(dk, cache):
    x, hs, ks, W0, U0, W1, U1 = cache
    dx, dW0, dU0, dW1, dU1 = (np.zeros_like(v) for v in (x, W0, U0, W1, U1))
    db0, db1, dh, dl = np.zeros(len(U0)), np.zeros(len(U1)), 0, 0
    for t in reversed(range(x.shape[1])):
        before = (hs[t - 1], ks[t - 1]) if t else (0 * hs[0], 0 * ks[0])
        e = (dk[:, t] + dl) * (1 - ks[t] ** 2)
        d = (e @ W1.T + dh) * (1 - hs[t] ** 2)
        dl, dh = e @ U1.T, d @ U0.T
        dW1, dU1, db1 = dW1 + hs[t].T @ e, dU1 + before[1].T @ e, db1 + e.sum(0)
        dW0, dU0, db0 = dW0 + x[:, t].T @ d, dU0 + before[0].T @ d, db0 + d.sum(0)
        dx[:, t] = d @ W0.T
    return dx, dW0, dU0, db0, dW1, dU1, db1
"""


def test_layers_are_judged_by_their_own_forward_pass(tmp_path: Path) -> None:
    found = answer(tmp_path, LAYERS, "backward", layers=2)
    assert found["verdict"] == "right", found
    assert found["forward"].startswith("not compared: a network of several layers")
    wrong = answer(tmp_path, LAYERS.replace("e @ W1.T + dh", "e @ W1.T"), "backward", layers=2)
    assert {n for n, v in verdicts(wrong).items() if v == "wrong"} == {"dx", "dW0", "dU0", "db0"}


STEP = """
def rnn_step_forward(x, h_prev, W, U, b):
    h = np.tanh(x @ W + h_prev @ U + b)
    return h, (x, h_prev, h, W, U)

def rnn_step_backward(dh, cache):
    x, h_prev, h, W, U = cache
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h.T @ da, da.sum(0)
"""


def test_a_step_has_no_loop_in_which_a_mistake_could_be(tmp_path: Path) -> None:
    found = answer(tmp_path, STEP, "rnn_step_backward")
    assert said(found).startswith("wrong time index: h_t in place of h_{t-1}")
    assert "last state" not in said(found)


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
    assert said(found).startswith("missing sum over t: shape (6, 5, 5), expected (5, 5)")


def test_modules_that_only_show_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bystanders, "BYSTANDERS", frozenset({"nowhere_plots"}))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    found = answer(
        tmp_path, f"import nowhere_plots.figures as figures\nfrom nowhere_plots import bar\n{STEP}", "rnn_step_backward"
    )
    assert found["verdict"] == "wrong"
    assert "not installed, and not needed where it is not called: nowhere_plots" in found["notes"]
    with bystanders.stood_in() as used:
        import nowhere_plots  # type: ignore[import-not-found]

        assert "nowhere_plots" in used or nowhere_plots
        with pytest.raises(ModuleNotFoundError, match="nowhere_plots"):
            nowhere_plots.figures.line(1)
        with pytest.raises(ModuleNotFoundError):

            class Bar(nowhere_plots.Bar):  # type: ignore[misc]
                pass


EMPTY = (
    LAST.replace("dx, dW, dU, db = np.zeros_like(x)", "dx, dW, dU, db = np.empty_like(x)")
    .replace("carry = dh[:, -1]", "carry = 0")
    .replace("da = carry *", "da = (dh[:, t] + carry) *")
)


def test_an_array_made_empty_and_written_is_right(tmp_path: Path) -> None:
    assert answer(tmp_path, EMPTY, "rnn_backward")["verdict"] == "right"


def test_entries_that_are_never_written_are_told_beside_why(tmp_path: Path) -> None:
    found = answer(tmp_path, EMPTY.replace("range(x.shape[1]))", "range(x.shape[1] - 1))"), "rnn_backward")
    assert found["verdict"] == "wrong"
    assert "never written: dx has entries" in said(found)
    assert "wrong bounds of the sum: the loop backwards starts before the last step" in said(found)
    assert not found["nearest"]


def test_entries_that_are_never_written_are_wrong_where_zeros_are_right(tmp_path: Path) -> None:
    text = EMPTY.replace("return dx,", "dW = np.empty_like(W)\n    return dx,").replace(
        "x[:, t] @ W", "x[:, t] @ (0 * W)"
    )
    found = answer(tmp_path, text.replace("da @ W.T", "0 * (da @ W.T)"), "rnn_backward")
    assert verdicts(found) == {"dx": "right", "dh0": "right", "dW": "wrong", "dU": "right", "db": "right"}
    assert [m["name"] for m in found["mistakes"]] == ["never written"]


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
    found = answer(tmp_path, ARGMAX, "rnn_loss")
    assert found["verdict"] == "right", found
    assert any("one-hot" in words for words in found["assumed"])
    if os.environ.get("BACKPROOF_FULL_FIGURES"):  # it takes long to find that only one-hot targets are meant
        found = answer(tmp_path, ARGMAX.replace("carry = da @ U.T", "carry = 0"), "rnn_loss")
        assert [n for n, verdict in verdicts(found).items() if verdict == "wrong"] == ["W", "U", "b"]


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
        answer(tmp_path, WEIGHTED, "rnn_backward")


CARRIED = """
def rnn_forward(x, h0, Wx, Wh, b, mask):
    N, T, D = x.shape
    h, prev, cache = np.zeros((N, T, h0.shape[1])), h0, []
    for t in range(T):
        m, before = mask[:, t][:, None], prev
        new = np.tanh(x[:, t] @ Wx + before @ Wh + b)
        prev = m * new + (1 - m) * before
        h[:, t] = prev
        cache.append((x[:, t], before, new, m))
    return h, (cache, Wx, Wh)

def rnn_backward(dh, cache):
    steps, Wx, Wh = cache
    N, T, H = dh.shape
    dx, dWx, dWh, db = np.zeros((N, T, len(Wx))), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(H)
    carry = np.zeros((N, H))
    for t in reversed(range(T)):
        x, before, new, m = steps[t]
        d = dh[:, t] + carry
        da = m * d * (1 - new * new)
        dx[:, t] = da @ Wx.T
        dWx += x.T @ da
        dWh += before.T @ da
        db += da.sum(0)
        carry = da @ Wh.T + (1 - m) * d
    return dx, carry, dWx, dWh, db
"""


@pytest.mark.parametrize(("name", "given"), [("mask", "mask[:, t][:, None]"), ("lengths", "(t < lengths)[:, None]")])
def test_a_result_under_a_name_of_its_own_is_known_by_its_place(tmp_path: Path, name: str, given: str) -> None:
    text = CARRIED.replace("mask[:, t][:, None]", given).replace("mask", name)
    names = ("dx", "dh0", "dWx", "dWh", "db")
    assert verdicts(answer(tmp_path, text, "rnn_backward")) == dict.fromkeys(names, "right")
    wrong = answer(tmp_path, text.replace(" + (1 - m) * d", ""), "rnn_backward")
    assert verdicts(wrong) == dict.fromkeys(names, "wrong")
    crossed = answer(tmp_path, text.replace("return dx, carry, dWx, dWh", "return dx, dWx, carry, dWh"), "rnn_backward")
    assert verdicts(crossed)["dWx"] == "right"
    assert "dh0" not in verdicts(crossed)


NUMBERED = """
def forward(x, h0, W, U, b):
    hs, gates = [h0], []
    for t in range(x.shape[0]):
        z = 1 / (1 + np.exp(-(x[t] @ W[0] + hs[-1] @ U[0] + b[0])))
        n = np.tanh(x[t] @ W[1] + (z * hs[-1]) @ U[1] + b[1])
        hs.append((1 - z) * hs[-1] + z * n)
        gates.append((z, n))
    return np.array(hs[1:]), (x, hs, gates, W, U, b)

def backward(dhs, cache):
    x, hs, gates, W, U, b = cache
    dx, dW, dU, db, dh = (np.zeros_like(a) for a in (x, W, U, b, hs[0]))
    for t in reversed(range(x.shape[0])):
        (z, n), h = gates[t], hs[t]
        dh = dh + dhs[t]
        dan = dh * z * (1 - n * n)
        gated = dan @ U[1].T
        daz = (dh * (n - h) + gated * h) * z * (1 - z)
        for k, (da, before) in enumerate([(daz, h), (dan, z * h)]):
            dW[k] += x[t].T @ da
            dU[k] += before.T @ da
            db[k] += da.sum(0)
        dx[t] = dan @ W[1].T + daz @ W[0].T
        dh = dh * (1 - z) + gated * z + daz @ U[0].T
    return dx, dh, dW, dU, db
"""


MINIMAL = r"""# Minimal gated unit

$$ z_t = \sigma(W_z x_t + U_z h_{t-1} + b_z) $$
$$ n_t = \tanh(W_n x_t + U_n (z_t \odot h_{t-1}) + b_n) $$
$$ h_t = (1 - z_t) \odot h_{t-1} + z_t \odot n_t $$
"""


def test_arrays_that_are_numbered_within_one(tmp_path: Path) -> None:
    cell = tmp_path / "minimal.md"
    cell.write_text(MINIMAL, encoding="utf-8")
    found = answer(tmp_path, NUMBERED, "backward", str(cell))
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    found = answer(tmp_path, NUMBERED.replace(" + gated * z +", " +"), "backward", str(cell))
    assert found["verdict"] == "wrong"
    assert "missing term" in said(found), found


EXTENSION = """
import torch

class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weights, bias, old_h, old_cell):
        both = torch.cat([old_h, input], dim=1)
        i, o, g = torch.addmm(bias, both, weights.t()).chunk(3, dim=1)
        i, o, g = i.sigmoid(), o.sigmoid(), g.tanh()
        cell = old_cell + i * g
        ctx.save_for_backward(both, weights, i, o, g, cell)
        return o * cell.tanh(), cell

    @staticmethod
    def backward(ctx, grad_h, grad_cell):
        both, weights, i, o, g, cell = ctx.saved_tensors
        d_cell = grad_cell + grad_h * o * (1 - cell.tanh() ** 2)
        gates = [d_cell * g * i * (1 - i), grad_h * cell.tanh() * o * (1 - o), d_cell * i * (1 - g * g)]
        d_gates = torch.cat(gates, dim=1)
        d_both, size = d_gates.mm(weights), cell.shape[1]
        return d_both[:, size:], d_gates.t().mm(both), d_gates.sum(0), d_both[:, :size], d_cell
"""
NO_FORGETTING = r"""# No forgetting

$$ i_t = \sigma(W_i h_{t-1} + V_i x_t + b_i) $$
$$ o_t = \sigma(W_o h_{t-1} + V_o x_t + b_o) $$
$$ g_t = \tanh(W_g h_{t-1} + V_g x_t + b_g) $$
$$ c_t = c_{t-1} + i_t \odot g_t $$
$$ h_t = o_t \odot \tanh(c_t) $$
"""


def test_a_step_as_extensions_of_torch_write_it(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    cell = tmp_path / "cell.md"
    cell.write_text(NO_FORGETTING, encoding="utf-8")
    found = answer(tmp_path, EXTENSION, "Step", str(cell))
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    assert not any("not installed" in note for note in found["notes"])
    found = answer(tmp_path, EXTENSION.replace("grad_cell + grad_h * o", "grad_h * o"), "Step", str(cell))
    assert "final state ignored" in said(found), found


IN_A_TUPLE = """
def forward(params, x, h0):
    W, U, b = params
    hs = [h0]
    for t in range(len(x)):
        hs.append(np.tanh(x[t] @ W + hs[-1] @ U + b))
    return np.stack(hs[1:]), (params, x, hs)

def backward(res, g):
    (W, U, b), x, hs = res
    dW, dU, db, dx, dh = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(x), np.zeros_like(hs[0])
    for t in reversed(range(len(x))):
        da = (dh + g[t]) * (1 - hs[t + 1] ** 2)
        dW += x[t].T @ da
        dU += hs[t].T @ da
        db += da.sum(0)
        dx[t], dh = da @ W.T, da @ U.T
    return (dW, dU, db), dx, dh
"""


def test_parameters_in_a_tuple_have_their_gradients_in_one(tmp_path: Path) -> None:
    found = answer(tmp_path, IN_A_TUPLE, "backward")
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    found = answer(tmp_path, IN_A_TUPLE.replace("hs[t + 1] ** 2", "hs[t] ** 2"), "backward")
    assert "wrong time index" in said(found), found
