"""Slips of brackets: one too many at an end, `\\sigma(W x_t + b))`, and one that is never closed, `f(p(t)`; entries."""

from __future__ import annotations

from dataclasses import replace

from derive.cell import Guess
from derive.errors import Place
from derive.patterns import regex
from derive.reader.text.fragment import Fragment

_SIGN = regex(r"\\(?:[A-Za-z]+|.)|[()\[\]{}]")
_OPENS = {"(": ")", "[": "]", "{": "}"}
_ENDS = regex(r"[\s.,;$]*(?:\\label\s*\{[^{}]*\}[\s.,;$]*)?(?:\}|\\\\|\\end(?![A-Za-z])|\Z)")
_PART = regex(
    r"[()\[\]{}+-]|(?P<product>\\(?:cdot|odot|times|circ)(?![A-Za-z])|[*⊙·×])|"
    r"(?P<end>=|[<>≤≥≈]|\\(?:approx|leq?|geq?|in|q?quad|end)(?![A-Za-z])|\\\\|&)|\\(?:[A-Za-z]+|.)"
)
"""What stands in a formula: brackets, signs, and where a side ends."""
_CLAIMS = regex(r"\\(?:partial|nabla|delta|Delta)(?![A-Za-z])|[∂∇δ]|\\frac\s*\{\s*d\s*[A-Za-z\\]")
"""What speaks of a derivative."""
_TWICE = regex(r"[)\]]\s*\Z")


_FACED = r"(?:\\[A-Za-z]+\s*\{\s*\\?[A-Za-z]+\s*\}|\\?[A-Za-z]+\s+[A-Za-z](?![A-Za-z])|\\[A-Za-z]+|[A-Za-z])"
_ENTRY = regex(
    rf"(?:(?<![\w}})\]])|(?<=\\partial))\[(?P<letter>\s*{_FACED}(?:\s*[_^]\s*(?:\w|\{{[^{{}}]*\}}))*\s*)\](?=\s*_)"
)
"""A letter in brackets of its own before an index: [c_{t-1}]_1."""
_SIZED = regex(
    r"(?<![A-Za-z\\])(?P<constant>(?:\\(?:math[a-z]+|bm|boldsymbol)(?:\s+|\s*\{\s*|(?=0)))?[I01](?:\s*\})?)"
    r"(?P<sizes>\s*_\s*\{\s*\w+\s*(?:\\times(?![A-Za-z])|×)\s*\w+\s*\})"
)
"""The sizes of the identity and of zeros: I_{n \\times n}."""

_TIMES = r"(?:\\(?:times|cdot)(?![A-Za-z])|[×·])"
_BEFORE_DOTS = regex(rf"{_TIMES}(?=\s*\\[lc]?dots(?![A-Za-z])\s*(?:\\[dt]?frac(?![A-Za-z])|\\left(?![A-Za-z])|\())")
_BEHIND_DOTS = regex(rf"(?<=\}})(?P<dots>\s*\\[lc]?dots(?![A-Za-z])\s*){_TIMES}(?=\s*\\[dt]?frac(?![A-Za-z]))")
"""A sign of a product on one side of dots alone."""


def usual(fragment: Fragment) -> Fragment:
    """The formula with braces for such brackets, without such sizes and signs, and without slips."""
    text = _ENTRY.sub(lambda m: f"{{{m['letter']}}}", fragment.text)
    text = _SIZED.sub(lambda m: m["constant"] + " " * len(m["sizes"]), text)
    text = _BEFORE_DOTS.sub(lambda m: " " * len(m.group()), text)
    text = _BEHIND_DOTS.sub(lambda m: m["dots"].ljust(len(m.group())), text)
    changed = text != fragment.text and not fragment.plain
    return without_slips(replace(fragment, text=text, as_written=fragment.written) if changed else fragment)


def without_slips(fragment: Fragment) -> Fragment:
    """The formula with blanks for brackets that close nothing, where each stands at an end and right behind another.

    And with the bracket that closes a lonely one.
    """
    slips = [] if fragment.plain else _slips(fragment.text)
    if not slips:
        return fragment if fragment.plain else _closed(fragment)
    signs = list(fragment.text)
    for at in slips:
        signs[at] = " "
    return replace(
        fragment, text="".join(signs), as_written=fragment.written,
        assumed=(*fragment.assumed, *(_left_out(fragment.place(at)) for at in slips)),
    )  # fmt: skip


def _left_out(place: Place) -> Guess:
    return Guess(
        f"a bracket at the end is left out in line {place.line}", "the one that it closes is missing",
        "it closes nothing", place,
    )  # fmt: skip


def _slips(text: str) -> list[int]:
    """Where those brackets stand; nothing where any other bracket has no partner."""
    open_: list[str] = []
    found: list[int] = []
    before = ""
    for match in _SIGN.finditer(text):
        sign = match.group()
        if sign in _OPENS:
            open_.append(sign)
        elif sign in _OPENS.values():
            if open_ and _OPENS[open_[-1]] == sign:
                open_.pop()
            elif sign == "}" or (open_ and open_[-1] != "{") or before == r"\right":
                return []
            elif _ENDS.match(text, match.end()) and _TWICE.search(text, 0, match.start()):
                found.append(match.start())
            else:
                return []
        before = sign
    return [] if open_ else found


def _closed(fragment: Fragment) -> Fragment:
    """The claim with the bracket that closes the only one which nothing closes: behind a sum, else at the end.

    What computes a value is asked about: code and derivations would rest on it.
    """
    text = fragment.text
    start = _unclosed(text) if _CLAIMS.search(text) else None
    if start is None:
        return fragment
    depth, summed = 0, False
    end = stop = len(text)
    for match in _PART.finditer(text, start + 1):
        sign = match.group()
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(sign, 0)
        if depth < 0 or (depth == 0 and match["end"]):
            end = stop = match.start()
            break
        if depth == 0 and match["product"] and summed:
            end = match.start()
            break
        summed = summed or (depth == 0 and sign in "+-")
    end = len(text[:end].rstrip(" \n\t.,;"))
    blank = text[end : end + 1]
    if end <= start + 1 or (blank != " " and end < len(text)) or stop < end:
        return fragment
    place = fragment.place(start)
    written = fragment.written if blank else f"{fragment.written} "
    guess = Guess(
        f"a bracket is closed in line {place.line}, behind {' '.join(text[start:end].split())}",
        "it is to be closed elsewhere", "nothing closes it", place,
    )  # fmt: skip
    return replace(
        fragment, text=f"{text[:end]}){text[end + 1 :]}", as_written=written, assumed=(*fragment.assumed, guess)
    )


def _unclosed(text: str) -> int | None:
    """Where the only bracket stands that nothing closes; None where there is none, or more."""
    open_: list[tuple[str, int]] = []
    for match in _SIGN.finditer(text):
        sign = match.group()
        if sign in _OPENS:
            open_.append((sign, match.start()))
        elif sign in _OPENS.values():
            if not open_ or _OPENS[open_[-1][0]] != sign:
                return None
            open_.pop()
    alone = [start for sign, start in open_ if sign == "("]
    return alone[0] if len(open_) == 1 and alone and not text[: alone[0]].endswith(r"\left") else None
