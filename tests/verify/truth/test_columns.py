"""Rates of change of one equation: one direction for all rows says what a direction for every entry says."""

from __future__ import annotations

import pytest

from derive import catalogue
from derive.nodes import leaves
from verify.truth import columns
from verify.truth.decimals.trial import Trial
from verify.truth.scales import scales
from verify.truth.world import World

CELLS = ["lstm", "gru", "rnn_layer_norm", "softmax_cross_entropy"]


def rates(world):
    """The rates of every equation at step 2, for everything that it reads."""
    found = {}
    for equation in world.cell.equations:
        read = leaves(equation.expression)
        keys = [(q.name, None if q.time is None else 2 + int(q.time - equation.symbol.time)) for q in read]
        together = world._columns(equation, 2, keys)
        assert list(together) == keys
        for key in keys:
            assert world._columns(equation, 2, [key]) == {key: together[key]}
        found[equation.symbol.name] = together
    return found


@pytest.mark.parametrize("engine", ["field", "decimals"])
@pytest.mark.parametrize("name", CELLS)
def test_one_direction_for_all_rows_and_one_pass_for_all_keys_say_the_same(monkeypatch, name, engine):
    cell = catalogue.named(name)
    scale, _ = scales(cell)
    world = World.draw(cell, 0, 3, scale.sizes) if engine == "field" else Trial.draw(cell, scale.sizes, 3, 0)
    together = rates(world)
    monkeypatch.setattr(columns, "row_by_row", lambda *_: False)
    assert together == rates(world)


def test_rows_are_apart_under_functions_and_products_from_the_right():
    cell = catalogue.named("lstm")
    gate = next(e.expression for e in cell.equations if e.symbol.name == "i")
    assert columns.row_by_row(gate, lambda quantity: quantity.name == "b_i")
    assert columns.row_by_row(gate, lambda quantity: quantity.name == "W_i")
    assert not columns.row_by_row(gate, lambda quantity: quantity.name == "h")


def test_one_point_serves_every_j():
    cell = catalogue.named("lstm")
    world = World.draw(cell)
    quantity = cell.quantities["b_i"]
    world.adjoint(("b_i", None), quantity)
    found, plain = len(world.responses._maps), world.plainly()
    alone = World.draw(cell, plain=True)
    assert plain.adjoint(("b_i", None), quantity) == alone.adjoint(("b_i", None), quantity)
    assert plain.adjoint(("b_i", None), quantity) != world.adjoint(("b_i", None), quantity)
    assert len(world.responses._maps) == found
