"""Small numbers within the logarithms of a loss, log(p + 1e-12): J is compared without them, as they are no mistake."""

from __future__ import annotations

import ast
import contextlib
from collections import Counter
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, TypeGuard

from verify.code.loading import Source

SMALL = 1e-5
"""Numbers up to this are there to keep a logarithm finite."""


@contextlib.contextmanager
def exact(source: Source) -> Iterator[list[float]]:
    """For a while the functions of a file take their logarithms without the small numbers added there; gives these."""
    numbers = _small(source.tree)
    before = {}
    for function in _functions(source) if numbers else ():
        changed = _without(function.__code__, numbers)
        if changed is not function.__code__:
            before[function] = function.__code__
            function.__code__ = changed
    try:
        yield sorted(numbers) if before else []
    finally:
        for function, code in before.items():
            function.__code__ = code


def _small(tree: ast.Module) -> frozenset[float]:
    """Small numbers that are added within logarithms and stand nowhere else in the file."""
    everywhere = Counter(part.value for part in ast.walk(tree) if _is_small(part))
    within: set[ast.Constant] = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and call.args and ast.unparse(call.func).rpartition(".")[2].startswith("log"):
            for total in ast.walk(call.args[0]):
                if isinstance(total, ast.BinOp) and isinstance(total.op, ast.Add):
                    within |= {part for part in (total.left, total.right) if _is_small(part)}
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
