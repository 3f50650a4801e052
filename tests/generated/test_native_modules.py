"""The native target: for every cell the results of its NumPy module, compiled or not, and NumPy where numba is missing.

Most tests run the loops as Python, as a compiler takes seconds for each cell. BACKPROOF_FULL_FIGURES=1 compiles them all.
"""

from __future__ import annotations

import os
import random
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_cells import random_cell
from random_checks import read
from test_lengths import ODD, ragged
from test_properties import assert_close, standard

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.networks.network import Direction, Network, Reads
from derive.reader import read_note
from derive.targets import generate
from verify.numbers.case import Case
from verify.numbers.frameworks import uncompiled
from verify.numbers.load import load
from verify.numbers.network import NetworkCase

pytest.importorskip("numba", reason="numba compiles the loops: the extra 'native' has it")

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
EXACT = 1e-12
IN_NUMPY = "# this loop runs in NumPy"


def _agree(theirs, ours, case: Case, limit: float = EXACT) -> None:
    """Outputs, final states and gradients of both modules."""
    (ys, final, _), (outputs, ends, _) = case.forward(theirs), case.forward(ours)
    assert_close({"ys": ys, **final}, {"ys": outputs, **ends}, limit)
    assert_close(case.backward(theirs), case.backward(ours), limit)


def _in_python(cell: Cell):
    text = generate(cell, "native")
    with uncompiled():
        return text, load(text, "native")


def test_results_are_those_of_the_numpy_module(registered: Cell) -> None:
    text, theirs = _in_python(registered)
    assert IN_NUMPY not in text
    _agree(theirs, load(generate(registered)), standard(registered, T=4, B=3))


@pytest.mark.parametrize("name", ["gru", "mlstm", "lstm_peephole", "sigmoid_binary_cross_entropy"])
def test_different_lengths(name: str) -> None:
    cell = catalogue.cells().get(name) or catalogue.heads()[name]
    _agree(_in_python(cell)[1], load(generate(cell)), ragged(cell))


@pytest.mark.parametrize("text", ODD.values(), ids=list(ODD))
def test_odd_cells(text: str) -> None:
    cell = read_note(f"# Odd\n\n{text}", "odd.md")
    _agree(_in_python(cell)[1], load(generate(cell)), ragged(cell))


@pytest.mark.parametrize("seed", [*range(0, 60, 4), 13, 55])
def test_random_cells(seed: int) -> None:
    cell = read(random_cell(random.Random(seed).randrange))
    text, theirs = _in_python(cell)
    assert IN_NUMPY not in text
    case = standard(cell, T=3, B=2)
    ours = load(generate(cell))
    with np.errstate(all="ignore"):
        ys, _, _ = case.forward(ours)
        if np.isfinite(ys).all() and np.abs(ys).max() < 1e6:
            _agree(theirs, ours, case, 1e-9)


@pytest.mark.parametrize("name", catalogue.cells() if FULL else ["lstm", "deltanet", "rnn_general"])
def test_compiled(name: str, tmp_path: Path) -> None:
    cell = catalogue.find(name)
    theirs = load(generate(cell, "native"), "native", tmp_path)
    case = standard(cell, T=5, B=3)
    _agree(theirs, load(generate(cell)), case)
    assert theirs.backward_loop.signatures


@pytest.mark.parametrize("name", ["deltanet", "mlstm"])
def test_gradients_that_are_matrices_live_for_a_step_alone(name: str) -> None:
    text = generate(catalogue.find(name), "native")
    kernel = text.partition("def backward_loop")[2]
    matrices = re.findall(r"(\w+) = np.empty\(\(B, \w+, [^1]\w*\), dtype\)", kernel)
    assert matrices
    before = text.partition("run_compiled(backward_loop")[0]
    assert not any(f"{name} = memory(" in before for name in matrices)


@pytest.fixture(scope="module")
def compiled_rnn(tmp_path_factory: pytest.TempPathFactory):
    cell = catalogue.find("rnn")
    return load(generate(cell, "native"), "native", tmp_path_factory.mktemp("rnn")), load(generate(cell))


def test_float32_stays_float32_and_other_numbers_are_left_to_numpy(compiled_rnn) -> None:
    theirs, ours = compiled_rnn
    case = standard(catalogue.find("rnn"))
    small = case.cast(np.dtype(np.float32))
    ys, _, _ = small.forward(theirs)
    assert ys.dtype == np.float32
    assert all(gradient.dtype == np.float32 for gradient in small.backward(theirs).values())
    _agree(theirs, ours, small, 1e-5)
    before = len(theirs.forward_loop.signatures)
    turned = replace(case, given={name: value + 1e-3j for name, value in case.given.items()})
    np.testing.assert_allclose(turned.forward(theirs)[0], turned.forward(ours)[0], rtol=EXACT)
    assert len(theirs.forward_loop.signatures) == before


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, EXACT), (np.float32, 1e-4)])
def test_large_products_and_several_threads(dtype, limit: float, compiled_rnn, monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    theirs, ours = compiled_rnn
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)
    started: list[int] = []
    in_parts = theirs.in_parts
    monkeypatch.setattr(theirs, "in_parts", lambda *given: (started.append(given[-1]), in_parts(*given)))
    rng = np.random.default_rng(0)
    for steps, examples, width in ((2, 40, 90), (60, 151, 90), (3, 5, 130)):
        case = Case.draw(catalogue.find("rnn"), {"D": 3, "H": width}, steps, examples, rng)
        _agree(theirs, ours, case.cast(np.dtype(dtype)), limit)
    assert min(started) < 3 <= max(started)


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="there is one processor"
)
def test_threads_have_no_processor_in_common(compiled_rnn, monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    theirs, _ = compiled_rnn
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    monkeypatch.setattr(theirs, "TILED", True)
    before, found = os.sched_getaffinity(0), {}

    def run(first: int, last: int) -> None:
        found[first, last] = os.sched_getaffinity(0)

    theirs.in_parts(run, (), 10, 2)
    assert found.keys() == {(0, 5), (5, 10)}
    assert not found[0, 5] & found[5, 10]
    assert os.sched_getaffinity(0) == before

    def fails(first: int, last: int) -> None:
        raise ValueError((first, last))

    with pytest.raises(ValueError, match=r"\(0, 5\)"):
        theirs.in_parts(fails, (), 10, 2)
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("setting", ["another system", "forbidden"])
def test_threads_where_processors_cannot_be_chosen(setting, compiled_rnn, monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    theirs, _ = compiled_rnn
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    monkeypatch.setattr(theirs, "TILED", True)
    if setting == "another system":
        monkeypatch.setattr(theirs, "processor_now", lambda: None)
    else:
        monkeypatch.setattr(theirs, "processor_now", lambda: lambda: 0)
        monkeypatch.setattr(theirs.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
        monkeypatch.setattr(theirs.os, "sched_setaffinity", lambda *_: os.stat("/nowhere at all"), raising=False)
    found: list[tuple[int, int]] = []
    theirs.in_parts(lambda *part: found.append(part), (), 10, 2)
    assert sorted(found) == [(0, 5), (5, 10)]


def test_products_of_matrices_as_they_lie(compiled_rnn, monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    theirs, _ = compiled_rnn
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)
    rng = np.random.default_rng(0)
    a, b, steps = rng.normal(size=(600, 700)), rng.normal(size=(600, 300)), rng.normal(size=(3, 200, 600))
    pairs = [
        (a.T, b),
        (a[:, 9:].T, b[:, ::2]),
        (a[::3], np.asfortranarray(b[:, :90].repeat(2, axis=0)[:700])),
        (steps, b),
        (steps[..., 40:], b[40:]),
        (np.broadcast_to(a[0], (600, 700)), a.T[:, ::-1]),
    ]
    for (left, right), found in zip(pairs, theirs.products_of(*pairs), strict=True):
        np.testing.assert_allclose(found, left @ right, rtol=EXACT, atol=1e-11)


@pytest.mark.parametrize("feature", ["avx512f", "avx2"] if FULL else ["avx2"])
def test_products_of_other_processors(feature: str, tmp_path: Path) -> None:
    cell = catalogue.find("mgu")
    text = generate(cell, "native").replace(f'"{feature}"', '"none"')
    theirs = load(text, "native", tmp_path)
    assert theirs.TILED == (feature == "avx512f")
    case = Case.draw(cell, {"D": 3, "H": 90}, 3, 40, np.random.default_rng(0))
    _agree(theirs, load(generate(cell)), case)


def test_functions_of_numbers_to_the_last_digits(tmp_path: Path) -> None:
    import numba

    theirs = load(generate(catalogue.find("slstm"), "native"), "native", tmp_path)
    ends = [0.0, -0.0, 1e-300, 1e-9, 30.0, 800.0, -800.0, 1e30, np.inf, -np.inf, np.nan, 709.5, -740.0, 88.5, -100.0]
    drawn = np.random.default_rng(0).standard_normal(4000) * np.repeat([0.01, 1, 5, 40], 1000)
    for function, of_numpy in ((theirs.tanh_of_number, np.tanh), (theirs.exp_of_number, np.exp)):

        @numba.njit
        def compute(given, found):
            for k in range(len(given)):
                found[k] = function(given[k])  # noqa: B023

        for dtype, limit in ((np.float64, 1e-15), (np.float32, 5e-7)):
            given = np.concatenate([ends, drawn]).astype(dtype)
            with np.errstate(all="ignore"):
                found, wanted = np.empty_like(given), of_numpy(given)
                compute(given, found)
            normal = (np.abs(wanted) > np.finfo(dtype).tiny) | (wanted == 0) | ~np.isfinite(wanted)
            np.testing.assert_allclose(found[normal], wanted[normal], rtol=limit)


@pytest.mark.parametrize("name", ["gru", "deltanet"])
def test_without_numba_numpy_does_the_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = catalogue.find(name)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.warns(UserWarning, match="numba is not installed, so the loops run in NumPy"):
        theirs = load(generate(cell, "native"))
    _agree(theirs, load(generate(cell)), standard(cell))


def test_what_numba_cannot_compile_numpy_does(tmp_path: Path) -> None:
    cell = catalogue.find("gru")
    theirs = load(generate(cell, "native"), "native", tmp_path)
    theirs.forward_loop = theirs.compiled(lambda *given: given.no_such_thing())
    theirs.backward_loop = theirs.compiled(lambda *given: given.no_such_thing())
    with pytest.warns(UserWarning, match="runs in NumPy, as numba cannot compile it"):
        _agree(theirs, load(generate(cell)), standard(cell))


def test_arrays_that_lie_otherwise_in_memory() -> None:
    cell = catalogue.find("lstm")
    case = standard(cell)
    turned = {name: np.asfortranarray(value) for name, value in case.given.items()}
    ends = {name: np.asfortranarray(value) for name, value in case.d_final.items()}
    strange = replace(case, given=turned, d_output=np.asfortranarray(case.d_output), d_final=ends)
    _agree(_in_python(cell)[1], load(generate(cell)), strange)


@pytest.mark.parametrize(
    ("name", "layers", "direction", "top", "reads"),
    [
        ("lstm", 2, Direction.BIDIRECTIONAL, None, Reads.EVERY_STEP),
        ("mlstm", 1, Direction.REVERSE, "squared_error", Reads.LAST_STEP),
        ("gru", 2, Direction.FORWARD, "softmax_cross_entropy", Reads.EVERY_STEP),
    ],
)
@pytest.mark.parametrize("lengths", [None, np.array([3, 0, 4])], ids=["full", "ragged"])
def test_networks(name: str, layers: int, direction: Direction, top: str | None, reads: Reads, lengths) -> None:
    head = None if top is None else catalogue.find(top)
    network = Network.of(
        catalogue.find(name), layers=layers, direction=direction, head=head, reads=reads, dropout=layers > 1
    )
    case = NetworkCase.drawn(network, 4, 3, np.random.default_rng(0), lengths)
    text = generate(network, "native")
    assert text.count("run_compiled(forward_loop") == 1
    with uncompiled():
        _agree(load(text, "native"), load(generate(network)), case)


def test_a_compiled_network() -> None:
    network = Network.of(catalogue.find("rnn"), layers=2, head=catalogue.find("softmax_cross_entropy"))
    case = NetworkCase.drawn(network, 4, 3, np.random.default_rng(0))
    _agree(load(generate(network, "native"), "native"), load(generate(network)), case)
