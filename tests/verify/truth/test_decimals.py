"""The second opinion agrees with the exact arithmetic, except for the identities that only numbers know."""

from __future__ import annotations

import random
from functools import cache

import mpmath
import mutated_texts
import pytest
import rewritings
from sympy import Max, Piecewise, Rational, exp, log, sqrt, tanh

from derive import catalogue, functions, nodes
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.calculus.program import named_preactivations
from derive.cell import Cell
from derive.functions import ENTRIES, ScalarFunction, slope
from derive.nodes import Adjoint, Node
from derive.reader import read_note
from verify import check
from verify.formulas.judgement import Word
from verify.truth.comparison import Answer, Bench, Compared, Setting
from verify.truth.decimals import WORDS, Opinion
from verify.truth.decimals.scalars import CONTEXT, NoRealError, Pair, close, pair
from verify.truth.decimals.trial import Trial
from verify.truth.scales import scales

A = functions.a
NAMES = ["rnn", "lstm", "gru", "rnn_layer_norm", "softmax_cross_entropy", "squared_error"]


@cache
def setting(name: str) -> Setting:
    cell = catalogue.find(name)
    return Setting(Bench(cell, named_preactivations(cell)))


@cache
def derivation(name: str) -> Derivation:
    return differentiate(catalogue.find(name)).summed_losses


def opinion(setting: Setting, left: Node, right: Node) -> Opinion:
    """The opinion at the sizes and at a step of the exact arithmetic's first trial."""
    place = setting.environments((left, right), 0)[-1]
    return setting.opinion(left, right, Compared(Answer.DIFFERENT, numbers=place.numbers))


# Scalars


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda entry: entry.name)
@pytest.mark.parametrize("at", [0.73, 1.4])
def test_every_function_has_the_slope_that_sympy_derives(entry, at):
    body = entry.function.body
    for k, argument in enumerate(body.variables):
        moving = {
            symbol: Pair(CONTEXT.mpf(value), CONTEXT.mpf(symbol == argument))
            for symbol, value in zip(body.variables, (at, 0.31), strict=False)
        }
        found = pair(body.expr, moving)
        derived = pair(slope(entry.function, k), {**moving, functions.y: found}).value
        assert abs(found.rate - derived) < CONTEXT.mpf(10) ** -45


@pytest.mark.parametrize(
    "expression",
    [
        A * tanh(log(1 + exp(A))),
        Piecewise((A, A > 0), (exp(A) - 1, True)),
        Max(0, A) ** 2,
        sqrt(1 + A**2),
        A ** Rational(3, 2),
        2**A,
    ],
)
@pytest.mark.parametrize("at", [0.37, 1.9])
def test_rates_of_change_are_those_of_mpmath(expression, at):
    def value(number):
        return pair(expression, {A: Pair(number, CONTEXT.mpf(0))}).value

    found = pair(expression, {A: Pair(CONTEXT.mpf(at), CONTEXT.mpf(1))}).rate
    assert abs(found - CONTEXT.diff(value, CONTEXT.mpf(at))) < CONTEXT.mpf(10) ** -30


@pytest.mark.parametrize("expression", [log(A), sqrt(A), 1 / (A + 1), A**A])
def test_what_has_no_real_value_is_no_number(expression):
    with pytest.raises(NoRealError):
        pair(expression, {A: Pair(CONTEXT.mpf(-1), CONTEXT.mpf(1))})


def test_an_open_function_and_its_slopes_fit_together():
    f = ScalarFunction("f")
    here = {A: Pair(CONTEXT.mpf(0.4), CONTEXT.mpf(1))}
    for order in range(3):
        later = f.prime()
        assert abs(pair(f.value(A), here).rate - pair(later.value(A), here).value) < CONTEXT.mpf(10) ** -45, order
        f = later


def test_fifty_digits_are_carried():
    assert CONTEXT.dps >= 50
    assert mpmath.mp.dps == 15  # nobody else's precision is touched
    third = pair(Rational(1, 3), {}).value
    assert abs(3 * third - 1) < CONTEXT.mpf(10) ** -50


# Both engines, on what is equal and on what is not


@pytest.mark.parametrize("name", NAMES)
def test_true_gradients_and_equations_agree(name):
    for gradient in derivation(name).gradients:
        if not gradient.assumptions:
            assert opinion(setting(name), Adjoint(gradient.of), gradient.value) is Opinion.AGREE, gradient.of
    for equation in derivation(name).program.equations:
        assert opinion(setting(name), equation.symbol, equation.expression) is Opinion.AGREE, equation


@pytest.mark.parametrize("name", NAMES)
def test_both_engines_find_the_same_mistakes(name):
    rng = random.Random(5)
    judged = {Answer.SAME: 0, Answer.DIFFERENT: 0}
    mistakes = list(mutated_texts.named(name))
    for mistake, left, right in rng.sample(mistakes, min(12, len(mistakes))):
        found = setting(name).compare(left, right)
        if found.answer is Answer.OPEN:
            continue
        judged[found.answer] += 1
        if found.answer is Answer.SAME:
            assert opinion(setting(name), left, right) is Opinion.AGREE, (mistake, right)
        else:
            assert setting(name).opinion(left, right, found) is Opinion.DIFFER, (mistake, right)
    assert judged[Answer.DIFFERENT] > 4


def random_node(rng: random.Random, leaves: list[Node], depth: int) -> Node:
    """A random column built from columns."""
    if depth == 0:
        return rng.choice(leaves)
    one, other = (random_node(rng, leaves, depth - 1) for _ in range(2))
    function = functions.function(rng.choice(["tanh", "sigmoid", "relu", "exp", "sin", "softplus"]))
    return rng.choice(
        [
            lambda: nodes.add(one, nodes.scale(rng.choice([-1, 2, Rational(1, 2)]), other)),
            lambda: nodes.hadamard(one, other),
            lambda: nodes.apply(function, one),
            lambda: nodes.softmax(one),
            lambda: nodes.matmul(nodes.diag(one), other),
            lambda: nodes.power(one, 2),
        ]
    )()


@pytest.mark.parametrize("seed", range(30))
def test_both_engines_agree_on_random_expressions(seed):
    rng = random.Random(seed)
    cell = catalogue.find("lstm")
    quantities = cell.quantities
    h, c = (quantities[name] for name in "hc")
    leaves = [quantities["b_f"], c, h.at(nodes.t - 1), nodes.matmul(quantities["U_f"], h.at(nodes.t - 1))]
    node = random_node(rng, leaves, 3)
    same = rewritings.everywhere(
        node, rng.choice([rewritings.commuted, rewritings.distributed, rewritings.squares_as_products])
    )
    other = nodes.add(node, nodes.scale(Rational(1, 7), random_node(rng, leaves, 2)))
    both = setting("lstm")
    assert both.compare(node, same).answer is Answer.SAME
    assert opinion(both, node, same) is Opinion.AGREE
    found = both.compare(node, other)
    assert found.answer is Answer.DIFFERENT
    assert both.opinion(node, other, found) is Opinion.DIFFER


# Identities, as claims


def units(function: str) -> Cell:
    """Units with some function of a_t."""
    return read_note(
        f"# Units\n\n$$ a_t = W x_t + U h_{{t-1}} + b $$\n$$ h_t = {function} $$\n\n"
        "where $x_t \\in \\mathbb{R}^{D}$, $h_t \\in \\mathbb{R}^{H}$\n"
    )


IDENTITIES = [
    (r"\operatorname{softplus}(a_t)", r"h_t = \log(1 + \exp(a_t))"),
    (r"\operatorname{softplus}(a_t)", r"h_t = a_t + \log(1 + e^{-a_t})"),
    (r"\operatorname{softplus}(a_t)", r"h_t = -\log(\sigma(-a_t))"),
    (r"\operatorname{softplus}(a_t)", r"h_t = -\log(1 - \sigma(a_t))"),
    (r"\operatorname{softplus}(a_t)", r"h_t = \max(0, a_t) + \log(1 + \exp(-|a_t|))"),
    (r"\operatorname{softplus}(a_t)", r"\exp(h_t) = 1 + \exp(a_t)"),
    (r"\operatorname{ReLU}(2 a_t)", r"h_t = 2 \operatorname{ReLU}(a_t)"),
    (r"\operatorname{ReLU}(2 a_t)", r"h_t = a_t + |a_t|"),
    (r"\operatorname{ReLU}(a_t)", r"h_t = \frac{1}{3} \max(0, 3 a_t)"),
    (r"\operatorname{ReLU}(a_t)", r"h_t = \operatorname{ReLU}(\operatorname{ReLU}(a_t))"),
    (r"\exp(a_t)", r"h_t = \exp(W x_t + b) \odot \exp(U h_{t-1})"),
    (r"\exp(a_t)", r"h_t = \exp(W x_t) \odot \exp(U h_{t-1}) \odot \exp(b)"),
    (r"\exp(a_t)", r"\log(h_t) = a_t"),
    (r"\exp(a_t)", r"h_t = \exp(\frac{1}{2} a_t)^2"),
    (r"\exp(2 a_t)", r"h_t = \exp(a_t) \odot \exp(a_t)"),
    (r"\sin(a_t)", r"h_t^2 = 1 - \cos(a_t)^2"),
    (r"\sin(2 a_t)", r"h_t = 2 \sin(a_t) \odot \cos(a_t)"),
    (r"\cos(2 a_t)", r"h_t = 1 - 2 \sin(a_t)^2"),
    (r"\log(\sigma(a_t))", r"h_t = -\log(1 + \exp(-a_t))"),
    (r"\log(\sigma(a_t))", r"h_t = a_t - \operatorname{softplus}(a_t)"),
    (r"\sigma(a_t)", r"h_t = \frac{1}{1 + e^{-a_t}}"),
    (r"\sigma(a_t)", r"a_t = \log(\frac{h_t}{1 - h_t})"),
    (r"\sigma(a_t)", r"h_t = \frac{e^{a_t}}{e^{a_t} + 1}"),
    (r"\tanh(a_t)", r"h_t = \frac{e^{a_t} - e^{-a_t}}{e^{a_t} + e^{-a_t}}"),
    (r"\tanh(a_t)", r"h_t = \frac{1 - e^{-2 a_t}}{1 + e^{-2 a_t}}"),
    (r"\tanh(a_t)", r"a_t = \frac{1}{2} \log(\frac{1 + h_t}{1 - h_t})"),
    (r"\tanh(\frac{1}{2} a_t)", r"h_t = 2 \sigma(a_t) - 1"),
    (r"\tanh(2 a_t)", r"h_t = \frac{2 \tanh(a_t)}{1 + \tanh(a_t)^2}"),
]


@pytest.mark.parametrize(("function", "formula"), IDENTITIES)
def test_identities_are_proved(function, formula):
    (judgement,) = check(formula, units(function), explain=False)
    assert judgement.word is Word.PROVED, judgement


FALSE = [
    (r"\operatorname{softplus}(a_t)", r"h_t = \log(2 + \exp(a_t))"),
    (r"\operatorname{softplus}(a_t)", r"h_t = \log(1 + \exp(-a_t))"),
    (r"\operatorname{softplus}(2 a_t)", r"h_t = 2 \operatorname{softplus}(a_t)"),
    (r"\operatorname{ReLU}(2 a_t)", r"h_t = 4 \operatorname{ReLU}(a_t)"),
    (r"\operatorname{ReLU}(-a_t)", r"h_t = -\operatorname{ReLU}(a_t)"),
    (r"\operatorname{ReLU}(a_t)", r"h_t = \operatorname{ReLU}(W x_t + b) + \operatorname{ReLU}(U h_{t-1})"),
    (r"\operatorname{ReLU}(a_t)", r"h_t = a_t"),
    (r"\exp(a_t)", r"h_t = \exp(W x_t + b) + \exp(U h_{t-1})"),
    (r"\exp(2 a_t)", r"h_t = 2 \exp(a_t)"),
    (r"\log(\sigma(a_t))", r"h_t = -\log(1 + \exp(a_t))"),
    (r"\log(1 + \exp(a_t))", r"h_t = a_t"),
    (r"\sin(a_t)", r"h_t^2 = 1 + \cos(a_t)^2"),
    (r"\sin(2 a_t)", r"h_t = \sin(a_t) \odot \cos(a_t)"),
    (r"\sigma(a_t)", r"h_t = \frac{1}{1 + e^{a_t}}"),
    (r"\sigma(2 a_t)", r"h_t = 2 \sigma(a_t) - 1"),
    (r"\tanh(a_t)", r"h_t = \sigma(2 a_t) - 1"),
    (r"\tanh(2 a_t)", r"h_t = 2 \tanh(a_t)"),
]


@pytest.mark.parametrize(("function", "formula"), FALSE)
def test_what_only_looks_like_an_identity_is_wrong(function, formula):
    (judgement,) = check(formula, units(function), explain=False)
    assert judgement.word is Word.WRONG, judgement


BY_NUMBERS = [
    (r"\log(1 + a_t^2)", r"h_t = \frac{1}{2} \log((1 + a_t^2)^2)"),
    (r"\operatorname{sqrt}(a_t^2)", r"h_t = |a_t|"),
]


@pytest.mark.parametrize(("function", "formula"), BY_NUMBERS)
def test_an_identity_that_no_relation_covers_is_never_wrong(function, formula):
    (judgement,) = check(formula, units(function), explain=False)
    assert judgement.word is Word.PROVED or (judgement.word is Word.HOLDS_IF and WORDS in judgement.assumptions)


CANCELLING = [
    (r"\operatorname{sqrt}(1 + a_t^2)", r"\operatorname{sqrt}((1 + a_t^2)^3) - h_t^3 = 0", Word.HOLDS_IF),
    (r"\log(1 + a_t^2)", r"h_t \odot (h_t - \frac{1}{2} \log((1 + a_t^2)^2)) = h_t - h_t", Word.PROVED),
    (r"\tanh(a_t)", r"h_t - \frac{e^{a_t} - e^{-a_t}}{e^{a_t} + e^{-a_t}} = 0", Word.PROVED),
    (r"\log(1 + a_t^2)", r"h_t - \frac{1}{2} \log((1 + a_t^2)^2) = 10^{-30} h_t", Word.WRONG),
    (r"10^{-60} \exp(a_t)", r"h_t = 0", Word.WRONG),
]


@pytest.mark.parametrize(("function", "formula", "word"), CANCELLING)
def test_what_cancels_is_zero_however_many_digits_are_carried(function, formula, word):
    (judgement,) = check(formula, units(function), explain=False)
    assert judgement.word is word, judgement
    assert word is not Word.HOLDS_IF or judgement.assumptions == (WORDS,)


SOFTMAX, SIGMOID = "softmax_cross_entropy", "sigmoid_binary_cross_entropy"
SUM = "y_t sums to one"
HEADS = [
    (SOFTMAX, r"L_t = \log(\mathbf{1}^\top \exp(z_t)) - y_t^\top z_t", [SUM], Word.HOLDS_IF),
    (SOFTMAX, r"L_t = \log(\mathbf{1}^\top \exp(z_t)) - y_t^\top z_t", [], Word.HOLDS_IF),
    (SOFTMAX, r"L_t = \log(\mathbf{1}^\top \exp(z_t)) + y_t^\top z_t", [SUM], Word.WRONG),
    (SIGMOID, r"L_t = \mathbf{1}^\top (\operatorname{softplus}(z_t) - y_t \odot z_t)", [], Word.PROVED),
    (SIGMOID, r"L_t = \mathbf{1}^\top (\operatorname{softplus}(-z_t) - y_t \odot z_t)", [], Word.WRONG),
]


@pytest.mark.parametrize(("name", "formula", "assume", "word"), HEADS)
def test_losses_from_logits(name, formula, assume, word):
    (judgement,) = check(formula, catalogue.find(name), assume=assume, explain=False)
    assert judgement.word is word, judgement


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", ["lstm", "rnn_layer_norm"])
def test_what_only_the_program_names_is_what_a_point_of_its_own_says(name, plain):
    cell = catalogue.named(name)
    program = named_preactivations(cell)
    scale, _ = scales(cell)
    trial, whole = (Trial.draw(which, scale.sizes, 3, 0, plain=plain) for which in (cell, program))
    shared = trial.seen_by(program)
    assert shared.responses.base is trial.responses
    for quantity in program.quantities.values():
        for time in [None] if quantity.time is None else range(1, 4):
            key = quantity.name, time
            seen = [*shared.value(key), *shared._adjoint(key, quantity, False, None)]
            own = [*whole.value(key), *whole._adjoint(key, quantity, False, None)]
            assert all(
                close(a, b) for row, other in zip(seen, own, strict=True) for a, b in zip(row, other, strict=True)
            )
