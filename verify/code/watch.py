"""A limit of time for a person's code: a thread that ends the process when a stage takes too long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable


class Watch:
    """Every stage may take `limit` seconds; then `late` is called with its name, and the process ends."""

    def __init__(self, limit: float, late: Callable[[str], None]) -> None:
        self._limit, self._late = limit, late
        self._name, self._since = "", time.monotonic()
        threading.Thread(target=self._wait, daemon=True).start()

    def stage(self, name: str) -> None:
        """A new stage begins; '' for what is our own."""
        self._name, self._since = name, time.monotonic()

    def _wait(self) -> None:
        while True:
            time.sleep(0.05)
            name, since = self._name, self._since
            if name and time.monotonic() - since > self._limit:
                self._late(name)
                os._exit(0)
