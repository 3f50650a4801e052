"""Masks and lengths, also where the carry of what has ended goes on under a name of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, said, verdicts

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

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
