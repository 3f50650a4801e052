"""Which model a formula of a note is about, and what was assumed to say so.

In this order: what the caller or a comment in the note names; the note's own forward equations, those of the section
first, then the nearest others (`own`); what the symbols look like (`recognise`, with the notes in `letters/`).
"""

from verify.notes.models.model import Model
from verify.notes.models.resolve import Models

__all__ = ["Model", "Models"]
