from __future__ import annotations

import os
from dataclasses import replace
from itertools import islice

import by_hand
import mutants
import pytest
from sympy import Rational, Symbol, ZeroMatrix

from derive.calculus.adjoint import differentiate
from derive.cell import Cell, Equation
from derive.nodes import (
    Adjoint,
    Jacobian,
    T,
    TimeProduct,
    add,
    diag,
    diagonal,
    hadamard,
    matmul,
    ones,
    power,
    scale,
    sum_over_time,
    t,
    transpose,
)
from verify import Outcome, Verdict, identical, prove

BY_HAND = pytest.mark.parametrize("hand_made", by_hand.CELLS, ids=lambda cell: cell.name)
H, h, h_prev, x, U, W = by_hand.H, by_hand.h, by_hand.h_prev, by_hand.x, by_hand.U, by_hand.W


EVERY = 1 if os.environ.get("BACKPROOF_FULL_FIGURES") else 3
"""Of the mistakes in a derivation every third one is made, or with BACKPROOF_FULL_FIGURES=1 each."""


def unproved(derivation):
    return {name: str(verdict) for name, verdict in prove(derivation).items() if not verdict.proved}


def survivors(derivation):
    """The mutants that are not refuted in the gradient they spoil.

    A mistake in a path that carries nothing (a variance does not change with the mean it is taken about) is none, nor
    one that leaves no value anywhere (the root of -a² in this field): it is undecided, not proved.
    """
    found = []
    for path, mistake, wrong, mutant in islice(mutants.mutants(derivation), 0, None, EVERY):
        name = wrong.of.name
        verdict = prove(mutant, trials=1, names=[name])[name]
        if not verdict.refuted and not verdict.reason.startswith("no point"):
            nothing = ZeroMatrix(*path.term.shape)
            carries = not identical(path.term, nothing, derivation.program).proved
            right = derivation.by_name[name].value
            if carries or not identical(wrong.value, right, derivation.program).proved:
                found.append(f"{name}: {mistake}")
    return found


def test_every_registered_derivation_is_proved(registered):
    assert unproved(differentiate(registered)) == {}


def test_every_mistake_in_a_rated_derivation_is_refuted(rated):
    derivation = differentiate(rated)
    assert len(list(mutants.mutants(derivation))) >= 2 * len(derivation.gradients)
    assert survivors(derivation) == []


@BY_HAND
def test_hand_made_cells_are_proved(hand_made):
    assert unproved(differentiate(hand_made)) == {}


@BY_HAND
def test_mistakes_in_hand_made_cells_are_refuted(hand_made):
    assert survivors(differentiate(hand_made)) == []


def test_every_gradient_has_a_verdict():
    derivation = differentiate(by_hand.lstm())
    verdicts = prove(derivation)
    program = {e.symbol.name for e in derivation.program.equations}
    assert set(verdicts) == program | {"x"} | {p.name for p in derivation.cell.parameters}
    assert len(program) > len(derivation.cell.equations), "pre-activations are among them"


def test_a_missing_gradient_is_refuted():
    derivation = differentiate(by_hand.rnn())
    less = replace(derivation, gradients=tuple(g for g in derivation.gradients if g.of.name != "b"))
    verdict = prove(less)["b"]
    assert verdict.refuted
    assert "no gradient of b" in str(verdict)


def test_a_program_that_computes_something_else_is_refuted():
    derivation = differentiate(by_hand.rnn())
    *others, last = derivation.program.equations
    program = replace(derivation.program, equations=(*others, Equation(last.symbol, scale(2, last.expression))))
    verdicts = prove(replace(derivation, program=program))
    assert all(verdict.refuted for verdict in verdicts.values())
    assert "the program computes another h" in str(verdicts["W"])


def test_paths_that_do_not_add_up_are_refuted():
    derivation = differentiate(by_hand.lstm())
    gradient = derivation.by_name["c"]
    spoilt = mutants.with_gradient(derivation, replace(gradient, paths=gradient.paths[:1]))
    assert "do not add up" in str(prove(spoilt, names=["c"])["c"])


def test_a_gradient_defined_by_itself_is_refuted():
    derivation = differentiate(by_hand.rnn())
    gradient = derivation.by_name["h"]
    looped = replace(gradient, value=Adjoint(h), paths=(replace(gradient.paths[0], term=Adjoint(h)),))
    assert "defined by itself" in str(prove(mutants.with_gradient(derivation, looped), names=["h"])["h"])


def test_a_counterexample_names_an_entry():
    derivation = differentiate(by_hand.lstm())
    gradient = derivation.by_name["c"]
    mutant = mutants.with_gradient(
        derivation, mutants.rebuilt(gradient, [p for p in gradient.paths if not p.crosses_time])
    )
    found = prove(mutant)["c"].counterexample
    # Without the carry of dc the last step is still right, the one before is not.
    assert (found.name, found.time, found.index) == ("c", 3, (0, 0))
    assert found.sizes == {"D": 2, "H": 3}
    assert str(found).startswith("c at t=3, entry (0, 0) with D=2, H=3, T=4, seed 0: derived")


def test_the_initial_state_is_part_of_a_states_verdict():
    """A formula that is right at every step but takes the wrong value at t = 0 can only differ in the initial state."""
    derivation = differentiate(by_hand.gru())
    one = by_hand.column("h", H)
    gradient = derivation.by_name["h"]
    # (h_t / h_t) is one at every step: multiplied in, it changes nothing; the verdict must stay.
    path = gradient.paths[-1]
    same = replace(path, term=hadamard(path.term, hadamard(one, power(one, -1))))
    assert prove(mutants.with_gradient(derivation, mutants.rebuilt(gradient, [*gradient.paths[:-1], same])))["h"].proved


def test_what_a_wrong_gradient_reaches_is_refuted_and_the_rest_is_not():
    derivation = differentiate(by_hand.lstm())
    mutant = mutants.with_gradient(derivation, mutants.rebuilt(derivation.by_name["W_o"], []))
    assert [name for name, verdict in prove(mutant).items() if verdict.refuted] == ["W_o"]


def test_assumptions_are_used_where_they_are_declared_only():
    derivation = differentiate(by_hand.cross_entropy())
    verdicts = prove(derivation)
    assert [a.kind for a in verdicts["z"].assumptions] == ["sums to one"]
    assert [a.kind for a in verdicts["V"].assumptions] == ["sums to one"], "it rests on the gradient of z"
    assert verdicts["y_hat"].assumptions == ()
    gradient = derivation.by_name["z"]
    silent = mutants.with_gradient(derivation, replace(gradient, assumptions=()))
    assert prove(silent)["z"].refuted


def test_no_verdict_is_a_bool():
    with pytest.raises(TypeError, match="not a truth value"):
        bool(Verdict(Outcome.PROVED))


# identical


def slope(state):
    return add(ones(H), scale(-1, power(state, 2)))


def test_a_true_recurrence_is_proved_and_its_mistakes_are_not():
    cell = by_hand.rnn()
    later = h.at(t + 1)
    true = add(Adjoint(h, True), matmul(transpose(U), hadamard(slope(later), Adjoint(later))))
    assert identical(Adjoint(h), true, cell).proved
    wrong = [
        Adjoint(h, True),
        add(Adjoint(h, True), matmul(U, hadamard(slope(later), Adjoint(later)))),
        add(Adjoint(h, True), matmul(transpose(U), hadamard(slope(h), Adjoint(later)))),
        add(Adjoint(h, True), matmul(transpose(U), Adjoint(later))),
        scale(-1, true),
        add(true, Adjoint(h, True)),
    ]
    assert [identical(Adjoint(h), side, cell).outcome for side in wrong] == [Outcome.REFUTED] * len(wrong)


def test_a_parameter_gradient_needs_its_sum_over_t():
    cell = by_hand.rnn()
    term = matmul(hadamard(slope(h), Adjoint(h)), transpose(h_prev))
    assert identical(Adjoint(U), sum_over_time(term, t, 1, T), cell).proved
    assert identical(Adjoint(U), term, cell).refuted
    assert identical(Adjoint(U), sum_over_time(term, t, 2, T), cell).refuted


def test_jacobians_through_time():
    cell = by_hand.rnn()
    step = Jacobian(h, h_prev)
    assert identical(step, matmul(diag(slope(h)), U), cell).proved
    assert identical(step, matmul(U, diag(slope(h))), cell).refuted
    k = Symbol("k", integer=True)
    product = TimeProduct(matmul(diag(slope(h.at(k))), U), k, 2, 6)
    assert identical(Jacobian(h.at(6), h.at(1)), product, cell).proved, "steps beyond the usual four are drawn"
    assert identical(Jacobian(h.at(6), h.at(2)), product, cell).refuted
    assert identical(Jacobian(h, h_prev, True), ZeroMatrix(H, H), by_hand.lstm()).proved


def test_facts_about_data_are_needed_where_they_are():
    cell = by_hand.cross_entropy()
    (fact,) = cell.assumptions
    z, y, y_hat, L = (cell.quantities[name] for name in ("z", "y", "y_hat", "L"))
    left, right = Adjoint(z), matmul(add(y_hat, scale(-1, y)), Adjoint(L))
    assert identical(left, right, cell, assumptions=(fact,)).proved
    assert identical(left, right, cell).refuted
    full = add(matmul(y_hat, ones(1, by_hand.K), y), scale(-1, y))
    assert identical(left, matmul(full, Adjoint(L)), cell).proved


def test_different_shapes_are_refuted_without_a_trial():
    verdict = identical(Adjoint(W), Adjoint(U), by_hand.rnn())
    assert verdict.refuted
    assert "H×D and H×H" in str(verdict)


def test_what_has_no_value_is_undecided():
    # x ⊙ x less the diagonal of x xᵀ: zero, in a form that nothing simplifies.
    zero = add(hadamard(x, x), scale(-1, diagonal(matmul(x, transpose(x)))))
    assert identical(power(zero, -1), power(zero, -1), by_hand.rnn()).outcome is Outcome.UNDECIDED


def test_what_exact_arithmetic_does_not_know_is_undecided():
    verdict = identical(Adjoint(x.at(0)), Adjoint(x), by_hand.rnn())
    assert verdict.outcome is Outcome.UNDECIDED
    assert "x has no value at 0" in str(verdict)
    assert "no quantity q" in str(identical(by_hand.column("q", H), h, by_hand.rnn()))


def test_t_runs_over_steps_where_everything_exists():
    # True at t = T only, where nothing follows.
    assert identical(Adjoint(h), Adjoint(h, True), by_hand.rnn()).refuted
    # h_{t-1} at the first step is the initial state.
    lstm = by_hand.lstm()
    f, c, c_prev = by_hand.column("f", H), by_hand.c, by_hand.c_prev
    assert identical(Adjoint(f), hadamard(Adjoint(c), c_prev), lstm).proved
    assert identical(Adjoint(f), hadamard(Adjoint(c), c), lstm).refuted


def test_a_cell_without_a_value_at_any_point_is_undecided():
    """√(-a²) has no root in the field, whatever a is."""
    negative = scale(-1, power(matmul(W, x), 2))
    cell = Cell.of([Equation(h, power(negative, Rational(1, 2)))], name="imaginary")
    for verdict in prove(differentiate(cell)).values():
        assert verdict.outcome is Outcome.UNDECIDED
        assert "has no value at" in verdict.reason
