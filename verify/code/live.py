"""Judging a function or class that is already there, as in a test: by the same protocols as a file."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from derive.errors import InputError
from verify.code import answering
from verify.code.calling.base import MisfitError
from verify.code.report import CodeReport
from verify.code.running import find
from verify.code.running.loading import Source, UnusableError


def check_code(function: Any, cell: str | None = None, *, protocol: str = "") -> CodeReport:
    """Judge a backward pass by the forward pass beside it in its module, and explain it by a cell if one is named.

    function: a backward function (its forward function stands in the same module), a class with both, a loss function,
        a torch Module or Function. It is called many times with random arrays.
    cell: a name of the catalogue or the path of a note.
    protocol: a name that `backproof check-code --as` takes, where it cannot be told.

    Raises InputError where it cannot be called, with what was tried.
    """
    try:
        target = find.target(_source(function), function.__qualname__, [cell or ""])
        return answering.reported(target, {"cell": cell, "as": protocol})
    except (MisfitError, UnusableError) as error:
        raise InputError(str(error)) from None


def _source(function: Any) -> Source:
    module = sys.modules.get(getattr(function, "__module__", ""))
    if not isinstance(module, ModuleType) or not hasattr(function, "__qualname__"):
        raise UnusableError(f"{type(function).__name__} is no function or class of a module")
    if "<locals>" in function.__qualname__:
        raise UnusableError(
            f"{function.__qualname__} is defined within a function: its forward function cannot be found"
        )
    path = Path(inspect.getsourcefile(function) or "<unknown>")
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return Source(path, module, ast.parse(text))
