"""Audits -> text: one row for each format. What a judgement says in words is in `wording`, for all of them.

`text` for a compiler's reader, `json`, `sarif` for editors and code hosts, `html` and `markdown` for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from derive.errors import InputError
from derive.languages import ENGLISH, Language
from verify.notes.audit import Audit, as_json

Render = Callable[[Sequence[Audit], Sequence[InputError], Language], str]


def _json(audits: Sequence[Audit], errors: Sequence[InputError], _: Language = ENGLISH) -> str:
    found = as_json(audits)
    if errors:
        found["errors"] = [
            {
                "message": error.message,
                "place": error.place
                and {"file": error.place.file, "line": error.place.line, "column": error.place.column},
                "hint": error.hint,
            }
            for error in errors
        ]
    return json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _text(audits: Sequence[Audit], errors: Sequence[InputError], language: Language = ENGLISH) -> str:
    from verify.reports.text import render

    return render(audits, language.say)


def _sarif(audits: Sequence[Audit], errors: Sequence[InputError], _: Language = ENGLISH) -> str:
    from verify.reports.sarif import render

    return render(audits, errors)


def _html(audits: Sequence[Audit], errors: Sequence[InputError], language: Language = ENGLISH) -> str:
    from verify.reports.pages import html

    return html(audits, language)


def _markdown(audits: Sequence[Audit], errors: Sequence[InputError], language: Language = ENGLISH) -> str:
    from verify.reports.pages import markdown

    return markdown(audits, language)


# Each is imported when it is first used: a command pays only for what it writes.
FORMATS: Mapping[str, Render] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "html": _html,
    "markdown": _markdown,
}
