"""The sentences in the source of a program: every literal that a person may read, its parts as numbers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

NOT_SAID = (
    "ProgramFault", "TypeError", "NotImplementedError", "compile", "import_module", "importorskip",
    "fullmatch", "sub", "split", "match", "search", "startswith", "endswith", "removeprefix", "removesuffix",
)  # fmt: skip
"""What is given to these is no sentence for a person who uses the program."""
_WORD = re.compile(r"(?<![\w\\{])[A-Za-z]{2,}(?![\w}])")
_FEW = 3
"""Fewer words than this make no sentence."""
_CODE = re.compile(r"\(\?|np\.|\w = |\bimport |\\s\*|<\w|tuple\[|^[A-Z ]+$|^\S+$")
_SHORT = 60


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the text of each sentence of a file; alternatives in it one by one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {node for one in ast.walk(tree) for node in _unsaid(one)}

    def within(node: ast.AST) -> Iterator[tuple[int, str]]:
        if node in skipped:
            return
        if isinstance(node, ast.expr) and (found := _texts(node)) is not None:
            yield from ((node.lineno, _numbered(pieces)) for pieces in found)
            inner = [part.value for part in ast.walk(node) if isinstance(part, ast.FormattedValue)]
        else:
            inner = list(ast.iter_child_nodes(node))
        for each in inner:
            yield from within(each)

    for line, text in within(tree):
        bare = re.sub(r"\$[^$]*\$|`[^`]*`", "", text)
        if len(_WORD.findall(bare)) >= _FEW and not _CODE.search(text):
            yield line, text


def _unsaid(node: ast.AST) -> set[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return {node.value}  # a docstring
    if isinstance(node, ast.Compare | ast.match_case):
        return set(ast.walk(node))
    if isinstance(node, ast.Subscript):
        return set(ast.walk(node.slice))
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in NOT_SAID:
        return set(ast.walk(node)) - {node}
    return set()


def _texts(node: ast.expr) -> list[list[str | None]] | None:
    """The texts that an expression may be, each in pieces, None for what is filled in; None where it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [[node.value]]
    if isinstance(node, ast.JoinedStr):
        found: list[list[str | None]] = [[]]
        for part in node.values:
            pieces = _texts(part) if isinstance(part, ast.Constant) else _filling(part)
            found = [before + after for before in found for after in pieces or [[None]]]
        return found
    if isinstance(node, ast.IfExp):
        return _either(node.body, node.orelse)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        one, other = _texts(node.left), _texts(node.right)
        if one is None and other is None:
            return None
        return [before + after for before in one or [[None]] for after in other or [[None]]]
    return None


def _filling(part: ast.expr) -> list[list[str | None]]:
    """A part in braces: short alternatives are written out, anything else is filled in."""
    found = _texts(part.value) if isinstance(part, ast.FormattedValue) else None
    short = found is not None and all(sum(len(piece or "") for piece in pieces) < _SHORT for pieces in found)
    return found if found is not None and short else [[None]]


def _either(one: ast.expr, other: ast.expr) -> list[list[str | None]] | None:
    first, second = _texts(one), _texts(other)
    if first is None and second is None:
        return None
    return (first or [[None]]) + (second or [[None]])


def _numbered(pieces: list[str | None]) -> str:
    numbers = count(1)
    text = "".join(f"{{{next(numbers)}}}" if piece is None else piece for piece in pieces)
    return re.sub(r"\s+", " ", text).strip(" ;:,")
