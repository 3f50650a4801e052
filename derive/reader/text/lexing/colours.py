"""Colours of parts of a formula, which say nothing: blanks in their place, also for the braces that they bring."""

from __future__ import annotations

from derive.patterns import regex

_COLOUR = regex(r"\\(?:(?:text)?color|(?P<box>colorbox|fcolorbox\s*\{[^{}]*\}))\s*(?:\[[^\]]*\])?\{[^{}]*\}\s*")
_NEEDED = regex(r"(?:[_^}]|\\[A-Za-z]+)\s*\Z")
"""Before a brace that is an argument or a script."""
_SIGN = regex(r"\\(?:odot|cdot|times|circ|left|right|otimes|quad|qquad)\s*\Z")


def uncoloured(text: str) -> str:
    """A formula in LaTeX without its colours, each sign in its place."""
    if "color" not in text:
        return text
    pairs, open_ = dict[int, int](), list[int]()
    for at, sign in enumerate(text):
        if sign == "{" and text[at - 1 : at] != "\\":
            open_.append(at)
        elif sign == "}" and text[at - 1 : at] != "\\" and open_:
            pairs[open_.pop()] = at
    signs = list(text)
    for colour in _COLOUR.finditer(text):
        start, end = colour.span()
        signs[start:end] = " " * (end - start)
        before = text[:start].rstrip()
        braces = [end, len(before) - 1]
        for brace in braces:
            behind = text[:start] if brace == end else before[:-1]
            if brace in pairs and (not _NEEDED.search(behind) or _SIGN.search(behind)):
                signs[brace] = signs[pairs[brace]] = " "
        if colour["box"] and end in pairs and "$" == text[end + 1] == text[pairs[end] - 1]:
            signs[end + 1] = signs[pairs[end] - 1] = " "
    return "".join(signs)
