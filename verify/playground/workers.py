"""A request is answered in a process of its own, which ends with its answer, or is ended."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from threading import BoundedSemaphore, Thread
from typing import Any

MEMORY = 4 << 30
"""Bytes that a worker may ask for, where the system can limit it."""
PATIENCE = 10.0
"""Seconds for which a request waits for its turn."""


class Workers:
    """At most `most` processes at a time, each with `limit` seconds for its answer.

    Where processes can be forked, they are forked from one that has imported `preload`.
    """

    def __init__(self, limit: float, most: int = 2, preload: str = "verify.playground.warm") -> None:
        self.limit = limit
        self._turns = BoundedSemaphore(most)
        forks = "forkserver" in multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if forks else "spawn")
        if forks:
            self._context.set_forkserver_preload([preload])

    def warm(self) -> None:
        """Let the process that workers are forked from start beside what else is done."""
        Thread(target=self._answered, args=("typeset", {}), daemon=True).start()

    def answer(self, action: str, asked: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The status of the answer, and the answer."""
        if not self._turns.acquire(timeout=PATIENCE):
            return 503, {"error": "too many requests at a time", "hint": "wait for the other answers"}
        try:
            return self._answered(action, dict(asked))
        finally:
            self._turns.release()

    def _answered(self, action: str, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if not hasattr(sys.modules["__main__"], "__spec__"):  # IPython's has none, and a new process asks for it
            sys.modules["__main__"].__spec__ = None
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(sender, action, asked), daemon=True)
        process.start()
        sender.close()
        try:
            if not receiver.poll(self.limit):
                return 504, {"error": f"stopped after {self.limit:g} seconds", "hint": "ask for less at a time"}
            found: tuple[int, dict[str, Any]] = receiver.recv()
            return found
        except EOFError:
            return 500, {"error": "the process that worked on it has ended", "hint": "it may have run out of memory"}
        finally:
            process.kill()
            process.join()
            process.close()
            receiver.close()


def _work(sender: Connection, action: str, asked: dict[str, str]) -> None:
    """In the process: one answer."""
    from derive.errors import ProgramFault
    from verify.playground.answers import answer

    _limit_memory()
    try:
        sender.send((200, answer(action, asked)))
    except ProgramFault as fault:
        sender.send((500, {"error": str(fault), "hint": ""}))
    except (MemoryError, RecursionError) as error:
        sender.send((500, {"error": f"too large: {type(error).__name__}", "hint": "ask for less at a time"}))
    except Exception as error:  # no answer is given: what was not foreseen is told as what it is
        told = f"a fault of backproof, not of what you typed: {type(error).__name__}: {error}"
        sender.send((500, {"error": told, "hint": "please report it with what you typed"}))


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
