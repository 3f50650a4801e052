"""The statement on vanishing and exploding gradients: what it says, and in which words and letters."""

from __future__ import annotations

import pytest
from sympy import Rational

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.calculus.vanishing import TITLE, Reach, reach, vanishing
from derive.nodes import Largest, Norm, Quantity, add, ones, scale
from derive.notation import find
from derive.reader import read_equations
from derive.targets import pages
from derive.targets.formula import text


def of(*equations: str, where: tuple[str, ...] = ()) -> Derivation:
    return differentiate(read_equations(equations, where))


def basic(function: str) -> Reach:
    found = reach(of(rf"h_t = {function}(W x_t + U h_{{t-1}} + b)"))
    assert isinstance(found, Reach)
    return found


@pytest.mark.parametrize(
    ("function", "slope"), [(r"\tanh", 1), (r"\sigma", Rational(1, 4)), (r"\operatorname{ReLU}", 1), (r"\sin", 1)]
)
def test_the_rate_of_a_basic_network_is_the_largest_slope_times_the_norm(function: str, slope: Rational) -> None:
    found = basic(function)
    (norm,) = found.rate.atoms(Norm)
    assert norm.operand == Quantity("U", *norm.operand.shape)
    assert found.rate == scale(slope, norm)


@pytest.mark.parametrize("function", ["f", r"\exp"])
def test_a_slope_that_nothing_limits_stays_as_its_largest_value(function: str) -> None:
    assert len(basic(function).rate.atoms(Largest)) == 1


def test_a_linear_recurrence_has_the_norm_alone() -> None:
    assert text(reach(of("h_t = W x_t + U h_{t-1}")).rate) == "‖U‖"


def test_direct_paths_pass_no_matrix() -> None:
    gates = {
        name: reach(differentiate(catalogue.find(name))).direct for name in ("rnn", "lstm", "gru", "gru_reset_after")
    }
    assert [text(path.gate) for path in gates["lstm"]] == ["f_t"]
    assert [text(path.gate) for path in gates["gru"]] == ["1 - z_t"]
    assert [text(path.gate) for path in gates["gru_reset_after"]] == ["z_t"]
    assert gates["rnn"] == ()
    assert all(path.bound == ones(1, 1) for found in gates.values() for path in found)


def test_states_between_minus_one_and_one_settle_the_bound() -> None:
    (settled,) = reach(differentiate(catalogue.find("gru"))).settled
    assert not settled.atoms(Largest)
    assert text(settled) == "½ ‖U_z‖ + (1/4) ‖U_h‖ ‖U_r‖ + ‖U_h‖ + 1"
    lstm = reach(differentiate(catalogue.find("lstm")))
    assert lstm.settled == lstm.rates, "c_t may grow with every step"


def test_letters_of_bounds_avoid_those_of_the_cell() -> None:
    derivation = of(
        r"\beta_t = \sigma(V \beta_{t-1} + W x_t)", r"h_t = (1 - \beta_t) \odot h_{t-1} + x_t + \beta_{t-1}"
    )
    printed = pages.text(derivation)
    assert "γ = " in printed
    assert "γ = " not in pages.text(differentiate(catalogue.find("lstm")))


def test_cells_without_a_bound_say_why() -> None:
    shapes = (r"$M_t \in \mathbb{R}^{D \times D}$", r"$x_t \in \mathbb{R}^D$")
    (section,) = vanishing(of(r"M_t = M_{t-1} + x_t x_t^\top", where=shapes))
    assert "is a matrix" in section.items[0]
    stacked = vanishing(of(r"h_t = \tanh(W [h_{t-1}; x_t] + b)"))[0].items[0]
    assert "no bound" in stacked or "norm" in stacked
    assert all(vanishing(differentiate(head)) == () for head in catalogue.heads().values())


def test_every_page_has_the_statement_in_its_letters() -> None:
    derivation = differentiate(catalogue.find("lstm"))
    letters = find("deeplearning-ai")
    for page in (pages.markdown, pages.latex, pages.text):
        assert TITLE in page(derivation)
        assert TITLE in page(derivation, letters)
    assert r"\lVert W_{fa} \rVert" in pages.latex(derivation, letters)
    assert "‖Γ_f^<t>‖_∞" in pages.text(derivation, letters)
    section = pages.markdown_section(derivation, TITLE)
    assert section in pages.markdown(derivation)
    assert pages.markdown_section(derivation, "No such section") == ""


def test_constants_decide_whether_a_gradient_is_shown_to_vanish() -> None:
    leaky = of(r"h_t = 0.9 h_{t-1} + 0.1 \tanh(W x_t + U h_{t-1})")
    found = reach(leaky)
    (norm,) = found.rate.atoms(Norm)
    assert found.rate == add(scale(Rational(1, 10), norm), scale(Rational(9, 10), ones(1, 1)))
    assert "vanishes exponentially" in pages.text(leaky)
    assert "never below one" in pages.text(differentiate(catalogue.find("lstm")))
