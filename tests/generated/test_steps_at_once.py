"""`forward` a block of steps at a time, for inference and for long sequences: the same numbers in less memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from test_lengths import ODD, ragged
from test_properties import assert_close, module, standard

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.reader import read_note
from derive.targets import numpy as numpy_target
from verify.numbers.load import load


def same_by_blocks(made, case) -> None:
    """Outputs, final states and gradients of a run by blocks are those of the whole."""
    if not any(q.time is not None for q in case.cell.inputs):
        assert "checkpoint" not in made.forward.__kwdefaults__  # the steps are counted by T
        return
    first, *others = case.cell.inputs
    params = case.named(case.cell.parameters)
    more = {q.name: case.given[q.name] for q in (*others, *case.cell.states)} | case.functions

    def run(**how):
        return made.forward(params, case.given[first.name], **more, lengths=case.lengths, **how)

    ys, final, cache = run()
    wanted = made.backward(cache, case.d_output, **case.d_final)
    for how in ({"cache": False}, {"checkpoint": 2}, {"checkpoint": 1}, {"checkpoint": 100}):
        found, ends, kept = run(**how)
        assert_close({"ys": found, **ends}, {"ys": ys, **final})
        if "cache" in how:
            assert kept is None
            continue
        gradients = made.backward(kept, case.d_output, **case.d_final)
        assert list(gradients) == list(wanted)
        assert_close(gradients, wanted)


def test_every_cell(cell) -> None:
    same_by_blocks(module(cell.name), standard(cell, T=5, B=2))


@pytest.mark.parametrize("name", ["lstm", "gru", "mlstm"])
def test_different_lengths(name: str) -> None:
    cell = catalogue.find(name)
    same_by_blocks(module(cell.name), ragged(cell))


@pytest.mark.parametrize("text", [text for text in ODD.values() if "target" not in text])
def test_odd_cells(text: str) -> None:
    cell = read_note(f"# Odd\n\n{text}", "odd.md")
    with np.errstate(all="ignore"):
        same_by_blocks(load(numpy_target.module(differentiate(cell)), "odd"), ragged(cell))


def test_no_steps() -> None:
    gru = module("gru")
    params = gru.init(D=3, H=4, rng=np.random.default_rng(0))
    h = np.ones((2, 4))
    ys, final, cache = gru.forward(params, np.zeros((0, 2, 3)), h, checkpoint=3)
    assert ys.shape == (0, 2, 4)
    assert np.array_equal(final["h"], h)
    assert np.array_equal(gru.backward(cache, ys, h=h)["h"], h)


def test_what_is_no_number_of_steps_is_refused() -> None:
    gru = module("gru")
    params = gru.init(D=3, H=4, rng=np.random.default_rng(0))
    x = np.zeros((5, 2, 3))
    for wrong in (0, -1, 1.5, "2"):
        with pytest.raises(ValueError, match="expected a number of steps from 1 on"):
            gru.forward(params, x, checkpoint=wrong)
    _, _, cache = gru.forward(params, x, checkpoint=2)
    with pytest.raises(ValueError, match=r"d_ys has shape \(6, 2, 4\), expected 5 steps"):
        gru.backward(cache, np.zeros((6, 2, 4)))


def test_less_memory() -> None:
    lstm = module("lstm")
    params = lstm.init(D=8, H=32, rng=np.random.default_rng(0))
    x, d_ys = np.zeros((600, 4, 8)), np.ones((600, 4, 32))

    def peak(run: Callable[[], object]) -> int:
        tracemalloc.start()
        run()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    def trained(**how: int) -> None:
        lstm.backward(lstm.forward(params, x, **how)[2], d_ys)

    whole = peak(trained)
    assert peak(lambda: trained(checkpoint=25)) < whole / 3
    assert peak(lambda: lstm.forward(params, x, cache=False)) < whole / 4
