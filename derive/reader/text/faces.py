"""Typefaces of letters: what a command says of a letter, and what it is called beside its like in another typeface."""

from __future__ import annotations

from derive.patterns import regex
from derive.reader.text.syntax import Name

_FACE = regex(r"\\(\w+)\{")
FACES = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "pmb": "bold", "bf": "bold", "textbf": "bold",
    "mathcal": "cal", "mathscr": "scr", "mathfrak": "frak", "mathbb": "bb", "mathds": "bb", "mathsf": "sf",
    "vec": "vec",
}  # fmt: skip
"""Commands of typefaces, and what they add to the name of a letter that stands beside its plain form."""


def face(name: Name) -> str:
    """The typeface of a letter; nothing for plain ones."""
    found = _FACE.match(name.latex)
    return FACES.get(found.group(1), "") if found else ""


def apart(word: str, own: str) -> str:
    """What a letter is called where a document has it in two typefaces, and this is not the plainest of them."""
    return f"{word}_{own or 'plain'}"
