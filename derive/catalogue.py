"""The cells and heads that come with the package: one note each, read like a user's."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from derive.cell import Cell
from derive.errors import InputError
from derive.reader import read_file, read_note


@cache
def _notes(folder: str) -> Mapping[str, Cell]:
    notes = sorted(
        (entry for entry in files("derive").joinpath(folder).iterdir() if entry.name.endswith(".md")),
        key=lambda entry: entry.name,
    )
    read = (read_note(entry.read_text(encoding="utf-8"), f"derive/{folder}/{entry.name}") for entry in notes)
    return MappingProxyType({cell.name: cell for cell in read})


def cells() -> dict[str, Cell]:
    """The recurrent cells by name."""
    return dict(_notes("cells"))


def heads() -> dict[str, Cell]:
    """The heads with their loss by name."""
    return dict(_notes("heads"))


def find(name_or_path: str) -> Cell:
    """A cell or head of the catalogue by name, or the one that a note describes; raises InputError."""
    known = {**cells(), **heads()}
    if name_or_path in known:
        return known[name_or_path]
    if Path(name_or_path).is_file():
        return read_file(name_or_path)
    close = get_close_matches(name_or_path, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise InputError(
        f"no cell or note is called {name_or_path}",
        hint=f"{hint}known: {', '.join(known)}; or the path of a note",
    )


def head(answer: str, loss: str | None = None) -> Cell:
    """A head by what it answers and its loss (softmax, cross-entropy), by its whole name, or from a note.

    Raises InputError, which lists the known ones, and where the loss must be named.
    """
    if loss is None and (answer in heads() or Path(answer).is_file()):
        return find(answer)
    wanted = [word.replace("-", "_") for word in (answer, loss) if word is not None]
    found = [
        cell
        for name, cell in heads().items()
        if name == "_".join(wanted) or (not loss and name.startswith(f"{wanted[0]}_"))
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(name.replace("_", "-") for name in heads())
    asked = answer if loss is None else f"{answer} with the loss {loss}"
    raise InputError(
        f"{'no head is' if not found else 'several heads are'} called {asked}",
        hint=f"known: {known}, as in --head softmax --loss cross-entropy; or the path of a note",
    )
