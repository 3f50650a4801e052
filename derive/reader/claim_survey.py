"""Which single letters of a claim are times, and which count entries; what a sum or product runs over."""

from __future__ import annotations

from dataclasses import fields

from derive.reader import syntax
from derive.reader.claim_letters import ENTRY_LETTERS, TIME_LETTERS, Letters, time_expression
from derive.reader.symbols import only
from derive.reader.syntax import Big, Group, Name, Scripted, Sum, Syntax


def survey(node: Syntax, letters: Letters) -> None:
    """Note which single letters are times here, and which count entries."""
    timed: set[str] = set()
    entries: set[str] = set()
    plain: set[str] = set()
    raised: set[str] = set()

    def visit(part: Syntax) -> None:
        if isinstance(part, Big):
            word, first, last, _ = bounds(part)
            if word and (first is not None or last is not None or part.sign == "product"):
                sized = isinstance(last, Name) and (last.word in letters.sizes or last.word in ("n", "K", "N", "m"))
                (entries if sized else timed).add(word)
            elif word:
                (timed if word in TIME_LETTERS else entries).add(word)
        if isinstance(part, Scripted):
            for script in part.scripts:
                for cell in (cell for row in script.rows for cell in row):
                    inner = cell
                    while isinstance(inner, Group) and (held := only(inner.rows)) is not None:
                        inner = held
                    if isinstance(inner, Sum) and time_expression(inner) is not None:
                        timed.update(str(s) for s in time_expression(inner).free_symbols)  # type: ignore[union-attr]
                    elif isinstance(inner, Name):
                        (plain if script.kind == "sub" else raised).add(inner.word)
        for inner in inside(part):
            visit(inner)

    visit(node)
    letters.with_times |= bool(timed & TIME_LETTERS or plain & TIME_LETTERS or "t" in raised)
    letters.timed_letters |= timed
    if (plain & ENTRY_LETTERS - timed) and "k" in plain | entries and "k" not in timed - entries:
        entries.add("k")
        letters.timed_letters.discard("k")
    letters.entry_letters |= entries - (timed & TIME_LETTERS)


def inside(node: object) -> list[Syntax]:
    """The parts directly inside a part."""
    found: list[Syntax] = []
    waiting = [getattr(node, each.name) for each in fields(node)]  # type: ignore[arg-type]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Syntax):
            found.append(value)
        elif isinstance(value, tuple):
            waiting.extend(value)
    return found


def bounds(node: Big) -> tuple[str, Syntax | None, Syntax | None, str]:
    """The index of a big sign, its first and last value, and the index it leaves out."""
    word, first, last, without = "", None, None, ""
    for script in node.scripts:
        cells = [cell for row in script.rows for cell in row]
        if script.kind == "sup" and cells:
            last = cells[0]
        for cell in cells if script.kind == "sub" else []:
            if isinstance(cell, syntax.Chain):
                left, right = cell.sides[0], cell.sides[-1]
                name = left.word if isinstance(left, Name) else ""
                if cell.relations[0].type == "EQ":
                    word, first = name, right
                elif isinstance(right, Name) and cell.relations[0].type == "RELATION":
                    word, without = word or name, right.word if right.word != word else name
            elif isinstance(cell, Name):
                word = cell.word
    return word, first, last, without
