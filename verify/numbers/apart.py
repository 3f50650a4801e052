"""Work done in a process of its own, whose memory is free again afterwards: each engine alone takes 200 to 300 MB."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from typing import TypeVar, cast

ENGINES = frozenset({"jax", "torch"})
"""Libraries that run threads of their own from their import on."""

Found = TypeVar("Found")


def here(work: Callable[[], Found]) -> Found:
    """What `work` returns."""
    return work()


def apart(work: Callable[[], Found]) -> Found:
    """What `work` returns, done in a forked process; it must be plain data.

    Where there are no forks, or none that answers, it is done here, and raises here what it raises. So it is where an
    engine is here already: its threads hold locks that a fork would wait for without end.
    """
    if not hasattr(os, "fork") or not ENGINES.isdisjoint(sys.modules):
        return work()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(work, writing)
    os.close(writing)
    with open(reading, "rb") as answers:
        told = answers.read()
    os.waitpid(child, 0)
    return cast(Found, pickle.loads(told)) if told else work()


def _answer(work: Callable[[], object], writing: int) -> None:
    """Write what `work` returns, and end the process without what a program does at its end: the parent does that."""
    status = 1
    try:
        told = pickle.dumps(work())
        with open(writing, "wb") as answers:
            answers.write(told)
        status = 0
    finally:
        os._exit(status)
