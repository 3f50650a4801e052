"""Values in lines that are no formulas: settings in plain text, W_xh = 0.5, and tables with a row for every step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from derive.patterns import regex

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_NUMBER = r"[-−]?\d+(?:\.\d+)?"
_LETTER = r"(?<![\w.\\^])(?P<letter>[A-Za-z]\w{0,7}[₀-₉]{0,2})"
_SET = regex(rf"{_LETTER}\s*=\s*(?P<number>{_NUMBER})(?=\s*(?:[,;)|]|\Z))")
_COMPUTED = regex(rf"\A\s*(?:[^=:]*:)?\s*{_LETTER}\s*=.*=\s*(?P<number>{_NUMBER})\s*\Z")
_HEADED = regex(r"(?P<letter>[A-Za-z])_\{?t\}?(?![\w-])")
_RULE = regex(r"[\s|:-]+")


def settings(line: str) -> Iterator[tuple[str, str]]:
    """The letters that a line of plain text gives a number, each with what is written for it."""
    for pattern in (_SET, _COMPUTED):
        for found in pattern.finditer(line):
            letter = re.sub(
                r"[₀-₉]+", lambda digits: f"_{digits.group().translate(_SUBSCRIPTS)}", found.group("letter")
            )
            yield letter, found.group("number").replace("−", "-")


def rows(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """The numbers of tables whose first column counts steps, each with its line and its letter at that step."""
    heads: list[str] = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.lstrip().startswith("|") else []
        if not cells or _RULE.fullmatch(line):
            heads = heads if cells else []
        elif not heads:
            heads = [cells[0].strip("$ "), *(_headed(cell) for cell in cells[1:])]
        elif heads[0] == "t" and cells[0].isdigit() and len(cells) == len(heads):
            for head, cell in zip(heads[1:], cells[1:], strict=True):
                if head and re.fullmatch(_NUMBER, cell.strip("$ ")):
                    yield number, f"{head}_{cells[0]}", cell.strip("$ ")


def _headed(cell: str) -> str:
    """The letter at t that a column is headed by; empty where it may be another."""
    found = _HEADED.search(cell)
    return found.group("letter") if found is not None else ""
