"""The plugin of pytest, and functions that are already there: the same protocols as for files."""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import pytest

from derive.errors import InputError
from verify import assert_backward, check_code

FOLDER = Path(__file__).parent / "cases"
pytest_plugins = ["pytester"]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return loaded


def test_functions_and_classes_of_a_module(load) -> None:
    assert assert_backward(load("ntd_rnn_right").rnn_backward, "rnn").forward == "same"
    assert assert_backward(load("layer_rnn_right").TimeRNN, None).protocol == "layer"
    with pytest.raises(AssertionError, match="overwritten"):
        assert_backward(load("ntd_rnn_overwritten").rnn_backward, "rnn")


def test_what_cannot_be_called_says_so() -> None:
    with pytest.raises(InputError, match="is defined within a function"):
        check_code(lambda dh, cache: dh)


def test_the_fixture_and_the_marker(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    pytester.makepyfile(mine=(FOLDER / "ntd_rnn_right.py").read_text(encoding="utf-8"))
    pytester.makepyfile(spoilt=(FOLDER / "ntd_rnn_overwritten.py").read_text(encoding="utf-8"))
    pytester.makepyfile(
        test_mine="""
        import pytest, mine, spoilt

        def test_right(backproof):
            backproof(mine.rnn_backward, "rnn")

        @pytest.mark.backproof("rnn")
        def test_wrong(backproof):
            backproof(spoilt.rnn_backward)
        """
    )
    installed = any(point.name == "backproof" for point in entry_points(group="pytest11"))
    plugin = () if installed else ("-p", "backproof.pytest_plugin")
    result = pytester.runpytest_subprocess(*plugin, "-p", "no:cacheprovider", "--strict-markers")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*overwritten*"])
