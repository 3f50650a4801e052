"""Audits as lines that editors understand: `note.md:128:1: wrong: ...`, then a count for every file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from verify.formulas.judgement import Judgement, Word
from verify.notes.asking.question import TITLE, Question
from verify.notes.audit import Audit
from verify.reports.wording import TITLES, details, headline, shown

Paint = Callable[[Word, str], str]
Say = Callable[[str], str]
SAID = (Word.WRONG, Word.HOLDS_IF, Word.UNDECIDED, Word.UNREADABLE)
"""The words that get a line of their own."""


def lines(audits: Iterable[Audit], paint: Paint = lambda _, text: text, say: Say = str) -> Iterator[str]:
    """A block of lines for every judgement that asks for attention; `say` puts its labels into another language."""
    for audit in audits:
        for number, model in enumerate(audit.models, 1):
            yield f"{audit.file}: {say(str(model).replace('model', f'model {number}', 1))}"
        for question in audit.questions:
            yield from _asked(question, paint, say)
        for judgement in audit.judgements:
            if judgement.word in SAID:
                yield from _block(judgement, paint, say)
        for note in audit.notes:
            yield f"{note.place}: {say(f'note: {note.text}')}"


def _asked(question: Question, paint: Paint, say: Say) -> Iterator[str]:
    title = paint(Word.UNDECIDED, say(TITLE))
    yield f"{question.place}: {title}: {say(question.asked)} {say(question.waits)}"
    for words, text in question.told():
        yield f"    {say(words)}"
        yield from (f"        {line}" for line in text.splitlines())


def _block(judgement: Judgement, paint: Paint, say: Say) -> Iterator[str]:
    said = headline(judgement)
    title = paint(judgement.word, say(TITLES[judgement.word]))
    yield f"{judgement.place}: {title}: {say(said)}" if said else f"{judgement.place}: {title}"
    yield f"    {shown(judgement.formula)}"
    for detail in details(judgement):
        if detail.label not in ("if", "mistake") and detail.text != said:
            yield "    " + ": ".join((detail.said(say).label, detail.said(say).text))


def counts(audits: Iterable[Audit], say: Say = str) -> tuple[list[str], list[list[str]]]:
    """A table: for every file how many formulas ended in which word."""
    words = list(TITLES)
    header = list(map(say, ["note", "formulas", *(TITLES[word] for word in words)]))
    rows = [
        [audit.file, str(len(audit.formulas)), *(str(audit.counts[word] or "") for word in words)] for audit in audits
    ]
    return header, rows


def summary(audits: Sequence[Audit], say: Say = str) -> str:
    """All files in one sentence."""
    judgements = [judgement for audit in audits for judgement in audit.judgements]
    claims = [judgement for judgement in judgements if judgement.word is not Word.NOT_A_CLAIM]
    if not claims:
        return say("no claims found")
    parts = []
    for word, title in TITLES.items():
        number = sum(judgement.word is word for judgement in claims)
        if number:
            parts.append(f"{number} {say('hold under an assumption' if word is Word.HOLDS_IF else title)}")
    ignored = sum(judgement.ignored for judgement in claims)
    said = say(f"; {ignored} ignored, as the notes ask") if ignored else ""
    return f"{say(f'{len(claims)} claim' + 's' * (len(claims) != 1))}: {say(', ').join(parts)}{said}"


def render(audits: Sequence[Audit], say: Say = str) -> str:
    """The lines and the summary."""
    return "\n".join([*lines(audits, say=say), summary(audits, say), ""])
