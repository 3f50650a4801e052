"""Work in a process of its own: what it returns and raises, and that it leaves nothing behind."""

from __future__ import annotations

import os

import pytest

from derive import catalogue
from verify.numbers import apart as apart_module
from verify.numbers import evidence as module
from verify.numbers.apart import apart

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*")

LEFT: list[str] = []


@pytest.fixture(autouse=True)
def no_engine_is_here(monkeypatch):
    monkeypatch.setattr(apart_module, "ENGINES", frozenset())


def test_where_an_engine_is_here_nothing_is_forked(monkeypatch):
    monkeypatch.setattr(apart_module, "ENGINES", frozenset({"numpy"}))
    own = os.getpid()
    assert apart(os.getpid) == own


def test_what_is_returned_comes_back():
    assert apart(lambda: [{"W": 0.5}, None]) == [{"W": 0.5}, None]


@pytest.fixture(autouse=True)
def _nothing_left():
    """Whatever order the tests run in, each begins with nothing left by the others."""
    LEFT.clear()


def test_nothing_stays_here():
    assert apart(lambda: LEFT.append("engine") or len(LEFT)) == 1
    assert not LEFT


def test_what_is_raised_is_raised_here(capfd):
    with pytest.raises(ZeroDivisionError):
        apart(lambda: 1 // 0)
    assert not capfd.readouterr().err


def test_a_process_that_ends_without_an_answer_is_no_answer():
    own = os.getpid()
    assert apart(lambda: "here" if os.getpid() == own else os._exit(0)) == "here"


def test_engines_work_apart_and_their_errors_are_the_same(monkeypatch):
    cell = catalogue.named("rnn")

    def engine(case, _):
        LEFT.append("engine")
        return case.backward(module.load(module.numpy_target.module(module.differentiate(cell)), cell.name))

    monkeypatch.setattr(module, "gradients_by_torch", engine)
    monkeypatch.setattr(module, "gradients_by_jax", lambda *_: None)
    found = module.evidence(cell, away=apart)
    assert not LEFT
    assert found.to_json() == module.evidence(cell).to_json()
    assert LEFT == ["engine", "engine"]
