"""A letter for any one parameter, ∂L/∂θ = Σ_t ∂L_t/∂θ: a formula with it is judged for every parameter of the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from derive.cell import Cell
from derive.nodes import Quantity
from derive.reader.claims.meant import Meant
from derive.reader.models.model import Model
from derive.reader.text.fragment import Fragment
from verify.formulas.judgement import Judgement, Word

ANY = "{letter} is any one of the parameters that a state depends on"
_BELOW = re.compile(
    r"(?:\\partial|\\mathrm\s*\{?\s*d|d)\s*\}?\s*\{?\s*\\(?:boldsymbol\s*\{?\s*\\|mathbf\s*\{?\s*\\|bm\s*\{?\s*\\)?"
    r"(?P<letter>theta|Theta|phi|omega)(?![A-Za-z]|\s*\}?\s*[_^(])"
)
MOST = 12
"""Parameters of a model that a formula is judged for."""
_ORDER = (Word.PROVED, Word.HOLDS_IF)


def for_any_parameter(
    fragment: Fragment, model: Model, judge: Callable[[Meant], Sequence[Judgement]]
) -> tuple[Judgement, ...]:
    """The judgements on a formula; one with ∂θ, for which the note has nothing, is judged with each parameter as θ.

    It is right where it is right for all of them, and wrong where it is wrong for all of them.
    """
    below = {match.group("letter") for match in _BELOW.finditer(fragment.text)}
    known = {*model.cell.quantities, *(name for name, _ in model.meant.errors), *(f.name for f in model.cell.functions)}
    names = list(_acting(model.cell))
    if len(below) != 1 or below & known or not 0 < len(names) <= MOST:
        return tuple(judge(model.meant))
    (letter,) = below
    tried: list[Sequence[Judgement]] = []
    for name in names:
        tried.append(judge(replace(model.meant, generic=((letter, name),))))
        if len(tried[-1]) != len(tried[0]):
            return tuple(judge(model.meant))
    return tuple(_for_all(each, ANY.format(letter=letter)) for each in zip(*tried, strict=True))


def _acting(cell: Cell) -> Iterator[str]:
    """The parameters that a state depends on."""
    reached = {state.name for state in cell.states}
    read = {e.symbol.name: {q.name for q in e.expression.atoms(Quantity)} for e in cell.equations}
    while more := {name for each in reached for name in read.get(each, ())} - reached:
        reached |= more
    return (parameter.name for parameter in cell.parameters if parameter.name in reached)


def _for_all(found: Sequence[Judgement], said: str) -> Judgement:
    """One judgement for those with each parameter."""
    words = {one.word for one in found}
    if words <= {*_ORDER}:
        last = max(found, key=lambda one: len(one.assumptions))
        return replace(last, word=Word.HOLDS_IF, assumptions=(said, *last.assumptions))
    if words == {Word.WRONG}:
        return replace(found[0], correct=None, mistakes=(), assumptions=(said, *found[0].assumptions))
    if len(words) == 1:
        return found[0]
    first = next(one for one in found if one.word not in _ORDER)
    reason = first.reason if first.word is Word.UNDECIDED else "right for some of the parameters, wrong for others"
    return Judgement(first.formula, Word.UNDECIDED, reason=reason, place=first.place)
