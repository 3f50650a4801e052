"""Parts of a batch in threads compute what the whole batch does, for cells and for networks of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.networks.network import Direction, Network
from derive.reader import read_equations
from derive.targets.numpy.module import module
from derive.targets.numpy.network import network_module
from verify.numbers.case import Case
from verify.numbers.load import load
from verify.numbers.network import NetworkCase

threadpoolctl = pytest.importorskip("threadpoolctl", reason="it limits the library of matrix products")

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
CELLS = [cell for cell in catalogue.cells().values() if cell.states and any(q.time is not None for q in cell.inputs)]
SAMPLED = CELLS if FULL else CELLS[::8]
WITH_A_START = read_equations([r"s_0 = \theta", r"s_t = \tanh(W u_t + R s_{t-1})"])


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """The library of matrix products may use two threads, as on a computer with two processors."""
    with threadpoolctl.threadpool_limits(2, "blas"):
        yield


def both(text: str, parts: int = 3) -> tuple[ModuleType, ModuleType]:
    """The module twice, the second cutting every batch into so many parts."""
    whole, cut = load(text), load(text)
    cut.parts_of = lambda *_: 0 if cut.LIMITING.locked() else parts  # type: ignore[attr-defined]
    return whole, cut


def drawn(cell: Cell, B: int = 7, T: int = 5) -> Case:
    sizes = {str(letter): 2 + k for k, letter in enumerate(cell.sizes)}
    return Case.draw(cell, sizes, T, B, np.random.default_rng(3))


def same(expected: Any, found: Any) -> None:
    if isinstance(expected, dict):
        assert list(expected) == list(found)
        for name in expected:
            same(expected[name], found[name])
        return
    assert expected.shape == found.shape
    assert expected.dtype == found.dtype
    assert np.max(np.abs(expected - found), initial=0) <= 1e-12 * max(1.0, np.max(np.abs(expected), initial=0))


def same_case(text: str, case: Case) -> None:
    whole, cut = both(text)
    ys, final, cache = case.forward(cut)
    assert isinstance(cache[-1], list)
    same(case.forward(whole)[0], ys)
    same(dict(case.forward(whole)[1]), dict(final))
    same(case.backward(whole), case.backward(cut))


@pytest.mark.parametrize("sampled", SAMPLED, ids=lambda cell: cell.name)
def test_gradients_are_those_of_the_whole_batch(sampled: Cell) -> None:
    text, case = module(differentiate(sampled)), drawn(sampled)
    same_case(text, case)
    same_case(text, replace(case, lengths=np.array([5, 0, 3, 1, 5, 4, 0])))


def test_a_state_that_starts_from_a_parameter() -> None:
    case = drawn(WITH_A_START)
    whole, cut = both(module(differentiate(WITH_A_START)))
    params = {name: case.given[name] for name in ("W", "R", "theta")}
    found = []
    for made in (whole, cut):
        _, _, cache = made.forward(params, case.given["u"])
        found.append(made.backward(cache, case.d_output))
    same(*found)


@pytest.mark.parametrize("options", [{"checkpoint": 2}, {"checkpoint": 2, "lengths": np.array([5, 0, 3, 1, 5, 4, 0])}])
def test_blocks_of_steps_are_cut_too(options: dict[str, Any]) -> None:
    cell = catalogue.find("lstm")
    case = drawn(cell)
    whole, cut = both(module(differentiate(cell)))
    params = case.named(cell.parameters)
    found = []
    for made in (whole, cut):
        ys, _, cache = made.forward(params, case.given["x"], **options)
        found.append({"ys": ys, **made.backward(cache, case.d_output, **case.d_final)})
        same(ys, made.forward(params, case.given["x"], cache=False, lengths=options.get("lengths"))[0])
    same(*found)


def test_a_network_with_a_head() -> None:
    head = catalogue.find_head("softmax", "cross-entropy")
    network = Network.of(catalogue.find("gru"), layers=2, direction=Direction.BIDIRECTIONAL, head=head, dropout=True)
    case = NetworkCase.drawn(network, 4, 7, np.random.default_rng(1), np.array([3, 0, 4, 4, 1, 2, 4]))
    same(*(case.backward(made) for made in both(network_module(network))))


def test_what_does_not_fit_is_refused_as_a_whole() -> None:
    cell = catalogue.find("rnn")
    case = drawn(cell)
    _, cut = both(module(differentiate(cell)))
    _, _, cache = case.forward(cut)
    with pytest.raises(ValueError, match=r"d_ys has shape \(5, 6, 3\), expected \(T, B, H\) = \(5, 7, 3\)"):
        cut.backward(cache, case.d_output[:, :6])


def test_large_batches_are_cut_and_the_library_keeps_its_threads() -> None:
    cell = catalogue.find("lstm")
    whole = load(module(differentiate(cell)))
    case = Case.draw(cell, {"D": 8, "H": 256}, 8, 64, np.random.default_rng(0)).cast(np.float32)
    small = drawn(cell, B=4)

    def run(case: Case) -> bool:
        _, _, cache = case.forward(whole)
        whole.backward(cache, case.d_output, **case.d_final)
        return isinstance(cache[-1], list)

    before = [library.num_threads for library in whole.libraries().lib_controllers]
    assert run(case) == all(threads > 1 for threads in before)
    assert not run(small)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, [case] * 2))
    assert [library.num_threads for library in whole.libraries().lib_controllers] == before
    whole.libraries = lambda: None  # type: ignore[attr-defined]
    assert not run(case)


def test_large_products_are_left_to_the_threads_of_the_library() -> None:
    cell = catalogue.find("lstm")
    case = Case.draw(cell, {"D": 64, "H": 128}, 36, 32, np.random.default_rng(0))
    found = []
    for threads in (1, 2):
        made = load(module(differentiate(cell)))
        assert made.library_threads() == 2
        made.library_threads = lambda threads=threads: threads  # type: ignore[attr-defined]
        found.append({"ys": case.forward(made)[0], **case.backward(made)})
    same(*found)
