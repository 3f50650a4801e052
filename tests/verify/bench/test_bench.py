"""The points of a table, what the peers compute, and how their times are told."""

from __future__ import annotations

import numpy as np
import pytest

from derive import InputError, catalogue
from derive.calculus.adjoint import differentiate
from verify.bench.measure import SIZES, Row, jobs, measured
from verify.bench.peers import Job, case_of, textbook
from verify.bench.report import page, summary, table
from verify.bench.scan_text import scan_text
from verify.numbers.case import Case
from verify.numbers.load import load

SMALL = Job("lstm", 2, 1, 2, 3, "float64", 1)


def test_sizes_are_read() -> None:
    assert jobs(["rnn"], ["2, 1, 3, 4"], ["float32"], 1) == [Job("rnn", 2, 1, 3, 4, "float32", 1)]
    assert len(jobs(["rnn", "gru"], [], [], 2)) == 4 * len(SIZES)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,x", "0,1,1,1", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no size"):
        jobs(["rnn"], [text], [], 1)


def test_steps_one_after_the_other_give_the_gradients_of_the_sequence() -> None:
    cell, case = case_of(SMALL)
    found = textbook(SMALL, cell, case)()
    from derive.targets.numpy import module

    expected = case.backward(load(module(differentiate(cell)), "whole"))
    assert all(np.allclose(found[q.name], expected[q.name], rtol=1e-12) for q in cell.parameters)


@pytest.mark.parametrize("name", ["lstm", "mgu", "rnn_general", "deltanet"])
def test_the_scan_computes_the_cell(name: str) -> None:
    jax = pytest.importorskip("jax")
    cell = catalogue.find(name)
    sizes = {str(letter): 2 + k for k, letter in enumerate(cell.sizes)}
    case = Case.draw(cell, sizes, 3, 2, np.random.default_rng(0))
    made = load(scan_text(differentiate(cell)), "scan")
    with jax.enable_x64(True):
        groups = (case.named(cell.parameters), case.named(cell.inputs), case.named(cell.states))
        ys = made.forward(*groups, {**sizes, "T": 3, "B": 2}, np.dtype("float64"))
    from derive.targets.numpy import module

    expected, _, _ = case.forward(load(module(differentiate(cell)), "whole"))
    assert np.allclose(np.asarray(ys), expected, rtol=1e-10)


def test_peers_run_in_processes_of_their_own() -> None:
    row = measured(SMALL, 1, ["backproof", "products"])
    assert set(row.busy) == {"backproof", "products"}
    assert row.ratio is None
    assert "| lstm | float64 | 2, 1, 2, 3 |" in page([row], 1)


def test_the_ratio_is_to_the_fastest_other() -> None:
    row = Row(SMALL, {}, {"backproof": 2.0, "torch": 4.0, "jax": 1.0, "products": 0.1}, {}, {})
    assert row.ratio == 2
    assert table([row])[0][-1] == "2.00"
    assert summary([row]) == "B ≤ 4: 2.00 (worst 2.00, 1 points)"
