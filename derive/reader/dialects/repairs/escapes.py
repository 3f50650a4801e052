r"""Commands whose backslash a program took for an escape: \top as a tab and op, \nabla as a new line and abla."""

from __future__ import annotations

import re

from derive.patterns import regex

_LOST = regex(
    r"(?<=[\^{])\t(?P<top>op)(?![A-Za-z])|(?<=[\^{(=$,+_\s-])\t(?P<letter>heta|imes)(?![A-Za-z])"
    r"|(?<=\n)(?P<nabla>abla)(?=\s*(?:_|\\|[A-Z]))|\x08(?P<beta>eta)(?![A-Za-z])"
)
_SIGNS = {"top": "⊤", "heta": "θ", "imes": "×", "nabla": "∇", "beta": "β"}


def restored(text: str) -> str:
    """The text with signs for such commands, character for character in place."""
    return _LOST.sub(_sign, text) if "\t" in text or "\nabla" in text or "\x08" in text else text


def _sign(match: re.Match[str]) -> str:
    ((name, word),) = ((name, word) for name, word in match.groupdict().items() if word)
    return _SIGNS[word if name == "letter" else name].ljust(len(match.group()))
