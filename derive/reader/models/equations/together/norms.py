"""Squares of vectors in a loss, (y - r)², as squares of their norms."""

from __future__ import annotations

from derive.patterns import regex

_SQUARED = regex(
    r"(?:\\(?:right|[bB]igg?r?)\s*)?(?P<mark>[)\]|]|\\rvert(?![A-Za-z]))\s*(?P<power>\^\s*(?:2|\{\s*2\s*\})|²)"
)
_LEFT, _RIGHT, _TOP = r"(?:\\left\s*)?\(\s*", r"\s*(?:\\right\s*)?\)", r"\s*\^\s*\{?\s*(?:\\top|\\intercal|T)\s*\}?"
_BY_ITSELF = regex(
    rf"{_LEFT}(?P<first>[^()]*?){_RIGHT}(?P<before>{_TOP})?\s*(?:\\cdot\s*)?"
    rf"{_LEFT}(?P=first){_RIGHT}(?(before)|{_TOP})"
)
"""(y - r)^⊤ (y - r) and (y - r) (y - r)^⊤: one is a number where vectors are columns, the other where they are rows."""
_OPENING = regex(r"(?:\\(?:left|[bB]igg?l?)\s*)?\Z")
_BRACKETS = regex(r"[()\[\]]")


def with_norms(text: str, *, plain: bool) -> str:
    """The text of a loss with squared norms, ‖y - r‖², in the place of squares of what stands in brackets."""
    bar = "||" if plain else r"\|"
    text = _BY_ITSELF.sub(lambda m: f"{bar}{m['first']}{bar}^2", text)
    for match in reversed([*_SQUARED.finditer(text)]):
        start = _opened(text, match.start("mark"), match.group("mark"))
        if start is not None:
            lead = _OPENING.search(text[:start])
            first = lead.start() if lead is not None else start
            width = len(r"\lvert") if match.group("mark") == r"\rvert" else 1
            inside = text[start + width : match.start()]
            text = f"{text[:first]}{bar}{inside}{bar}{match.group('power')}{text[match.end() :]}"
    return text


def _opened(text: str, end: int, mark: str) -> int | None:
    """Where the bracket stands that a mark closes."""
    if mark == "|" or mark == r"\rvert":
        found = text.rfind("|" if mark == "|" else r"\lvert", 0, end)
        return None if found < 0 or (mark == "|" and text[found - 1 : found] in ("|", "\\")) else found
    depth = 1
    for match in reversed([*_BRACKETS.finditer(text, 0, end)]):
        depth += 1 if match.group() in ")]" else -1
        if depth == 0:
            return match.start()
    return None
