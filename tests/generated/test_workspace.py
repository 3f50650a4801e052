"""A workspace: the same results to the bit as without one, over calls of all shapes, in memory of their own."""

from __future__ import annotations

import functools
import random
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from random_cells import random_cell
from random_checks import read

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.targets.numpy.module import module
from verify.numbers.case import Case
from verify.numbers.load import load

CELLS = catalogue.cells()
SHAPES = ((4, 3), (11, 2), (4, 3), (1, 1), (0, 2), (12, 9), (3, 0), (11, 2), (4, 3))
"""Steps and examples of calls that follow each other."""

Results = dict[str, np.ndarray]


@functools.cache
def made_from(name: str) -> ModuleType:
    return load(module(differentiate(CELLS[name])), name)


def drawn(name: str, T: int, B: int, seed: int) -> Case:
    cell = CELLS[name]
    sizes = {str(letter): 3 + k for k, letter in enumerate(cell.sizes)}
    return Case.draw(cell, sizes, T, B, np.random.default_rng(seed))


def results(made: ModuleType, case: Case, dtype: str, **more: Any) -> Results:
    """Outputs, final states and gradients of a case in that dtype."""
    parameters = {key: a.astype(dtype) for key, a in case.named(case.cell.parameters).items()}
    given = {key: a.astype(dtype) for key, a in case.given.items() if key not in parameters}
    first, *_ = (q.name for q in case.cell.inputs if q.time is not None)
    ys, ends, cache = made.forward(parameters, given.pop(first), **given, **more)
    found = {"ys": ys, **{f"end {key}": a for key, a in ends.items()}}
    if cache is None:
        return found
    d_ys = case.d_output.astype(dtype)
    return {**found, **made.backward(cache, d_ys, **{s: np.ones_like(a) for s, a in ends.items()})}


def assert_same(found: Results, wanted: Results) -> None:
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype, key
        assert np.array_equal(found[key], value, equal_nan=True), key


def held(workspace: Any) -> list[np.ndarray]:
    """Every array that a workspace holds."""
    left, found = [*workspace.rooms.values()], []
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list | tuple):
            left += one
        elif isinstance(one, np.ndarray):
            found.append(one)
    return found


@pytest.mark.parametrize("name", CELLS)
def test_results_are_those_without_a_workspace(name: str) -> None:
    made = made_from(name)
    workspace, before = made.Workspace(), []
    for seed, (T, B) in enumerate(SHAPES):
        case = drawn(name, T, B, seed)
        lengths = np.random.default_rng(seed).integers(0, T + 1, B) if seed % 3 == 1 else None
        for more in ({}, {"lengths": lengths}, {"cache": False}, {"checkpoint": 3}):
            for dtype in ("float64", "complex128", "float32")[: 3 if seed < 2 else 1]:
                found = results(made, case, dtype, workspace=workspace, **more)
                assert_same(found, results(made, case, dtype, **more))
                before.append((found, {key: a.copy() for key, a in found.items()}))
    arrays = held(workspace)
    assert arrays
    for found, copies in before:
        assert_same(found, copies)
        assert not any(np.shares_memory(a, one) for a in found.values() for one in arrays if a.size)


@pytest.mark.parametrize("name", CELLS)
def test_blocks_of_steps_have_their_own_memory(name: str) -> None:
    made = made_from(name)
    workspace = made.Workspace()
    for seed in (0, 1):
        case = drawn(name, 2600, 3, seed)
        with np.errstate(all="ignore"):
            assert_same(results(made, case, "float64", workspace=workspace), results(made, case, "float64"))


@pytest.mark.parametrize("seed", range(8))
def test_random_cells_have_workspaces(seed: int) -> None:
    cell = read(random_cell(random.Random(seed).randrange))
    made = load(module(differentiate(cell)), "random")
    workspace, sizes = made.Workspace(), {str(letter): 2 + k for k, letter in enumerate(cell.sizes)}
    for k, (T, B) in enumerate(SHAPES[:5]):
        case = Case.draw(cell, sizes, T, B, np.random.default_rng(k))
        with np.errstate(all="ignore"):
            assert_same(results(made, case, "float64", workspace=workspace), results(made, case, "float64"))


@pytest.mark.parametrize("name", CELLS)
def test_memory_is_used_again(name: str) -> None:
    made = made_from(name)
    workspace = made.Workspace()
    case = drawn(name, 4, 3, 0)
    results(made, case, "float64", workspace=workspace)
    arrays = {id(a) for a in held(workspace)}
    results(made, drawn(name, 4, 3, 1), "float64", workspace=workspace)
    assert {id(a) for a in held(workspace)} == arrays
    assert workspace.rooms


def lstm() -> tuple[ModuleType, dict[str, np.ndarray], np.ndarray]:
    made, rng = made_from("lstm"), np.random.default_rng(0)
    return made, made.init(D=2, H=3, rng=rng), rng.normal(size=(4, 2, 2))


def test_a_cache_is_refused_after_the_next_call() -> None:
    made, params, x = lstm()
    workspace, other = made.Workspace(), made.Workspace()
    ys, _, first = made.forward(params, x, workspace=workspace)
    wanted = made.backward(first, ys)
    assert_same(made.backward(first, ys), wanted)
    made.forward(params, x, workspace=other)
    made.forward(params, x)
    assert_same(made.backward(first, ys), wanted)
    for again in (x, x[:2], x.astype("complex128")):
        _, _, cache = made.forward(params, x, workspace=workspace)
        made.forward(params, again, workspace=workspace)
        with pytest.raises(ValueError, match=r"a later forward with the same workspace has written into"):
            made.backward(cache, ys)


def test_what_is_given_is_not_written_into() -> None:
    made, params, x = lstm()
    workspace, given = made.Workspace(), x.copy()
    ys, _, cache = made.forward(params, x, workspace=workspace)
    asked = ys.copy()
    made.backward(cache, asked)
    made.backward(made.forward(params, 2 * x, workspace=workspace)[2], 2 * asked)
    assert np.array_equal(x, given)
    assert np.array_equal(asked, ys)


def test_only_the_shapes_of_the_last_calls_are_kept() -> None:
    made, params, _ = lstm()
    workspace = made.Workspace()
    for steps in range(1, 30):
        made.forward(params, np.zeros((steps, 2, 2)), workspace=workspace)
    assert len(workspace.rooms) == 8
    made.forward(params, np.zeros((22, 2, 2)), workspace=workspace)
    made.forward(params, np.zeros((1, 2, 2)), workspace=workspace)
    assert {sizes for sizes, _ in workspace.rooms} >= {frozenset({("T", 22), ("B", 2), ("D", 2), ("H", 3)})}


def test_long_calls_run_without_it() -> None:
    made, params, _ = lstm()
    workspace = made.Workspace()
    caches = [made.forward(params, np.zeros((T, 20, 2)), workspace=workspace)[2] for T in (600, 700, 10)]
    assert len(workspace.rooms) == 1
    for steps, cache in zip((600, 700, 10), caches, strict=True):
        assert np.isfinite(made.backward(cache, np.ones((steps, 20, 3)))["x"]).all()


def test_a_workspace_of_another_module_is_refused() -> None:
    made, params, x = lstm()
    others: tuple[Any, ...] = ({}, made_from("rnn").Workspace())
    for other in others:
        with pytest.raises(ValueError, match=r"workspace must be a Workspace of this module, got (dict|Workspace)"):
            made.forward(params, x, workspace=other)


def test_training_takes_the_same_steps() -> None:
    made, params, x = lstm()
    target = np.random.default_rng(1).normal(size=(4, 2, 3))
    plain = {key: value.copy() for key, value in params.items()}
    packed, workspace = made.pack(params), made.Workspace()
    for _ in range(20):
        for weights, more in ((plain, {}), (packed, {"workspace": workspace})):
            ys, _, cache = made.forward(weights, x, **more)
            for key, gradient in made.backward(cache, ys - target).items():
                if key in weights:
                    weights[key] -= 0.1 * gradient
    assert_same({**packed}, plain)
