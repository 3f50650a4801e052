from __future__ import annotations

import by_hand
import pytest
from sympy import Rational

from derive.cell import Assumption, Cell, Equation
from derive.nodes import Adjoint, Jacobian, Quantity, power, size, t
from verify.truth.exact import inner
from verify.truth.field import P
from verify.truth.world import NoPointError, World, distinct_sizes, everywhere, random_direction, truth

CELLS = pytest.mark.parametrize("drawn", by_hand.CELLS, ids=lambda cell: cell.name)


@CELLS
def test_sizes_differ_and_are_at_least_two(drawn):
    sizes = distinct_sizes(drawn)
    shapes = {d for q in drawn.quantities.values() for d in q.shape if d.free_symbols}
    numbers = [int(d.subs(sizes)) for d in shapes]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) >= 2


@CELLS
def test_the_same_seed_draws_the_same_world(drawn):
    first, again, other = World.draw(drawn, 3), World.draw(drawn, 3), World.draw(drawn, 4)
    assert first.values == again.values
    assert first.gradients == again.gradients
    assert first.values != other.values


def test_the_response_to_the_output_weights_is_the_hand_formula():
    # y_t = V h_t + a: ∂J/∂a = Σ g_t, and ∂J/∂V = Σ g_t relu(c_t)ᵀ.
    cell = by_hand.peephole()
    world = World.draw(cell, 1)
    direction = [[k + 1] for k in range(world.sizes[by_hand.K])]
    expected = sum(inner(world.gradients["y", time], direction) for time in range(1, 5)) % P
    assert world.response({("a", None): direction}) == expected
    assert truth(cell, {("a", None): direction}, seed=1) == expected


def test_a_disturbance_of_the_last_output_is_felt_through_g_and_the_final_state():
    world = World.draw(by_hand.rnn(), 0)
    g = world.gradients["h", 4]
    assert g != world.random("g of", by_hand.h, 4), "the gradient of the final state is in it"
    assert world.adjoint(("h", 4), by_hand.h) == g


@CELLS
def test_responses_add_up(drawn):
    world = World.draw(drawn, 2)
    names = [q for q in drawn.quantities.values() if q not in drawn.targets]
    single = [random_direction(world, quantity) for quantity in names]
    together = {key: matrix for direction in single for key, matrix in direction.items()}
    assert world.response(together) == sum(map(world.response, single)) % P


@CELLS
def test_adjoints_are_the_responses_to_unit_disturbances(drawn):
    world = World.draw(drawn, 2)
    quantity = drawn.output
    direction = random_direction(world, quantity)
    entries = sum(inner(world.adjoint(key, quantity), direction[key]) for key in everywhere(world, quantity))
    assert entries % P == world.response(direction)


def test_nothing_beyond_the_last_step_reaches_j():
    world = World.draw(by_hand.rnn(), 0)
    assert world.adjoint(("h", 5), by_hand.h) == [[0]] * world.sizes[by_hand.H]


def test_jacobians_are_total_or_immediate():
    world = World.draw(by_hand.lstm(), 0)
    h, c = by_hand.h, by_hand.c
    numbers = world.numbers(2)

    def jacobian(of, by, immediate=False):
        return world.jacobian(Jacobian(of, by, immediate), numbers)

    n = world.sizes[by_hand.H]
    assert jacobian(h.at(t - 1), h) == [[0] * n] * n, "the past does not depend on the future"
    assert jacobian(h, h) == [[int(i == j) for j in range(n)] for i in range(n)]
    assert jacobian(h, c, True) == jacobian(h, c), "c_t reaches h_t directly only"
    assert jacobian(h, by_hand.h_prev, True) == [[0] * n] * n, "h_{t-1} reaches h_t through the gates only"
    assert jacobian(h, by_hand.h_prev) != [[0] * n] * n
    assert all(row[i] == 0 for k, row in enumerate(jacobian(h, c)) for i in range(n) if i != k)


def test_declared_facts_are_imposed_on_request():
    cell = by_hand.cross_entropy()
    (assumption,) = cell.assumptions
    free, bound = World.draw(cell, 0), World.draw(cell, 0, assumptions=(assumption,))
    assert sum(row[0] for row in free.values["y", 2]) % P != 1
    assert sum(row[0] for row in bound.values["y", 2]) % P == 1
    hot = World.draw(cell, 0, assumptions=(Assumption("one-hot", by_hand.column("y", by_hand.K)),))
    assert sorted(row[0] for row in hot.values["y", 1]) == [0, 0, 1] or sum(r[0] for r in hot.values["y", 1]) == 1
    rnn = by_hand.rnn()
    start = World.draw(rnn, 0, assumptions=(Assumption("starts at zero", by_hand.h),))
    assert all(row == [0] for row in start.values["h", 0])
    assert any(row != [0] for row in World.draw(rnn, 0).values["h", 0])


def test_the_same_data_seen_by_another_cell():
    world = World.draw(by_hand.lstm(), 0)
    assert world.seen_by(by_hand.lstm()).values == world.values


def test_a_cell_without_a_value_anywhere_is_reported():
    # The root of w = -(v²) exists nowhere, as -1 is not a square.
    n = size("n")
    v = Quantity("v", n)
    x, s = by_hand.column("x", n), by_hand.column("s", n)
    equation = Equation(s, power(by_hand.scale(-1, power(v, 2)), Rational(1, 2)))
    cell = Cell.of([equation, Equation(by_hand.column("h", n), by_hand.add(s, x))], name="nowhere")
    with pytest.raises(NoPointError, match="nowhere"):
        World.draw(cell)


def test_an_adjoint_reads_as_the_truth():
    world = World.draw(by_hand.rnn(), 0)
    env = world.environment(2)
    assert env.leaf(Adjoint(by_hand.h), env.numbers).value == world.adjoint(("h", 2), by_hand.h)
    immediate = env.leaf(Adjoint(by_hand.h, True), env.numbers).value
    assert immediate == world.gradients["h", 2]
