"""Other text around the equations of a note: words, headings, other models, what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restyled import Way

WAYS: dict[str, Way] = {}
