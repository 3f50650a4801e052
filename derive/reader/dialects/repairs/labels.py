"""Labels of a site's own before a formula, $$[eq_1]h_t = ...$$, to which its words refer as {{state_eq}}."""

from __future__ import annotations

import re

from derive.patterns import regex

_BEFORE = regex(r"(?<=\$\$)(?P<blank>\s*)\[(?P<label>[A-Za-z][\w-]{2,})\](?=[ \t]*[\\A-Za-z{])")


def without_labels(text: str) -> str:
    """The text with blanks for such labels, character for character in place."""
    return _BEFORE.sub(lambda match: _blank(match, text), text) if "{{" in text else text


def _blank(match: re.Match[str], text: str) -> str:
    referred = f"{{{{{match['label']}}}}}" in text
    return match["blank"] + " " * (len(match["label"]) + 2) if referred else match.group()
