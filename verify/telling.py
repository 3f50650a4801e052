"""A judgement as text for a person: the word, what was assumed, what is wrong and what is true."""

from __future__ import annotations

from verify.judgement import Judgement, Word

WORDS = {
    Word.PROVED: "proved",
    Word.HOLDS_IF: "holds if",
    Word.WRONG: "wrong",
    Word.UNDECIDED: "undecided",
    Word.UNREADABLE: "unreadable",
    Word.NOT_A_CLAIM: "not a claim",
}


def told(judgement: Judgement) -> str:
    """Several lines, the first with the word and the formula."""
    lines = [f"{WORDS[judgement.word]}: {judgement.formula}"]

    def add(label: str, text: str) -> None:
        if text:
            lines.append(f"    {label}{text}")

    if judgement.word is Word.HOLDS_IF:
        for assumption in judgement.assumptions:
            add("assumes: ", assumption)
    elif judgement.reading:
        add("read as: ", judgement.reading)
    for mistake in judgement.mistakes:
        add("mistake: ", str(mistake))
    add("see: ", "; ".join(f"backproof explain {name}" for name in dict.fromkeys(m.name for m in judgement.mistakes)))
    add("true is: ", judgement.correct or "")
    add("it is true when ", judgement.true_when)
    if judgement.counterexample is not None and "entry" in judgement.counterexample:
        add("counterexample: ", _point(judgement))
        for line in judgement.counterexample.get("python", ()):
            add("    ", line)
    add("", judgement.reason)
    if judgement.word is Word.UNREADABLE and judgement.place is not None:
        add("at ", f"line {judgement.place.line}, column {judgement.place.column}")
    return "\n".join(lines)


def _point(judgement: Judgement) -> str:
    point = judgement.counterexample or {}
    sizes = ", ".join(f"{letter}={number}" for letter, number in dict(point.get("sizes", {})).items())
    at = ", ".join(f"{letter}={number}" for letter, number in dict(point.get("at", {})).items())
    row, column = point.get("entry", (1, 1))
    where = ", ".join(part for part in (sizes, f"T={point.get('T')}", at) if part)
    return f"{where}: entry ({row}, {column}) is {point.get('left')} on the left, {point.get('right')} on the right"
