"""Notes that count their steps from 0, as h_{-1} tells, or from 3, as Σ_{t=3}^n does, in numbers that count from 1."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.meaning.letters import letter, only, time_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Chain, Group, Name, Number, Script, Scripted, Sum, Syntax
from verify.notes.files import Document, Formula

FROM_ZERO = ("0", "1")
"""Among the times of a formula: its step 0 is read as step 1."""
_NEXT = {"-1": "0 ", "−1": "0 ", "₋₁": "₀ "}
_NEXT |= {digits[n]: digits[n + 1] for digits in ("0123456789", "₀₁₂₃₄₅₆₇₈₉") for n in range(9)}
"""Each step and the next one, in as many characters; steps of two digits have no room."""
_SUMMED = ("t", "range")
_Place = tuple[str, str]
"""A letter, and whether its number stands below or above it."""

COUNTED_FROM = "the first step, which the note calls {first}, is called 1 here"
_S = r"(?:\s|\\[,;:! ])*"
_LOSS = r"(?:\\(?:mathcal|mathrm|text)\s*\{\s*[LJE]\s*\}|\\ell|[LJE](?![A-Za-z]))"
_SUM = r"\\sum(?:\\limits)?\s*_\s*\{\s*t\s*=\s*(?P<first>[2-9])\s*\}"
_SUMS = regex(_SUM)
_WHOLE = regex(rf"{_S}{_LOSS}{_S}:?={_S}{_SUM}{_S}\^{_S}(?:\{{[^{{}}]*\}}|[A-Za-z]){_S}{_LOSS}{_S}_{_S}\{{?{_S}t")
"""L = Σ_{t=3}^n L_t"""
_LISTED = rf"{_S}t{_S}(?:={_S}FIRST{_S},{_S}(?:\d{_S},{_S})*(?:\\[lc]?dots|\.\.\.|…)|(?:\\geq?|≥){_S}FIRST).*"
"""t = 3, 4, ..., n"""
_TIMED = regex(r"([A-Za-z])\}?\s*_\s*(?:t(?![A-Za-z])|\{\s*t\s*(?:[-+][^{},]*)?\})")
_NUMBERED = regex(r"([A-Za-z])\}?\s*_\s*(?:\d|\{\s*\d+\s*\})")


_INITIAL = r"_\s*\{\s*(?:\\(?:text|mathrm)\s*\{\s*)?init(?:ial)?\s*\}?\s*\}"
_BEFORE_ZERO = regex(rf"(?P<state>[A-Za-z])\s*_\s*(?:0|\{{\s*0\s*\}})\s*&?\s*=[^=]*(?P=state)\s*{_INITIAL}")
"""h_0 = σ(W h_{init} + U x_0)"""


def with_step_before_zero(document: Document) -> Document:
    """The document with h_{-1} for h_{init}, where h_0 is computed from it as every state is from the one before."""
    states = {found["state"] for each in document.formulas if (found := _BEFORE_ZERO.search(each.text))}
    if not states:
        return document
    initial = re.compile(rf"(?<![a-z\\])(?P<state>{'|'.join(sorted(states))})\s*{_INITIAL}")

    def named(each: Formula) -> Formula:
        text = initial.sub(lambda m: f"{m['state']}_{{-1}}".ljust(len(m.group())), each.text)
        made = replace(each.fragment, text=text, as_written=each.fragment.written)
        return each if text == each.text else replace(each, fragment=made)

    parts = (replace(part, formulas=tuple(map(named, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def counted_from_one(document: Document) -> Document:
    """The document with every step by its number as one more, where something stands at step -1."""
    claims = [each for each in document.formulas if each.claims]
    read = {each.place: list(_numbers(each.fragment)) for each in claims}
    timed = {_SUMMED, *(place for each in claims for place in _timed(each.fragment))}
    timed |= {found[0][0] for found in read.values() if any(place in timed for place, _ in found[1:])}  # z_0 = W h_{-1}
    counting = {each.place: timed | _counting(each.fragment, timed) for each in claims}
    steps = {at: [step for place, step in found if place in counting[at]] for at, found in read.items()}
    written = {each.text[step.start : step.end] for each in claims for step in steps[each.place]}
    if not any(isinstance(step, Sum) for found in steps.values() for step in found) or not written <= _NEXT.keys():
        return document

    def shifted(each: Formula) -> Formula:
        fragment, text = each.fragment, each.text
        if not (found := steps.get(each.place)):
            return each
        for step in found:
            text = text[: step.start] + _NEXT[text[step.start : step.end]] + text[step.end :]
        times = (*fragment.times, FROM_ZERO)
        return replace(each, fragment=replace(fragment, text=text, as_written=fragment.written, times=times))

    parts = (replace(part, formulas=tuple(map(shifted, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _numbers(fragment: Fragment) -> Iterator[tuple[_Place, Number | Sum]]:
    """Numbers that may be steps, with what has them, in their order."""
    for node in _walk(fragment):
        if isinstance(node, Scripted) and (base := letter(node.base)) is not None:
            for script in node.scripts:
                step = _cell(script)
                if isinstance(step, Number) or (isinstance(step, Sum) and len(step.terms) == 1):
                    yield (base.word, script.kind), step
        elif isinstance(node, Big):
            cells = (only(script.rows) for script in node.scripts)
            for cell in (cell for cell in cells if isinstance(cell, Chain)):
                if isinstance(cell.sides[0], Name):
                    sign = cell.sides[0].word, "range"
                    yield from ((sign, side) for side in cell.sides[1:] if isinstance(side, Number))


def _counting(fragment: Fragment, timed: Collection[_Place]) -> set[_Place]:
    """The letters of sums that count steps: k where h_k stands in the formula."""
    found: set[_Place] = set()
    for node in _walk(fragment):
        if isinstance(node, Scripted) and (base := letter(node.base)) is not None:
            cells = (_cell(script) for script in node.scripts if (base.word, script.kind) in timed)
            found |= {(cell.word, "range") for cell in cells if isinstance(cell, Name)}
    return found


def _timed(fragment: Fragment) -> Iterator[_Place]:
    """The letters that have a step by its letter."""
    for node in _walk(fragment):
        if isinstance(node, Scripted) and (base := letter(node.base)) is not None:
            yield from ((base.word, script.kind) for script in node.scripts if time_of(_cell(script)) is not None)


def _cell(script: Script) -> Syntax | None:
    cell = only(script.rows)
    return only(cell.rows) if isinstance(cell, Group) else cell


def _walk(fragment: Fragment) -> Sequence[Syntax]:
    try:
        return [node for row in parse(fragment) for part in row for node in walk(part)]
    except (InputError, RecursionError):
        return []


def counted_from_first(document: Document) -> Document:
    """The document with its first step called 1, where it says at which step its equations and its losses begin."""
    formulas = document.formulas
    firsts = {found["first"] for each in formulas if (found := _WHOLE.match(each.text))}
    first = firsts.pop() if len(firsts) == 1 else ""
    texts = [each.text for each in formulas]
    said = first and any(re.fullmatch(_LISTED.replace("FIRST", first), text, re.DOTALL) for text in texts)
    sums = [int(number) for text in texts for number in _SUMS.findall(text)]
    timed, numbered = ({letter for text in texts for letter in way.findall(text)} for way in (_TIMED, _NUMBERED))
    if not said or min(sums) < int(first) or timed & numbered:
        return document
    back = int(first) - 1

    def moved(each: Formula) -> Formula:
        fragment, text = each.fragment, each.text
        for found in _SUMS.finditer(text):
            at = found.start("first")
            text = f"{text[:at]}{int(found['first']) - back}{text[at + 1 :]}"
        given = "; ".join(filter(None, (fragment.given, COUNTED_FROM.format(first=first))))
        made = replace(fragment, text=text, as_written=fragment.written, given=given)
        return each if text == each.text else replace(each, fragment=made)

    parts = (replace(part, formulas=tuple(map(moved, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))
