"""What stands of a judgement where a model has holes.

The reduced cell takes the values of a hole as given. What is true in it is true whatever the hole is, as long as no
derivative passes through the hole: a quantity that reaches it may reach J through it in ways that nobody knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from derive.calculus.program import ARGUMENT, FACTOR, named_preactivations
from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import leaves
from derive.reader.claims.letters import Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.meant import Meant
from derive.reader.claims.statements.chains import statements
from derive.reader.claims.survey import survey
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Derivative, Error, Gradient, Operated, Ref, Term
from derive.reader.models.holes import Hole
from derive.reader.models.model import Model
from derive.reader.text.fragment import Fragment
from verify.formulas.judgement import Judgement, Word

GIVEN = "{names}, for which the note has no equation, do not depend on {by}"
MOVED = "{names}, for which the note has no equation, depend on {by}, as another formula of it has it"


@dataclass(frozen=True)
class Spoken:
    """What one `=` speaks of: `by` are the quantities of its derivatives, `values` all others.

    `asked` are those by which it takes the derivative of the loss, `moved` those of which it takes a derivative.
    """

    by: frozenset[str]
    values: frozenset[str]
    asked: frozenset[str]
    moved: frozenset[str]


def spoken(fragment: Fragment, cell: Cell, meant: Meant) -> Mapping[tuple[int, int], Spoken | None]:
    """What every `=` of a formula speaks of, by its place; None where that cannot be told."""
    try:
        found = statements(fragment)
    except InputError:
        return {}
    program = named_preactivations(cell)
    told: dict[tuple[int, int], Spoken | None] = {}
    for statement in found:
        letters = Letters(cell, program, meant=meant)
        for part in (*statement.sides, *statement.conditions):
            survey(part, letters)
        claiming = Claiming(statement.fragment, letters)
        sides: list[Spoken | None] = []
        for side in statement.sides:
            try:
                sides.append(_of(claiming.term(side)))
            except InputError:
                sides.append(None)
        for number in range(len(statement.relations)):
            place = statement.place(number)
            pair = sides[number], sides[number + 1]
            both = None
            if pair[0] is not None and pair[1] is not None:
                both = Spoken(*(getattr(pair[0], one.name) | getattr(pair[1], one.name) for one in fields(Spoken)))
            told[place.line, place.column] = both
    return told


def _of(said: Term) -> Spoken:
    by: set[str] = set()
    values: set[str] = set()
    between: set[str] = set()
    moved: set[str] = set()
    for part in tree.walk(said):
        if isinstance(part, Gradient | Operated | tree.Use | tree.Through):
            by.add(_bare(part.by.name))
        elif isinstance(part, Derivative):
            between |= {_bare(part.by.name), _bare(part.of.name)}
            moved.add(_bare(part.of.name))
        elif isinstance(part, Error):
            by |= {_bare(part.argument.by.name), _bare(part.plain.by.name)}
        elif isinstance(part, tree.Handed):
            by |= {_bare(each.name) for each in tree.walk(part) if isinstance(each, Ref)}
        elif isinstance(part, Ref):
            values.add(_bare(part.name))
    return Spoken(frozenset(by | between), frozenset(values - by - between), frozenset(by), frozenset(moved))


def _bare(name: str) -> str:
    """The quantity to whose equation an argument or factor belongs."""
    for prefix in (ARGUMENT, FACTOR):
        name = name.removeprefix(f"{prefix}_")
    return name


def judged(judgement: Judgement, model: Model, about: Spoken | None) -> Judgement:
    """The judgement that stands, whatever the holes are."""
    holes = model.holes
    if not holes or judgement.word in (Word.UNDECIDED, Word.UNREADABLE, Word.NOT_A_CLAIM):
        return judgement
    for hole in holes:
        if about is None or _passes(hole, about, model.cell) or (
            judgement.word is Word.WRONG and hole.name in about.values
        ):  # fmt: skip
            return replace(
                judgement, word=Word.UNDECIDED, assumptions=(), reading="", mistakes=(), correct=None, true_when="",
                counterexample=None, reason=f"depends on {hole.name}: {hole.reason}",
            )  # fmt: skip
    return judgement


def _passes(hole: Hole, about: Spoken, cell: Cell) -> bool:
    """Whether a derivative may pass through a hole: of J by what reaches it, or of a value that it acts on."""
    return hole.touches(about.asked) or (hole.touches(about.by) and hole.name in _read_by(about.moved, cell))


def _read_by(names: Collection[str], cell: Cell) -> set[str]:
    """These quantities and all that their values rest on, at this step or before."""
    reading = {e.symbol.name: {leaf.name for leaf in leaves(e.expression)} for e in cell.equations}
    found, waiting = set(names), list(names)
    while waiting:
        new = reading.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def on_gates(model: Model, about: Spoken | None) -> tuple[str, ...]:
    """The states and inputs of a derivative on which gates without an equation may depend, each on itself if kept."""
    if not model.given:
        return ()
    reached = {one.name for one in (*model.cell.states, *model.cell.inputs)} - (set(model.given) - _kept(model))
    return tuple(sorted(reached if about is None else reached & about.by))


def _kept(model: Model) -> set[str]:
    """The quantities without an equation that are carried from step to step."""
    return set() if model.computed is None else {one.name for one in model.computed.states} & set(model.given)


def as_given(judgement: Judgement, computed: Judgement | None, model: Model, by: Sequence[str]) -> Judgement:
    """The judgement where gates have no equation: what is otherwise where they are `computed` holds if they are not."""
    right, wrong = (Word.PROVED, Word.HOLDS_IF), (Word.WRONG,)
    if judgement.word not in right + wrong:
        return judgement
    agrees = computed is not None and computed.word in (right if judgement.word in right else wrong)
    if agrees and _kept(model).isdisjoint(by):
        return judgement
    names = ", ".join(name.removesuffix("_") for name in model.given)
    if model.moved:
        if judgement.word in right or computed is None or computed.word not in right:
            return judgement
        reason = f"wrong if {MOVED.format(names=names, by=', '.join(by))}"
        return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)
    words = GIVEN.format(names=names, by=", ".join(by))
    if judgement.word is Word.WRONG:
        return Judgement(judgement.formula, Word.UNDECIDED, reason=f"wrong if {words}", place=judgement.place)
    assumptions = (words, *judgement.assumptions)
    return replace(judgement, word=Word.HOLDS_IF, assumptions=assumptions, reading="; ".join(assumptions))


def unread(cell: Cell) -> frozenset[str]:
    """What the equations compute and nothing reads, but for the output and the states.

    z_t = W x_t beside h_t = tanh(a_t): perhaps the two are one, so that no derivative by z_t is known.
    """
    read = {leaf.name for equation in cell.equations for leaf in leaves(equation.expression)}
    kept = {cell.output.name, *(state.name for state in cell.states)}
    return frozenset(e.symbol.name for e in cell.equations) - read - kept


def unreached(cell: Cell) -> frozenset[str]:
    """What does not reach the loss of a cell, where no state does: then the loss reads other letters than are meant."""
    if not cell.is_loss or not cell.states:
        return frozenset()
    reading = {e.symbol.name: {leaf.name for leaf in leaves(e.expression)} for e in cell.equations}
    reached, waiting = {cell.output.name}, [cell.output.name]
    while waiting:
        new = reading.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    if reached & {state.name for state in cell.states}:
        return frozenset()
    return frozenset({*reading, *(one.name for one in (*cell.states, *cell.parameters))} - reached)


def loosely(
    judgement: Judgement, cell: Cell, loose: frozenset[str], about: Spoken | None, apart: frozenset[str]
) -> Judgement:
    """The judgement; undecided where it is about a derivative by what nothing in the equations reads, which is zero.

    So is, where the loss reads other letters than are meant, the derivative of what is only given: ∂ŷ_t/∂h_t.
    """
    if about is None or judgement.word not in (Word.PROVED, Word.HOLDS_IF, Word.WRONG):
        return judgement
    given = about.moved & {one.name for one in (*cell.inputs, *cell.targets)}
    beside = about.by if given or (about.asked and judgement.word is Word.WRONG) else about.asked  # ∂L/∂ŷ_t ∂ŷ_t/∂h_t
    if not (names := sorted((about.by & loose) | (beside & apart))):
        return judgement
    reason = f"the loss reads nothing that depends on {names[0]}, so that what follows from it is not known"
    if names[0] in loose:
        reason = f"nothing in the note's equations reads {names[0]}, so that what follows from it is not known"
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)
