"""Arguments that are no arrays: dicts of options with defaults, ln_param.get("eps", 1e-5)."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from verify.code.calling.base import definition
from verify.code.calling.engine import Fixed


def options(function: Any, taken: Sequence[inspect.Parameter], tree: ast.AST) -> dict[str, Fixed]:
    """The arguments of which a function only asks what it has a default for: each is given an empty dict."""
    node = definition(function, tree)
    names = frozenset() if node is None else _asked(node)
    return {one.name: lambda setting, rng: {} for one in taken if one.name in names}


@lru_cache(maxsize=64)
def _asked(node: ast.FunctionDef) -> frozenset[str]:
    """The names of which a function only asks what it has a default for; it is called in many ways."""
    parts = list(ast.walk(node))
    asked = {
        n.func.value
        for n in parts
        if isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and n.func.attr in ("get", "setdefault", "pop")
        and len(n.args) == 2
    }
    names = [n for n in parts if isinstance(n, ast.Name)]
    return frozenset(n.id for n in names) - {n.id for n in names if n not in asked}
