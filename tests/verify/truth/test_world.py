from __future__ import annotations

from dataclasses import replace

import by_hand
import pytest
from sympy import Rational

from derive import catalogue
from derive.calculus.program import named_preactivations
from derive.cell import Assumption, Cell, Equation
from derive.nodes import Adjoint, Jacobian, Quantity, children, power, scale, size, t
from verify.truth.exact import evaluate, inner
from verify.truth.field import P, Table, UnsupportedError
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


def test_parameters_and_constant_inputs_are_drawn_with_their_facts():
    cell = by_hand.peephole()
    assert {("V", None), ("v", None)} <= set(World.draw(cell, 0).values)
    v = cell.quantities["v"]
    hot = World.draw(cell, 0, assumptions=(Assumption("one-hot", v),)).values["v", None]
    assert sorted(row[0] for row in hot) == [0] * (len(hot) - 1) + [1]


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


def assert_equations_hold(world):
    """What was drawn again is in every value: all equations hold with the functions as they are now."""
    for time in range(1, world.steps + 2):
        env = world.environment(time)
        for equation in world.cell.equations:
            assert evaluate(equation.expression, env).value == world.values[equation.symbol.name, time]


def test_roots_of_equations_above_each_other_need_not_be_there_at_once(monkeypatch):
    equations = [r"a_{0,t} = \sigma(W x_t + U h_{t-1})"]
    equations += [rf"a_{{{k},t}} = \sigma(\sqrt{{1 - a_{{{k - 1},t}}^{{\odot 2}}}})" for k in range(1, 6)]
    cell = Cell.from_latex([*equations, r"h_t = \sqrt{a_{5,t}}"])
    asked = []
    monkeypatch.setattr(Table, "root", lambda table, a, plain=Table.root: asked.append(a) or plain(table, a))
    world = World.draw(cell, 3)
    assert len(asked) < 20_000, "all 18 roots of a step at once are there once in 2^18 times"
    assert_equations_hold(world)


def test_what_an_earlier_step_left_without_a_root_is_drawn_again_there():
    cell = Cell.from_latex([r"h_t = \sigma(W x_t + \sqrt{h_{t-1}})"])
    small, start = dict.fromkeys(cell.sizes, 1), (Assumption("starts at zero", cell.output),)
    worlds = [World.draw(cell, seed, 8, small, start) for seed in range(6)]
    assert sum(world.table.salt for world in worlds) < 100, "of every two values of h one has a root"
    for world in worlds:
        assert_equations_hold(world)


def test_an_earlier_step_is_drawn_again_too_where_another_draw_of_this_one_is_of_no_use():
    cell = Cell.from_latex([r"c_t = 4 h_{t-1}", r"h_t = \sigma(W x_t + \sqrt{c_t})"])
    start = (Assumption("starts at zero", cell.output),)
    assert_equations_hold(World.draw(cell, 1, 8, dict.fromkeys(cell.sizes, 1), start))


def test_what_has_no_time_is_drawn_again_with_its_facts():
    cell = Cell.from_latex([r"h_t = \sqrt{\sigma(W x_t + U h_{t-1} + \sqrt{b})}"])
    start = (Assumption("starts at zero", cell.output),)
    worlds = [World.draw(cell, seed, 2, dict.fromkeys(cell.sizes, 1), start) for seed in range(6)]
    assert max(world.table.salt for world in worlds) >= 64, "some b has no root"
    for world in worlds:
        assert world.values["h", 0] == [[0]]
        assert_equations_hold(world)


def test_a_part_depends_on_all_equations_behind_it_the_nearest_first():
    cell = Cell.from_latex(
        [
            r"a_t = \sigma(W x_t)",
            r"b_t = \sigma(U h_{t-1})",
            r"c_t = \tanh(a_t)",
            r"h_t = \sqrt{c_t \odot h_{t-1}} + b_t",
        ]
    )
    world = World.draw(cell, 1)
    root = next(part for part in children(cell.equations[3].expression) if part != cell.quantities["b"])
    assert world._behind(3, root) == [2, 0]
    assert world._behind(3, cell.equations[3].expression) == [3, 2, 1, 0]
    assert world._behind(2, cell.equations[2].expression) == [0]
    assert world._behind(1, cell.equations[1].expression) == []


def test_roots_of_many_entries_need_not_be_there_at_once():
    """Focal loss: every entry needs the roots of p and of 1 - p; the functions of an entry alone are drawn again."""
    cell = Cell.from_latex(
        [
            r"p_t = \sigma(W x_t)",
            r"L_t = \mathbf{1}^\top ((1 - p_t)^{\odot 1.5} \odot \log(p_t) + p_t^{\odot 1.5} \odot \log(1 - p_t))",
        ]
    )
    world = World.draw(cell, 1, 3, dict.fromkeys(cell.sizes, 10))
    assert world.table.salt < 400, "all 20 roots of a step at once are there once in 2^20 times"
    assert_equations_hold(world)


def test_what_follows_from_a_forgotten_value_is_forgotten_too():
    table = Table(0)
    table.draw("before", 1)
    first = table.mark()
    for k in (0, 1):
        table.entry = k, 0
        table.draw("f", k)
        table.kept("slope of f", k, lambda k=k: 7 + k)
    last = table.mark()
    table.draw("behind", 2)
    kept = table.draw("f", 0)
    assert table.forget_entry((1, 0), first, last)
    assert table.draw("f", 0) == kept
    assert table.kept("slope of f", 0, lambda: 5) == 5
    assert not table.forget_entry((2, 0), first, table.mark())


def test_an_adjoint_reads_as_the_truth():
    world = World.draw(by_hand.rnn(), 0)
    env = world.environment(2)
    assert env.leaf(Adjoint(by_hand.h), env.numbers).value == world.adjoint(("h", 2), by_hand.h)
    immediate = env.leaf(Adjoint(by_hand.h, True), env.numbers).value
    assert immediate == world.gradients["h", 2]


@pytest.mark.parametrize(("of", "by"), [(("h", 4), ("x", 1)), (("c", 4), ("x", 4)), (("h", 2), ("c", 1))])
def test_a_total_jacobian_is_the_response_to_unit_disturbances_at_all_steps_between(of, by):
    world = World.draw(by_hand.lstm(), 0, 4)
    quantity = {"x": by_hand.column("x", by_hand.D), "c": by_hand.c}[by[0]]
    node = Jacobian(by_hand.column(of[0], by_hand.H, of[1]), quantity.at(by[1]))
    found = world.jacobian(node, {})
    for k in range(len(found[0])):
        unit = [[int(i == k)] for i in range(len(found[0]))]
        assert [[row[k]] for row in found] == world.tangents({by: unit})[of]
    assert any(map(any, found))


def test_a_total_jacobian_by_a_parameter_is_the_response_to_it_from_the_first_step_on():
    world = World.draw(by_hand.rnn(), 0, 3)
    n = world.sizes[by_hand.H]
    for time in (1, 3):
        found = world.jacobian(Jacobian(by_hand.h.at(time), by_hand.U), {})
        units = [[[int((i, j) == (k, m)) for j in range(n)] for i in range(n)] for k in range(n) for m in range(n)]
        moved = [world.tangents({("U", None): unit})["h", time] for unit in units]
        assert found == [[column[i][0] for column in moved] for i in range(n)]


def test_a_plain_world_has_the_same_data_and_asks_for_no_final_state():
    cell = by_hand.rnn()
    world = World.draw(cell, 3)
    seen = world.seen_by(by_hand.rnn())
    plain = world.plainly()
    assert plain.plain
    assert plain.values == world.values
    assert plain.gradients == World.draw(cell, 3, plain=True).gradients != world.gradients
    assert plain.seen_by(by_hand.rnn()).values is seen.values
    assert plain.seen_by(by_hand.rnn()).plain
    assert plain.plainly() is plain


RNN = by_hand.rnn()


def test_the_places_of_a_quantity_at_which_it_may_be_disturbed():
    world = World.draw(RNN, 0)
    assert list(everywhere(world, by_hand.U)) == [("U", None)]
    disturbed = random_direction(world, by_hand.h)
    assert disturbed["h", 1] != disturbed["h", 2]
    assert list(everywhere(world, by_hand.h)) == [("h", time) for time in range(world.steps + 1)]
    assert list(everywhere(world, by_hand.column("x", by_hand.D))) == [
        ("x", time) for time in range(1, world.steps + 1)
    ]


def test_j_reads_the_output_of_every_step_and_the_last_states():
    world, plain = World.draw(RNN, 0, steps=3), World.draw(RNN, 0, steps=3, plain=True)
    assert set(world.gradients) == {("h", 1), ("h", 2), ("h", 3)}
    assert [bool(world.read_at(time)) for time in range(5)] == [False, True, True, True, False]
    assert set(world.final) == {"h"}
    assert plain.final == {}
    assert plain.gradients == {**world.gradients, ("h", 3): world.random("g of", by_hand.h, 3)}
    loss = by_hand.cross_entropy()
    assert World.draw(loss, 0, plain=True).read_at(2) == {(loss.output.name, 2): [[1]]}
    assert World.draw(loss, 0).read_at(2) != {(loss.output.name, 2): [[1]]}


def test_what_one_step_reads_adds_up_to_what_all_read():
    world = World.draw(RNN, 0, plain=True)
    direction = random_direction(world, by_hand.U)
    parts = [world.response(direction, time) for time in range(1, world.steps + 1)]
    assert len(set(parts)) == len(parts)
    assert sum(parts) % P == world.response(direction)
    whole = world.adjoint(("b", None), by_hand.b)
    one = [world.adjoint(("b", None), by_hand.b, only=time) for time in range(1, world.steps + 1)]
    assert whole == [[sum(matrix[i][0] for matrix in one) % P] for i in range(len(whole))]
    third = Adjoint(by_hand.h.at(3), False, t)
    assert world.environment(3).leaf(third, world.numbers(3)).value == world.gradients["h", 3]
    assert world.environment(2).leaf(third, world.numbers(2)).value == [[0]] * world.sizes[by_hand.H]
    assert world.adjoint(("h", 2), by_hand.h, immediate=True, only=2) == world.gradients["h", 2]
    assert world.adjoint(("h", 2), by_hand.h, immediate=True, only=3) == [[0]] * world.sizes[by_hand.H]
    n = world.sizes[by_hand.H]
    assert world.adjoint(("U", None), by_hand.U, only=0) == [[0] * n] * n, "no step 0 is read"


def test_what_has_no_value_is_said():
    world = World.draw(RNN, 0)
    x = by_hand.column("x", by_hand.D)
    for name, time, quantity in (("h", -1, by_hand.h), ("x", 0, x)):
        with pytest.raises(UnsupportedError, match=f"{name} has no value at {time}"):
            world.adjoint((name, time), quantity)
    assert world.adjoint(("h", 0), by_hand.h) != [[0]] * world.sizes[by_hand.H]
    assert world.adjoint(("x", 1), x) != [[0]] * world.sizes[by_hand.D]
    with pytest.raises(UnsupportedError, match="rnn has no quantity q"):
        world.value(("q", 1))
    outside = world.value(("x", 0))
    assert len(outside) == world.sizes[by_hand.D]
    assert world.value(("x", 0)) is outside
    assert world.value(("x", -1)) != outside


def test_a_stepwise_derivative_recomputes_the_steps_in_which_it_is_used():
    world = World.draw(RNN, 0)
    for of, by, steps in (
        (("h", 4), ("U", None), range(4, 5)),
        (("h", 1), ("U", None), range(1, 2)),
        (("h", 0), ("U", None), range(1, 1)),
        (("h", 4), ("h", 2), range(3, 5)),
        (("h", 4), ("h", 4), None),
        (("h", 4), ("x", 2), None),
        (("U", None), ("h", 2), None),
    ):
        assert world._steps(of, by) == steps


def test_jacobians_of_a_step_alone_leave_out_what_came_before():
    world, h, U = World.draw(RNN, 0, sizes={by_hand.H: 2, by_hand.D: 3}), by_hand.h, by_hand.U
    numbers = world.numbers(3)

    def jacobian(*kind):
        return world.jacobian(Jacobian(*kind), numbers)

    direct, whole, step = (jacobian(h, U, *kind) for kind in ((True,), (), (False, True)))
    assert direct == step != whole
    assert len(direct) == 2
    assert {len(row) for row in direct} == {4}
    assert jacobian(U, h) == jacobian(U, h, True) == [[0, 0]] * 4
    before = [row[0] for row in world.values["h", 2]]
    slopes = [(1 - row[0] ** 2) % P for row in world.values["h", 3]]
    assert direct == [[slopes[i] * before[m] * (i == k) % P for k in range(2) for m in range(2)] for i in range(2)]
    assert world.jacobian(Jacobian(h.at(0), U, True), numbers) == [[0] * 4] * 2
    first = world.jacobian(Jacobian(h.at(1), U, True), numbers)
    assert first == world.jacobian(Jacobian(h.at(1), U), numbers) != [[0] * 4] * 2
    beyond = world.jacobian(Jacobian(h.at(t + 1), h), world.numbers(world.steps))
    assert beyond == [[0, 0]] * 2, "nothing is recomputed beyond the last step"


def test_a_cell_with_more_names_sees_the_same_data():
    world, program = World.draw(RNN, 0), named_preactivations(RNN)
    seen = world.seen_by(program)
    assert world.seen_by(program) is seen
    assert seen.gradients is world.gradients
    assert seen.values.items() >= world.values.items()
    (net,) = set(program.quantities) - set(RNN.quantities)
    for time in range(1, world.steps + 2):
        now, env = seen.value((net, time)), world.environment(time)
        assert [[world.table.call("tanh", row[0])] for row in now] == evaluate(RNN.equations[0].expression, env).value
    before = seen.value((net, 0))
    assert before == seen.random("outside", program.quantities[net], 0), "no equation stands at step 0"


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_layer_norm"])
def test_what_only_the_program_names_has_its_gradient_from_the_quantities_that_read_it(name, plain):
    cell = catalogue.named(name)
    program = named_preactivations(cell)
    world = World.draw(cell, 0)
    shared = world.seen_by(program)
    assert shared.responses.base is world.responses
    if plain:
        world = world.plainly()
        shared = world.seen_by(program)
        assert shared.responses.base is world.responses
    whole = World(program, world.sizes, world.steps, world.seed, world.table, plain, world.batch)
    whole.values = {key: shared.value(key) for key in everything(shared)}
    for quantity in program.quantities.values():
        for key in everywhere(shared, quantity):
            assert shared.adjoint(key, quantity) == whole.adjoint(key, quantity), key


def everything(world):
    """All places of a world's quantities."""
    return {*world.values, *(key for quantity in world.cell.quantities.values() for key in everywhere(world, quantity))}


def test_a_cell_with_other_equations_has_gradients_of_its_own():
    world = World.draw(RNN, 0)
    other = replace(RNN, equations=tuple(replace(e, expression=scale(2, e.expression)) for e in RNN.equations))
    seen = world.seen_by(other)
    assert seen.responses.base is None
    assert seen.values["h", 3] != world.values["h", 3]
    assert_equations_hold(seen)
    alone = World.draw(other, 0)
    assert seen.adjoint(("b", None), by_hand.b) == alone.adjoint(("b", None), by_hand.b)
    plain = world.plainly().seen_by(other)
    assert plain.responses.base is None
    assert plain.adjoint(("b", None), by_hand.b) == alone.plainly().adjoint(("b", None), by_hand.b)


def test_what_is_given_to_the_truth_is_used():
    sizes = {by_hand.H: 3, by_hand.D: 2}
    world = World.draw(RNN, 5, 2, sizes)
    direction = random_direction(world, by_hand.W)
    assert truth(RNN, direction, seed=5, steps=2, sizes=sizes) == world.response(direction)
    drawn = truth(RNN, lambda world: random_direction(world, by_hand.W), seed=5, steps=2, sizes=sizes)
    assert drawn == world.response(direction)


def test_gradients_of_a_recurrent_cell_are_those_of_the_hand_formula():
    # δ_t = (1 - h_t²) ⊙ (g_t + Uᵀ δ_{t+1}): ∂J/∂b = Σ δ_t, ∂J/∂U = Σ δ_t h_{t-1}ᵀ, ∂J/∂h_0 = Uᵀ δ_1.
    world = World.draw(RNN, 3)
    back = [list(column) for column in zip(*world.values["U", None], strict=True)]
    n = world.sizes[by_hand.H]
    b, U, carried = [0] * n, [[0] * n for _ in range(n)], [0] * n
    for time in range(world.steps, 0, -1):
        now, before = world.values["h", time], world.values["h", time - 1]
        g = world.gradients["h", time]
        delta = [(1 - now[i][0] ** 2) * (g[i][0] + carried[i]) % P for i in range(n)]
        b = [(b[i] + delta[i]) % P for i in range(n)]
        U = [[(U[i][j] + delta[i] * before[j][0]) % P for j in range(n)] for i in range(n)]
        carried = [sum(x * y for x, y in zip(row, delta, strict=True)) % P for row in back]
    assert world.adjoint(("b", None), by_hand.b) == [[x] for x in b]
    assert world.adjoint(("U", None), by_hand.U) == U
    assert world.adjoint(("h", 0), by_hand.h) == [[x] for x in carried]
