"""Functions over sequences: the last output alone, masks and lengths, layers, arrays in one or in a tuple."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, said, verdicts
from texts import LAST

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


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
    text = (Path(__file__).parents[1] / "cases" / "char_rnn_right.py").read_text(encoding="utf-8")
    found = answer(tmp_path, text, "lossFun", head="softmax", last_step=True)
    assert found["verdict"] == "right", found
    assert found["forward"] == "its loss counts all steps, not the last one alone"


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
