"""A judgement as text for a person: the word, what was assumed, what is wrong and what is true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from derive.cell import Cell
from verify.formulas.judgement import Judgement, Word

WORDS = {
    Word.PROVED: "proved",
    Word.HOLDS_IF: "holds if",
    Word.WRONG: "wrong",
    Word.UNDECIDED: "undecided",
    Word.UNREADABLE: "unreadable",
    Word.NOT_A_CLAIM: "not a claim",
}


def slopes_said(judgements: Iterable[Judgement], cell: Cell) -> tuple[Judgement, ...]:
    """The same judgements; where a cell declares slopes, what is decided says that it is decided with these."""
    if not cell.declared_slopes:
        return tuple(judgements)
    words = f"with the declared slope of {', '.join(cell.declared_slopes)}"
    decided = (Word.PROVED, Word.HOLDS_IF, Word.WRONG)
    return tuple(
        replace(one, reading="; ".join(filter(None, (one.reading, words)))) if one.word in decided else one
        for one in judgements
    )


def told(judgement: Judgement, say: Callable[[str], str] = str) -> str:
    """Several lines, the first with the word and the formula; `say` puts words and labels into another language."""
    lines = [f"{say(WORDS[judgement.word])}: {judgement.formula}"]

    def add(label: str, text: str) -> None:
        if text:
            lines.append(f"    {say(label)}{text}")

    def words(label: str, text: str) -> None:
        add(label, say(text) if text else "")

    if judgement.word is Word.HOLDS_IF:
        for assumption in judgement.assumptions:
            words("assumes: ", assumption)
    elif judgement.reading:
        words("read as: ", judgement.reading)
    for mistake in judgement.mistakes:
        words("mistake: ", str(mistake))
    add("see: ", "; ".join(f"backproof explain {name}" for name in dict.fromkeys(m.name for m in judgement.mistakes)))
    add("true is: ", judgement.correct or "")
    if judgement.word is Word.WRONG and judgement.correct:
        words("which assumes: ", "; ".join(each for each in judgement.assumptions if each not in judgement.reading))
    words("it is true when ", judgement.true_when)
    case = judgement.counterexample or {}
    if "shapes" not in case:  # the reason says them
        words("counterexample: ", point(case))
    for line in case.get("python", ()):
        add("    ", line)
    said = (mistake.detail for mistake in judgement.mistakes)
    if not any(detail and judgement.reason.endswith(f": {detail}") for detail in said):
        words("", judgement.reason)
    if judgement.word is Word.UNREADABLE and judgement.place is not None:
        words("at ", f"line {judgement.place.line}, column {judgement.place.column}")
    return "\n".join(lines)


def point(case: Mapping[str, Any]) -> str:
    """A counterexample in one line for a person; empty where only residues were found, which are left to the JSON."""
    if "shapes" in case:
        return str(case["shapes"])
    if "entry" not in case:
        return ""
    sizes = ", ".join(f"{letter}={number}" for letter, number in dict(case.get("sizes", {})).items())
    at = ", ".join(f"{letter}={number}" for letter, number in dict(case.get("at", {})).items())
    row, column = case["entry"]
    where = ", ".join(part for part in (sizes, f"T={case.get('T')}", at, *case.get("functions", ())) if part)
    return f"{where}: entry ({row}, {column}) is {case.get('left')} on the left, {case.get('right')} on the right"
