"""Audits as SARIF 2.1.0 (OASIS 2020), which editors and code hosts show beside the text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from derive.errors import InputError, Place
from verify.formulas.judgement import Judgement, Word
from verify.mistakes.dictionary import Entry, entry, page, told
from verify.notes import lint
from verify.notes.asking.question import Question
from verify.notes.audit import Audit
from verify.reports.wording import TITLES, details, headline, shown

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: Mapping[Word, str] = {
    Word.WRONG: "error",
    Word.UNDECIDED: "warning",
    Word.UNREADABLE: "warning",
    Word.HOLDS_IF: "note",
}
"""How loudly each word is said; what is proved or no claim is no result."""
RULES: Mapping[Word, tuple[str, str]] = {
    Word.WRONG: ("WrongFormula", "The formula does not follow from the model's equations."),
    Word.UNDECIDED: ("UndecidedFormula", "Whether the formula holds could not be decided."),
    Word.UNREADABLE: ("UnreadableFormula", "The formula could not be read."),
    Word.HOLDS_IF: ("FormulaNeedsAssumption", "The formula holds under a convention or a declared fact."),
}
"""The identifier and description of each."""


QUESTION: dict[str, Any] = {
    "id": "backproof/question",
    "name": "OpenQuestion",
    "shortDescription": {"text": "Formulas wait for an equation of the model that is missing or cannot be used."},
    "defaultConfiguration": {"level": LEVELS[Word.UNDECIDED]},
}
"""The rule of what a note leaves open."""


def render(audits: Iterable[Audit], errors: Sequence[InputError] = ()) -> str:
    """A log with one run."""
    audits = list(audits)
    found = [judgement for audit in audits for judgement in audit.judgements if judgement.word in RULES]
    named = dict.fromkeys(judgement.mistakes[0].name for judgement in found if judgement.mistakes)
    notes = [note for audit in audits for note in audit.notes]
    rules = [*map(_rule, RULES), *(_rule_of(entry(name)) for name in named)]
    rules += [_rule_of_notes(name) for name in dict.fromkeys(note.rule for note in notes)]
    questions = [question for audit in audits for question in audit.questions]
    rules += [QUESTION] if questions else []
    places = {rule["id"]: index for index, rule in enumerate(rules)}
    results = [_asked(question, places) for question in questions]
    results += [_result(judgement, places) for judgement in found] + [_noted(note, places) for note in notes]
    driver = {"name": "backproof", "semanticVersion": _version(), "rules": rules}
    run: dict[str, Any] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    notifications = [_notification(error.message, error.place) for error in errors]
    notifications += [_notification(str(fault), place) for audit in audits for place, fault in audit.faults]
    run["invocations"] = [{"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}]
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


def _version() -> str:
    try:
        return version("backproof")
    except PackageNotFoundError:
        return "0.0.0"


def _rule(word: Word) -> dict[str, Any]:
    name, description = RULES[word]
    return {
        "id": _id(word),
        "name": name,
        "shortDescription": {"text": description},
        "defaultConfiguration": {"level": LEVELS[word]},
    }


def _rule_of(mistake: Entry) -> dict[str, Any]:
    """The rule of a named mistake, with its page."""
    return {
        "id": f"{_id(Word.WRONG)}/{mistake.slug}",
        "name": "".join(word.capitalize() for word in mistake.slug.split("-")),
        "shortDescription": {"text": mistake.sentence},
        "help": {"text": told(mistake), "markdown": page(mistake)},
        "defaultConfiguration": {"level": LEVELS[Word.WRONG]},
    }


def _rule_of_notes(name: str) -> dict[str, Any]:
    """The rule of a kind of notes on models."""
    return {
        "id": f"backproof/note/{name}",
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": lint.RULES[name]},
        "defaultConfiguration": {"level": "note"},
    }


def _asked(question: Question, places: Mapping[str, int]) -> dict[str, Any]:
    """The question of a file, with the equations that it speaks of beside it."""
    lines = [f"{question.asked} {question.waits}"]
    lines += ["\n".join(filter(None, (words, text))) for words, text in question.told()]
    beside = [{**_location(one.place), "message": {"text": one.reason}} for one in question.unused]
    return {
        "ruleId": QUESTION["id"],
        "ruleIndex": places[QUESTION["id"]],
        "level": LEVELS[Word.UNDECIDED],
        "message": {"text": "\n".join(lines)},
        "locations": [_location(question.place)],
        **({"relatedLocations": beside} if beside else {}),
    }


def _noted(note: lint.Note, places: Mapping[str, int]) -> dict[str, Any]:
    name = f"backproof/note/{note.rule}"
    return {
        "ruleId": name,
        "ruleIndex": places[name],
        "level": "note",
        "message": {"text": note.text},
        "locations": [_location(note.place)],
    }


def _id(word: Word) -> str:
    return f"backproof/{word.value.replace('_', '-')}"


def _rule_id(judgement: Judgement) -> str:
    """The rule of the word, of a wrong formula that of its first mistake."""
    named = judgement.word is Word.WRONG and judgement.mistakes
    return _id(judgement.word) + (f"/{entry(judgement.mistakes[0].name).slug}" if named else "")


def _result(judgement: Judgement, places: Mapping[str, int]) -> dict[str, Any]:
    said = headline(judgement)
    message = f"{TITLES[judgement.word]}: {said}" if said else TITLES[judgement.word]
    lines = [f"{message}", shown(judgement.formula)]
    lines += [f"{d.label}: {d.text}" for d in details(judgement) if d.label not in ("if", "mistake") and d.text != said]
    result: dict[str, Any] = {
        "ruleId": _rule_id(judgement),
        "ruleIndex": places[_rule_id(judgement)],
        "level": LEVELS[judgement.word],
        "message": {"text": "\n".join(lines)},
    }
    if judgement.place is not None:
        result["locations"] = [_location(judgement.place)]
    if judgement.ignored:
        result["suppressions"] = [{"kind": "inSource"}]
    return result


def _location(place: Place) -> dict[str, Any]:
    file, _, cell = place.file.partition("#")
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
    if cell:  # the lines of a cell are not those of the file
        where = f"{cell}, line {place.line}, column {place.column}"
        return {"physicalLocation": physical, "logicalLocations": [{"name": cell, "fullyQualifiedName": where}]}
    region = {"startLine": place.line, "startColumn": place.column, "endLine": max(place.end_line, place.line)}
    if region["endLine"] == place.line:
        region["endColumn"] = place.column + max(place.length, 1)
    physical["region"] = region
    return {"physicalLocation": physical}


def _uri(file: str) -> str:
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _notification(text: str, place: Place | None) -> dict[str, Any]:
    found: dict[str, Any] = {"level": "error", "message": {"text": text}}
    if place is not None:
        found["locations"] = [_location(place)]
    return found
