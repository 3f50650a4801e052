"""What stands in arrays of `np.empty` until they are written: a number that is known, the same on any machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


class Unwritten:
    """Fills new arrays of a person's code while it runs; `used` once it has made one."""

    def __init__(self) -> None:
        self.value = 0.0
        self.used = False

    @contextmanager
    def standing(self) -> Iterator[None]:
        """While it lasts, `np.empty` and `np.empty_like` give arrays filled with the value."""
        before = {name: getattr(np, name) for name in ("empty", "empty_like")}
        for name, made in before.items():
            setattr(np, name, self._filled(made))
        try:
            yield
        finally:
            for name, made in before.items():
                setattr(np, name, made)

    @contextmanager
    def as_if(self, value: float) -> Iterator[None]:
        """While it lasts, another value stands there."""
        before, self.value = self.value, value
        try:
            yield
        finally:
            self.value = before

    def _filled(self, made: Callable[..., Any]) -> Callable[..., Any]:
        def filled(*arguments: Any, **options: Any) -> Any:
            array = made(*arguments, **options)
            if isinstance(array, np.ndarray) and array.dtype.kind in "fciu":
                self.used = True
                array.fill(self.value)
            return array

        return filled
