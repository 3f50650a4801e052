"""The target in a person's file: what they named, or the only thing in it that has a backward pass."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from verify.code.calling.base import Target
from verify.code.protocols import functions, losses, objects
from verify.code.running.loading import Source, UnusableError, notebook_cells, parsed


def target(source: Source, name: str, hints: Sequence[str] = ()) -> Target:
    """The function or class of that name, `Class.method` included; raises UnusableError with what the file has."""
    space = source.module.__dict__
    if source.path.suffix == ".ipynb" and name.isdigit():
        name = _in_cell(source, int(name))
    if not name:
        name = _only(source)
    value: object = None
    owner: object = None
    for place, word in enumerate(name.split(".")):
        container = space if place == 0 else vars(value) if inspect.isclass(value) else getattr(value, "__dict__", {})
        if word not in container and not (place and hasattr(value, word)):
            raise UnusableError(absent(source, name))
        owner, value = value, container[word] if word in container else getattr(value, word)
    if inspect.isclass(owner) and inspect.isroutine(value):
        return Target(source, owner.__name__, owner, hints=[*hints, name.split(".")[-1]])
    if (
        functions.is_backward(name) is False
        and inspect.isroutine(value)
        and not losses.recognises(Target(source, name, value))
    ):
        back = next(
            (
                n
                for n in space
                if functions.is_backward(n) and callable(space[n]) and functions.partner(n, space) == name
            ),
            "",
        )
        if back:
            return Target(source, back, space[back], hints=list(hints))
    return Target(source, name, value, hints=list(hints))


def absent(source: Source, name: str) -> str:
    """Words for a name that the file does not have, and the names that it has."""
    known = [
        n
        for n, v in source.module.__dict__.items()
        if callable(v) and getattr(v, "__module__", "") == source.module.__name__
    ]
    failed = f"; {source.failures[0]}" if source.failures else ""
    has = f"it has {', '.join(known)}" if known else "it defines no functions"
    return f"{source.path.name} has no {name}: {has}{failed}"


def _only(source: Source) -> str:
    """The backward pass of the file, over sequences rather than one step; raises where there are several."""
    space = source.module.__dict__
    own = {n: v for n, v in space.items() if callable(v) and getattr(v, "__module__", "") == source.module.__name__}
    found = [n for n, v in own.items() if inspect.isclass(v) and objects.methods(v)]
    if not found:
        found = [
            n
            for n, v in own.items()
            if inspect.isfunction(v) and functions.is_backward(n) and functions.partner(n, space)
        ]
        whole = [n for n in found if not any(word in n.lower() for word in ("step", "cell"))]
        found = whole or found
    if not found:
        found = [n for n, v in own.items() if inspect.isfunction(v) and losses.recognises(Target(source, n, v))]
    if len(found) == 1:
        return found[0]
    several = (
        f"several could be meant: {', '.join(found)}"
        if found
        else f"nothing in it looks like a backward pass ({', '.join(own)})"
    )
    raise UnusableError(
        f"{source.path.name}: name the function, as in {source.path.name}:{(found or ['backward'])[0]}; {several}"
    )


def _in_cell(source: Source, number: int) -> str:
    """The last function or class that a cell of a notebook defines, a backward pass before others."""
    import ast

    cells = dict(notebook_cells(source.path, source.path.read_text(encoding="utf-8-sig")))
    if number not in cells:
        raise UnusableError(f"{source.path.name} has no code cell {number}")
    tree = parsed(source.path, cells[number])
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if not names:
        raise UnusableError(f"cell {number} of {source.path.name} defines no function")
    return next((n for n in reversed(names) if functions.is_backward(n)), names[-1])
