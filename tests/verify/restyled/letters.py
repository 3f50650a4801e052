"""Other letters for times, states, weights, losses and gates of a note, and other places for their times."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restyled import Way

WAYS: dict[str, Way] = {}
