"""What all tests share: hypothesis without randomness of its own, and the registries to run over.

A test with an argument `cell`, `head` or `registered` runs for every registered cell, head, or both; one with `rated`
for those on which rates of success are measured, which take long, or for all where BACKPROOF_ALL_CELLS is set. What
proves a cell right is never rated: it runs for all.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from derive.cell import Cell

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # before torch is imported: its threads wait more for each other than they work

gc.set_threshold(200_000, 30, 30)  # as the command line sets it
os.environ.setdefault("TRITON_INTERPRET", "1")  # before triton is imported, which may be in any test: no GPU is needed
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # before jax: it compiles longer than it runs

settings.register_profile(
    "backproof", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("backproof")


@cache
def _registry(kind: str) -> tuple[Cell, ...]:
    from registry import RATED  # reads every note: only for tests that run over the registries

    from derive import catalogue

    cells, heads = tuple(catalogue.cells().values()), tuple(catalogue.heads().values())
    every = cells + heads
    rated = tuple(cell for cell in every if cell.name in RATED)
    return {"cell": cells, "head": heads, "registered": every, "rated": rated}[kind]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for kind in ("cell", "head", "registered", "rated"):
        if kind in metafunc.fixturenames:
            cells = _registry(kind)
            metafunc.parametrize(kind, cells, ids=[cell.name for cell in cells])


_skipped: list[str] = []
"""In CI everything is installed: there, a skipped test is one that was not run."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and os.environ.get("BACKPROOF_NOTHING_MAY_BE_SKIPPED"):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _skipped:
        print("\nskipped, where nothing may be:", *_skipped, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True, scope="session")
def names_of_the_dictionary() -> Iterator[None]:
    """Whatever a test does, no mistake is called by a name that has no page."""
    from verify.formulas.judgement import Mistake
    from verify.mistakes.dictionary import entries

    plain = Mistake.__init__

    def known(self: Mistake, name: str, detail: str) -> None:
        assert not name or name in entries(), f"{name!r} is not in verify/mistakes/dictionary.toml"
        plain(self, name, detail)

    Mistake.__init__ = known  # type: ignore[method-assign]
    yield
    Mistake.__init__ = plain  # type: ignore[method-assign]
