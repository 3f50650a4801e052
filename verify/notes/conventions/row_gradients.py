"""Gradients that a note writes as rows: then ∂J/∂W may be the transpose of what has the shape of W."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.statements.chains import statements
from derive.reader.meaning.tree import Gradient
from verify.formulas.judgement import NO_READING, Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge, as_it_was, doubted, lefts_of, mending, right_in, wrong_in
from verify.notes.door.gates import changed
from verify.notes.models.meaning import unweighted

ROWS = "the document says that its gradients are rows, so that ∂J/∂W may be the transpose"
TURNED = "gradients are rows, as the document writes them, and ∂J/∂W is the transpose of what has the shape of W"
_DECLARED = regex(
    r"(?:\\delta|\\partial|\\nabla)[\s\S]*\(\s*\\in\s*\\mathbb\s*\{?\s*R\s*\}?\s*\^\s*\{\s*1\s*\\times(?![A-Za-z])"
)
_OF_A_VECTOR = r"\\partial\s*\{?\s*(?:\\math\w+\s*\{\s*|\\hat\s*\{?\s*)?[a-z][^=$]*"
_DIFFERENCE = r"\(?(?:\\left)?\(\s*(?:[^()=$-]|\([^()]*\))*-(?:[^()=$-]|\([^()]*\))*(?:\\right)?\)"
_WRITTEN = regex(rf"{_OF_A_VECTOR}(?:=|\$[\s|]*\$)\s*{_DIFFERENCE}\s*\^\s*\{{?\s*(?:T|\\top|\\intercal)(?![A-Za-z])")
"""∂J/∂o_t = (p_t - y_t)ᵀ, also in two cells of a table."""


def transposed(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A gradient by a matrix that is wrong, as the transpose where the note writes gradients as rows.

    Where that is not right either, it is open if the note says of a gradient that it lies in ℝ^{1×n}, or no reading
    fits the shapes.
    """
    declared = any(_DECLARED.search(each.formula.text) for each in found)
    if not declared and not any(_WRITTEN.search(each.formula.place.text) for each in found):
        return list(found)
    asked = {number for number, each in enumerate(found) if wrong_in(each) and _by_a_matrix(each)}
    turned = {number: again for number in asked if (again := _turned(found[number], judge)) is not None}
    mended = mending(found, {number: again for number, again in turned.items() if right_in(again)})
    return [_opened(each, declared) if number in asked else each for number, each in enumerate(mended)]


def _by_a_matrix(audited: Audited) -> bool:
    model = audited.model
    matrices = {p.name for p in model.cell.parameters if 1 not in p.shape} if model is not None else set()
    return model is not None and any(
        isinstance(left, Gradient) and left.by.name in matrices for left in map(unweighted, lefts_of(audited, model))
    )


def _turned(audited: Audited, judge: Judge) -> Audited | None:
    """The formula with all sides but the gradient transposed."""
    fragment = audited.formula.fragment
    try:
        said = statements(fragment)
    except InputError:
        return None
    if len(said) != 1 or audited.model is None:
        return None
    changes = [
        (side.start, side.end, rf"\left( {fragment.text[side.start : side.end]} \right)^\top")
        for side in said[0].sides[1:]
    ]
    there = replace(audited.formula, fragment=changed(fragment, fragment.text, changes))
    again = judge(there, doubted(audited.model, TURNED))
    return as_it_was(again, audited) if len(again.judgements) == len(audited.judgements) else None


def _opened(audited: Audited, declared: bool) -> Audited:
    def opened(one: Judgement) -> Judgement:
        if one.word is not Word.WRONG or not (declared or one.reason.startswith(NO_READING)):
            return one
        return Judgement(one.formula, Word.UNDECIDED, reason=ROWS, place=one.place)

    return replace(audited, judgements=tuple(map(opened, audited.judgements)))
