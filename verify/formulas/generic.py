"""A claim about θ, which stands for any parameter -> one judgement, from that for every parameter of the cell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from derive.cell import Cell
from derive.nodes import Quantity
from derive.notation import spelled
from derive.reader.claims.letters import Found, Letters
from derive.reader.claims.statements.chains import Statement
from derive.reader.meaning.letters import index, letter, only
from derive.reader.models.equations.equation import LOSSES
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Fraction, Group, Name, Run, Scripted, Syntax
from verify.formulas.judgement import Judgement, Word

GENERIC = frozenset(["theta", "vartheta", "Theta", "phi", "omega", "Box"])
"""Letters that usually stand for all parameters together, where a derivative is taken by them."""

ANY = "theta"
"""Of these the letter that stands for what ∇L is the gradient by."""

WEIGHT = "W"
"""The letter of a weight, which without its label stands for each of several."""

WEIGHTS = frozenset([WEIGHT, WEIGHT.lower()])
"""The ways to write it without its label."""

_RIGHT = (Word.PROVED, Word.HOLDS_IF)


def generic_letter(statement: Statement, letters: Letters) -> str:
    """The letter by which a derivative is taken, where it usually stands for any parameter and the cell has it not."""
    below = (node.below for side in statement.sides for node in walk(side) if isinstance(node, Fraction))
    taken = {node.word for part in below for node in walk(part) if isinstance(node, Name)}
    functions = {part for function in letters.cell.functions for part in (function.base, function.base.split("_")[0])}
    generic = min((taken & GENERIC) - functions - set(letters.known), default="")
    if not generic and all(_is_of_a_loss(side) for side in statement.sides) and ANY not in letters.known:
        return ANY
    return generic or _any_weight(statement, letters)


def _is_of_a_loss(side: Syntax) -> bool:
    """Whether a side has ∇L, a gradient that does not say by what."""
    for node in walk(side):
        for one, then in pairwise(node.factors) if isinstance(node, Run) else ():
            base = letter(then.base if isinstance(then, Scripted) else then)
            if isinstance(one, Name) and one.word == "nabla" and base is not None and base.word in LOSSES:
                return True
    return False


def _any_weight(statement: Statement, letters: Letters) -> str:
    """W or w, where it stands below a ∂ without a label and nowhere else, and the cell has several W_h, W_x."""
    labelled = [q.name for q in letters.cell.parameters if q.name.startswith(f"{WEIGHT}_")]
    every = [node for side in statement.sides for node in walk(side)]
    words = {node.word for node in every if isinstance(node, Name) and node.word in WEIGHTS}
    if len(labelled) < 2 or len(words) != 1 or words & letters.known.keys():
        return ""
    (word,) = words
    written = sum(isinstance(node, Name) and node.word == word for node in every)
    below = [node.below.factors for node in every if isinstance(node, Fraction) and isinstance(node.below, Run)]
    alone = sum(len(factors) == 2 and _is_weight(factors[1]) for factors in below)
    return word if written == alone else ""


def _is_weight(node: Syntax) -> bool:
    while isinstance(node, Group) and node.bracket == "LBRACE" and (inner := only(node.rows)) is not None:
        node = inner
    return isinstance(node, Name) and node.word in WEIGHTS


def arrays(cell: Cell, word: str) -> list[str]:
    """The parameters that a letter may stand for, without those that are numbers where others are none."""
    every = [q for q in cell.parameters if word not in WEIGHTS or q.name.startswith(f"{WEIGHT}_")]
    return [q.name for q in every if q.shape != (1, 1)] or [q.name for q in every]


def entry_of(parameter: Quantity, taken: Collection[str]) -> Found:
    """Any entry of a parameter, where a formula is written by entries whose indices are `taken`."""
    places = tuple(index(letter) for letter in "pqmnijl" if letter not in taken)[:2]
    return Found(parameter.name, None, places if parameter.shape[1] != 1 else places[:1])


def for_every(word: str, parameters: Sequence[str], judge: Callable[[str], Sequence[Judgement]]) -> list[Judgement]:
    """What `judge` says of every parameter in the place of the letter, as one judgement for each `=`.

    What is true of some of the parameters holds for those; wrong is what is wrong of all.
    """
    by_parameter = [list(judge(name)) for name in parameters]
    return [_together(word, dict(zip(parameters, each, strict=True))) for each in zip(*by_parameter, strict=True)]


def _together(word: str, found: dict[str, Judgement]) -> Judgement:
    first = next(iter(found.values()))
    right = {name: each for name, each in found.items() if each.word in _RIGHT}
    letter = r"$\Box$" if word == "Box" else f"${spelled(word)}$"
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
