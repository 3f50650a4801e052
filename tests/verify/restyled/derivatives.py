"""Other ways to write gradients, products, transposes, squares and sums in a note."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restyled import Way

WAYS: dict[str, Way] = {}
