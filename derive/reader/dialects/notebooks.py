"""Jupyter notebooks: the Markdown in them."""

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


def markdown_cells(data: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The Markdown cells of a notebook with their numbers among all cells, counted from 1."""
    for number, cell in enumerate(data["cells"], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "markdown":
            source = cell.get("source", "")
            lines = source if isinstance(source, list) else [source]
            yield number, "".join(line for line in lines if isinstance(line, str))
