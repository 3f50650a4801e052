"""A function whose first argument is an object of a class of its file, gradients(net, xs, ys), read as a method."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from verify.code.calling import words
from verify.code.calling.base import Target, calls, definition


def of_object(target: Target) -> Target:
    """The class with the function as its backward method, where exactly one class has all that the function asks of
    its first argument; else the target itself."""
    if not inspect.isfunction(target.value) or not (taken := calls(target.value)):
        return target
    tree = target.source.tree
    node = definition(target.value, tree)
    asked = _attributes(node, taken[0].name) if node is not None else set()
    if not asked & set(words.FORWARD):
        return target
    kinds = [
        value
        for value in target.space.values()
        if inspect.isclass(value) and value.__module__ == target.source.module.__name__ and asked <= _held(value, tree)
    ]
    if len(kinds) != 1:
        return target
    methods = {target.name: target.value, "backward": target.value}
    kind = type(kinds[0].__name__, (kinds[0],), methods)
    return Target(target.source, target.name, kind, hints=[*target.hints, target.name])


def _attributes(node: ast.AST, name: str) -> set[str]:
    """What is read of a name: W of net.W."""
    return {
        one.attr
        for one in ast.walk(node)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == name
    }


def _held(kind: type, tree: ast.AST) -> set[str]:
    """The methods of a class, and the attributes that its methods set."""
    found = set(dir(kind))
    for value in vars(kind).values():
        node: Any = definition(value, tree) if inspect.isfunction(value) else None
        found |= _attributes(node, "self") if node is not None else set()
    return found
