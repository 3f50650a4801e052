"""Rewritings that no cell's page tests by itself."""

from __future__ import annotations

import pytest
from sympy import Expr, HadamardProduct, Integer, MatMul, Symbol

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Gradient, Path
from derive.calculus.simplify import (
    MULTIPLIED_OUT,
    _insert_quotients,
    _scalar_parts,
    cancel_quotients,
    common_factor,
    constants_out,
    entry,
    sign_inside,
    using,
)
from derive.cell import Assumption
from derive.nodes import (
    Adjoint,
    Node,
    Quantity,
    T,
    add,
    divide,
    hadamard,
    matmul,
    ones,
    power,
    scale,
    size,
    sum_over_time,
    t,
    total,
    transpose,
)
from derive.targets.formula import text
from verify.truth.proof import identical

H, N = size("H"), size("N")
W, d = Quantity("W", H, N), Adjoint(Quantity("h", H, 1, t))


def test_what_does_not_change_stands_before_the_sum():
    value = sum_over_time(scale(2, matmul(transpose(W), d)), t, 1, T)
    assert constants_out(value) == matmul(transpose(W), sum_over_time(scale(2, d), t, 1, T))
    outer = sum_over_time(matmul(d, transpose(Quantity("x", N, 1, t))), t, 1, T)
    assert constants_out(outer) == outer
    assert constants_out(d) == d
    x = Quantity("x", N, 1, t)
    both = sum_over_time(matmul(transpose(W), W, x), t, 1, T)
    assert constants_out(both) == matmul(transpose(W), W, sum_over_time(x, t, 1, T))


def test_only_what_can_cancel_within_the_step_is_inserted():
    """Not a gradient without a fraction, nor one that leads through the next step."""
    names = [Quantity(name, H, 1, t) for name in ("p", "q", "r")]
    fraction, other = divide(d, names[0]), hadamard(d, names[1])
    paths = {"p": Path(names[1], fraction), "q": Path(names[0], other), "r": Path(names[0].at(t + 1), fraction)}
    known = {q: Gradient(q, (paths[q.name],), paths[q.name].term, (), "") for q in names}
    value = add(*(hadamard(Adjoint(q), names[0]) for q in names))
    left = _insert_quotients(value, known).atoms(Adjoint)
    assert left & {Adjoint(q) for q in names} == {Adjoint(q) for q in names[1:]}


def test_the_gradient_of_an_input_that_is_the_same_at_every_step():
    derivation = differentiate(catalogue.find("rnn_caption"))
    program, value = derivation.program, derivation.by_name["v"].value
    moved = constants_out(value)
    assert moved == matmul(transpose(program.quantities["W_ih"]), sum_over_time(value.term.args[-1], t, 1, T))
    assert identical(Adjoint(program.quantities["v"]), moved, program).proved


a, b, c, e = (Quantity(name, H, 1, t) for name in "abce")
k, m, n = (Quantity(name, 1, 1, t) for name in "kmn")
one = ones(H, 1)


HEADS = {
    ("linear_squared_error", "y_hat"): ("(ŷ_t - y_t) (∂J/∂L_t)", ["sign"]),
    ("squared_error", "y_hat"): ("(ŷ_t - y_t) (∂J/∂L_t)", ["sign"]),
    ("sigmoid_binary_cross_entropy", "y_hat"): ("((1 - y_t) / (1 - ŷ_t) - y_t / ŷ_t) (∂J/∂L_t)", ["common factor"]),
    ("sigmoid_binary_cross_entropy", "z"): (
        "(ŷ_t - y_t) (∂J/∂L_t)",
        ["insertion", "cancellation", "common factor"],
    ),
    ("softmax_cross_entropy", "y_hat"): ("-(y_t / ŷ_t) (∂J/∂L_t)", []),
    ("softmax_cross_entropy", "z"): (
        "(ŷ_t - y_t) (∂J/∂L_t)",
        ["insertion", "cancellation", "assumption: sums to one", "common factor"],
    ),
}


@pytest.mark.parametrize(("loss", "of"), HEADS)
def test_the_losses_have_the_gradients_that_everybody_writes(loss: str, of: str) -> None:
    gradient = differentiate(catalogue.find(loss)).by_name[of]
    formula, rules = HEADS[loss, of]
    assert text(gradient.value) == formula
    done = [step.rule for step in gradient.steps if step.rule in {*RULES}]
    assert done == rules
    assert [assumption.kind for assumption in gradient.assumptions] == [
        rule.removeprefix("assumption: ") for rule in rules if rule.startswith("assumption")
    ]


RULES = ("insertion", "cancellation", "assumption: sums to one", "common factor", "sign")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (hadamard(a, divide(b, a)), b),
        (add(hadamard(a, divide(b, a)), scale(-1, b)), scale(0, b)),
        (add(hadamard(a, a), hadamard(a, b), scale(-1, hadamard(a, b))), hadamard(a, a)),
        (add(hadamard(add(one, scale(-1, a)), b), hadamard(a, b)), b),
        (add(divide(one, a), divide(one, a)), scale(2, power(a, -1))),
        (matmul(hadamard(a, divide(b, a)), k), matmul(b, k)),
        (matmul(a, matmul(transpose(divide(b, c)), c)), matmul(a, total(b))),
        (matmul(transpose(divide(b, c)), c, k), matmul(total(b), k)),
        (matmul(a, transpose(divide(b, c))), matmul(a, transpose(divide(b, c)))),
        (add(hadamard(a, divide(b, a)), c), add(b, c)),
        (add(scale(-1, hadamard(a, divide(b, a))), c), add(c, scale(-1, b))),
    ],
)
def test_what_stands_above_and_below_cancels(before: Node, after: Node) -> None:
    assert cancel_quotients(before) == after


def test_a_number_becomes_ones() -> None:
    assert cancel_quotients(divide(a, a)) == one
    assert cancel_quotients(matmul(divide(a, a), k)) == matmul(one, k)
    assert cancel_quotients(scale(3, divide(a, a))) == scale(3, one)
    assert text(cancel_quotients(add(hadamard(a, divide(b, a)), one))) == "1 + b_t"


def test_what_would_have_too_many_terms_is_left() -> None:
    two = [add(Quantity(f"p{n}", H, 1, t), Quantity(f"q{n}", H, 1, t)) for n in range(6)]
    most = hadamard(*two[:5], divide(a, a))  # 2^5 = MULTIPLIED_OUT terms: as many as are multiplied out
    assert MULTIPLIED_OUT == 2**5
    assert a not in cancel_quotients(most).atoms(Quantity)
    more = hadamard(*two, divide(a, a))
    assert cancel_quotients(more) == more
    high = hadamard(power(add(a, b), 6), divide(a, a))
    assert cancel_quotients(high) == high
    low = hadamard(power(add(a, b), -6), divide(a, a))
    assert cancel_quotients(low) == low


def test_one_entry_of_an_elementwise_expression() -> None:
    atoms: dict[Node, Symbol] = {}
    found: Expr = entry(add(scale(2, hadamard(a, power(b, -1))), scale(3, one), scale(-1, a)), atoms)
    assert set(atoms) == {a, b}
    assert found == 2 * atoms[a] / atoms[b] + 3 - atoms[a]
    product = matmul(Quantity("U", H, H), a)
    assert entry(product, atoms) == atoms[product]


def test_a_sum_of_entries_times_scalars_is_their_product() -> None:
    row = ones(1, H)
    assert _scalar_parts(matmul(row, a, k)) == [total(a), k]
    assert _scalar_parts(scale(3, matmul(row, a, k, m))) == [scale(3, total(a)), k, m]
    for whole in (k, scale(2, k), matmul(k, m)):
        assert _scalar_parts(whole) == [whole]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (add(hadamard(a, c), hadamard(b, c)), hadamard(c, add(a, b))),
        (add(matmul(a, k), matmul(b, k)), matmul(add(a, b), k)),
        (add(matmul(a, k), scale(-1, matmul(b, k))), matmul(add(a, scale(-1, b)), k)),
        (add(scale(-1, hadamard(a, c)), hadamard(b, c)), hadamard(c, add(b, scale(-1, a)))),
        (add(hadamard(a, c), c), hadamard(c, add(a, one))),
        (add(matmul(a, k, m), matmul(b, k)), matmul(add(matmul(a, m), b), k)),
        (add(matmul(a, k, k), matmul(b, k)), matmul(add(matmul(a, k), b), k)),
        (add(matmul(a, k), matmul(b, k, k), matmul(c, k, k)), matmul(add(a, matmul(b, k), matmul(c, k)), k)),
        (add(matmul(a, k, k), matmul(b, k, k)), matmul(add(a, b), k, k)),
        (add(hadamard(a, c), b), add(hadamard(a, c), b)),
        (add(matmul(a, k), matmul(b, m)), add(matmul(a, k), matmul(b, m))),
        (hadamard(a, c), hadamard(a, c)),
        (add(hadamard(a, c, e), hadamard(b, e, c)), hadamard(c, e, add(a, b))),
        (add(matmul(a, k, m, n), matmul(b, k, m, n)), matmul(add(a, b), k, m, n)),
        (add(matmul(a, transpose(b), c, k), matmul(e, k)), matmul(add(matmul(a, transpose(b), c), e), k)),
    ],
)
def test_what_terms_share_is_taken_out(before: Node, after: Node) -> None:
    assert common_factor(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (scale(-1, add(a, scale(-1, b))), add(b, scale(-1, a))),
        (scale(-2, add(a, scale(-1, b))), scale(2, add(b, scale(-1, a)))),
        (MatMul(Integer(-1), add(a, scale(-1, b)), k), matmul(add(b, scale(-1, a)), k)),
        (scale(-1, HadamardProduct(c, add(a, scale(-1, b)))), hadamard(c, add(b, scale(-1, a)))),
        (scale(-1, add(a, b)), scale(-1, add(a, b))),
        (scale(2, add(a, scale(-1, b))), scale(2, add(a, scale(-1, b)))),
        (scale(-1, a), scale(-1, a)),
    ],
)
def test_a_minus_sign_is_taken_into_a_difference(before: Node, after: Node) -> None:
    found = sign_inside(before)
    assert found == after
    assert text(found) == text(after)


def test_what_sums_to_one_does() -> None:
    sums, other = Assumption("sums to one", a), Assumption("zero", a)
    row = ones(1, H)
    assert using(matmul(b, matmul(row, a)), sums) == b
    assert using(scale(3, matmul(b, row, a, k)), sums) == scale(3, matmul(b, k))
    assert using(add(c, matmul(b, row, a)), sums) == add(c, b)
    assert using(matmul(row, a), Assumption("one-hot", a)) == ones(1, 1)
    for unchanged in (matmul(b, row, c), matmul(transpose(a), a), a, matmul(b, row)):
        assert using(unchanged, sums) == unchanged
    assert using(matmul(b, row, a), other) == matmul(b, row, a)
