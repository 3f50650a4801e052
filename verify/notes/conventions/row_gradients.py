"""Gradients that a note declares as rows: then ∂J/∂W may be the transpose of what has the shape of W."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.patterns import regex
from derive.reader.meaning.tree import Gradient
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge, lefts_of, wrong_in

ROWS = "the document says that its gradients are rows, so that ∂J/∂W may be the transpose"
_DECLARED = regex(
    r"(?:\\delta|\\partial|\\nabla)[\s\S]*\(\s*\\in\s*\\mathbb\s*\{?\s*R\s*\}?\s*\^\s*\{\s*1\s*\\times(?![A-Za-z])"
)


def transposed(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What is wrong of a gradient by a matrix as open, in a note that says of a gradient that it lies in ℝ^{1×n}."""
    if not any(_DECLARED.search(each.formula.text) for each in found):
        return list(found)
    return [_opened(each) if wrong_in(each) and _by_a_matrix(each) else each for each in found]


def _by_a_matrix(audited: Audited) -> bool:
    model = audited.model
    matrices = {p.name for p in model.cell.parameters if 1 not in p.shape} if model is not None else set()
    return model is not None and any(
        isinstance(left, Gradient) and left.by.name in matrices for left in lefts_of(audited, model)
    )


def _opened(audited: Audited) -> Audited:
    def opened(one: Judgement) -> Judgement:
        if one.word is not Word.WRONG:
            return one
        return Judgement(one.formula, Word.UNDECIDED, reason=ROWS, place=one.place)

    return replace(audited, judgements=tuple(map(opened, audited.judgements)))
