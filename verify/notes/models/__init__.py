"""Which model a formula of a note is about, and what was assumed to say so.

In this order: what the caller or a comment in the note names; the note's own forward equations
(`derive.reader.models`); what the symbols look like (`recognise`, with the notes in `letters/`).
"""

from derive.reader.models.model import Model
from verify.notes.models.resolve import Models

__all__ = ["Model", "Models"]
