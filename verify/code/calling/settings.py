"""Arguments that are no arrays: dicts of options with defaults, ln_param.get("eps", 1e-5)."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from typing import Any

from verify.code.calling.base import definition
from verify.code.calling.engine import Fixed


def options(function: Any, taken: Sequence[inspect.Parameter], tree: ast.AST) -> dict[str, Fixed]:
    """The arguments of which a function only asks what it has a default for: each is given an empty dict."""
    node = definition(function, tree)
    found: dict[str, Fixed] = {}
    for one in taken if node is not None else ():
        assert node is not None
        uses = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == one.name]
        asked = [
            n.func.value
            for n in ast.walk(node)
            if isinstance(n, ast.Call)
            and isinstance(n.func, ast.Attribute)
            and n.func.attr in ("get", "setdefault", "pop")
            and len(n.args) == 2
        ]
        if uses and all(any(use is value for value in asked) for use in uses):
            found[one.name] = lambda setting, rng: {}
    return found
