"""How a person's note was read, told beside what was made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backproof.commands.answering import tell


def read_as(name: str, made: Any) -> None:
    """How a person's note was read, on stderr."""
    if Path(name).is_file():
        from derive.reader.document.reading import told

        tell("\n".join(["read as:", *(f"  {line}" for line in told(getattr(made, "cell", made)))]), err=True)


def reading_of(name: str, made: Any) -> dict[str, Any]:
    """The same for JSON; nothing for the catalogue's own cells."""
    if not Path(name).is_file():
        return {}
    from derive.reader.document.reading import as_json

    return {"reading": as_json(getattr(made, "cell", made))}
