"""A limit of time for a person's code: a thread that ends the process when a stage takes too long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

IDLE, PATIENCE = 0.02, 10
"""Code that computes in less than this part of the time waits for something; a busy machine may take so much longer."""


class Watch:
    """Every stage may compute for `limit` seconds, or wait so long.

    Then `late` is called with its name, and the process ends. What other programs take of the machine does not count,
    up to ten times the limit.
    """

    def __init__(self, limit: float, late: Callable[[str], None]) -> None:
        self._limit, self._late = limit, late
        self._name, self._since, self._used = "", time.monotonic(), time.process_time()
        threading.Thread(target=self._wait, daemon=True).start()

    def stage(self, name: str) -> None:
        """A new stage begins; '' for what is our own."""
        self._name, self._since, self._used = name, time.monotonic(), time.process_time()

    def _wait(self) -> None:
        while True:
            time.sleep(0.05)
            name, passed, used = self._name, time.monotonic() - self._since, time.process_time() - self._used
            over = used > self._limit or (passed > self._limit and used < IDLE * passed)
            if name and (over or passed > PATIENCE * self._limit):
                self._late(name)
                os._exit(0)
