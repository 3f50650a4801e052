"""Audits as pages for people: HTML in one file, and Markdown that code hosts show with typeset formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.errors import Place
from derive.languages import ENGLISH, Language
from derive.targets.mathml import mathml
from derive.targets.templates import environment
from verify.formulas.judgement import Judgement, Word
from verify.notes.asking.question import TITLE, Question
from verify.notes.audit import Audit
from verify.reports.text import Say, counts, summary
from verify.reports.wording import MARKS, TITLES, Detail, details, shown, split

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Entry:
    """One judgement as a page shows it: `at` is its line, with the cell of a notebook before it."""

    at: str
    word: str
    verdict: str
    formula: str
    details: tuple[Detail, ...]
    language: str
    model: int | None


@dataclass(frozen=True)
class Asked:
    """The question of a file: `told` are words, each with the line that it speaks of."""

    title: str
    at: str
    asked: str
    told: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """One file: its models, its question, the judgements that are worth a look, and what claims nothing."""

    file: str
    models: tuple[str, ...]
    questions: tuple[Asked, ...]
    entries: tuple[Entry, ...]
    definitions: tuple[Entry, ...]
    mentions: int


def html(audits: Sequence[Audit], language: Language = ENGLISH) -> str:
    """One self-contained page."""
    return _render("audit.html.jinja", audits, language)


def markdown(audits: Sequence[Audit], language: Language = ENGLISH) -> str:
    """Markdown with a block of mathematics for every formula."""
    return re.sub(r"\n{3,}", "\n\n", _render("audit.md.jinja", audits, language)).rstrip() + "\n"


def _render(template: str, audits: Sequence[Audit], language: Language) -> str:
    say = language.say
    header, rows = counts(audits, say)
    found: str = environment("verify.reports", fenced=fenced, plain=plain, split=split, typeset=typeset).get_template(
        template
    ).render(
        pages=[_page(audit, say) for audit in audits], header=header, rows=rows, summary=summary(audits, say),
        say=say, lang=language.name,
    )  # fmt: skip
    return found


def _page(audit: Audit, say: Say) -> Page:
    entries = list(_entries(audit, say))
    claims = tuple(entry for entry in entries if entry.word != Word.NOT_A_CLAIM.value)
    rest = [entry for entry in entries if entry.word == Word.NOT_A_CLAIM.value]
    definitions = tuple(entry for entry in rest if "=" in entry.formula)
    models = tuple(say(str(model).removeprefix("model: ")) for model in audit.models)
    questions = tuple(_asked(question, say) for question in audit.questions)
    return Page(audit.file, models, questions, claims, definitions, len(rest) - len(definitions))


def _asked(question: Question, say: Say) -> Asked:
    told = tuple((say(words), text) for words, text in question.told())
    return Asked(say(TITLE), say(_at(question.place)), f"{say(question.asked)} {say(question.waits)}", told)


def _entries(audit: Audit, say: Say) -> Iterator[Entry]:
    for each in audit.formulas:
        for judgement in each.judgements:
            yield Entry(
                at=say(_at(judgement.place)),
                word=judgement.word.value,
                verdict=f"{MARKS[judgement.word].split()[0]} {say(TITLES[judgement.word])}",
                formula=shown(judgement.formula),
                details=tuple(detail.said(say) for detail in details(judgement)),
                language=_language(audit, judgement),
                model=audit.model_number(each),
            )


def _language(audit: Audit, judgement: Judgement) -> str:
    if audit.document.in_program(judgement.place):
        return "python"
    return "tex" if judgement.word is Word.UNREADABLE else "math"


def _at(place: Place | None) -> str:
    if place is None:
        return ""
    _, _, cell = place.file.partition("#")
    return f"{cell} line {place.line}".strip() if cell else f"line {place.line}"


def fenced(formula: str, language: str = "math") -> str:
    """A formula as a block of mathematics, or as it was typed where nobody can typeset it."""
    body = formula.replace("```", "` ` `")
    return f"```{language}\n{body}\n```"


def typeset(formula: str, display: str = "block") -> Markup:
    """A formula as MathML; what cannot be parsed is nothing here, its source stands beside it."""
    from markupsafe import Markup

    return Markup(mathml(formula, display) or "")  # every letter in it is escaped


def plain(text: str) -> str:
    """Words in Markdown: formulas between dollars stay formulas, and nothing else is markup."""
    written = []
    for part, formula in split(text):
        if formula:
            written.append(f"$`{part}`$" if "`" not in part else f"``{part}``")
        elif "\\" in part:
            written.append(f"`` {part} ``" if "`" in part else f"`{part}`")
        else:
            written.append(re.sub(r"([*`<>\[\]|#])", r"\\\1", part))
    return "".join(written)
