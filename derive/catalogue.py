"""The cells, heads and networks that come with the package: a note for each cell and head, read like a user's, and a
table for each network."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from derive.cell import Cell
from derive.errors import InputError
from derive.networks.network import Direction, Network, Reads
from derive.reader import read_file, read_note, reading_of, text_of
from derive.reader.document.reading import Reading


def names(folder: str = "cells") -> list[str]:
    """The names in a folder of the catalogue (cells, heads or networks), without reading what is in it."""
    entries = (entry.name.rpartition(".") for entry in files("derive").joinpath(folder).iterdir())
    return sorted(name for name, _, suffix in entries if suffix in ("md", "toml"))


@cache
def _notes(folder: str) -> Mapping[str, Cell]:
    read = (cell for name in names(folder) if (cell := _note(folder, name)) is not None)
    return MappingProxyType({cell.name: cell for cell in read})


@cache
def _note(folder: str, name: str) -> Cell | None:
    """One note by the name of its cell, which is that of its file; the others need not be read for it."""
    entry = files("derive").joinpath(folder, f"{name}.md")
    if not name.isidentifier() or not entry.is_file():
        return None
    return read_note(entry.read_text(encoding="utf-8"), f"derive/{folder}/{entry.name}")


def cells() -> dict[str, Cell]:
    """The recurrent cells by name."""
    return dict(_notes("cells"))


def heads() -> dict[str, Cell]:
    """The heads with their loss by name."""
    return dict(_notes("heads"))


@cache
def _network(name: str) -> Network | None:
    """One network by its name, which is that of its table; of the notes, those of its cell and head are read."""
    entry = files("derive").joinpath("networks", f"{name}.toml")
    if not name.isidentifier() or not entry.is_file():
        return None
    data = tomllib.loads(entry.read_text(encoding="utf-8"))
    return Network.of(
        find(data["cell"]),
        layers=data.get("layers", 1),
        direction=Direction(data.get("direction", "forward")),
        head=find(data["head"]) if "head" in data else None,
        reads=Reads(data.get("reads", "every step")),
        dropout=data.get("dropout", False),
        name=name,
        about=data["about"],
    )


def networks() -> dict[str, Network]:
    """The networks with a task, by name."""
    return {name: network for name in names("networks") if (network := _network(name)) is not None}


def named(name: str) -> Cell | None:
    """The cell or head of the catalogue with that name, the only note that is read for it; None if there is none."""
    return next((one for folder in ("cells", "heads") if (one := _note(folder, name)) is not None), None)


def spelled(name: str) -> str:
    """A name as the catalogue writes it, in small letters and with underscores. The path of a file stays as it is."""
    return name if Path(name).is_file() else name.lower().replace("-", "_").replace(" ", "_")


_FILES: dict[Cell, str] = {}
"""The notes that were read last, by what is in them."""


def called(cell: Cell) -> str | None:
    """What `find` finds this very cell by: its name in the catalogue, or the path of a note that was read; or None."""
    return cell.name if named(cell.name) == cell else _FILES.get(cell)


_ADDED: dict[str, str] = {}
"""Notes of a project that are found by their names."""


def add(note: Path) -> None:
    """From now on `find` takes the name of a note's file for the note; one of that name in the catalogue is hidden."""
    _ADDED[spelled(note.stem)] = str(note)


def find(name_or_path: str) -> Cell:
    """A cell or head of the catalogue by name, or the one that a note describes; raises InputError.

    Capitals and hyphens in a name do not matter.
    """
    name_or_path = _ADDED.get(spelled(name_or_path), name_or_path)
    if (one := named(name_or_path) or named(spelled(name_or_path))) is not None:
        return one
    if Path(name_or_path).is_file():
        cell = read_file(name_or_path)
        while len(_FILES) >= 8:
            _FILES.pop(next(iter(_FILES)))
        _FILES[cell] = name_or_path
        return cell
    known = {**cells(), **heads(), **_ADDED}
    close = get_close_matches(spelled(name_or_path), known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise InputError(
        f"no cell or note is called {name_or_path}",
        hint=f"{hint}known: {', '.join(known)}; or the path of a note",
    )


def reading(name_or_path: str) -> Reading:
    """What a note says, or a cell of the catalogue; raises InputError."""
    name_or_path = _ADDED.get(spelled(name_or_path), name_or_path)
    if named(name_or_path) is None and Path(name_or_path).is_file():
        return reading_of(text_of(name_or_path), name_or_path)
    return Reading(find(name_or_path))


def find_head(answer: str, loss: str | None = None) -> Cell:
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


def made(
    name: str,
    *,
    layers: int | None = None,
    bidirectional: bool = False,
    reverse: bool = False,
    dropout: bool = False,
    head: str | None = None,
    loss: str | None = None,
    last_step: bool = False,
) -> Cell | Network:
    """The cell or head of that name; or a network: the catalogue's of that name, or the one that the options make.

    Raises InputError for options that exclude each other, and as `find`, `find_head` and `Network.of` do.
    """
    plain = not any((layers, bidirectional, reverse, dropout, head, loss, last_step))
    if plain:
        return _network(name) or _network(spelled(name)) or find(name)
    if bidirectional and reverse:
        raise InputError("--bidirectional and --reverse exclude each other")
    if head is None and (loss or last_step):
        raise InputError(f"{'--loss' if loss else '--last-step'} needs a head", hint="add --head softmax")
    direction = Direction.BIDIRECTIONAL if bidirectional else Direction.REVERSE if reverse else Direction.FORWARD
    return Network.of(
        find(name),
        layers=layers or 1,
        direction=direction,
        head=find_head(head, loss) if head else None,
        reads=Reads.LAST_STEP if last_step else Reads.EVERY_STEP,
        dropout=dropout,
    )
