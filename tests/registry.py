"""Which cells the slow tests run on, and in which notations the catalogue is printed."""

from __future__ import annotations

import os

from derive import catalogue
from derive.notation import notations

ALL = bool(os.environ.get("BACKPROOF_ALL_CELLS"))
EVERY = [*catalogue.cells(), *catalogue.heads()]

RATED = EVERY if ALL else ["rnn", "lstm", "gru", "gru_reset_after", *catalogue.heads()]
"""The cells that every notation has letters for, and the heads."""

IN_NOTATIONS = [
    (name, notation)
    for k, name in enumerate(EVERY)
    for j, notation in enumerate([None, *notations()])
    if notation is None or name in RATED or j - 1 == k % len(notations())
]
"""Every cell in its own letters; those rated in every notation, the others in one notation in turn."""
