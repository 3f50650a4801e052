"""What is right of a share of a gradient alone that nothing names: of one step's loss, of one step's use. Left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive import nodes
from derive.reader.claims.gradients.derivatives import LOSSES
from derive.reader.claims.meant import Habit, Loss
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Gradient
from derive.reader.models.model import Model
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import RIGHT, Judge, doubted, sides_of, wrong_in
from verify.notes.models.meaning import unweighted

OWN_SHARE = "wrong unless it is what the use in step t brings to the loss of step t, without what later steps bring"


def of_own_shares(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas, those for parameters left open that are right of the loss of step t through that step alone:
    ∂L/∂W_f = ∂L/∂h_t ∂h_t/∂c_t ∂c_t/∂f_t ∂f_t/∂W_f. Not where a mistake has a name.
    """
    for each in found:
        model = each.model
        if model is not None and _unexplained(each) and _of_one_use(each, model):
            losses = tuple((letter, Loss(nodes.t)) for letter in LOSSES)
            tried = doubted(model, OWN_SHARE, habits={Habit.OWN_USE}, losses=losses)
            again = judge(each.formula, tried)
            if len(again.judgements) == len(each.judgements):
                pairs = zip(each.judgements, again.judgements, strict=True)
                each = replace(each, judgements=tuple(_opened(*pair) for pair in pairs))
        yield each


def _unexplained(audited: Audited) -> bool:
    return wrong_in(audited) > 0 and any(one.word is Word.WRONG and not one.mistakes for one in audited.judgements)


def _of_one_use(audited: Audited, model: Model) -> bool:
    """Whether the whole gradient by a parameter is given without a sum over steps."""
    for _, (left, *rest) in sides_of(audited, model):
        left = unweighted(left)
        summed = any(isinstance(part, tree.OverTime) for side in rest for part in tree.walk(side))
        if isinstance(left, Gradient) and left.by.time is None and left.only is None and not summed:
            return True
    return False


def _opened(before: Judgement, after: Judgement) -> Judgement:
    if before.word is not Word.WRONG or before.mistakes or after.word not in RIGHT:
        return before
    return Judgement(before.formula, Word.UNDECIDED, reason=OWN_SHARE, place=before.place)
