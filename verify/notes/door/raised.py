"""Matrices written out by entries with raised numbers, h_t^{(1)}, ..., h_t^{(n)}: those of h_{t,1}, ..., h_{t,n}."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from derive.patterns import regex
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

RAISED = "the raised numbers of ${letter}$ in the matrix count its entries"
_S = r"\s*"
_ARRAY = regex(r"\\begin\s*\{(?P<kind>[pbvB]?matrix|array)\}(?P<body>.*?)\\end\s*\{(?P=kind)\}", re.DOTALL)
_DOTS = regex(r"\\[vdcl]?dots(?![A-Za-z])")
_LETTER = r"(?P<letter>(?<![A-Za-z\\])[A-Za-z]|\\(?:mathbf|boldsymbol|bm|vec)\{\s*\\?[A-Za-z]+\s*\})"
_WHOLE = regex(rf"{_LETTER}{_S}_{_S}(?:t(?![A-Za-z])|\{{{_S}t{_S}\}}){_S}&?{_S}=")
_ENTRY = regex(
    rf"{_LETTER}"
    rf"(?P<scripts>{_S}_{_S}(?:t(?![A-Za-z])|\{{{_S}(?P<time>t(?:{_S}[-+]{_S}1)?){_S}\}}){_S}"
    rf"\^{_S}\{{{_S}\({_S}(?P<entry>\d|[a-zA-Z](?:_(?:[a-zA-Z]|\{{[a-zA-Z]\}}))?){_S}\){_S}\}})"
)


def with_raised_entries(document: Document) -> Document:
    """The document with h_{t,1} for h_t^{(1)} in a matrix that goes from its first entry to its last one.

    Nowhere else may the letter have such a number, which may be that of a layer, and it has equations without one.
    """
    around = [_ARRAY.sub(" ", each.text) for each in document.formulas]
    layered = {entry["letter"] for text in around for entry in _ENTRY.finditer(text)}
    whole = {found["letter"] for text in around for found in _WHOLE.finditer(text)} - layered
    if not whole:
        return document
    parts = (replace(part, formulas=tuple(_lowered(each, whole) for each in part.formulas)) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _lowered(formula: Formula, whole: Collection[str]) -> Formula:
    text, fragment = formula.text, formula.fragment
    found = [entry for array in _ARRAY.finditer(text) if formula.claims for entry in _entries(array)]
    lasts = {entry["entry"] for entry in found if not entry["entry"].isdigit()}
    letters = dict.fromkeys(entry["letter"] for entry in found)
    if not found or len(lasts) != 1 or _others(text, lasts) or not letters.keys() <= set(whole):
        return formula
    told = (RAISED.format(letter=letter) for letter in letters)
    given = "; ".join(filter(None, (fragment.given, *told)))
    changes = ((*entry.span("scripts"), f"_{{{entry['time'] or 't'},{entry['entry'][0]}}}") for entry in found)
    return replace(formula, fragment=replace(changed(fragment, text, changes), given=given))


def _entries(array: re.Match[str]) -> Iterator[re.Match[str]]:
    """The entries of letters that have a first and a last one in a matrix with dots."""
    found = list(_ENTRY.finditer(array.string, *array.span("body")))
    numbers = {entry["letter"]: set[str]() for entry in found}
    for entry in found:
        numbers[entry["letter"]].add(entry["entry"])
    whole = all("1" in each and any(not one.isdigit() for one in each) for each in numbers.values())
    if whole and _DOTS.search(array["body"]):
        yield from found


def _others(text: str, lasts: set[str]) -> bool:
    """Whether the letter that the last entry gets is another one already: n beside n_c."""
    (last,) = lasts
    return len(last) > 1 and re.search(rf"(?<![A-Za-z\\]){last[0]}(?![A-Za-z_])", text) is not None
