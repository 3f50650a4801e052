"""The Jacobians, products and sums over time are proved against the true rates of change."""

from __future__ import annotations

import pytest
from sympy import Identity

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.bptt import jacobian, k, tau, through_time
from derive.calculus.sections import Equality
from derive.cell import Cell
from derive.nodes import Adjoint, Jacobian, Node, Quantity, T, TimeSum, substitute, t
from derive.reader import read_equations
from verify.truth.proof import identical

ONE_STATE = [name for name, cell in catalogue.cells().items() if len(cell.states) == 1 and cell.states[0].shape[1] == 1]


def equalities(cell: Cell) -> list[tuple[Node, ...]]:
    sections = through_time(differentiate(cell))
    return [item.members for section in sections for item in section.items if isinstance(item, Equality)]


def of_all(node: Node) -> Node:
    """The same of a J that reads every step."""
    return substitute(node, lambda part: Adjoint(part.quantity) if isinstance(part, Adjoint) else None)


def _is_of_parameter(members: tuple[Node, ...]) -> bool:
    return isinstance(members[0], Adjoint) and members[0].quantity.time is None


@pytest.mark.parametrize("name", catalogue.cells())
def test_jacobians_of_one_step_are_true(name: str) -> None:
    derivation = differentiate(catalogue.find(name))
    for of in derivation.program.states:
        for by in derivation.program.states:
            found = jacobian(derivation, of, by.at(t - 1))
            if of.shape[1] != 1 or by.shape[1] != 1:
                assert found is None, "a Jacobian of matrices has no matrix"
                continue
            assert found is not None
            # Initial states are independent of each other, as the formula takes the states of step t - 1 to be.
            first = Jacobian(of.at(1), by.at(0)), found.xreplace({t: 1})
            assert identical(*first, derivation.program).proved, (of, by)
            if len(derivation.program.states) == 1:
                assert identical(Jacobian(of, by.at(t - 1)), found, derivation.program).proved
    if of.shape[1] == 1:
        assert jacobian(derivation, of, of) == Identity(of.shape[0])


@pytest.mark.parametrize("name", ONE_STATE)
def test_products_over_time_are_true(name: str) -> None:
    program = differentiate(catalogue.find(name)).program
    products = [m for m in equalities(program) if isinstance(m[0], Jacobian) and m[0].of.time == tau]
    assert products
    for members in products:
        left, *others = (member.xreplace({tau: 4, k: 1}) for member in members)
        for other in others:
            assert identical(left, other, program).proved


def test_textbook_recurrence_of_the_basic_network() -> None:
    derivation = differentiate(catalogue.find("rnn"))
    H = derivation.program.states[0].shape[0]
    h, net, U = Quantity("h", H, 1, t), Quantity("net_h", H, 1, t), Quantity("U", H, H)
    found = jacobian(derivation, net, net.at(t - 1))
    assert found is not None
    assert found.args[0] == U, "W diag f'(net_{t-1}): the weights stand left of the slopes"
    assert identical(Jacobian(net, net.at(t - 1)), found, derivation.program).proved
    assert jacobian(derivation, h, h.at(t - 1)).args[-1] == U


def test_both_sums_give_the_gradient_of_a_parameter() -> None:
    """The first form, taken for a J of all steps; the second, summed over the steps τ whose output J reads."""
    derivation = differentiate(catalogue.find("rnn"))
    program = derivation.program
    (state,) = program.states
    sums = [
        m
        for m in equalities(derivation.cell)
        if isinstance(m[0], Adjoint) and m[0].quantity.time is None and len(m) == 3
    ]
    assert {m[0].quantity.name for m in sums} == {"W", "U", "b"}
    assert all(part.only == tau for m in sums for member in m for part in member.atoms(Adjoint))
    for parameter, first, second in (map(of_all, members) for members in sums):
        assert identical(parameter, first.xreplace({tau: T}), program).proved

        def read_directly(node: Node) -> Node | None:
            return Adjoint(state.at(tau), True) if node == Adjoint(state.at(tau)) else None

        every_step = TimeSum(substitute(second, read_directly), tau, 1, T)
        assert identical(parameter, every_step, program).proved
        wrong = TimeSum(substitute(second.xreplace({k: tau}), read_directly), tau, 1, T)
        assert not identical(parameter, wrong, program).proved


def test_three_steps_written_out() -> None:
    derivation = differentiate(catalogue.find("rnn"))
    (written,) = [m for m in equalities(derivation.cell) if _is_of_parameter(m) and len(m) == 2]
    general = next(m for m in equalities(derivation.cell) if m[0].xreplace({tau: 3}) == written[0] and len(m) == 3)
    assert identical(of_all(general[2].xreplace({tau: 3})), of_all(written[1]), derivation.program).proved


def test_matrix_states_have_no_such_section() -> None:
    shapes = [r"$M_t \in \mathbb{R}^{D \times D}$", r"$x_t \in \mathbb{R}^D$"]
    assert through_time(differentiate(read_equations([r"M_t = M_{t-1} + x_t x_t^\top"], shapes))) == ()


@pytest.mark.parametrize(
    "equation",
    [
        r"h_t = 0.9 h_{t-1} + 0.1 \tanh(W x_t + U h_{t-1} + b)",
        r"h_t = h_{t-1} + \alpha \tanh(W x_t + (A - A^\top) h_{t-1} + b)",
    ],
)
def test_jacobians_of_scaled_terms_are_true(equation: str) -> None:
    derivation = differentiate(read_equations([equation], [r"$\alpha \in \mathbb{R}$"] if "alpha" in equation else []))
    (state,) = derivation.program.states
    found = jacobian(derivation, state, state.at(t - 1))
    assert found is not None
    assert identical(Jacobian(state, state.at(t - 1)), found, derivation.program).proved


def test_an_output_that_reads_the_step_before_has_no_recurrence_of_its_own() -> None:
    """In SRU the output of step τ reads c_{τ-1} through r_τ too: the plain recurrence would deny one of two paths."""
    sections = through_time(differentiate(catalogue.find("sru")))
    (equality,) = (item for item in sections[1].items if isinstance(item, Equality))
    assert isinstance(equality.members[0], Jacobian)
    assert len(sections) == 2
