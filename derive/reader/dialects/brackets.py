"""A bracket too many at the end of a formula or of a part of it, `\\sigma(W x_t + b))`: a slip, read without it."""

from __future__ import annotations

from dataclasses import replace

from derive.cell import Guess
from derive.errors import Place
from derive.patterns import regex
from derive.reader.text.fragment import Fragment

_SIGN = regex(r"\\(?:[A-Za-z]+|.)|[()\[\]{}]")
_OPENS = {"(": ")", "[": "]", "{": "}"}
_ENDS = regex(r"[\s.,;$]*(?:\\label\s*\{[^{}]*\}[\s.,;$]*)?(?:\}|\\\\|\\end(?![A-Za-z])|\Z)")
_TWICE = regex(r"[)\]]\s*\Z")


def without_slips(fragment: Fragment) -> Fragment:
    """The formula with blanks for brackets that close nothing, where each stands at an end and right behind another."""
    slips = [] if fragment.plain else _slips(fragment.text)
    if not slips:
        return fragment
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
