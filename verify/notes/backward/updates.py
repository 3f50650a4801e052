"""Steps of training whose gradient is written out, W ← W - η Σ_t δ_t h_{t-1}ᵀ: as what they say of ∂L/∂W."""

from __future__ import annotations

import re
from dataclasses import replace

from derive.patterns import regex
from derive.reader.text.fragment import Fragment
from verify.formulas.judgement import Judgement, Word
from verify.notes.files import Document, Formula

TAKEN = "what the learning rate multiplies in an update is the gradient"
ONE_BY_ONE = "wrong of the whole gradient; an update may be made at every step"
OF_THE_RATE = "wrong as the gradient by a factor, which may belong to the learning rate"
_LETTER = (
    r"(?P<letter>(?:\\(?:mathbf|boldsymbol|bm|mathrm)\s*\{\s*[A-Zbc]\s*\}|[A-Zbc])"
    r"(?:\s*[_^]\s*(?:[A-Za-su-z]|\{(?:[^{}t]|\\text\s*\{[a-z]*\})*\}))*)"
)
_RATE = r"(?:\\(?:eta|alpha|epsilon|gamma|mu|lambda)(?![A-Za-z])|[ηαεγμλ])"
_UPDATE = regex(
    rf"(?P<before>\A|\\\\|\\begin\s*\{{[a-z]+\*?\}})(?P<blank>[\s&]*)(?P<update>(?:{_LETTER}[\s&]*"
    r"(?:\\leftarrow(?![A-Za-z])|\\gets(?![A-Za-z])|←|:?=)[\s&]*(?P=letter)\s*-"
    rf"|\\Delta\s*{_LETTER.replace('letter', 'changed')}\s*&?\s*(?:\\leftarrow(?![A-Za-z])|←|:?=)\s*-)"
    rf"\s*{_RATE}(?:\s|\\[,;:]|\\cdot(?![A-Za-z])|·|\*)*)(?P<gradient>(?:(?!\\\\)[^=])+)(?=\\\\|\Z)"
)
_WRITTEN_OUT = regex(r"\\delta(?![A-Za-z])|δ|\^\s*\{?\s*(?:T|\\top|\\intercal|⊤)(?![A-Za-z])")
_DERIVED = regex(r"\\(?:partial|nabla|hat|sqrt)(?![A-Za-z])|[∂∇]")
_LOSS = regex(r"(?:\\partial(?![A-Za-z])|∂)\s*\{?\s*(?P<loss>[LJEC])(?![A-Za-z]|\s*[_^(])")
_PRINTED = regex(r"(\\partial )J(?![A-Za-z])")
"""The loss as it is printed where a formula names none."""
_SUM = regex(r"\\sum(?![A-Za-z])|[∑Σ]")


def with_gradients_of_updates(document: Document) -> Document:
    """The document with ∂L/∂W = Σ_t δ_t h_{t-1}ᵀ in the place of updates by such a product."""
    losses = (found["loss"] for each in document.formulas if (found := _LOSS.search(each.text)))
    loss = next(losses, "L")
    parts = (
        replace(part, formulas=tuple(_as_gradients(each, loss) for each in part.formulas)) for part in document.parts
    )
    return replace(document, parts=tuple(parts))


def of_an_update(judgement: Judgement, fragment: Fragment) -> Judgement:
    """The judgement on a wrong gradient that stands in an update."""
    if _SUM.search(judgement.formula) is None:
        return Judgement(judgement.formula, Word.UNDECIDED, reason=ONE_BY_ONE, place=judgement.place)
    if judgement.mistakes and {one.name for one in judgement.mistakes} <= {"constant factor"}:
        return Judgement(judgement.formula, Word.UNDECIDED, reason=OF_THE_RATE, place=judgement.place)
    loss = _LOSS.search(fragment.text)
    if judgement.correct is None or loss is None:
        return judgement
    correct = _PRINTED.sub(rf"\1{loss['loss']}", judgement.correct)
    return replace(judgement, correct=correct if _is_one_term(correct) else rf"\left({correct}\right)")


def _is_one_term(text: str) -> bool:
    """Whether no sum stands outside of all brackets, of which η would multiply the first term alone."""
    depth = 0
    for sign in text.strip():
        depth += (sign in "({[") - (sign in ")}]")
        if depth == 0 and sign in "+-":
            return False
    return True


def _as_gradients(formula: Formula, loss: str) -> Formula:
    fragment = formula.fragment
    if fragment.plain:
        return formula

    def said(match: re.Match[str]) -> str:
        text = f"∂{loss}/∂{match['letter'] or match['changed']}="
        gradient, space = match["gradient"], len(match["update"]) - len(text)
        written_out = _WRITTEN_OUT.search(gradient) and not _DERIVED.search(gradient)
        if space < 0 or not written_out or not _is_one_term(gradient):
            return match.group()
        return match["before"] + match["blank"] + text + " " * space + gradient

    text = _UPDATE.sub(said, fragment.text)
    if text == fragment.text:
        return formula
    given = "; ".join(filter(None, (fragment.given, TAKEN)))
    return replace(formula, fragment=replace(fragment, text=text, as_written=fragment.written, given=given))
