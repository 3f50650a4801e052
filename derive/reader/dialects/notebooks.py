"""Jupyter notebooks: their cells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from derive.errors import InputError, Place


def notebook(text: str, file: str) -> dict[str, Any]:
    """The JSON of a notebook."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        place = Place(file, line, getattr(error, "colno", 1), line)
        raise InputError(f"this is no notebook: {getattr(error, 'msg', 'nested too deeply')}", place) from None
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        raise InputError("this is no notebook: it has no cells", Place(file, 1, 1, 1), "version 4 or newer is read")
    return data


def cells(data: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """The cells of a notebook: the number of each among all, counted from 1, its kind and its text."""
    for number, cell in enumerate(data["cells"], 1):
        if isinstance(cell, dict):
            source = cell.get("source", "")
            lines = source if isinstance(source, list) else [source]
            yield number, str(cell.get("cell_type")), "".join(line for line in lines if isinstance(line, str))


def markdown_cells(data: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The Markdown cells of a notebook with their numbers among all cells."""
    return ((number, text) for number, kind, text in cells(data) if kind == "markdown")
