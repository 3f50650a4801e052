"""Patterns are compiled when they are first used: that each can be compiled is shown here, before a reader meets it."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys

import pytest

import backproof
import derive
import verify
from derive import patterns
from derive.patterns import regex


def _modules() -> list[str]:
    return [
        module.name
        for package in (derive, verify, backproof)
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    ]


def test_every_pattern_compiles() -> None:
    found = 0
    for name in _modules():
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue  # an extra that is not installed
        for value in vars(module).values():
            if isinstance(value, patterns._Late):
                assert value.pattern == value._written
                found += 1
    assert found > 400


def test_it_is_the_pattern_that_re_compiles() -> None:
    late, made = regex(r"(?P<a>b)+", re.IGNORECASE), re.compile(r"(?P<a>b)+", re.IGNORECASE)
    assert late.sub("x", "aBBc") == made.sub("x", "aBBc") == "axc"
    assert (late.pattern, late.flags, late.groups) == (made.pattern, made.flags, made.groups)
    with pytest.raises(re.error):
        regex("(").search("")


def test_importing_the_reader_compiles_none() -> None:
    code = (
        "import re; from derive import patterns; import derive.reader, verify.formulas\n"
        "import gc; print(sum('search' in vars(o) for o in gc.get_objects() if isinstance(o, patterns._Late)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10
