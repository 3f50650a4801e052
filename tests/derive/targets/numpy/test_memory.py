"""Memory of an earlier call is used again, and only when nothing refers to it any more."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.targets.numpy.module import module
from verify.numbers.case import Case
from verify.numbers.load import load

CELL = catalogue.find("rnn")


@pytest.fixture
def made() -> ModuleType:
    return load(module(differentiate(CELL)), "made")


def drawn(seed: int, steps: int = 40) -> Case:
    return Case.draw(CELL, {"D": 8, "H": 64}, steps, 16, np.random.default_rng(seed))


def test_the_memory_of_a_call_is_used_again(made: ModuleType) -> None:
    case = drawn(0)
    case.backward(made)
    gc.collect()
    left = {id(block) for block in made.LEFT}
    assert left
    case.backward(made)
    gc.collect()
    assert {id(block) for block in made.LEFT} == left


def test_what_is_still_referred_to_stays_as_it_was(made: ModuleType) -> None:
    case = drawn(0)
    ys, ends, cache = case.forward(made)
    part = ys[3:5, 2]
    was, part_was = ys.copy(), part.copy()
    drawn(1).backward(made)
    drawn(2, steps=37).backward(made)
    assert np.array_equal(ys, was)
    del ys
    drawn(3).backward(made)
    assert np.array_equal(part, part_was)
    fresh = load(module(differentiate(CELL)), "fresh")
    _, _, again = case.forward(fresh)
    ends = case.d_final
    for key, value in fresh.backward(again, case.d_output, **ends).items():
        assert np.array_equal(value, made.backward(cache, case.d_output, **ends)[key])


def test_threads_share_no_memory(made: ModuleType) -> None:
    cases = [drawn(seed) for seed in range(4)] * 8
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda case: case.backward(made), cases))
    for case, gradients in zip(cases[:4], found[-4:], strict=True):
        wanted = case.backward(made)
        assert all(np.array_equal(wanted[key], gradients[key]) for key in wanted)


def test_a_bound_stands_on_what_is_left(made: ModuleType) -> None:
    arrays = [made.memory((2**16, 1024), np.dtype("u1")) for _ in range(6)]
    assert len({array.ctypes.data for array in arrays}) == 6
    assert all(array.ctypes.data % 64 == 0 for array in arrays)
    del arrays
    assert 2**27 < sum(block.nbytes for block in made.LEFT) <= 2**28


def test_small_arrays_and_objects_are_new(made: ModuleType) -> None:
    case = replace(drawn(0), T=1)
    assert made.memory((case.T, 2), np.dtype(float)).flags.owndata
    assert made.memory((2**17,), np.dtype(object)).dtype == object
