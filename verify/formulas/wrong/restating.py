"""A true formula in the author's own writing: what was right stays as it was written, what was wrong is exchanged.

1. `units`     a formula -> letters with their scripts, fractions, commands with their arguments, with their places
2. `in_style`  a printed formula -> the same with the author's signs for the loss, transposes, ⊙, powers and sums
3. `merged`    the author's formula, the same as it was read and printed, the true one printed -> the author's, changed

All of this is text: whether it says what is meant is found out by reading it again (`verify.formulas.wrong.closing`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from sympy import Expr, Rational

from derive.patterns import regex

_TOKEN = regex(r"\\[A-Za-z]+\*?|\\.|\d+(?:\.\d+)?|.", re.DOTALL)
_ARGUMENTS = {
    **dict.fromkeys((r"\frac", r"\dfrac", r"\tfrac"), 2),
    **dict.fromkeys((r"\mathbf", r"\mathrm", r"\mathcal", r"\mathsf", r"\mathbb", r"\boldsymbol", r"\bm"), 1),
    **dict.fromkeys((r"\operatorname", r"\text", r"\textrm", r"\hat", r"\tilde", r"\bar", r"\sqrt", r"\begin"), 1),
    **dict.fromkeys((r"\widehat", r"\widetilde", r"\overline", r"\vec", r"\dot", r"\end"), 1),
}
_SIZED = regex(r"\\(?:left|right|[bB]igg?[lrm]?)")
_SPACE = regex(r"\\[,;:! ]|\\q?quad|\\displaystyle|\\\\|[\s&~]+")
_SAME = {
    r"\top": "T", r"\intercal": "T", r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\circ": r"\odot", r"\otimes": r"\odot",
    "*": r"\odot", "⊙": r"\odot", "∘": r"\odot", "∂": r"\partial", "∑": r"\sum", r"\lbrack": "[", r"\rbrack": "]",
}  # fmt: skip
_FONTS = (r"\mathbf", r"\mathrm", r"\mathsf", r"\boldsymbol", r"\bm", r"\operatorname", r"\text", r"\textrm")


@dataclass(frozen=True)
class Unit:
    """A smallest part that is kept or exchanged as a whole; two that differ in spelling alone have one `plain` form."""

    start: int
    end: int
    plain: str


def units(text: str) -> list[Unit]:
    """The parts of a formula in order; brackets and signs are parts of their own."""
    tokens = [match.span() for match in _TOKEN.finditer(text)]
    return list(_units(text, tokens))


def _units(text: str, tokens: list[tuple[int, int]]) -> Iterator[Unit]:
    words = [text[start:end] for start, end in tokens]
    k = 0
    while k < len(words):
        if _SPACE.fullmatch(words[k]):
            k += 1
            continue
        start, k = k, _base(words, k)
        while k < len(words) and (words[k] in ("_", "^", "'")):
            k = k + 1 if words[k] == "'" else _argument(words, k + 1)
        yield Unit(tokens[start][0], tokens[k - 1][1], _plain(words[start:k]))


def _base(words: list[str], k: int) -> int:
    """Where the part that begins here ends, without its scripts."""
    if words[k] == "{":
        return _closed(words, k)
    if _SIZED.fullmatch(words[k]):
        return min(_past_space(words, k + 1) + 1, len(words))
    for _ in range(_ARGUMENTS.get(words[k], 0)):
        following = _past_space(words, k + 1)
        if following < len(words):
            k = _argument(words, following) - 1
    return k + 1


def _argument(words: list[str], k: int) -> int:
    k = _past_space(words, k)
    return _base(words, k) if k < len(words) else len(words)


def _past_space(words: list[str], k: int) -> int:
    while k < len(words) and words[k].isspace():
        k += 1
    return k


def _closed(words: list[str], k: int) -> int:
    depth = 0
    for j in range(k, len(words)):
        depth += {"{": 1, "}": -1}.get(words[j], 0)
        if depth == 0:
            return j + 1
    return len(words)


def _plain(words: list[str]) -> str:
    kept = [_SAME.get(word, word) for word in words if not _SPACE.fullmatch(word) and not _SIZED.fullmatch(word)]
    joined = " ".join(word for word in kept if word not in _FONTS)
    joined = joined.replace(r"\odot 2", "2")
    before = ""
    while before != joined:
        before, joined = joined, re.sub(r"\{ ([^{} ]+) \}", r"\1", joined)
    return joined


# The author's signs

_LOSS = r"(?:\\mathcal\s*\{?\s*[JLE]\s*\}?|\\mathscr\s*\{?\s*[JLE]\s*\}?|\\ell(?![a-z])|[ELCF](?![A-Za-z]))"
_LOSS_OVER = regex(rf"(?:\\partial|∂|\\mathrm\s*\{{d\}}|(?<![A-Za-z])d)\s*({_LOSS})|\\nabla_\S+?\s*({_LOSS})")
_TRANSPOSE = regex(
    r"\^\s*(?:\\top(?![a-z])|T(?![A-Za-z])|\\intercal(?![a-z])|\\mathsf\s*T|\{\s*(?:\\top|T|\\intercal|\\mathsf\s*\{?\s*T\s*\}?"
    r"|\\mathrm\s*\{\s*T\s*\}|\\rm\s+T)\s*\})"
)
_ENDS = regex(r"(?:\\sum|\\prod|∑|∏)(?:\\limits)?\s*_\s*(?:\{[^{}]*\}|\S)\s*\^\s*(?:\{[^{}]*\}|\S)")
"""A sum with its bounds, whose T is no transpose."""
_TIMES = regex(r"\\odot(?![a-z])|\\circ(?![a-z])|\\otimes(?![a-z])|⊙|∘|\*")
_OVER_STEPS = regex(r"(?:\\sum|∑)(?:\\limits)?(?=\s*[_^])")


def in_style(printed: str, author: str, steps: int | None = None) -> str:
    """A printed formula with the signs that the author uses, where there is one sign for each.

    `steps`: how many there are, where the document says it.
    """
    if loss := next((a or b for a, b in _LOSS_OVER.findall(author)), ""):
        printed = re.sub(r"(\\partial(?:\^\{\+\})?) ?J(?![A-Za-z])", lambda m: f"{m[1]} {loss}", printed)
    if "partial" not in author and "∂" not in author and re.search(r"\\frac\s*\{\s*(?:\\mathrm\s*\{\s*)?d", author):
        sign = r"\mathrm{d}" if r"\mathrm" in author else "d"
        printed = re.sub(r"\\partial (?=[A-Za-z\\])", lambda _: f"{sign} " if sign == "d" else sign, printed)
    marks = list(dict.fromkeys("".join(mark.split()) for mark in _TRANSPOSE.findall(_ENDS.sub("", author))))
    if len(marks) == 1:
        printed = printed.replace(r"^\top", marks[0])
    signs = set(_TIMES.findall(author))
    if len(signs) == 1 and (sign := signs.pop()) != r"\odot":
        printed = re.sub(r"\\odot(?= )(?! \d)", lambda _: sign, printed)
    if not re.search(r"\^\s*\{\s*(?:\\odot|\\circ|⊙)", author):
        printed = re.sub(r"\^\{\\odot (\d)\}", r"^\1", printed)
    return _with_sums(printed, author, steps)


def _with_sums(printed: str, author: str, steps: int | None) -> str:
    """Sums over all steps or entries as the author writes them, such as \\sum_t."""
    found = (_from(author, match.start()) for match in _OVER_STEPS.finditer(author))
    for index, sign in {_index(unit, steps): unit for unit in found}.items():
        if index:
            whole = re.compile(rf"\\sum_\{{{index}=1\}}\^\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}")
            printed = whole.sub(lambda _, sign=sign: sign, printed)  # type: ignore[misc]
    return printed


def _from(text: str, start: int) -> str:
    first = units(text[start:])[0]
    return text[start : start + first.end]


def _index(unit: str, steps: int | None) -> str:
    """The index of a sum that goes over all steps; nothing for another."""
    match = re.fullmatch(r"(?:\\sum|∑)\s*_\s*\{?\s*([A-Za-z])\s*(?:=\s*1\s*)?\}?(?:\s*\^\s*(\w|\{.*\}))?", unit)
    if match is None:
        return ""
    last = (match[2] or "").strip("{} ")
    return match[1] if not last.isdecimal() or last == str(steps) else ""


def with_letters(printed: str, author: str, numbers: Iterable[tuple[str, Expr]]) -> str:
    """A printed formula with the letters of declared numbers in the place of these, and of what they leave of 1.

    A number that the author writes himself stays, and so do those that stand in formulas of their own accord: 1, 2, ½.
    """
    for letter, value in numbers:
        if not value.is_Rational or value.q == 1 or value == Rational(1, 2):
            continue
        for number, said in ((value, letter), (1 - value, f"(1 - {letter})")):
            for command in (r"\tfrac", r"\frac"):
                text = rf"{command}{{{abs(number.p)}}}{{{number.q}}}"
                if text not in author:
                    printed = printed.replace(text, said)
    return printed


def exchanged(author: str, wrong: str, true: str) -> str | None:
    """The author's formula with the part that says `wrong` exchanged for `true`; None unless it stands there once."""
    own = units(author)
    # x_t, or x_t^T, of which the x_t is wrong
    for mark in ("", *dict.fromkeys(_TRANSPOSE.findall(_ENDS.sub("", author)))):
        part = [unit.plain for unit in units(wrong + mark)]
        starts = [k for k in range(len(own)) if [unit.plain for unit in own[k : k + len(part)]] == part]
        if part and len(starts) == 1:
            first, last = own[starts[0]], own[starts[0] + len(part) - 1]
            return f"{author[: first.start]}{true}{mark}{author[last.end :]}"
    return None


# The change alone


LONGEST = 500
"""How many units are compared: the time grows with the square of them, and with the cube where they repeat."""


def merged(author: str, read: str, true: str) -> str | None:
    """The author's formula with what differs between `read`, as it was printed, and `true`; None where that is open."""
    own, base, other = units(author), units(read), units(true)
    if max(map(len, (own, base, other))) > LONGEST:
        return None
    there = _same(base, own)
    along = _same(base, other)
    edits: list[tuple[int, int, int, int]] = []
    opcodes = SequenceMatcher(None, [u.plain for u in base], [u.plain for u in other], autojunk=False).get_opcodes()
    for tag, i1, i2, j1, j2 in opcodes:
        if tag == "equal":
            continue
        while i1 > 0 and i1 - 1 not in there and i1 - 1 in along:
            i1, j1 = i1 - 1, along[i1 - 1]
        while i2 < len(base) and i2 not in there and i2 in along:
            i2, j2 = i2 + 1, along[i2] + 1
        if (i1 > 0 and i1 - 1 not in there) or (i2 < len(base) and i2 not in there):
            return None
        edits.append((there[i1 - 1] + 1 if i1 else 0, there[i2] if i2 < len(base) else len(own), j1, j2))
    if not edits or any(one[1] > two[0] or one[3] > two[2] for one, two in pairwise(edits)):
        return None
    for a1, a2, j1, j2 in reversed(edits):
        if a1 > a2:
            return None
        piece = true[other[j1].start : other[j2 - 1].end] if j1 < j2 else ""
        author = _put(author, own, a1, a2, piece)
    return author


def _same(one: list[Unit], two: list[Unit]) -> dict[int, int]:
    matcher = SequenceMatcher(None, [u.plain for u in one], [u.plain for u in two], autojunk=False)
    return {b.a + k: b.b + k for b in matcher.get_matching_blocks() for k in range(b.size)}


def _put(text: str, own: list[Unit], a1: int, a2: int, piece: str) -> str:
    """The text with units a1 to a2 exchanged for a piece."""
    if a1 < a2:
        start, end = own[a1].start, own[a2 - 1].end
        if piece:
            return text[:start] + piece + text[end:]
        return text[:start].rstrip(" ") + " " + text[end:].lstrip(" ") if start else text[end:].lstrip(" ")
    at = own[a1 - 1].end if a1 else own[0].start
    return text[:at] + (f" {piece}" if a1 else f"{piece} ") + text[at:]
