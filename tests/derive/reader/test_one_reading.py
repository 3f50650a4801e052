"""What is understood in an equation is understood in a claim, and as the same."""

from __future__ import annotations

import pytest

from derive.calculus.program import named_preactivations
from derive.cell import Cell
from derive.errors import InputError
from derive.reader import formula, read_equations
from derive.reader.claims.letters import Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.survey import survey
from derive.reader.meaning.quantities import Meaning
from derive.reader.meaning.tree import Term, walk
from derive.reader.meaning.vocabulary import Vocabulary
from derive.reader.text.parser import parse
from verify import check

CELL = read_equations([r"a_t = \tanh(W x_t + U h_{t-1})", r"h_t = a_t \odot h_{t-1} + v"], ["output: h_t"])

ALIKE = [
    r"W x_t + U h_{t-1}",
    r"\tanh W x_t",
    r"\sigma \tanh W x_t",
    r"\tanh(W x_t)^2 - 0.5",
    r"\tanh^2(a_t)",
    r"\frac{a_t}{2} \odot h_{t-1}",
    r"\frac{1}{2} (W x_t)^\top",
    r"e^{-a_t}",
    r"\sqrt{a_t} / 3",
    r"|a_t|^2",
    r"\|a_t\|_1",
    r"\|a_t\|_1^2",
    r"[h_{t-1}; x_t]",
    r"\begin{bmatrix} W & U \end{bmatrix} [x_t; h_{t-1}]",
    r"\begin{cases} a_t & a_t > 0 \\ 0.1 a_t & \text{otherwise} \end{cases}",
    r"\begin{cases} a_t & x_t \le v \\ v & v < a_t \\ 0 & \text{otherwise} \end{cases}",
    r"\operatorname{softmax}(W x_t)",
    r"\operatorname{diag}(a_t) U",
    r"\operatorname{mean}(a_t)",
    r"\operatorname{var}(W x_t)",
    r"a_t * -h_{t-1} * v",
    r"\max(0, a_t)",
    r"\mathbf{1} - a_t",
]  # fmt: skip


def terms(text: str) -> tuple[Term, Term]:
    """The meaning of an expression in an equation, and in a claim."""
    fragment = formula(text)
    ((syntax,),) = parse(fragment)
    vocabulary = Vocabulary()
    vocabulary.survey(syntax, fragment)
    letters = Letters(CELL, named_preactivations(CELL))
    survey(syntax, letters)
    return Meaning(fragment, vocabulary).term(syntax), Claiming(fragment, letters).term(syntax)


@pytest.mark.parametrize("text", ALIKE)
def test_an_expression_is_the_same_in_an_equation_and_in_a_claim(text: str) -> None:
    equation, claim = terms(text)
    assert equation == claim
    assert all(part.span is not None for part in walk(equation))


@pytest.mark.parametrize("text", [r"\tanh^{-1}(a_t)", r"\max(a_t)", r"\|a_t\|_3", r"a_t = h_t"])
def test_what_can_be_two_things_or_nothing_is_refused_in_both(text: str) -> None:
    fragment = formula(text)
    ((syntax,),) = parse(fragment)
    vocabulary = Vocabulary(quantities={"a", "h"})
    for reader in (Meaning(fragment, vocabulary), Claiming(fragment, Letters(CELL, named_preactivations(CELL)))):
        with pytest.raises(InputError):
            reader.term(syntax)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("proved", r"|a_t| = \begin{cases} a_t & a_t > 0 \\ -a_t & \text{otherwise} \end{cases}"),
        ("wrong", r"|a_t| = \begin{cases} a_t & a_t < 0 \\ -a_t & \text{otherwise} \end{cases}"),
        ("proved", r"\operatorname{mean}(a_t) = \frac{1}{H} \mathbf{1}^\top a_t"),
        ("wrong", r"\operatorname{mean}(a_t) = \mathbf{1}^\top a_t"),
        ("proved", r"\exp \log a_t = a_t"),
        ("holds_if", r"dW = \sum_t ((1 - a_t^2) \odot \frac{\partial J}{\partial a_t}) \otimes x_t"),
        ("wrong", r"dW = \sum_t x_t \otimes ((1 - a_t^2) \odot \frac{\partial J}{\partial a_t})"),
        ("proved", r"h_t = a_t \otimes h_{t-1} + v"),
    ],
)  # fmt: skip
def test_habits_of_equations_are_judged_in_claims(word: str, text: str) -> None:
    (judgement,) = check(text, CELL, explain=False)
    assert judgement.word.value == word, judgement


TYPEFACES = read_equations([r"h_t = \tanh(W x_t + \mathcal{W} h_{t-1} + b)"])
NUMBERED = read_equations([r"a_t = \tanh(W^1 x_t + b^1)", r"h_t = \tanh(W^2 a_t + U h_{t-1})"])


@pytest.mark.parametrize(
    ("model", "word", "text"),
    [
        (TYPEFACES, "proved", r"h_t = \tanh(W x_t + \mathcal{W} h_{t-1} + b)"),
        (TYPEFACES, "proved", r"\frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}(1 - h_t^2) \mathcal{W}"),
        (TYPEFACES, "wrong", r"\frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}(1 - h_t^2) W"),
        (TYPEFACES, "proved", r"\mathbf{h}_t = \tanh(\mathbf{W} x_t + \mathcal{W} h_{t-1} + b)"),
        (NUMBERED, "proved", r"a_t = \tanh(W^1 x_t + b^1)"),
        (NUMBERED, "proved", r"h_t = \tanh(W^{(2)} a_t + U h_{t-1})"),
        (NUMBERED, "proved", r"dW^2 = \sum_t ((1 - h_t^2) \odot \frac{\partial J}{\partial h_t}) a_t^\top"),
        (NUMBERED, "wrong", r"h_t = \tanh(W^1 a_t + U h_{t-1})"),
        (NUMBERED, "wrong", r"dW^2 = \sum_t (h_t^2 \odot \frac{\partial J}{\partial h_t}) a_t^\top"),
    ],
)
def test_typefaces_and_labels_of_a_document_hold_for_its_claims(model: Cell, word: str, text: str) -> None:
    (judgement,) = check(text, model, explain=False)
    assert judgement.word.value == word, judgement
