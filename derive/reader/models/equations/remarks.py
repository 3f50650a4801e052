"""Words beside an equation, which say nothing of what it computes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from derive.patterns import regex
from derive.reader.claims.statements.chains import blanked
from derive.reader.claims.statements.prose import CONDITIONS, WANTING, Aside, asides, rows
from derive.reader.text.fragment import Fragment

_TEXT = r"\\(?:text(?:rm|it|bf|sf|normal)?|mbox|mathrm)\s*\{(?P<words>[^{}]*)\}"
_REMARK = regex(_TEXT + r"[\s.,;]*(?=\\\\|\\end\b|&|\Z)")
_SEPARATORS = ("&", r"\quad", r"\qquad", r"\,", r"\;", r"\:", r"\ ", r"\!")
_RESTRICTING = regex(r"\b(?:if|when|only|unless|except|approx\w*|not|half|minus|without)\b", re.IGNORECASE)
_APART = regex(r"(?:&|\\q?quad(?![A-Za-z]))[\s&]*(?P<remark>" + _TEXT + ")")
_NAME = regex(r"[A-Za-z][\w.-]*")
_RELATED = regex(r"[=<>≤≥←∈]|\\(?:le|leq|ge|geq|ne|neq|in|lt|gt|leftarrow|gets|sim|propto|approx)(?![A-Za-z])")
_OR = regex(
    r"(?:[\s&,;(（]|\\q?quad(?![A-Za-z])|\\[,;: ])*\\(?:text(?:rm|it|bf|sf|normal)?|mbox|mathrm)\s*"
    r"\{[\s,;(（]*(?:(?:or|oder|ou|или)(?![^\W\d_])|或)"
)
"""What begins another value: (\\text{or } \\operatorname{ReLU}(z_t))."""
_SMALL = regex(
    r"\+\s*(?:\\(?:var)?epsilon(?![A-Za-z])|[εϵ]|eps(?![a-z])|10\s*\^\s*\{\s*-\s*\d+\s*\}|1[eE]-\d+)"
    r"(?P<last>\s*(?=(?:\\(?:right|[bB]igg?r?)\s*)?[)\]]))?"
)
_OF_A_LOGARITHM = regex(r"(?<![A-Za-z])\\?(?:log|ln)(?:\s|\\(?:left|[bB]igg?l?|[!,;:])(?![A-Za-z]))*\Z")
"""What stands before the bracket of a logarithm."""
_ENDS = regex(r"(?:\s|&|\\end\s*\{[a-z]+\*?\})*\Z")


def without_remarks(fragment: Fragment) -> Fragment:
    """A formula without prose, and without the words that stand behind an equation: `&& \\text{(forget gate)}`."""

    text = fragment.text
    for _, start, end in () if fragment.plain else list(_others(text)):
        text = text[:start] + _blank(text[start:end]) + text[end:]
    text = _without_sentences(text)
    for match in list(_REMARK.finditer(text)):
        start = match.start()
        while text[:start].endswith((*_SEPARATORS, " ", "\n")):
            start -= next((len(s) for s in _SEPARATORS if text[:start].endswith(s)), 1)
        apart = text[start : match.start()].strip() or match.group("words").strip().startswith("(")
        if apart and not _RESTRICTING.search(match.group("words")):
            text = text[:start] + _blank(text[start : match.end()]) + text[match.end() :]
    for match in guards(text):
        text = text[: match.start()] + _blank(match.group()) + text[match.end() :]
    return replace(fragment, text=blanked(text)[0])


def guards(text: str) -> list[re.Match[str]]:
    """The small numbers that keep logarithms finite: + ε of log(ŷ + ε)."""
    ending = (match for match in _SMALL.finditer(text) if match.group("last") is not None)
    return [match for match in ending if _OF_A_LOGARITHM.search(text[: _opened(text, match.start())])]


def has_small(text: str) -> bool:
    """Whether a small number is added outside of logarithms, too."""
    return len(_SMALL.findall(text)) > len(guards(text))


def _opened(text: str, end: int) -> int:
    """Where the bracket opens in which a place stands; 0 where it stands in none."""
    depth = 1
    for at in range(end - 1, -1, -1):
        depth += 1 if text[at] in ")]" else -1 if text[at] in "([" else 0
        if depth == 0:
            return at
    return 0


def with_other_values(fragment: Fragment) -> frozenset[int]:
    """The lines of equations behind which other values stand: or ReLU(z_t), behind h_t = tanh(z_t)."""
    found: set[int] = set()
    for row, start, end in () if fragment.plain else _others(fragment.text):
        first = row + len(fragment.text[row:start]) - len(fragment.text[row:start].lstrip(" \n&"))
        if re.search(r"\w", re.sub(_TEXT, "", fragment.text[start:end])):  # more than words
            found |= {*range(fragment.place(first).line, fragment.place(start).line + 1)}
    return frozenset(found)


def _others(text: str) -> Iterator[tuple[int, int, int]]:
    """Where the rows of a formula begin that have other values behind an equation, and where these stand."""
    for start, end in rows(text):
        other = next((m for m in _OR.finditer(text, start, end) if _is_whole(text[start : m.start()])), None)
        if other is not None and "=" not in text[other.end() : end]:  # else another equation
            ending = _ENDS.search(text, other.start(), end)
            yield start, other.start(), end if ending is None else ending.start()


def _is_whole(text: str) -> bool:
    """Whether an equation ends here, with nothing open in it."""
    return _complete(text) and all(text.count(a) == text.count(b) for a, b in ("{}", "()", "[]"))


def operands_in_words(fragment: Fragment) -> list[Aside]:
    """Words that stand for a part of a formula, as in c_t = c_{t-1} + \\text{new input}."""
    spoken = () if fragment.plain else asides(fragment.text)
    return [a for a in spoken if a.kind in ("unknown", "rest") and WANTING.search(fragment.text, 0, a.start)]


def _without_sentences(text: str) -> str:
    """The text without remarks apart from an equation with letters among their words: \\text{what is left of } c_t."""
    for start, end in rows(text):
        found = next((m for m in _APART.finditer(text, start, end) if _complete(text[start : m.start()])), None)
        if found is None or _NAME.fullmatch(found.group("words").strip()):
            continue
        stop = end - len(_ENDS.search(text, found.end(), end).group())  # type: ignore[union-attr]
        said = text[found.start("remark") : stop]
        while said.count("}") > said.count("{") and said.rstrip().endswith("}"):  # of what stands around the equation
            said = said.rstrip()[:-1]
        stop = found.start("remark") + len(said)
        if not (_RELATED.search(said) or _RESTRICTING.search(said) or CONDITIONS.search(said)):
            text = text[: found.start("remark")] + _blank(said) + text[stop:]
    return text


def _complete(text: str) -> bool:
    """Whether an equation ends here: no environment is open in it, and no operand is missing."""
    closed = text.count(r"\begin{cases}") == text.count(r"\end{cases}")
    return closed and "=" in text and not WANTING.search(text) and not re.search(r"[=&]\s*\Z", text)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
