"""Claims about functions alone are judged on every cell, with their letters as free variables."""

from __future__ import annotations

import pytest

from derive import catalogue
from derive.reader import read_note
from verify import check
from verify.formulas.judgement import Word

TRUE = [
    r"(\tanh x)' = 1 - \tanh^2 x",
    r"\tanh'(x) = 1 - \tanh(x)^2",
    r"\tanh' = 1 - \tanh^2",
    r"\sigma'(x) = \sigma(x)(1-\sigma(x))",
    r"\sigma' = \sigma(1-\sigma)",
    r"\sigma(x)' = \sigma(x)\sigma(-x)",
    r"\frac{d\sigma}{dx} = \sigma(1-\sigma)",
    r"\frac{d}{dz}\sigma(z) = \sigma(z)(1-\sigma(z)) = \sigma(z) - \sigma(z)^2",
    r"\frac{\partial \tanh(z)}{\partial z} = 1-\tanh^2(z)",
    r"\frac{d}{dx} \tanh(x) = \frac{d}{dx} \left[ \frac{e^x - e^{-x}}{e^x + e^{-x}} \right]",
    r"\frac{d\tanh(x)}{dx} = \operatorname{sech}^2(x)",
    r"\frac{d}{dx}\sigma(2x) = 2\sigma'(2x)",
    r"\frac{d}{dx} e^{2x} = 2 e^{2x}",
    r"\frac{d}{dx}\log(\sigma(x)) = 1-\sigma(x)",
    r"\frac{d \log(1+e^x)}{dx} = \frac{e^x}{1+e^x}",
    r"\operatorname{softplus}'(x) = \sigma(x)",
    r"\sigma(a) = \frac{1}{2} + \frac{1}{2} \tanh(\frac{a}{2})",
    r"\tanh(z) = 2\sigma(2z)-1",
    r"\tanh(h) = \frac{e^{2h}-1}{e^{2h}+1}",
    r"\sigma(-h) = 1 - \sigma(h)",
    r"\sin^2 x + \cos^2 x = 1",
    r"e^{2x} = (e^x)^2",
    r"\log(1+e^x) = x + \log(1+e^{-x})",
    r"|x| = \max(x,-x)",
    r"\exp(a+b) = \exp(a)\exp(b)",
    r"\log(ab) = \log a + \log b",
]
FALSE = [
    r"(\tanh x)' = 1 - \tanh x",
    r"\tanh'(x) = 1 - x^2",
    r"\sigma'(x) = \sigma(x)(1+\sigma(x))",
    r"\sigma' = 1-\sigma^2",
    r"\sigma(x)' = \sigma(x)",
    r"\frac{d}{dx}\sigma(2x) = \sigma'(2x)",
    r"\frac{d}{dx} e^{2x} = e^{2x}",
    r"\frac{d}{dx}\tanh(x) = 1 - \tanh(x^2)",
    r"\operatorname{ReLU}'(x) = 1",
    r"\sin^2 x - \cos^2 x = 1",
]
OPEN = [
    r"\exp(a+b) = \exp(a)+\exp(b)",  # two letters may be names of something
    r"\sigma(x) = \max(0, x)",  # says what σ is
    r"\tanh^{-1}(x) = \frac{1}{\tanh(x)}",  # the inverse function, or one over the value
    r"f'(x) = 1 - f(x)^2",
    r"\tanh''(x) = 1",
]


@pytest.mark.parametrize("formula", TRUE)
@pytest.mark.parametrize("name", ["rnn", "lstm", "softmax_cross_entropy"])
def test_true_ones_are_proved_on_any_cell(name, formula):
    for judgement in check(formula, catalogue.find(name)):
        assert judgement.word is Word.PROVED, judgement
        assert "any number" in judgement.reading


@pytest.mark.parametrize("formula", FALSE)
def test_false_ones_are_wrong(formula):
    (judgement,) = check(formula, catalogue.find("rnn"))
    assert judgement.word is Word.WRONG, judgement


@pytest.mark.parametrize("formula", OPEN)
def test_what_may_mean_something_else_is_left_open(formula):
    (judgement,) = check(formula, catalogue.find("rnn"))
    assert judgement.word in (Word.UNDECIDED, Word.NOT_A_CLAIM), judgement


def test_a_statement_about_the_cell_stays_one():
    (judgement,) = check(r"h_t = \tanh(W x_t + U h_{t-1} + b)", catalogue.find("rnn"))
    assert judgement.word is Word.PROVED
    assert "any number" not in judgement.reading
    (judgement,) = check(r"h = \tanh(h)", catalogue.find("rnn"))
    assert "any number" not in judgement.reading


OWN = read_note(
    "# Swish units\n\n$$ h_t = \\phi(W x_t + U h_{t-1} + b) $$\n\n"
    "where $x_t \\in \\mathbb{R}^{D}$, $h_t \\in \\mathbb{R}^{H}$, $\\phi(a) = a \\sigma(a)$\n"
)


@pytest.mark.parametrize(
    ("formula", "word"),
    [
        (r"\phi'(x) = \sigma(x) + x \sigma(x) (1 - \sigma(x))", Word.PROVED),
        (r"\phi'(x) = \phi(x) + \sigma(x) (1 - \phi(x))", Word.PROVED),
        (r"\phi'(x) = \sigma(x) (1 - \sigma(x))", Word.WRONG),
        (r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t} \odot \phi'(net_t)", Word.PROVED),
        (r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t} \odot \phi(net_t)", Word.WRONG),
    ],
)
def test_a_function_that_the_note_declares(formula, word):
    (judgement,) = check(formula, OWN)
    assert judgement.word is word, judgement
