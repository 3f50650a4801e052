"""The gradient by a parameter as what one step brings of it, where a heading or the words behind a formula say so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive.patterns import regex
from verify.notes.audited import Audited
from verify.notes.conventions.steps import LAST_STEP
from verify.notes.conventions.trying import Judge, as_it_was, doubted, mending, wrong_in
from verify.notes.door.gates import changed

BEHIND = "{gradient} is what step {step} brings of it, as the words behind it say"
ABOVE = "{gradient} is what the last step brings of it, as the heading says"
_HALF = r"\{\s*\\partial\s*(?:[^{}]|\{[^{}]*\})*\}"
_LEFT = regex(rf"[\s&]*(?P<gradient>\\[dt]?frac\s*{_HALF}\s*{_HALF})(?P<behind>[\s{{}}]*)(?=[\s&]*=)")
_SAID = regex(
    r"\b(?:contributions?|share)\s+(?:from|of|at)\s+(?:the\s+)?(?:(?:final|last|time|step|timestep)\s+)+\$\s*(?P<step>[A-Za-z])\s*\$",
    re.IGNORECASE,
)
_STEP = regex(r"_\s*(?:T|\{\s*T\s*[,}])")


def of_a_said_step(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """∂L/∂W = δ_T x_T^⊤ (contribution from time T), and what stands below a heading of the last step."""
    tried = {}
    for number, each in enumerate(found):
        fragment = each.formula.fragment
        left = _LEFT.match(fragment.text)
        if each.model is None or left is None or not wrong_in(each):
            continue
        said = _SAID.search(each.formula.place.text)
        headed = any(map(LAST_STEP.search, each.formula.section)) and _STEP.search(fragment.text)
        if said is None and not headed:
            continue
        step, words = (said["step"], BEHIND) if said is not None else ("T", ABOVE)
        bar = rf"{left['gradient']}\bigg|_{{\text{{step }} {step}}}"
        there = replace(each.formula, fragment=changed(fragment, fragment.text, [(*left.span("gradient"), bar)]))
        gradient = f"${' '.join(left['gradient'].split())}$"
        again = judge(there, doubted(each.model, words.format(gradient=gradient, step=step)))
        if len(again.judgements) == len(each.judgements):
            tried[number] = as_it_was(again, each)
    return mending(found, tried)
