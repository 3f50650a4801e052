"""The step that words give a number: "let t = 3", and x_t beside h_3 and h_2 is x_3 from there on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive.patterns import regex
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge, as_it_was, doubted, mending, wrong_in
from verify.notes.door.gates import changed

SAID = "t is {step}, as line {line} says"
_STEP = regex(r"\s*t\s*=\s*(?P<step>\d+)\s*")
_AT_T = regex(r"(?<=_)\s*(?:t(?![A-Za-z])|\{\s*t\s*\})")
_COUNTED = regex(r"\\(?:sum|prod|partial)(?![A-Za-z])|[∑∏∂]|t\s*[-+]\s*\d")


def said_numbers(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """An equation of numbered steps with one t left in it, that step in the place of t."""
    tried: dict[int, Audited] = {}
    said: tuple[str, int] | None = None
    for number, each in enumerate(found):
        formula = each.formula
        if (match := _STEP.fullmatch(formula.text)) is not None:
            said = match["step"], formula.place.line
        elif said is not None and each.model is not None and wrong_in(each) and not _COUNTED.search(formula.text):
            step, line = said
            changes = [(*one.span(), f"{{{step}}}") for one in _AT_T.finditer(formula.text)]
            if not changes or re.match(rf"[^=]*_\s*\{{?\s*{step}\s*\}}?\s*=", formula.text) is None:
                continue
            there = replace(formula, fragment=changed(formula.fragment, formula.fragment.text, changes))
            again = judge(there, doubted(each.model, SAID.format(step=step, line=line)))
            if len(again.judgements) == len(each.judgements):
                tried[number] = as_it_was(again, each)
    return mending(found, tried)
