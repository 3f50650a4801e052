"""The step of a program in a fence of Python, where the formulas of a document define none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from derive.reader import read_file
from derive.reader.dialects.programs import define_step, of_program
from derive.reader.text.fragment import Fragment

CHARACTERS = """\
def lossFun(inputs, targets, hprev):
  xs, hs, ys, ps = {}, {}, {}, {}
  hs[-1] = np.copy(hprev)
  loss = 0
  # forward pass
  for t in xrange(len(inputs)):
    xs[t] = np.zeros((vocab_size,1)) # encode in 1-of-k representation
    xs[t][inputs[t]] = 1
    hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t-1]) + bh) # hidden state
    ys[t] = np.dot(Why, hs[t]) + by # unnormalized log probabilities for next chars
    ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t])) # probabilities for next chars
    loss += -np.log(ps[t][targets[t],0]) # softmax (cross-entropy loss)
  dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
  dhnext = np.zeros_like(hs[0])
  for t in reversed(xrange(len(inputs))):
    dy = np.copy(ps[t])
    dy[targets[t]] -= 1
    dWhy += np.dot(dy, hs[t].T)
    dh = np.dot(Why.T, dy) + dhnext # backprop into h
    dhraw = (1 - hs[t] * hs[t]) * dh
    dhnext = np.dot(Whh.T, dhraw)
"""
LSTM = """\
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    Wf = parameters["Wf"]
    bf = parameters["bf"]
    Wi = parameters["Wi"]
    n_x, m = xt.shape
    concat = np.concatenate((a_prev, xt), axis=0)
    ft = sigmoid(np.dot(Wf, concat) + bf)
    it = sigmoid(np.dot(Wi, concat) + bi)
    cct = np.tanh(np.dot(Wc, concat) + bc)
    c_next = ft * c_prev + it * cct
    ot = sigmoid(np.dot(Wo, concat) + bo)
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(np.dot(Wy, a_next) + by)
    return a_next
"""
STATE_OF_SELF = """\
class RNN:
    def step(self, x):
        self.h = np.tanh(np.dot(self.W_hh, self.h) + np.dot(self.W_xh, x))
        y = np.dot(self.W_hy, self.h)
        return y
"""
ROWS = """\
def rnn(inputs, state, params):
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        H = torch.tanh(torch.mm(X, W_xh) + torch.mm(H, W_hh) + b_h)
        Y = torch.mm(H, W_hq) + b_q
        outputs.append(Y)
"""


def _texts(program: str) -> list[str]:
    return [each.text for each in of_program(program, "note.md", ())]


def test_a_list_of_states_by_step() -> None:
    assert _texts(CHARACTERS) == [
        r"h_t = \tanh(W_{xh} x_t + W_{hh} h_{t-1} + b_{h})",
        r"p_t = \operatorname{softmax}(W_{hy} h_t + b_{y})",  # ys are scores there, y_t the target of formulas
    ]


def test_values_called_by_their_step() -> None:
    assert _texts(LSTM) == [
        r"f_t = \sigma(W_{f} [a_{t-1}; x_t] + b_{f})",
        r"i_t = \sigma(W_{i} [a_{t-1}; x_t] + b_{i})",
        r"\tilde{c}_t = \tanh(W_{c} [a_{t-1}; x_t] + b_{c})",
        r"c_t = f_t \odot c_{t-1} + i_t \odot \tilde{c}_t",
        r"o_t = \sigma(W_{o} [a_{t-1}; x_t] + b_{o})",
        r"a_t = o_t \odot \tanh(c_t)",
        r"\hat{y}_t = \operatorname{softmax}(W_{y} a_t + b_{y})",
    ]


def test_a_state_that_is_made_of_itself() -> None:
    assert _texts(STATE_OF_SELF) == [r"h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t)", r"y_t = W_{hy} h_t"]
    assert _texts(ROWS) == [r"H_t = \tanh(X_t W_{xh} + H_{t-1} W_{hh} + b_{h})", r"Y_t = H_t W_{hq} + b_{q}"]


@pytest.mark.parametrize(
    ("program", "texts"),
    [
        ("h = np.tanh(W @ x + U @ h)\nh = h * mask", []),  # which h is meant is not known
        ("h = cell(x, h)", []),
        ("h = np.tanh(W @ lookup(x) + U @ h)\ny = V @ h", []),
        ("z = net(x)\nh = np.tanh(W @ z + U @ h)", []),
        ("y = W @ x + b", []),
        ("h = np.tanh(W @ x +", []),
        ("h = np.tanh(W @ x + U @ h)\ny = net(h)\nL = 0.5 * np.sum((y - d) ** 2)", [r"h_t = \tanh(W x_t + U h_{t-1})"]),
        ("%time\nh = 1 / (1 + np.exp(-(W @ x + U @ h)))", [r"h_t = \frac{1}{1 + \exp(-(W x_t + U h_{t-1}))}"]),
        ("h = np.tanh(W @ x + U @ h_prev)\ndh = x\nc = V @ dh", [r"h_t = \tanh(W x_t + U h_{t-1})"]),
        (
            "s = np.tanh(W @ x + U @ s_prev)\no = V @ s\nloss = 0.5 * np.sum((o - d) ** 2)",
            [r"s_t = \tanh(W x_t + U s_{t-1})", "o_t = V s_t", r"L_t = 0.5 (\lVert o_t - d_t \rVert^2)"],
        ),
        (
            "z = sigmoid(Wz @ x + Uz @ h_prev)\nh = (1 - z) * h_prev + z * np.tanh(Wh.dot(x))\ndh = Wy.T @ dy",
            [r"z_t = \sigma(W_{z} x_t + U_{z} h_{t-1})", r"h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \tanh(W_{h} x_t)"],
        ),
    ],
)  # fmt: skip
def test_what_is_read_and_what_is_left_out(program: str, texts: list[str]) -> None:
    assert _texts(program) == texts


def test_formulas_of_a_step_come_before_programs() -> None:
    def defined(text: str) -> bool:
        return define_step([Fragment.of(text)])

    assert defined(r"h_t = \tanh(W x_t + U h_{t-1})")
    assert defined("h_2 = f(x_2 W + h_1 U)")
    assert defined("h' = f(x, h)")
    assert not defined(r"\tanh'(z) = 1 - \tanh^2(z)")
    assert not defined("f'(z_t) = 1 - h_t^2")
    assert not defined(r"\delta_t = U^\top \delta_{t-1}")
    assert not defined(r"\frac{\partial L}{\partial U} = \sum_t \delta_t h_{t-1}^\top")
    assert not defined("dU = dz_t h_{t-1}^T")


def test_the_program_of_a_notebook_is_a_cell(tmp_path: Path) -> None:
    note = tmp_path / "lstm.ipynb"
    cells = [{"cell_type": "markdown", "source": "# By hand"}, {"cell_type": "code", "source": LSTM}]
    note.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    cell = read_file(note)
    assert {state.name for state in cell.states} == {"a", "c"}
    assert any(guess.taken == "the model is the program's from line 7 on" for guess in cell.guesses)
