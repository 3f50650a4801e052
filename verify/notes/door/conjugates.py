"""Complex conjugates, conj(x_t), in gradients of models of complex numbers: read for real ones, which they leave."""

from __future__ import annotations

from dataclasses import replace

from derive.patterns import regex
from verify.notes.files import Document, Formula

REAL = "the letters are real, so that conj leaves them as they are"
_CONJ = regex(r"\\(?:text|textrm|mathrm|operatorname\*?)\s*\{\s*[Cc]onj\s*\}(?=\s*(?:\\left\s*)?\()")


def of_real_numbers(document: Document) -> Document:
    """The document without its conjugates: what is wrong of real numbers is wrong of complex ones, too."""
    parts = (replace(part, formulas=tuple(map(_real, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _real(formula: Formula) -> Formula:
    fragment = formula.fragment
    text = _CONJ.sub(lambda match: " " * len(match.group()), fragment.text) if formula.claims else fragment.text
    if fragment.plain or text == fragment.text:
        return formula
    said = "; ".join(filter(None, (fragment.given, REAL)))
    return replace(formula, fragment=replace(fragment, text=text, as_written=fragment.written, given=said))
