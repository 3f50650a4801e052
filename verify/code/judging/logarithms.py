"""Small numbers within the logarithms of a loss, log(p + 1e-12): J is compared without them, as they are no mistake.

They are written there, or under a name that is used nowhere else: eps = 1e-12, self.eps, def loss(p, y, eps=1e-12).
"""

from __future__ import annotations

import ast
import contextlib
from collections import Counter
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, TypeGuard

from verify.code.running.loading import Source

SMALL = 1e-5
"""Numbers up to this are there to keep a logarithm finite."""


@contextlib.contextmanager
def exact(source: Source) -> Iterator[list[float]]:
    """For a while the functions of a file take their logarithms without the small numbers added there; gives these."""
    names = _names(source.tree)
    numbers = _small(source.tree, names)
    before: list[tuple[FunctionType, CodeType, Any, Any]] = []
    for function in _functions(source) if numbers else ():
        code = _without(function.__code__, numbers)
        defaults, by_name = function.__defaults__, function.__kwdefaults__
        other = None if defaults is None else tuple(0.0 if _is_one(d, numbers) else d for d in defaults)
        others = None if by_name is None else {n: 0.0 if _is_one(d, numbers) else d for n, d in by_name.items()}
        if code is not function.__code__ or other != defaults or others != by_name:
            before.append((function, function.__code__, defaults, by_name))
            function.__code__, function.__defaults__, function.__kwdefaults__ = code, other, others
    space = source.module.__dict__
    kept = {n: space[n] for n in names if _is_one(space.get(n), numbers)}
    space.update(dict.fromkeys(kept, 0.0))
    try:
        yield sorted(numbers) if before or kept else []
    finally:
        for function, code, defaults, by_name in before:
            function.__code__, function.__defaults__, function.__kwdefaults__ = code, defaults, by_name
        space.update(kept)


def _is_one(value: Any, numbers: frozenset[float]) -> bool:
    return isinstance(value, float) and value in numbers


def _sums(tree: ast.Module) -> Iterator[ast.expr]:
    """What is added within logarithms."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and call.args and ast.unparse(call.func).rpartition(".")[2].startswith("log"):
            for total in ast.walk(call.args[0]):
                if isinstance(total, ast.BinOp) and isinstance(total.op, ast.Add):
                    yield from (total.left, total.right)


def _called(node: ast.AST) -> str:
    """The name of a variable, or of an attribute of an object."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else ""


def _names(tree: ast.Module) -> frozenset[str]:
    """Names that are read within such sums and nowhere else."""
    read = Counter(_called(n) for n in ast.walk(tree) if isinstance(getattr(n, "ctx", None), ast.Load))
    within = Counter(_called(part) for part in _sums(tree))
    # self.eps = eps hands a name on to an attribute: that is no use of it.
    handed = Counter(
        _called(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(_called(t) == _called(node.value) for t in node.targets)
    )
    return frozenset(n for n, count in within.items() if n and count + handed[n] == read[n])


def _small(tree: ast.Module, names: frozenset[str]) -> frozenset[float]:
    """Small numbers that are added within logarithms, or bear such a name, and stand nowhere else in the file."""
    everywhere = Counter(part.value for part in ast.walk(tree) if _is_small(part))
    within = {part for part in _sums(tree) if _is_small(part)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(_called(t) in names for t in node.targets) and _is_small(node.value):
            within.add(node.value)
        elif isinstance(node, ast.arguments):
            positional = [*node.posonlyargs, *node.args]
            pairs = [*zip(positional[::-1], node.defaults[::-1], strict=False)]
            pairs += [(a, d) for a, d in zip(node.kwonlyargs, node.kw_defaults, strict=True) if d is not None]
            within |= {default for argument, default in pairs if argument.arg in names and _is_small(default)}
    found = Counter(node.value for node in within)
    return frozenset(n for n, count in found.items() if isinstance(n, float) and count == everywhere[n])


def _is_small(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < node.value <= SMALL


def _functions(source: Source) -> Iterator[FunctionType]:
    for value in [*vars(source.module).values()]:
        for member in (value, *(vars(value).values() if isinstance(value, type) else ())):
            function: Any = getattr(member, "__func__", member)
            if isinstance(function, FunctionType) and function.__code__.co_filename == str(source.path):
                yield function


def _without(code: CodeType, numbers: frozenset[float]) -> CodeType:
    constants = tuple(
        _without(c, numbers) if isinstance(c, CodeType) else 0.0 if isinstance(c, float) and c in numbers else c
        for c in code.co_consts
    )
    same = all(a is b for a, b in zip(constants, code.co_consts, strict=True))
    return code if same else code.replace(co_consts=constants)
