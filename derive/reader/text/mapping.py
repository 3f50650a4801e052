"""Syntax trees mapped and walked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from derive.reader.text.syntax import Syntax

Change = Callable[[Syntax], Syntax | None]


def rewritten(node: Syntax, change: Change) -> Syntax:
    """The tree with `change` applied from the top; where it returns None the parts are looked at."""
    found = change(node)
    return found if found is not None else inside(node, change)


def inside(node: Syntax, change: Change) -> Syntax:
    """The same node with its parts rewritten."""
    changes: dict[str, Any] = {}
    for name in _fields(node):
        value = getattr(node, name)
        new = _value(value, change)
        if new is not value:
            changes[name] = new
    return replace(node, **changes) if changes else node


def _value(value: Any, change: Change) -> Any:
    if isinstance(value, Syntax):
        return rewritten(value, change)
    if isinstance(value, tuple):
        new = tuple(_value(part, change) for part in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


def parts(node: Syntax) -> tuple[Syntax, ...]:
    """The parts of a node, scripts among them; kept with it, as a formula is walked for every model of its note."""
    kept: tuple[Syntax, ...] | None = node.__dict__.get("_parts")
    if kept is None:
        found: list[Syntax] = []
        for name in _fields(node):
            _gather(getattr(node, name), found)
        kept = tuple(found)
        object.__setattr__(node, "_parts", kept)
    return kept


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(node: Syntax) -> tuple[str, ...]:
    """The fields that may hold parts."""
    kind = type(node)
    if kind not in _FIELDS:
        plain = ("start", "end", "word", "latex", "text")
        _FIELDS[kind] = tuple(each.name for each in fields(node) if each.name not in plain)
    return _FIELDS[kind]


def _gather(value: Any, found: list[Syntax]) -> None:
    if isinstance(value, Syntax):
        found.append(value)
    elif isinstance(value, tuple):
        for part in value:
            _gather(part, found)


def walk(node: Syntax) -> Iterator[Syntax]:
    """A node and everything in it, a whole before its parts."""
    left = [node]
    while left:
        yield (here := left.pop())
        left += reversed(parts(here))
