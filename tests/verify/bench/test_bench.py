"""The points of a table, what the peers compute, and how their times are told."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from derive import InputError
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from verify.bench import gpu, plans
from verify.bench.job import Job
from verify.bench.measure import Row, jobs, known, measured, planned
from verify.bench.peers import PEERS, case_of, hips_autograd, jax_scan, textbook, torch_target
from verify.bench.plans import SIZES
from verify.bench.report import KEPT, page, summary, table, written
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


def of_outputs_alone(cell: Cell, case: Case) -> dict[str, np.ndarray]:
    """The gradients of our module where J reads no final state."""
    from derive.targets.numpy import module

    case = replace(case, d_final={state: np.zeros_like(seed) for state, seed in case.d_final.items()})
    return case.backward(load(module(differentiate(cell)), "whole"))


@pytest.mark.parametrize("name", ["lstm", "rnn_general", "deltanet"])
def test_the_gradients_of_autograd_are_those_of_the_cell(name: str) -> None:
    pytest.importorskip("autograd", reason="HIPS autograd is one of the peers: pip install autograd")
    job = Job(name, 3, 2, 2, 3, "float64", 1)
    cell, case = case_of(job)
    expected = of_outputs_alone(cell, case)
    for key, gradient in hips_autograd(job, cell, case)().items():
        assert np.allclose(gradient, expected[key], rtol=1e-9, atol=1e-12), key


@pytest.mark.parametrize("name", ["lstm", "mgu", "rnn_general", "deltanet"])
def test_the_gradient_of_the_scan_is_that_of_the_cell(name: str) -> None:
    pytest.importorskip("jax")
    job = Job(name, 3, 2, 2, 3, "float64", 1)
    cell, case = case_of(job)
    (found,) = jax_scan(job, cell, case)()
    expected = of_outputs_alone(cell, case)
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
    assert table([row])[0][-1:] == ["2.00"]
    assert summary([row]).startswith("B ≤ 4: 2.00 (worst 2.00, 1 points); all: 2.00")


def test_several_threads_are_timed_by_the_clock() -> None:
    row = Row(replace(SMALL, threads=2), {"backproof": 1.0, "torch": 2.0}, {"backproof": 9.0, "torch": 3.0}, {}, {})
    assert row.ratio == 0.5
    assert row.label == "lstm f64 (2,1,2,3), 2 threads"


def test_a_plan_names_peers_and_cells_that_there_are() -> None:
    for plan, known_peers in ((plans.on_cpu(), PEERS), (plans.on_gpu(), gpu.PEERS)):
        assert {name for _, peers in plan for name in peers} <= set(known_peers)
        for job, _ in plan:
            case_of(replace(job, T=2, B=1, D=2, H=3))
        assert len(set(plan)) == len(plan)


def test_what_no_time_is_left_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row(SMALL, {}, {"backproof": 2.0, "jax": 1.0}, {"backproof": 1.0}, {"torch": "not here"})
    monkeypatch.setattr("verify.bench.measure.measured", lambda job, rounds, peers: row)
    told: list[int] = []
    plan = [(SMALL, ("backproof",)), (replace(SMALL, H=4), ("backproof",))]
    assert planned(plan, 1, math.inf, lambda rows: told.append(len(rows))) == ([row, row], [])
    assert told == [1, 2]
    rows, left = planned(plan, 1, -1.0, lambda rows: None)
    assert (rows, left) == ([], [job for job, _ in plan])
    (tmp_path / "speed.md").write_text(f"old figures\n\n{KEPT}\n\n## What stays\n")
    files = written([row], 1, tmp_path / "speed.md", "backproof bench", left)
    assert files[0].read_text().endswith(f".\n\n{KEPT}\n\n## What stays\n")
    assert "old figures" not in files[0].read_text()
    assert [file.name for file in files] == ["speed.md", "speed.svg", "speed.json"]
    text = files[0].read_text()
    assert "Not measured, as no time was left: lstm float64 2, 1, 2, 3; lstm float64 2, 1, 2, 4." in text
    assert "![Times over those of the fastest other engine](speed.svg)" in text
    assert 'cx="' in files[1].read_text()
    assert json.loads(files[2].read_text())["points"][0]["ratio"] == 2


def test_in_the_time_left_points_are_measured_again_and_the_better_times_count(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, disturbed = (Row(SMALL, {"jax": 5.0}, {"jax": 5.0}, {"jax": 1.0}, {}, spread) for spread in (0.01, 0.9))
    again = Row(SMALL, {"jax": 9.0}, {"jax": 2.0}, {"jax": 1.0}, {})
    found = iter([quiet, disturbed, again, quiet])
    monkeypatch.setattr("verify.bench.measure.measured", lambda job, rounds, peers: next(found))
    rows, left = planned([(SMALL, ("jax",)), (replace(SMALL, H=4), ("jax",))], 1, 1.0, lambda rows: None)
    assert not left
    assert [(row.wall["jax"], row.busy["jax"], row.measured) for row in rows] == [(5.0, 5.0, 2), (5.0, 2.0, 2)]
    assert "; 2 of the points at two times, the better median of each peer." in page(rows, 7)


def test_the_torch_target_is_a_peer() -> None:
    pytest.importorskip("torch")
    cell, case = case_of(SMALL)
    torch_target(SMALL, cell, case)()


def test_without_a_gpu_its_peers_are_absent() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is one")
    row = measured(replace(SMALL, device="gpu"), 1, ["cudnn"])
    assert row.absent == {"cudnn": "torch sees no GPU"}
    assert "Absent: lstm: no cudnn (torch sees no GPU)" in page([row], 1)


def test_json_has_the_names_of_cells_and_no_paths() -> None:
    row = Row(Job(plans.LAYER_NORM, 5, 2, 3, 4, "float32", 1), {}, {}, {}, {})
    assert row.to_json()["cell"] == "lstm_layer_norm_peephole"
