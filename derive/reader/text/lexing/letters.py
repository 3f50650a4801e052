"""Letters and scripts that are characters by themselves: σ, ŷ, h̃, 𝐖, hₜ₋₁."""

from __future__ import annotations

import unicodedata

from derive.patterns import regex
from derive.reader.text import words
from derive.reader.text.lexing.tokens import Tokens

BIG = {"Σ": "∑", "Π": "∏", "Sigma": "∑", "Pi": "∏", "bigodot": "∏", "odot": "∏"}
RUNS_OVER = regex(
    r"\s*(?:\\limits\s*)?(?:\^\s*(?:\w|\{[^{}]*\})\s*)?_\s*[{(]\s*\w\s*(?:=|,\s*\w\s*(?:\\neq?(?![A-Za-z])|≠))"
    r"|[ᵢⱼₖₙₛₜ]\s+(?=[^\W\d_]|[∂(])"
    r"|\s*_\s*(?:[i-nst]|\{\s*[i-nst]\s*\})\s*(?=\\[dt]?frac\s*\{\s*\\partial|∂|(?:\\mathcal\s*\{?)?[LEJ]\}?\s*[_^])"
)
"""What a sum or a product runs over: a letter with such a script is no letter."""


def unicode_letter(out: Tokens, i: int, end: int) -> int:
    """A letter that is not ASCII (σ, ŷ, h̃, 𝐖), or scripts that are characters (hₜ₋₁)."""
    text = out.fragment.text
    if text[i] in BIG and RUNS_OVER.match(text, i + 1, end):
        out.emit("BIG", i, i + 1, BIG[text[i]])
        return i + 1
    for table, kind in ((words.SUBSCRIPTS, "SUB"), (words.SUPERSCRIPTS, "SUP")):
        if text[i] in table:
            return _character_script(out, i, end, table, kind)
    stop = i + 1
    while stop < end and unicodedata.combining(text[stop]):
        stop += 1
    parts = unicodedata.normalize("NFKD", text[i:stop])
    base, marks = parts[:1], parts[1:]
    if (base in words.UNICODE_LETTERS or (base.isascii() and base.isalpha())) and all(
        mark in words.COMBINING for mark in marks
    ):
        word = words.UNICODE_LETTERS.get(base, base)
        suffixes = [words.COMBINING[mark] for mark in marks]
        out.emit("NAME", i, stop, "_".join([word, *suffixes]), words.latex_of("_".join([word, *suffixes])))
        return stop
    if parts.replace("\N{FRACTION SLASH}", "").isdigit():  # ½
        out.emit("NUMBER", i, stop, parts.replace("\N{FRACTION SLASH}", "/"))
        return stop
    raise out.error(f"unexpected character {text[i]!r}", i, stop)


def _character_script(out: Tokens, i: int, end: int, table: dict[str, str], kind: str) -> int:
    """A run of subscript or superscript characters as one script."""
    out.emit(kind, i, i)
    out.opening("LBRACE", i, i)
    if out.fragment.text[i] in "⁺⁻" and not (i + 1 < end and out.fragment.text[i + 1] in table):
        out.emit("MARK", i, i + 1, "plus" if out.fragment.text[i] == "⁺" else "minus")  # ∂⁺J
        i += 1
    while i < end and out.fragment.text[i] in table:
        c = table[out.fragment.text[i]]
        if c in "()":
            (out.opening if c == "(" else out.closing)("LPAR" if c == "(" else "RPAR", i, i + 1)
        else:
            type_ = "NUMBER" if c.isdigit() else words.SYMBOLS.get(c, "NAME")
            out.emit(type_, i, i + 1, c, c)
        i += 1
    out.closing("RBRACE", i, i)
    return i
