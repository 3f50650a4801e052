"""A diagonal matrix in brackets by its entries: [α^{ii} = o_t^i]."""

from __future__ import annotations

from derive.reader.meaning.letters import ENTRY_LETTERS, only
from derive.reader.text.mapping import inside, walk
from derive.reader.text.syntax import Big, Chain, Group, Name, Run, Script, Scripted, Syntax


def on_diagonal(node: Syntax) -> Syntax | None:
    """What the entries on the diagonal are, without their index; None where this shows no diagonal matrix."""
    cell = only(node.rows) if isinstance(node, Group) and node.bracket == "LBRACK" else None
    if not isinstance(cell, Chain) or len(cell.sides) != 2 or cell.relations[0].type != "EQ":
        return None
    named, value = cell.sides
    word = _twice(named)
    if not word or any(isinstance(part, Big) for part in walk(value)):
        return None
    without = _without(value, word)
    scripts = (script for part in walk(without) if isinstance(part, Scripted) for script in part.scripts)
    held = (part for script in scripts for row in script.rows for cell in row for part in walk(cell))
    return None if any(isinstance(part, Name) and part.word == word for part in held) else without


def _twice(node: Syntax) -> str:
    """The letter of i that stands twice beside a letter: a_{ii}, α^{ii}."""
    if not isinstance(node, Scripted) or not isinstance(node.base, Name) or len(node.scripts) != 1:
        return ""
    cells = [cell for row in node.scripts[0].rows for cell in row]
    cells = list(cells[0].factors) if len(cells) == 1 and isinstance(cells[0], Run) else cells
    words = {cell.word for cell in cells if isinstance(cell, Name)}
    return words.pop() if len(cells) == 2 and len(words) == 1 and words <= ENTRY_LETTERS else ""


def _without(node: Syntax, word: str) -> Syntax:
    """The same without a script that is the letter alone."""

    def counts(script: Script) -> bool:
        cell = only(script.rows)
        return script.kind in ("sub", "sup") and isinstance(cell, Name) and cell.word == word

    def change(part: Syntax) -> Syntax | None:
        if not isinstance(part, Scripted) or not any(map(counts, part.scripts)):
            return None
        kept = tuple(script for script in part.scripts if not counts(script))
        base = _without(part.base, word)
        return Scripted(part.start, part.end, base, kept) if kept else base

    return change(node) or inside(node, change)
