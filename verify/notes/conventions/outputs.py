"""A letter that is a gate in the equations and the argument of the prediction in a chain: ∂L/∂h_t = ∂L/∂o_t ∂o_t/∂h_t.

By the equations ∂o_t/∂h_t is zero, as the gate is computed before h_t; so the chain can only mean another o_t.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.calculus.program import introduced, named_preactivations
from derive.cell import Cell
from derive.errors import Place
from derive.networks.copies import renamed
from derive.nodes import leaves, t
from derive.notation import spelled
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Derivative, Gradient, Term
from verify.formulas.judgement import Judgement, Word
from verify.formulas.upside import behind
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge, doubted, mending, sides_of, wrong_in

READ_AS = "{letter} of this chain is the argument of {of}, not what the equations call {letter}"
ANOTHER = "wrong if {letter} is that of the equations, from which {by} is computed: the chain can only mean another"
SCORES = frozenset("oOyYzZ")
"""Letters that notes have for the argument of a prediction."""
_OF_THE_EQUATIONS = "{name}_of_the_equations"


@dataclass(frozen=True)
class _Link:
    """A value in a chain from the loss to `by`, though `by` is computed from it, and the `=` that it stands beside."""

    name: str
    by: str
    places: tuple[Place, ...]


def of_another_letter(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """The formulas, those wrong through a value that stands before what they ask for: right of the argument of a
    prediction by that letter, else left open.
    """
    result = list(found)
    for number, each in enumerate(found):
        model = each.model
        if model is None or not wrong_in(each):
            continue
        program = named_preactivations(model.cell)
        for link in _links(each, program):
            letter = str(spelled(link.name))
            for cell, of in _with_arguments(model.cell, program, link):
                other = replace(doubted(model, READ_AS.format(letter=letter, of=spelled(of))), cell=cell)
                (result[number],) = mending([result[number]], {0: judge(each.formula, other)})
            reason = ANOTHER.format(letter=letter, by=spelled(link.by))
            kept = (_opened(one, reason) if one.place in link.places else one for one in result[number].judgements)
            result[number] = replace(result[number], judgements=tuple(kept))
    return result


def _links(audited: Audited, program: Cell) -> Iterator[_Link]:
    """The values through which a chain goes although what it asks for is computed from them."""
    assert audited.model is not None
    for statement, said in sides_of(audited, audited.model):
        for number, side in enumerate(said[1:]):
            beside = range(number, min(number + 2, len(statement.relations)))
            places = tuple(place for one in beside if (place := statement.place(one)) is not None)
            for name, by in _through(said[0], side, program):
                yield _Link(name, by, places)


def _through(left: Term, right: Term, program: Cell) -> Iterator[tuple[str, str]]:
    if not isinstance(left, Gradient):
        return
    parts = [*tree.walk(right)]
    asked = {part.by.name for part in parts if isinstance(part, Gradient)}
    for part in parts:
        if not isinstance(part, Derivative) or part.by != left.by or part.of.time != part.by.time:
            continue
        if part.of.name in asked and part.of.name in behind(part.by.name, program):
            yield part.of.name, part.by.name


def _with_arguments(cell: Cell, program: Cell, link: _Link) -> Iterator[tuple[Cell, str]]:
    """The cell in which a name is the argument of a function and reads `by`, with what that function gives."""
    other = _OF_THE_EQUATIONS.format(name=link.name)
    for equation in program.equations if link.name in SCORES else ():
        argument = equation.symbol.name
        read = {(q.name, q.time) for q in leaves(equation.expression)}
        if argument not in introduced(cell, program) or (link.by, t) not in read:
            continue
        names = {link.name: other, argument: link.name}
        of = next(e.symbol.name for e in program.equations if argument in {q.name for q in leaves(e.expression)})
        yield renamed(program, lambda one, names=names: names.get(one, one), ""), of  # type: ignore[misc]


def _opened(judgement: Judgement, reason: str) -> Judgement:
    if judgement.word is not Word.WRONG:
        return judgement
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)
