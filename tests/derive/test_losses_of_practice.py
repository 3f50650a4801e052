"""Losses as people train with them: weighted, smoothed, focal, masked; each from its equations, with all evidence."""

from __future__ import annotations

import pytest

from derive.reader import read_equations
from verify import evidence
from verify.formulas.claims import check
from verify.formulas.judgement import Word

SOFTMAX = [r"z_t = V h_t + c", r"p_t = \operatorname{softmax}(z_t)"]
SHAPES = [r"$h_t \in \mathbb{R}^{H}$", r"$y_t \in \mathbb{R}^{K}$"]
HEADS = {
    "class weights": ([*SOFTMAX, r"L_t = -\sum_k w_k y_{t,k} \log p_{t,k}"], SHAPES),
    "smoothed labels": (
        [*SOFTMAX, r"q_t = (1 - \epsilon) y_t + \frac{\epsilon}{K}", r"L_t = -\sum_k q_{t,k} \log p_{t,k}"],
        [*SHAPES, r"$\epsilon = 0.1$"],
    ),
    "focal": ([*SOFTMAX, r"L_t = -\sum_k y_{t,k} (1 - p_{t,k})^\gamma \log p_{t,k}"], [*SHAPES, r"$\gamma = 2$"]),
    "focal, a power of p": (
        [*SOFTMAX, r"q_t = p_t^{\gamma - 1}", r"L_t = -\sum_k y_{t,k} (1 - p_{t,k})^{\gamma} q_{t,k} \log p_{t,k}"],
        [*SHAPES, r"$\gamma = 3$"],
    ),
    "masked": (
        [*SOFTMAX, r"L_t = -m_t \sum_k y_{t,k} \log p_{t,k}"],
        [*SHAPES, r"$m_t \in \mathbb{R}$"],
    ),
    "log cosh": ([SOFTMAX[0], r"L_t = \sum_k \log\cosh(z_{t,k} - y_{t,k})"], SHAPES),
}


def read(name):
    equations, lines = HEADS[name]
    return read_equations(equations, [f"where {line}" for line in lines])


@pytest.mark.parametrize("name", HEADS)
def test_a_loss_passes_all_evidence(name):
    found = evidence(read(name))
    assert found.passed, {key: gradient.errors for key, gradient in found.gradients.items() if not gradient.passed}


def test_a_declared_exponent_is_a_power_in_equations_and_claims():
    cell = read("focal, a power of p")
    assert [guess.taken for guess in cell.guesses] == [r"p_t^{\gamma - 1} is a power"]
    first = r"\frac{\partial L_t}{\partial q_t} = -y_t \odot (1 - p_t)^{\gamma} \odot \log p_t"
    assert {judged.word for judged in check(first, cell)} <= {Word.PROVED, Word.HOLDS_IF}
    wrong = first.replace(r"\gamma}", r"\gamma + 1}")
    assert [judged.word for judged in check(wrong, cell)] == [Word.WRONG]
    raised = r"q_t = p_t^{\gamma - 1}"
    assert [judged.word for judged in check(raised, cell)] == [Word.PROVED]
    labelled = r"q_t = p_t^{\gamma}"
    assert [judged.word for judged in check(labelled, cell)] == [Word.WRONG]
