"""Words and decoration in formulas: what is understood changes nothing, what is not is never dropped."""

from __future__ import annotations

import os
import random
import re
from functools import cache

import pytest
from registry import RATED

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.nodes import Adjoint
from derive.reader import read_equations
from derive.targets.formula import latex
from verify import check
from verify.formulas.judgement import Judgement, Word

MANY = 40 if os.environ.get("BACKPROOF_FULL_FIGURES") else 2
SURE = (Word.PROVED, Word.HOLDS_IF)
MEANINGFUL = (
    "half of",
    "minus",
    "not",
    "twice",
    "negative",
    "the slope of",
    "unless",
    "the transpose of",
    "一半",
    "的平方",
    "近似",
    "的导数",
)
DECORATION = (
    r"\large {}", r"\displaystyle {}", r"\color{{blue}} {}", r"\boxed{{{}}}", r"\therefore {}", r"\Rightarrow {}",
    r"\text{{gradient: }} {}", r"{} \quad \text{{by the chain rule}}", r"{} \tag{{3}}", r"{} \label{{eq:a}}",
    r"\text{{so }} {}", r"{} \qquad (3)", r"\bbox[5px,border:2px solid red]{{{}}}",
)  # fmt: skip
BREAKS = re.compile(r"(?<==) |(?<=\\odot) |(?<=\+) |(?<=\\top) ")
JACOBIAN = re.compile(r"\\frac\{\\partial (h_\{?\w+(?:-1)?\}?)\}\{\\partial (h_\{?\w+(?:-1)?\}?)\}")


@cache
def formulas(name: str) -> tuple[str, ...]:
    """The true formulas of a cell for its gradients."""
    found = differentiate(catalogue.find(name)).summed_losses
    table = found.cell.notation
    return tuple(f"{latex(Adjoint(g.of), table)} = {latex(g.value, table)}" for g in found.gradients if g.value)


def judged(text: str, name: str) -> tuple[Judgement, ...]:
    return check(text, catalogue.find(name), explain=False)


@pytest.mark.parametrize("name", RATED)
def test_a_word_with_a_meaning_is_never_dropped(name: str) -> None:
    drawn = random.Random(name)
    for formula in drawn.sample(formulas(name), min(MANY, len(formulas(name)))):
        places = [m.start() for m in BREAKS.finditer(formula)] + [len(formula)]
        for word in drawn.sample(MEANINGFUL, 3):
            at = drawn.choice(places)
            command = drawn.choice((r"\text", r"\mbox", r"\textit", r"\mathrm"))
            text = f"{formula[:at]} {command}{{{word} }} {formula[at:]}"
            assert not any(found.word in SURE for found in judged(text, name)), text


@pytest.mark.parametrize("name", RATED)
def test_decoration_never_changes_a_verdict(name: str) -> None:
    drawn = random.Random(name)
    for formula in drawn.sample(formulas(name), min(MANY, len(formulas(name)))):
        (plain,) = judged(formula, name)
        for form in drawn.sample(DECORATION, 4):
            found = judged(form.format(formula), name)
            assert [each.word for each in found] == [plain.word], form.format(formula)
            assert found[0].assumptions == plain.assumptions


RATIO = re.compile(r"D(\+?)\((h_\S*?),(h_\S*?|U)\)")
TRUE_JACOBIANS = tuple(
    RATIO.sub(lambda m: rf"\frac{{\partial{'^+' * bool(m[1])} {m[2]}}}{{\partial {m[3]}}}", text)
    for text in (
        r"D(h_t,h_{t-1}) = \operatorname{diag}(1 - h_t^2) U",
        r"D(h_t,h_k) = \prod_{j=k+1}^{t} D(h_j,h_{j-1})",
        r"D(h_t,U) = \sum_{k=1}^{t} D(h_t,h_k) D+(h_k,U)",
        r"\frac{\partial J_t}{\partial U} = \sum_{k=1}^{t} \frac{\partial J_t}{\partial h_t} D(h_t,h_k) D(h_k,U)",
        r"D(h_t,h_{t-2}) = D(h_t,h_{t-1}) D(h_{t-1},h_{t-2})",
        r"D(h_3,h_1) = D(h_3,h_2) D(h_2,h_1)",
    )
)


@pytest.mark.parametrize("formula", TRUE_JACOBIANS)
def test_a_jacobian_turned_over_is_never_proved(formula: str) -> None:
    (right,) = judged(formula, "rnn")
    assert right.word in SURE, right
    places = list(JACOBIAN.finditer(formula))
    assert places
    for place in [*places, None]:
        turned = JACOBIAN.sub(
            lambda m, place=place: (
                rf"\frac{{\partial {m.group(2)}}}{{\partial {m.group(1)}}}"
                if place is None or m.start() == place.start()
                else m.group()
            ),
            formula,
        )
        (found,) = judged(turned, "rnn")
        assert found.word is not Word.PROVED, turned
        if found.word is Word.HOLDS_IF:
            assert any("is zero" in words for words in found.assumptions), (turned, found.assumptions)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (r"\text{ if } t = T", Word.HOLDS_IF), (r"\quad \text{at } t = T", Word.HOLDS_IF), (", t = T", Word.HOLDS_IF),
        (r"\text{ unless } t = T", Word.UNDECIDED), (r"\text{ if } h_0 = 0", Word.UNDECIDED), ("", Word.WRONG),
        (r"\text{ by the chain rule}", Word.WRONG), (r"\text{ only}", Word.UNDECIDED),
    ],
)  # fmt: skip
def test_a_condition_is_used(text: str, word: Word) -> None:
    carried = r"\frac{\partial J}{\partial c_t} = \frac{\partial J}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t))"
    assert judged(carried + text, "lstm")[0].word is word


def test_words_of_a_cell_are_its_letters():
    cell = read_equations([r"hidden_t = keep_t \odot hidden_{t-1} + W x_t", r"keep_t = \sigma(V x_t)"])
    for claim in (
        r"\frac{\partial J}{\partial keep_t} = \frac{\partial J}{\partial hidden_t} \odot hidden_{t-1}",
        "dkeep_t = dhidden_t * hidden_{t-1}",
    ):
        assert check(claim, cell)[0].word is Word.PROVED
