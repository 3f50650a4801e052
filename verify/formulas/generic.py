"""A claim about θ, which stands for any parameter -> one judgement, from that for every parameter of the cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from derive.cell import Cell
from derive.notation import spelled
from derive.reader.claims.letters import Letters
from derive.reader.claims.statements.chains import Statement
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Fraction, Name
from verify.formulas.judgement import Judgement, Word

GENERIC = frozenset(["theta", "vartheta", "Theta", "phi", "omega"])
"""Letters that usually stand for all parameters together, where a derivative is taken by them."""

_RIGHT = (Word.PROVED, Word.HOLDS_IF)


def generic_letter(statement: Statement, letters: Letters) -> str:
    """The letter by which a derivative is taken, where it usually stands for any parameter and the cell has it not."""
    below = (node.below for side in statement.sides for node in walk(side) if isinstance(node, Fraction))
    taken = {node.word for part in below for node in walk(part) if isinstance(node, Name)}
    functions = {function.base for function in letters.cell.functions}
    return min((taken & GENERIC) - functions - set(letters.known), default="")


def arrays(cell: Cell) -> list[str]:
    """The parameters of a cell, without those that are numbers where others are none."""
    names = [parameter.name for parameter in cell.parameters]
    return [q.name for q in cell.parameters if q.shape != (1, 1)] or names


def for_every(word: str, parameters: Sequence[str], judge: Callable[[str], Sequence[Judgement]]) -> list[Judgement]:
    """What `judge` says of every parameter in the place of the letter, as one judgement for each `=`.

    What is true of some of the parameters holds for those; wrong is what is wrong of all.
    """
    by_parameter = [list(judge(name)) for name in parameters]
    return [_together(word, dict(zip(parameters, each, strict=True))) for each in zip(*by_parameter, strict=True)]


def _together(word: str, found: dict[str, Judgement]) -> Judgement:
    first = next(iter(found.values()))
    right = {name: each for name, each in found.items() if each.word in _RIGHT}
    letter = f"${spelled(word)}$"
    if right:
        named = ", ".join(f"${spelled(name)}$" for name in right)
        every = len(right) == len(found)
        said = f"{letter} stands for any parameter: {named}" if every else f"{letter} stands for {named}"
        assumed = tuple(dict.fromkeys((said, *(words for each in right.values() for words in each.assumptions))))
        held = next(iter(right.values()))
        return replace(held, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))
    if all(each.word is Word.WRONG for each in found.values()):
        said = f"{letter} stands for ${spelled(next(iter(found)))}$"
        assumed = (said, *first.assumptions)
        return replace(first, assumptions=assumed, reading="; ".join(assumed))
    return next((each for each in found.values() if each.word is not Word.WRONG), first)
