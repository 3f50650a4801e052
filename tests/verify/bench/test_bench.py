"""The points of a table, what the peers compute, and how their times are told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from derive import InputError
from derive.calculus.adjoint import differentiate
from verify.bench.measure import SIZES, Row, jobs, known, measured
from verify.bench.peers import Job, case_of, jax_scan, textbook
from verify.bench.report import page, summary, table
from verify.numbers.load import load

SMALL = Job("lstm", 2, 1, 2, 3, "float64", 1)


def test_sizes_are_read() -> None:
    assert jobs(["rnn"], ["2, 1, 3, 4"], ["float32"], 1) == [Job("rnn", 2, 1, 3, 4, "float32", 1)]
    assert len(jobs(["rnn", "gru"], [], [], 2)) == 4 * len(SIZES)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,x", "0,1,1,1", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no size"):
        jobs(["rnn"], [text], [], 1)


def test_peers_are_known_by_name() -> None:
    assert known(["jax"]) == ("jax",)
    assert "native" in known([])
    with pytest.raises(InputError, match="no peer 'keras'"):
        known(["keras"])


def test_steps_one_after_the_other_give_the_gradients_of_the_sequence() -> None:
    cell, case = case_of(SMALL)
    found = textbook(SMALL, cell, case)()
    from derive.targets.numpy import module

    expected = case.backward(load(module(differentiate(cell)), "whole"))
    assert all(np.allclose(found[q.name], expected[q.name], rtol=1e-12) for q in cell.parameters)


@pytest.mark.parametrize("name", ["lstm", "mgu", "rnn_general", "deltanet"])
def test_the_gradient_of_the_scan_is_that_of_the_cell(name: str) -> None:
    pytest.importorskip("jax")
    job = Job(name, 3, 2, 2, 3, "float64", 1)
    cell, case = case_of(job)
    (found,) = jax_scan(job, cell, case)()
    from derive.targets.numpy import module

    case = replace(case, d_final={state: np.zeros_like(seed) for state, seed in case.d_final.items()})
    expected = case.backward(load(module(differentiate(cell)), "whole"))
    for quantity, gradient in zip((*cell.inputs, *cell.states, *cell.parameters), found, strict=True):
        assert np.allclose(np.asarray(gradient), expected[quantity.name], rtol=1e-9, atol=1e-12), quantity.name


def test_peers_run_in_processes_of_their_own() -> None:
    row = measured(SMALL, 1, ["backproof", "products"])
    assert set(row.busy) == {"backproof", "products"}
    assert row.ratio is None
    assert "| lstm | float64 | 2, 1, 2, 3 |" in page([row], 1)


def test_the_ratio_is_to_the_fastest_other() -> None:
    row = Row(SMALL, {}, {"backproof": 2.0, "torch": 4.0, "jax": 1.0, "products": 0.1}, {}, {})
    assert row.ratio == 2
    assert table([row])[0][-2:] == ["2.00", "–"]
    assert summary([row]).startswith("B ≤ 4: 2.00 (worst 2.00, 1 points); all: 2.00")
