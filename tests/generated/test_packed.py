"""Parameters as `pack` makes them: the same results as of a dict, also after steps of training and in other dtypes."""

from __future__ import annotations

import copy
import pickle
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.targets.numpy.module import module
from verify.numbers.case import Case
from verify.numbers.load import load

CELLS = catalogue.cells()


def drawn(name: str, seed: int = 0) -> tuple[ModuleType, Case]:
    cell = CELLS[name]
    sizes = {str(letter): 3 + k for k, letter in enumerate(cell.sizes)}
    return load(module(differentiate(cell)), name), Case.draw(cell, sizes, 4, 3, np.random.default_rng(seed))


def results(made: ModuleType, case: Case, params: Any) -> dict[str, np.ndarray]:
    """Outputs, final states and gradients for these parameters; everything else as in the case."""
    names = set(case.named(case.cell.parameters))
    given = {key: value for key, value in case.given.items() if key not in names}
    first, *_ = (q.name for q in case.cell.inputs if q.time is not None)
    ys, ends, cache = made.forward(params, given.pop(first), **given)
    return {"ys": ys, **{f"end {k}": v for k, v in ends.items()}, **made.backward(cache, case.d_output)}


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert np.array_equal(found[key], value), key


@pytest.mark.parametrize("name", CELLS)
def test_packed_parameters_are_the_same_parameters(name: str) -> None:
    made, case = drawn(name)
    params = {key: np.array(value) for key, value in case.named(case.cell.parameters).items()}
    packed = made.pack(params)
    assert_same(results(made, case, packed), results(made, case, params))
    gradients = results(made, case, packed)
    for key in packed:
        packed[key] -= 0.01 * gradients[key]
        params[key] = params[key] - 0.01 * gradients[key]
    assert_same(results(made, case, packed), results(made, case, params))


def lstm() -> tuple[ModuleType, dict[str, np.ndarray], np.ndarray]:
    made, rng = load(module(differentiate(CELLS["lstm"])), "lstm"), np.random.default_rng(0)
    return made, made.init(D=2, H=3, rng=rng), rng.normal(size=(4, 2, 2))


@pytest.mark.parametrize("write", ["item", "update", "or", "whole"])
def test_every_way_of_writing_is_seen(write: str) -> None:
    made, params, x = lstm()
    packed, others = made.pack(params), {key: 2 * value for key, value in params.items()}
    if write == "item":
        for key, value in others.items():
            packed[key] = value
    elif write == "update":
        packed.update(others)
    elif write == "or":
        packed |= others
    else:
        for whole in (*packed.stacked,):
            whole *= 2
    assert np.array_equal(made.forward(packed, x)[0], made.forward(others, x)[0])


def test_packing_copies() -> None:
    made, params, x = lstm()
    packed = made.pack(params)
    before = made.forward(params, x)[0]
    packed["W_i"][...] = 0
    assert np.array_equal(made.forward(params, x)[0], before)
    sys.modules[made.__name__] = made
    for other in (copy.deepcopy(packed), copy.copy(packed), pickle.loads(pickle.dumps(packed)), made.pack(packed)):
        assert np.array_equal(made.forward(other, x)[0], made.forward(packed, x)[0])
        other["W_g"][...] = 0
        assert packed["W_g"].any()
    del sys.modules[made.__name__]


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_other_dtypes_are_joined_as_before(dtype: str) -> None:
    made, params, x = lstm()
    packed = made.pack(params)
    found, wanted = (made.forward(given, x.astype(dtype))[0] for given in (packed, params))
    assert found.dtype == wanted.dtype
    assert np.array_equal(found, wanted)
    single = made.pack({key: value.astype(np.float32) for key, value in params.items()})
    assert made.forward(single, x.astype(np.float32))[0].dtype == np.float32


def test_what_does_not_fit_is_refused_as_before() -> None:
    made, params, x = lstm()
    with pytest.raises(ValueError, match=r"params has no 'b_g'"):
        made.pack({key: value for key, value in params.items() if key != "b_g"})
    with pytest.raises(ValueError, match=r"params\['b_g'\] has shape \(4,\)"):
        made.pack({**params, "b_g": np.zeros(4)})
    for given in (made.pack(params), params, params):
        with pytest.raises(ValueError, match=r"x has shape \(4, 2, 5\), expected \(T, B, D\) = \(4, 2, 2\)"):
            made.forward(given, np.zeros((4, 2, 5)))
        made.forward(given, x)


def test_parameters_of_another_shape_are_looked_at_again() -> None:
    made, params, x = lstm()
    made.forward(params, x)
    with pytest.raises(ValueError, match=r"params\['b_g'\] has shape \(4,\)"):
        made.forward({**params, "b_g": np.zeros(4)}, x)
    with pytest.raises(ValueError, match=r"params\['b_g'\] must be a NumPy array"):
        made.forward({**params, "b_g": [0.0] * 3}, x)
    wider = made.init(D=2, H=5, rng=np.random.default_rng(1))
    assert made.forward(wider, x)[0].shape == (4, 2, 5)
    assert made.forward(params, x)[0].shape == (4, 2, 3)
