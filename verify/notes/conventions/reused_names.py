"""A letter that stands for one value where it is defined, and in a chain of derivatives for the argument of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive import nodes
from derive.cell import Cell
from derive.nodes import Quantity
from derive.notation import spelled
from derive.reader.meaning.tree import Derivative
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge, parts_of, wrong_in

ARGUMENT = "wrong unless ${name}$ is the argument of ${of}$ here"


def reused(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """∂s_k/∂a_k ∂a_k/∂W as open, where a = V s by its equation, which does not read W as that of s does."""
    return [_opened(each) if wrong_in(each) and each.model is not None else each for each in found]


def _opened(audited: Audited) -> Audited:
    assert audited.model is not None
    parts = [part for part in parts_of(audited, audited.model) if isinstance(part, Derivative)]
    pair = next(_as_argument(parts, audited.model.cell), None)
    if pair is None:
        return audited
    reason = ARGUMENT.format(name=spelled(pair[0]), of=spelled(pair[1]))

    def opened(one: Judgement) -> Judgement:
        if one.word is not Word.WRONG:
            return one
        return Judgement(one.formula, Word.UNDECIDED, reason=reason, place=one.place)

    return replace(audited, judgements=tuple(map(opened, audited.judgements)))


def _as_argument(parts: Sequence[Derivative], cell: Cell) -> Iterator[tuple[str, str]]:
    """Pairs of such a letter and what it is an argument of."""
    read = {
        one.symbol.name: {each.name for each in one.expression.atoms(Quantity) if each.time in (None, nodes.t)}
        for one in cell.equations
    }
    for first in parts:
        of, name = first.of.name, first.by.name
        if first.of.time != first.by.time or of not in read.get(name, ()) or name in read.get(of, ()):
            continue
        beyond = {one.by.name for one in parts if one.of == first.by and one.by.time is None}
        if any(weight not in read[name] and weight in read.get(of, ()) for weight in beyond):
            yield name, of
