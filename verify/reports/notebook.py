"""How judgements, audits, evidence and reports on code show themselves in a notebook: HTML in the frame of `derive`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from derive.targets.mathml import mathml, typeset
from derive.targets.notebook import framed
from verify.code.report import CodeReport, GradientReport, Row
from verify.formulas.judgement import Judgement, Word
from verify.notes.asking.question import TITLE, Question
from verify.notes.audit import Audit
from verify.numbers.evidence import Evidence
from verify.reports import evidence as reported
from verify.reports.text import summary
from verify.reports.wording import MARKS, TITLES, Detail, details, shown, split


def judgement_html(judgement: Judgement) -> str:
    """The formula, the verdict, and all that is said about it."""
    return framed(judged(judgement))


def judgements_html(judgements: Iterable[Judgement]) -> str:
    """Several of them, below each other."""
    return framed("".join(map(judged, judgements)))


def judged(judgement: Judgement, placed: bool = False) -> str:
    """The same without a frame; `placed`: with its line."""
    formula = shown(judgement.formula)
    place = f" line {judgement.place.line}" if judgement.place and placed else ""
    rows = "".join(f"<dt>{escape(one.label)}</dt><dd>{_detail(one)}</dd>" for one in details(judgement))
    word = judgement.word
    return (
        f'<article class="{word.value}"><span class="verdict">{escape(MARKS[word].split()[0])} '
        f"{escape(TITLES[word])}</span>{escape(place)}"
        f'<div class="formula">{typeset(formula, "block")}</div>{f"<dl>{rows}</dl>" if rows else ""}</article>'
    )


def _detail(detail: Detail) -> str:
    if detail.latex:
        return f"{mathml(detail.text, 'large') or ''} <code>{escape(detail.text)}</code>"
    return words(detail.text)


def words(text: str) -> str:
    """Words with formulas between dollar signs."""
    return "".join(typeset(part) if formula else escape(part) for part, formula in split(text))


def audit_html(audit: Audit) -> str:
    """What a note's formulas came to; what claims nothing is counted only."""
    claims = [one for one in audit.judgements if one.word is not Word.NOT_A_CLAIM]
    models = "".join(f"<p>{escape(str(model))}</p>" for model in audit.models)
    questions = "".join(map(_asked, audit.questions))
    notes = "".join(f"<li>{escape(f'{note.place}: {note.text}')}</li>" for note in audit.notes)
    return framed(
        f"<p><b>{escape(audit.file)}</b>: {escape(summary([audit]))}</p>{models}{questions}"
        f"{''.join(judged(one, placed=True) for one in claims)}{f'<ul>{notes}</ul>' if notes else ''}"
    )


def _asked(question: Question) -> str:
    """The question of a note, with what to add below it."""
    rows = "".join(
        f"<dt>{words(said)}</dt><dd>{f'<code>{escape(text)}</code>' if text else ''}</dd>"
        for said, text in question.told()
    )
    return (
        f'<article class="undecided"><span class="verdict">{escape(TITLE)}</span> line {question.place.line}'
        f"<p>{words(question.headline)}</p><dl>{rows}</dl></article>"
    )


def evidence_html(evidence: Evidence) -> str:
    """What is known of every gradient."""
    rows = [
        [name, "yes" if one.verdict.proved else "NO", *("-" if e is None else f"{e:.0e}" for e in one.errors.values())]
        for name, one in evidence.gradients.items()
    ]
    _, _, caption = reported.table([evidence])
    standing = "right" if evidence.passed else "wrong"
    header = ["gradient", "proved", "complex step", "central differences", "torch", "JAX"]
    return framed(
        f'<article class="{standing}"><b>{escape(evidence.cell)}</b>: '
        f"{'everything holds' if evidence.passed else 'NOT everything holds'}"
        f"{_table(header, rows)}<p>{escape(caption)}</p></article>"
    )


def code_html(report: CodeReport | GradientReport) -> str:
    """The verdict on a person's code, a row for every gradient, and what it says besides."""
    standing = report.standing.value
    rows = _rows(report.rows)
    said = [line for line in str(report).splitlines() if line not in rows]
    header = ["gradient", "verdict", "error", "worst at", "got", "expected", ""]
    lines = "".join(f"<p>{escape(line)}</p>" for line in said)
    table = _table(header, [list(row.cells()) for row in report.rows]) if report.rows else ""
    return framed(f'<article class="{escape(standing.replace(" ", "_"))}">{lines}{table}</article>')


def _rows(rows: Sequence[Row]) -> list[str]:
    from verify.code.report import table

    return table(rows).splitlines() if rows else []


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
