"""Names of functions with letters in the wrong order, tnah(c_t): read as the function of these letters, and told."""

from __future__ import annotations

import re
from dataclasses import replace

from derive.cell import Guess
from derive.patterns import regex
from derive.reader.text.fragment import Fragment
from derive.reader.text.words import WORDS

_CALLED = regex(
    r"(?<![A-Za-z\\])(?P<word>[a-z]{4,})(?=\s*\}?\s*(?:\\left\s*)?[(\[])|\\(?P<command>[a-z]{4,})(?=\s*(?:\\left\s*)?\()"
)
_MEANT = {word: "".join(sorted(word)) for word in ("tanh", "sigmoid", "softmax", "softplus", "diag") if word in WORDS}


def without_misspelt(fragment: Fragment) -> Fragment:
    """The formula with the function that a word in front of a bracket has the letters of, in another order."""
    called = () if fragment.plain else _CALLED.finditer(fragment.text)
    slips = [(match, name) for match in called if (name := _meant(match))]
    if not slips:
        return fragment
    text, told = fragment.text, list(fragment.assumed)
    for match, name in slips:
        kind = "word" if match["word"] else "command"
        text = text[: match.start(kind)] + name + text[match.end(kind) :]
        place = fragment.place(match.start(kind), match.end(kind))
        why = "its letters stand in another order"
        told.append(Guess(f"{match[kind]} is {name}", "a function of its own", why, place))
    return replace(fragment, text=text, as_written=fragment.written, assumed=tuple(told))


def _meant(match: re.Match[str]) -> str:
    """The function whose letters the word has, three of them at most in other places."""
    word = match["word"] or match["command"]
    letters = "".join(sorted(word))
    for name, meant in _MEANT.items():
        moved = sum(one != other for one, other in zip(word, name, strict=False))
        if word not in WORDS and letters == meant and 0 < moved <= 3:
            return name
    return ""
