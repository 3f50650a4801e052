"""Stacked vectors written with ⊕, where a document says in words that this is what it means -> a list in brackets.

Beside a product with ⊗ or ⊙, as in pictures of cells, ⊕ is a sum.
"""

from __future__ import annotations

import re

from derive.patterns import regex

_SIGN = regex(r"\\oplus(?![A-Za-z])|⊕")
_SUM = regex(r"(?:\\(?:otimes|odot)(?![A-Za-z])|[⊗⊙])[^\n$]*?(?:\\oplus(?![A-Za-z])|⊕)")
_SAID = regex(
    r"concat|konkat|verkett|конкатен|拼接|連結|连接|串接|结合|連接|이어\s*붙|연결|nối|łącz|stack(?:ed|ing)",
    re.IGNORECASE,
)
_NEAR = 120
"""Characters between the sign and the words that say what it means."""


def usual(text: str) -> str:
    """The text with (a ⊕ b) as [a, b], character for character; as it is where no words beside the sign say so."""
    signs = [*_SIGN.finditer(text)]
    if not any(_SAID.search(text, max(0, m.start() - _NEAR), m.end() + _NEAR) for m in signs):
        return _SUM.sub(lambda m: _SIGN.sub(lambda sign: "+".ljust(len(sign.group())), m.group()), text)
    shown = list(text)
    for match in signs:
        opened, closed = _around(text, match.start())
        if opened >= 0 and closed >= 0:
            shown[opened], shown[closed] = "[", "]"
            shown[match.start() : match.end()] = ",".ljust(match.end() - match.start())
    return "".join(shown)


def _around(text: str, at: int) -> tuple[int, int]:
    """The round brackets that a place stands in, within its formula; -1 where it stands in none."""
    ends = []
    for step, deeper, outer in ((-1, ")", "("), (1, "(", ")")):
        depth, place = 0, at
        while 0 <= place < len(text) and text[place] != "$" and not text.startswith("\n\n", place):
            if text[place] == deeper:
                depth += 1
            elif text[place] == outer:
                if depth == 0:
                    break
                depth -= 1
            place += step
        else:
            place = -1
        ends.append(place)
    return ends[0], ends[1]
