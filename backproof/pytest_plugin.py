"""A plugin of pytest: the fixture `backproof` asserts in a person's own tests that a backward pass is right.

    def test_lstm(backproof):
        backproof(my_layers.lstm_backward, "lstm")

The marker `backproof` names the cell for all calls in a test or class: `@pytest.mark.backproof("lstm")`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backproof.own import ours


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "backproof(cell): the cell whose backward pass the fixture `backproof` judges")


@pytest.fixture
def backproof(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A function that asserts that a backward pass is right: `backproof(function, cell, protocol="", **options)`.

    The cell may come from the marker. It returns the report, and raises AssertionError with the table and the mistakes.
    """
    marker = request.node.get_closest_marker("backproof")

    def judge(function: Any, cell: Any = None, **options: Any) -> Any:
        __tracebackhide__ = True
        named = cell or (marker.args[0] if marker and marker.args else None)
        with ours():  # a person's project may have a verify.py
            from verify.code.asserting import assert_backward  # only a test that asks for it waits for SymPy

            return assert_backward(function, named, **options)

    return judge
