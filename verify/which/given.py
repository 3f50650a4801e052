"""The cell that is asked about, also where its equations leave open which quantity is the output."""

from __future__ import annotations

from collections.abc import Iterator

from derive import catalogue
from derive.cell import Cell
from derive.errors import InputError, OutputOpenError
from derive.reader import read_note, text_of


def given(name_or_path: str) -> list[Cell]:
    """The cell of that name or in that note, once for each output that it may have; raises InputError."""
    try:
        return [catalogue.find(name_or_path)]
    except OutputOpenError as error:
        if found := list(_with_each(name_or_path, error.lines)):
            return found
        raise


def _with_each(path: str, lines: tuple[str, ...]) -> Iterator[Cell]:
    text = text_of(path)
    for line in lines:
        try:
            yield read_note(f"{text.rstrip()}\n\n{line}\n", path)
        except InputError:
            continue
