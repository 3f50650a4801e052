"""A wrong formula that is true of the cell with a gate the other way round is told so: both conventions are in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from derive.cell import Cell
from derive.notation import spelled
from verify.formulas.judgement import Judgement, Word

OTHER = "{gate} opens the other way round: {gate} for 1 - {gate} in the equations, a convention as usual as this one"


def other_way(
    judgements: tuple[Judgement, ...], cell: Cell, judge: Callable[[Cell], tuple[Judgement, ...]]
) -> tuple[Judgement, ...]:
    """The judgements; those that are wrong with the gate that has to be turned for them to be true."""
    from verify.which.exchanged import exchanged  # only for what is wrong

    told = list(judgements)
    for gate, other in exchanged(cell):
        tried = judge(other)
        if len(tried) != len(told):
            continue
        for number, (each, instead) in enumerate(zip(told, tried, strict=True)):
            right = instead.word in (Word.PROVED, Word.HOLDS_IF)
            if each.word is Word.WRONG and not each.true_when and right:
                told[number] = replace(each, true_when=OTHER.format(gate=str(spelled(gate))))
    return tuple(told)
