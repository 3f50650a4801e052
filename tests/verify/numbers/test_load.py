from __future__ import annotations

import sys
from pathlib import Path

import pytest

from verify.numbers.load import load


def test_the_text_becomes_a_module():
    source = '"""Doc."""\nfrom __future__ import annotations\nfrom dataclasses import dataclass\n'
    source += "@dataclass\nclass A:\n    n: int = 2\n"
    module = load(source, "sample")
    assert module.__doc__ == "Doc."
    assert module.A(3).n == 3


def test_nothing_is_left_behind():
    before = set(sys.modules)
    module = load("VALUE = 'σ'\n")
    assert module.VALUE == "σ"
    assert set(sys.modules) == before
    assert module.__spec__ is not None
    assert not Path(module.__spec__.origin).parent.exists()


def test_two_modules_of_one_name_are_two_modules():
    first, second = load("X = 1", "same"), load("X = 2", "same")
    assert (first.X, second.X) == (1, 2)
    assert first.__name__ != second.__name__


def test_errors_of_the_text_are_passed_on():
    with pytest.raises(SyntaxError):
        load("def")
    with pytest.raises(ZeroDivisionError):
        load("1 / 0")
