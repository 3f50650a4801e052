"""The facts that a user may declare: three kinds in their spellings, everything else refused with the possible ones."""

from __future__ import annotations

import pytest

from derive import catalogue
from derive.errors import InputError
from derive.notation import find
from verify import check
from verify.formulas.assuming import facts, possible
from verify.formulas.judgement import Word

HEAD = "softmax_cross_entropy"

READ = [
    ("lstm", "h_0 = 0", ("starts at zero", "h")),
    ("lstm", "c^{(0)} = 0", ("starts at zero", "c")),
    ("lstm", r"c_0 = \mathbf{0}", ("starts at zero", "c")),
    (HEAD, "one-hot", ("one-hot", "y")),
    (HEAD, "y_t one-hot", ("one-hot", "y")),
    (HEAD, "$y$ is one-hot.", ("one-hot", "y")),
    (HEAD, r"\sum y = 1", ("sums to one", "y")),
    (HEAD, r"\sum_{i=1}^{n} y_{t,i} = 1", ("sums to one", "y")),
    (HEAD, r"\mathbf{1}^\top y_t = 1", ("sums to one", "y")),
    (HEAD, "𝟏ᵀ y = 1", ("sums to one", "y")),
    (HEAD, "sum(y_t) = 1", ("sums to one", "y")),
    (HEAD, "y sums to 1", ("sums to one", "y")),
]

REFUSED = ["", "y > 0", "y_t = 1", r"\sum \hat y = 1", "h_1 = 0", "h_t = 0", "W = 0", "U symmetric", "q one-hot", "one"]


@pytest.mark.parametrize(("name", "text", "fact"), READ)
def test_a_known_fact_is_read(name: str, text: str, fact: tuple[str, str]) -> None:
    (found,) = facts([text], catalogue.find(name))
    assert (found.kind, found.quantity.name) == fact


@pytest.mark.parametrize("name", [HEAD, "rnn"])
@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused_with_what_is_possible(name: str, text: str) -> None:
    with pytest.raises(InputError) as refused:
        facts([text], catalogue.find(name))
    assert repr(text) in refused.value.message
    assert all(fact in refused.value.hint for fact in possible(catalogue.find(name)))


@pytest.mark.parametrize("name", [*catalogue.cells(), *catalogue.heads()])
def test_whatever_is_listed_is_read(name: str) -> None:
    cell = catalogue.find(name)
    assert len(facts(possible(cell), cell)) == len(possible(cell))


def test_the_letters_are_those_of_the_notation() -> None:
    (found,) = facts([r"a^{\langle 0 \rangle} = 0"], catalogue.find("lstm"), find("deeplearning-ai"))
    assert found.quantity.name == "h"


@pytest.mark.parametrize(("fact", "word"), [("h_0 = 0", Word.HOLDS_IF), (r"\sum x_t = 1", Word.WRONG)])
def test_a_formula_that_needs_a_fact_names_it(fact: str, word: Word) -> None:
    formula = r"\frac{\partial J}{\partial U} = \sum_{t=2}^{T} \delta_t h_{t-1}^T"
    (judgement,) = check(formula, catalogue.find("rnn"), assume=[fact])
    assert judgement.word is word
    assert word is Word.WRONG or judgement.assumptions == ("h starts at zero",)


def test_a_fact_that_is_not_needed_is_not_named() -> None:
    formula = r"\frac{\partial J}{\partial U} = \sum_t \delta_t h_{t-1}^T"
    (judgement,) = check(formula, catalogue.find("rnn"), assume=["h_0 = 0"])
    assert (judgement.word, judgement.assumptions) == (Word.PROVED, ())
