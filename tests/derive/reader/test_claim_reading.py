"""Reading formulas to be checked: prose and decoration, letters with scripts, dots."""

from __future__ import annotations

import pytest
from sympy import Symbol

from derive import catalogue, nodes
from derive.calculus.program import named_preactivations
from derive.errors import InputError
from derive.reader import formula
from derive.reader.claims.letters import Found, Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.statements.chains import blanked, statements
from derive.reader.claims.survey import survey
from derive.reader.meaning.letters import taken
from derive.reader.meaning.tree import Derivative, Error, Gradient, OverTime, Ref, Term, walk
from derive.reader.text.parser import parse

LSTM = catalogue.find("lstm")
k = Symbol("k", integer=True)


def said(text: str, cell: str = "lstm") -> Term:
    found = catalogue.find(cell)
    letters = Letters(found, named_preactivations(found))
    fragment = formula(text)
    ((syntax,),) = parse(fragment)
    survey(syntax, letters)
    return Claiming(fragment, letters).term(syntax)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h_t", Found("h", nodes.t)),
        ("h^{(t-1)}", Found("h", nodes.t - 1)),
        (r"h^{\langle k+1 \rangle}", Found("h", k + 1)),
        ("h_T", Found("h", nodes.T)),
        ("W_f", Found("W_f", None)),
        ("b_{f}", Found("b_f", None)),
        ("c_3", Found("c", nodes.t * 0 + 3)),
        ("h_{t,i}", Found("h", nodes.t, (Symbol("i", integer=True),))),
        ("W_{f,12}", Found("W_f", None, (nodes.t * 0, nodes.t * 0 + 1))),
    ],
)
def test_a_letter_is_a_quantity_a_time_and_an_entry(text: str, expected: Found) -> None:
    fragment = formula(text)
    ((syntax,),) = parse(fragment)
    written = taken(syntax)
    assert written is not None
    assert Letters(LSTM, named_preactivations(LSTM)).resolve(written, fragment) == expected


@pytest.mark.parametrize(
    "text",
    [
        r"\frac{\partial J}{\partial W_f}", r"\partial J/\partial W_f", r"\nabla_{W_f} J", "dW_f", r"\delta W_f",
        r"\partial_{W_f} J", "∂_{W_f} J",
        "J_{W_f}", r"\frac{dL}{dW_f}", r"\frac{\partial \mathcal{L}}{\partial W_f}", "∂J/∂W_f", "dL/dW_f",
    ],
)  # fmt: skip
def test_every_spelling_of_a_gradient(text: str) -> None:
    found = said(text)
    assert isinstance(found, Gradient)
    assert (found.by, found.only, found.immediate) == (Ref("W_f"), None, False)


def test_the_loss_of_one_step() -> None:
    found = said(r"\frac{\partial E_3}{\partial W_f}")
    assert isinstance(found, Gradient)
    assert found.only == 3


def test_a_delta_with_a_label_can_mean_two_gradients() -> None:
    found = said(r"\delta_{f,t}")
    assert isinstance(found, Error)
    assert (found.argument.by.name, found.plain.by.name) == ("net_f", "f")


def test_immediate_derivatives() -> None:
    found = said(r"\frac{\partial^{+} h_k}{\partial W_f}")
    assert isinstance(found, Derivative)
    assert found.immediate


def test_dots_between_two_factors_that_show_the_step() -> None:
    text = r"\frac{\partial h_t}{\partial h_{t-1}} \frac{\partial h_{t-1}}{\partial h_{t-2}} \cdots "
    found = said(text + r"\frac{\partial h_{k+1}}{\partial h_k}", "rnn")
    (product,) = [part for part in walk(found) if isinstance(part, OverTime)]
    assert (product.first, product.last, product.product, product.ascending) == (k + 1, nodes.t, True, False)


def test_dots_without_a_plain_pattern_are_refused() -> None:
    with pytest.raises(InputError, match="pattern"):
        said(r"h_t \cdots c_k", "lstm")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (r"a \text{ for all } t", "a"),
        (r"\boxed{a}", "{a}"),
        (r"\underbrace{a}_{\text{the gate}} b", "{a} b"),
        ("a += b", "a = b"),
        (r"{}+ a", "+ a"),
    ],
)
def test_decoration_is_blanked_in_place(text: str, left: str) -> None:
    read, _ = blanked(text)
    assert len(read) == len(text)
    assert read.split() == left.split()


@pytest.mark.parametrize("front", ["", "(2) ", r"(2.1)\; ", r"(2) \quad "])
@pytest.mark.parametrize(
    "behind",
    [
        r", \quad (3) ", ". (3)", r" (3) \quad \text{by the chain rule}", r"\cdots\cdots (3)", r" \quad (*)",
        r" \: (\star) \tag{3}", r"\quad (\dagger) \quad (3)", r" \qquad \blacksquare", r", \; \forall t",
        r" \quad \forall t \in \{1, \dots, T\} \tag{3}",
    ],
)  # fmt: skip
def test_what_stands_around_an_equation_is_no_part_of_it(front: str, behind: str) -> None:
    (statement,) = statements(formula(rf"{front}\frac{{a}}{{b}} = \frac{{c}}{{d}}{behind}"))
    assert [statement.fragment.text[side.start : side.end] for side in statement.sides] == [
        r"\frac{a}{b}",
        r"\frac{c}{d}",
    ]


@pytest.mark.parametrize(
    "text", [r"(2) - h_t = a", r"(2) \cdot h_t = a", r"h_t = f (2)", r"h_t = a \cdots (n)", r"h_t = a \quad (\theta)"]
)
def test_brackets_of_an_equation_stay(text: str) -> None:
    (statement,) = statements(formula(text))
    assert [statement.fragment.text[side.start : side.end] for side in statement.sides] == text.split(" = ")


def test_conditions_beside_a_formula() -> None:
    (statement,) = statements(formula(r"a_i = -b_j \quad (i \neq j)"))
    assert len(statement.conditions) == 1
    assert len(statement.sides) == 2
