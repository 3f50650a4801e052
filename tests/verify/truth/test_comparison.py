"""The comparison of two sides by itself: at which steps and indices, in how many worlds, and what it says it found."""

from __future__ import annotations

import by_hand
import pytest
from sympy import Integer, Rational, Symbol

from derive.calculus.program import named_preactivations
from derive.nodes import (
    Adjoint,
    Entry,
    Jacobian,
    Node,
    Quantity,
    T,
    Tabular,
    TimeSum,
    add,
    hadamard,
    matmul,
    power,
    scale,
    t,
    transpose,
)
from verify.truth import comparison
from verify.truth.comparison import BATCH, LONGEST, Answer, Bench, Facts, Setting, _work, points_of
from verify.truth.field import UnsupportedError
from verify.truth.scales import NoPointError, Scale, scales
from verify.truth.world import World

CELL = by_hand.rnn()
H, D = by_hand.H, by_hand.D
W, U, b = by_hand.W, by_hand.U, by_hand.b
BENCH = Bench(CELL, CELL)
i, j = Symbol("i", integer=True), Symbol("j", integer=True)
k = Symbol("k", integer=True)


def h(time: object) -> Quantity:
    return by_hand.column("h", H, time)


def x(time: object) -> Quantity:
    return by_hand.column("x", D, time)


class Extent:
    """Four steps, H = 2 and D = 3."""

    cell, sizes, steps = CELL, {H: 2, D: 3}, 4


def times(*sides: Node) -> list[int]:
    return [point[t] for point in points_of(sides, Extent(), {}, (), ())]


def answer(left: Node, right: Node, **options: object) -> Answer:
    return Setting(BENCH, **options).compare(left, right).answer


@pytest.mark.parametrize(
    ("side", "steps"),
    [
        (h(t), [1, 2, 3, 4]),
        (h(t - 1), [2, 3, 4]),
        (matmul(transpose(h(t - 1)), h(t)), [1, 2, 3, 4]),
        (x(t), [1, 2, 3, 4]),
        (x(t - 1), [2, 3, 4]),
        (h(t + 1), [0, 1, 2, 3]),
        (Adjoint(h(t - 1)), [2, 3, 4]),
        (Adjoint(x(t)), [1, 2, 3, 4]),
        (Jacobian(h(t), h(2)), [2, 3, 4]),
        (h(T - t), [0, 1, 2, 3]),
        (matmul(transpose(h(t - 1)), h(t + 1)), [1, 2, 3]),
        (Adjoint(h(1), False, t), [1, 2, 3, 4]),
        (TimeSum(h(k), k, t, 2), [1, 2, 3]),
        (TimeSum(x(k), k, t, T), [1, 2, 3, 4]),
        (TimeSum(Jacobian(h(t), h(k)), k, 1, t), [1, 2, 3, 4]),
        (TimeSum(Jacobian(h(k), h(t)), k, t, 3), [1, 2, 3, 4]),
    ],
)
def test_a_step_counts_where_everything_named_exists(side: Node, steps: list[int]) -> None:
    assert times(side) == steps


def test_a_sum_over_steps_binds_its_index() -> None:
    assert list(points_of([TimeSum(h(k), k, 1, T)], Extent(), {}, (), ())) == [{}]
    assert times(add(h(t), TimeSum(h(k), k, 1, t))) == [1, 2, 3, 4]


def test_gradients_of_two_states_meet_from_the_first_step_on() -> None:
    memory = by_hand.column("c", H, t)

    class Two(Extent):
        cell = next(cell for cell in by_hand.CELLS if cell.name == "lstm")

    def steps(*sides: Node) -> list[int]:
        return [point[t] for point in points_of(sides, Two(), {}, (), ())]

    assert steps(Adjoint(h(t)), h(t + 1)) == [0, 1, 2, 3]
    assert steps(Adjoint(h(t)), Adjoint(memory), h(t + 1)) == [1, 2, 3]


def test_free_indices_run_over_their_domains() -> None:
    side = Entry(U, i, j)
    domains = {i: H, j: H}
    places = [(p[i], p[j]) for p in points_of([side], Extent(), domains, (), ())]
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [(p[i], p[j]) for p in points_of([side], Extent(), domains, [(i, j)], ())] == [(0, 1), (1, 0)]
    assert [(p[i], p[j]) for p in points_of([side], Extent(), domains, (), [(i, j)])] == [(0, 0), (1, 1)]
    ordered = points_of([side], Extent(), domains, (), (), [(i, j)])
    assert [(p[i], p[j]) for p in ordered] == [(0, 1)]
    assert list(points_of([h(2)], Extent(), domains, (), ())) == [{}]


def test_too_many_letters_for_steps_are_not_looked_at() -> None:
    letters = [Symbol(f"k{n}", integer=True) for n in range(7)]
    with pytest.raises(UnsupportedError, match="7 letters for steps"):
        next(points_of([h(letter) for letter in letters], Extent(), {}, (), ()))
    assert next(points_of([h(letter) for letter in letters[:6]], Extent(), {}, (), ()))

    class Longer(Extent):
        steps = 5

    assert next(points_of([h(letter) for letter in letters[:6]], Longer(), {}, (), ()))


HERE = h(t)


def under(*conditions: tuple[object, object], side: Node = HERE) -> list[int]:
    return [point[t] for point in points_of([side], Extent(), {}, (), (), conditions)]


def test_conditions_leave_some_steps() -> None:
    assert under((t, T)) == [1, 2, 3]
    assert under((Integer(1), t)) == [2, 3, 4]
    assert under((Integer(1), t + 1), side=h(t + 1)) == [1, 2, 3]
    assert under((t, T + 1), (Integer(2), t)) == [3, 4]


def test_a_condition_on_what_the_formula_does_not_name_is_no_condition_where_it_always_holds() -> None:
    assert under((Integer(1), k + 1)) == under((k, T + 1)) == [1, 2, 3, 4]
    for beyond in ((Integer(1), k), (Integer(0), k + 1), (Integer(2), k + 1), (Integer(1), k + 2), (k, T), (k, t)):
        with pytest.raises(UnsupportedError, match="a condition on k, which"):
            under(beyond)
    for beyond in ((k + 1, T + 1), (k, 2 * T + 1)):
        with pytest.raises(UnsupportedError, match="a condition on k, which"):
            under(beyond)


def test_both_sides_are_compared_in_two_worlds() -> None:
    first, second = scales(CELL, (h(t),))
    assert answer(h(t), h(t)) is Answer.SAME
    assert answer(h(t), scale(Integer(first.steps) / T, h(t))) is Answer.DIFFERENT
    hidden = scale(Integer(first.sizes[H]) / H, h(t))
    found = BENCH.compare(h(t), hidden, domains={}, over=(first, second))
    assert found.answer is Answer.DIFFERENT
    assert found.numbers[H] == second.sizes[H]
    assert BENCH.compare(h(t), hidden, domains={}, over=(first,)).answer is Answer.SAME


def test_a_shorter_sequence_that_has_every_step_is_tried_first() -> None:
    (usual, longer), long_sum = scales(CELL), TimeSum(h(k), k, 1, 3)
    assert BENCH.trials((h(t),)) == [(0, usual), (1, longer)]
    assert BENCH.shorter((h(4),)) is None, "T itself might be meant"
    own = scales(CELL, (long_sum,))
    assert BENCH.trials((long_sum,)) == [(0, usual), (0, own[0]), (1, own[1])]
    assert usual.steps < own[0].steps
    fixed = Bench(CELL, CELL, steps=6)
    assert {scale.steps for _, scale in fixed.trials((long_sum,))} == {6}, "a document fixes the number of steps"


def test_what_a_shorter_sequence_leaves_open_the_others_decide() -> None:
    usual, longer = scales(CELL)
    side = add(h(t), h(3))
    late = [(Integer(usual.steps), t)]  # no step of the shorter sequence
    assert all(BENCH.trials((left, side))[0] == (0, usual) for left in (side, h(t)))
    assert answer(side, side, before=late) is Answer.SAME
    assert answer(h(t), side, before=late) is Answer.DIFFERENT
    later = [(Integer(scales(CELL, (side,))[0].steps), t)]  # nor of the next one: the longest alone decides nothing
    assert answer(side, side, before=later) is Answer.OPEN
    found = Setting(BENCH, before=late).compare(h(t), h(t), over=(usual, longer))
    assert (found.answer, found.reason) == (Answer.OPEN, "no step of 4 has everything that the formula names")


def test_a_difference_comes_with_its_point() -> None:
    found = BENCH.compare(Entry(h(t), i, 0), Entry(h(t - 1), i, 0), domains={i: H})
    assert found.answer is Answer.DIFFERENT
    assert found.point is not None
    assert found.point["entry"] == [1, 1]
    assert found.point["at"]["t"] == 1
    assert found.point["at"]["i"] == 1
    assert found.point["left"] != found.point["right"]
    assert found.point["T"] == found.numbers[T]
    assert found.point["seed"] == 0, "the first world in which both sides have a value"
    assert found.point["sizes"] == {"H": found.numbers[H], "D": found.numbers[D]}
    assert BENCH.compare(h(t), h(t), domains={}).point is None


def test_the_entry_of_a_difference_is_the_first_that_differs() -> None:
    beside = add(U, scale(Integer(0), U))
    assert answer(beside, U) is Answer.SAME
    found = BENCH.compare(U, transpose(U), domains={})
    assert found.point is not None
    assert found.point["entry"] == [1, 2]


def test_the_size_of_a_batch_is_a_number_of_its_own() -> None:
    assert answer(scale(1 / BATCH, h(t)), h(t)) is Answer.DIFFERENT
    assert answer(scale(1 / BATCH, h(t)), scale(1 / BATCH, h(t))) is Answer.SAME
    assert BATCH.is_integer
    assert BATCH.is_positive


def test_nothing_is_decided_about_steps_far_away() -> None:
    assert answer(h(LONGEST - 1), h(LONGEST - 1)) is Answer.SAME
    found = Setting(BENCH).compare(h(LONGEST), h(LONGEST))
    assert (found.answer, found.reason) == (Answer.OPEN, f"a step number beyond {LONGEST - 1}")


def test_nothing_is_decided_where_no_step_has_everything() -> None:
    found = BENCH.compare(x(0), x(0), domains={})
    assert found.answer is Answer.OPEN
    assert "no step of" in found.reason
    found = BENCH.compare(by_hand.column("q", H, t), h(t), domains={})
    assert (found.answer, found.reason) == (Answer.OPEN, "rnn has no quantity q")


def test_nothing_is_decided_on_a_cell_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise NoPointError("rnn has no value")

    monkeypatch.setattr(World, "draw", nowhere)
    found = Bench(CELL, CELL).compare(h(t), h(t), domains={})
    assert (found.answer, found.reason) == (Answer.OPEN, "rnn has no value")


def test_another_world_is_drawn_where_a_side_has_no_value() -> None:
    assert answer(power(b, Rational(1, 2)), power(b, Rational(1, 2))) is Answer.SAME


def test_too_many_parts_are_not_evaluated() -> None:
    many = h(k)
    for _ in range(7):
        many = TimeSum(many, k, 1, T)
    found = BENCH.compare(add(h(t), many), add(h(t), many), domains={}, over=(Scale(4, ((H, 2), (D, 3)), 7),))
    assert found.answer is Answer.OPEN
    assert found.reason == f"4 steps and indices with {2 * (2 + sum(4**n for n in range(8)))} parts in each"


def test_too_many_steps_are_not_compared_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "LARGEST", 100)
    side = Adjoint(h(k), False, j)  # of T = 9, at 10 steps k for 9 steps j
    found = BENCH.compare(side, side, domains={}, over=(Scale(9, ((H, 2), (D, 3)), 7),))
    assert (found.answer, found.reason) == (Answer.OPEN, "50 steps and indices with 2 parts in each")


def test_what_only_the_program_names_is_read_off_the_program() -> None:
    program = named_preactivations(CELL)
    (net,) = (equation.symbol for equation in program.equations if equation.symbol.name not in CELL.quantities)
    bench = Bench(CELL, program)
    (equation,) = (equation for equation in program.equations if equation.symbol == net)
    pairs = [
        (net, equation.expression),
        (h(t), program.equations[-1].expression),
        (Adjoint(net), hadamard(add(by_hand.ones(H), scale(-1, power(h(t), 2))), Adjoint(h(t)))),
        (Jacobian(h(t), net), by_hand.diag(add(by_hand.ones(H), scale(-1, power(h(t), 2))))),
    ]
    pairs.append((Jacobian(net, h(t - 1), True), U))
    for left, right in pairs:
        assert bench.compare(left, right, domains={}).answer is Answer.SAME
        assert bench.compare(left, scale(2, right), domains={}).answer is Answer.DIFFERENT


def test_j_is_plain_where_a_fact_or_a_loss_says_so() -> None:
    loss, scale_ = by_hand.cross_entropy(), Scale(4, ((H, 2), (D, 3)), 7)
    assert not Setting(BENCH).plain
    assert Setting(BENCH, Facts(plain=True)).plain
    assert Setting(Bench(loss, loss)).plain
    assert not BENCH.world(0, scale_, Facts()).plain
    assert BENCH.world(0, scale_, Facts(plain=True)).plain
    assert Bench(loss, loss).world(0, scales(loss, (loss.output,))[0], Facts()).plain
    assert Setting(BENCH, Facts(loss.assumptions)).assumptions == loss.assumptions


def test_a_gradient_before_the_first_step_is_zero_and_said() -> None:
    bench = Bench(CELL, CELL)
    assert not bench.absent
    for never in (Adjoint(U), Adjoint(x(1)), Adjoint(h(0))):
        assert bench.compare(never, scale(2, never), domains={}).answer is Answer.DIFFERENT
        assert not bench.absent
    bench.compare(Adjoint(h(t)), Adjoint(h(t)), domains={})
    assert not bench.absent
    sum_before = TimeSum(Adjoint(x(k - 1)), k, 1, T)
    assert bench.compare(sum_before, TimeSum(Adjoint(x(k)), k, 1, T - 1), domains={}).answer is Answer.SAME
    assert bench.absent
    bench.compare(h(t), h(t), domains={})
    assert not bench.absent


def test_what_must_be_diagonal_and_is_not_decides_nothing() -> None:
    found = BENCH.compare(U, U, domains={}, diagonal=(U,))
    assert (found.answer, found.reason) == (Answer.OPEN, "the derivative taken entry by entry is not diagonal")
    assert BENCH.compare(h(t), h(t), domains={}, diagonal=(by_hand.diag(h(t)),)).answer is Answer.SAME


def test_the_parts_of_a_sum_count_for_every_term() -> None:
    bench = Bench(CELL, CELL)
    world = bench.world(0, Scale(4, ((H, 2), (D, 3)), 7), Setting(bench).facts)
    assert _work(add(h(t), h(t - 1)), world) == 3
    assert _work(TimeSum(h(k), k, 1, T), world) == 1 + 4
    assert _work(TimeSum(h(k), k, 3, 1), world) == 1
    assert _work(TimeSum(h(k), k, 1, t), world) == 1 + 5
    assert _work(Tabular(Entry(transpose(W), i, j), i, j, D, H), world) == 1 + 6 * 3


def test_worlds_are_drawn_once_and_the_oldest_forgotten() -> None:
    bench = Bench(CELL, CELL)
    small = Scale(4, ((H, 2), (D, 3)), 7)
    first = bench.world(0, small, Setting(bench).facts)
    assert bench.world(0, small, Setting(bench).facts) is first
    assert bench.world(1, small, Setting(bench).facts) is not first
    plain = bench.world(0, small, Facts(plain=True))
    assert plain.plain
    assert plain.values is first.values, "another J asks for no other point"


def test_an_environment_for_every_step() -> None:
    found = Setting(BENCH).environments((h(t - 1),), 0)
    steps = scales(CELL, (h(t - 1),))[0].steps
    assert [env.numbers[t] for env in found] == list(range(2, steps + 1))
