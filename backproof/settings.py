"""What a project says once, in its pyproject.toml, for every run of a command in it.

[tool.backproof]
cells = ["notes/my_cell.md"]   # found by their names, as those that come with backproof
cell = "my_cell"               # check, audit: the model where none is named
notation = "deeplearning-ai"   # check, audit
lang = "zh"                    # every command that speaks
assume = ["h_0 = 0"]           # check
exclude = ["drafts/*"]         # audit: notes in folders that are left out
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from derive.errors import InputError

FILE, TABLE = "pyproject.toml", "tool.backproof"
KINDS: Mapping[str, type[Any]] = {
    "cells": list,
    "cell": str,
    "notation": str,
    "lang": str,
    "assume": list,
    "exclude": list,
}
COMMANDS = ("check", "audit")
"""The commands whose options of these names have what the project says as their defaults."""
SPEAKING = ("derive", "site", "read", "which", "list", "explain", "verify", "check-code")
"""Those that take its language alone."""


def defaults(folder: Path) -> dict[str, dict[str, Any]]:
    """The options that the project around a folder sets, by command; its cells are known by name from then on.

    Raises InputError for what cannot be understood.
    """
    found = next((path for path in (folder, *folder.parents) if (path / FILE).is_file()), None)
    said = {} if found is None else _table(found / FILE)
    if not said or found is None:
        return {}
    for key, value in said.items():
        kind = KINDS.get(key)
        if kind is None:
            raise _wrong(found, f"there is no setting {key!r}", f"known: {', '.join(KINDS)}")
        if not isinstance(value, kind) or (kind is list and not all(isinstance(one, str) for one in value)):
            raise _wrong(found, f"{key} = {value!r}", f"a {'list of texts' if kind is list else 'text'} is expected")
    if notes := said.pop("cells", []):
        from derive import catalogue

        for note in notes:
            if not (found / note).is_file():
                raise _wrong(found, f"cells: there is no note {note}", "paths are relative to this file")
            catalogue.add(found / note)
    spoken = {"lang": said["lang"]} if "lang" in said else {}
    return {**dict.fromkeys(SPEAKING, spoken), **dict.fromkeys(COMMANDS, said)}


def _table(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # whoever owns this file tells what is wrong with it
    tools = data.get("tool", {})
    table = tools.get("backproof", {}) if isinstance(tools, dict) else {}
    return dict(table) if isinstance(table, dict) else {}


def _wrong(folder: Path, what: str, hint: str) -> InputError:
    return InputError(f"{folder / FILE}, [{TABLE}]: {what}", hint=hint)
