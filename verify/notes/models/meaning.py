"""Letters that a note defines beside the equations of its model: error letters, losses, bounds; facts about data."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sympy import Expr

from derive import nodes
from derive.calculus.program import carried, named_preactivations
from derive.cell import Cell
from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.claims.gradients.shares import LATER_LABELS
from derive.reader.claims.letters import Letters, Way
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.meant import Loss
from derive.reader.claims.statements.chains import Statement
from derive.reader.claims.statements.limits import is_limit, says_one_value
from derive.reader.claims.survey import survey
from derive.reader.meaning import tree
from derive.reader.meaning.letters import ENTRY_LETTERS, TIME_LETTERS, identifier, index, label
from derive.reader.meaning.tree import Constant, Divide, Gradient, OverTime, Ref, Term, Transposed
from derive.reader.models.equations.finding import has_slope
from derive.reader.models.equations.losses import averaged
from derive.reader.models.model import Model
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Name, Syntax
from derive.reader.text.usual import timelike
from verify.formulas import assuming
from verify.notes.files import Formula
from verify.notes.models.softmaxes import softmaxes
from verify.notes.models.stating import ERRORS, bounding, named_last, numbered, residual, stated
from verify.notes.models.upper_bounds import (
    EIGENVALUES,
    eigenvalues,
    equated,
    products_of_norms,
    singular_values,
    slopes,
    upper_bounds,
)

_START = regex(
    r"(?P<state>.*?)_\{?\s*0\s*\}?\s*(?::?=|\\equiv)\s*(?:\\(?:vec|mathbf|boldsymbol|bm)\s*\{?\s*)?0\s*\}?[\s.,;]*"
)
_OF_GRADIENTS = frozenset(["partial", "nabla", "d"])
_DEFINES = regex(r":=|≔|≜|\\coloneqq|\\triangleq")
"""A sign that says that its left side is what stands on its right, whatever the letters would stand for."""
_DERIVED = tree.Gradient | tree.Derivative | tree.Operated | tree.Handed
_GRADIENTS = tree.Gradient | tree.Error | tree.Differential
OF_ALL = "{letter} is the gradient of the whole loss, though line {line} says of one step's"
OF_ONE = "{letter} is the gradient of one step's loss, as line {line} says"
_COUNTED = regex(r"\\sum(?:\\limits)?\s*_\s*(?:([a-z])(?![A-Za-z])|\{\s*([a-z])\s*(?:=|\\in|\}))")
_HOT = regex(r"\s*(?:is|are|be|denotes?|being)\s+(?:an?\s+|the\s+)?(?:\w+\s+){0,2}one[-\s]?hot", re.IGNORECASE)


def completed(model: Model, formulas: Sequence[Formula], section: tuple[str, ...]) -> Model:
    """The model with what the formulas of its section, or else those before it, define besides."""
    nearest = sorted(formulas, key=lambda formula: formula.section != section)
    program = named_preactivations(model.cell)
    errors: dict[str, Term] = {}
    losses: dict[str, Loss] = dict(model.meant.losses)
    places = set(model.definitions)
    facts: dict[str, None] = {}
    asked: dict[tuple[str, Expr], Expr | None] = {}
    for formula in nearest if not model.cell.is_loss else ():
        for name, factor in averaged(formula):
            losses.setdefault(name, Loss(None, factor))
    for formula in nearest:
        for fact in _facts(formula, model.cell):
            facts[fact] = None
    lines: dict[tuple[str, Expr], int] = {}
    named: set[tuple[str, int, int]] = set()
    pairs: list[tuple[str, tuple[Expr, Expr], Term]] = []
    entries: list[tuple[str, tuple[Expr, ...], tree.Derivative]] = []

    def said(
        of: Callable[[Formula], Iterable[Statement]] = stated,
    ) -> Iterator[tuple[Statement, Claiming, tuple[str, int, int]]]:
        for statement in (statement for formula in nearest for statement in of(formula)):
            known = replace(
                model.meant,
                losses=tuple(losses.items()),
                errors=tuple(errors.items()),
                pairs=tuple(pairs),
                entries=tuple(entries),
            )
            letters = Letters(model.cell, program, meant=known)
            for side in statement.sides:
                survey(side, letters)
            place = _key(statement.fragment.place(statement.sides[0].start))
            yield statement, Claiming(statement.fragment, letters), place

    for statement, claiming, place in said():  # what a letter is the gradient by counts before what it is computed from
        if (pair := _pair(statement, claiming)) is not None:
            pairs.append(pair)
            named.add(place)
            if isinstance(inner := _unturned(pair[2]), Gradient) and pair[0] in ERRORS and inner.by.time is not None:
                asked.setdefault((inner.by.name, inner.by.time), inner.only)  # of which loss δ_k alone is too
            continue
        if (by_entries := _by_entries(statement, claiming)) is not None:
            entries.append(by_entries)
            named.add(place)
            continue
        error = _error(statement, claiming)
        own = _own_step(statement, claiming)
        if own is not None and (own[2] is None or own[2] != claiming.letters.whole):  # the only loss is that of any δ
            asked.setdefault(own[:2], own[2])
            lines.setdefault(own[:2], place[1])
        if own is not None and own[2] is not None:
            named.add(place)
        elif error is not None and error[0] not in errors:
            errors[error[0]] = error[1]
            named.add(place)
    for statement, claiming, place in said(named_last):
        if (own := _own_step(statement, claiming)) is not None:
            if own[2] is not None and own[2] != claiming.letters.whole:
                asked.setdefault(own[:2], own[2])
                lines.setdefault(own[:2], place[1])
        elif (error := _error(statement, claiming)) is not None and {error[0]}.isdisjoint({*errors, *ERRORS}):
            said_of = _unturned(error[1])
            if isinstance(said_of, Gradient) and said_of.by.time is not None:
                errors[error[0]] = said_of  # δ_{ht}, of which its label says too what it is the gradient by
    for statement, claiming, place in said(numbered):
        if (error := _error(statement, claiming, of_number=True)) is not None and error[0] not in errors:
            errors[error[0]] = error[1]
            named.add(place)
    known = errors.keys() & ERRORS or any(base in ERRORS for base, *_ in pairs)
    if not known and (rest := residual(((one, claiming) for one, claiming, _ in said()), nearest)) is not None:
        errors[rest[0]] = rest[1]
        places |= {_key(one.fragment.place(one.sides[0].start)) for one in rest[2]}
    for statement, claiming, place in said():
        if place in named:
            continue
        error = _bound(statement, claiming) or _part(statement, claiming, errors)
        if error is not None and error[0] not in errors:
            errors[error[0]] = error[1]
            places.add(place)
        elif (loss := _loss(statement, claiming, model.cell)) is not None and loss[0] not in losses:
            losses[loss[0]] = loss[1]
            places.add(place)
    for statement, claiming, place in said():  # J_t = D_t W, where another section says what D is
        if place in places | named or not _reads(statement.sides[1], errors):
            continue
        error = _part(statement, claiming, errors)
        if error is not None and error[0] not in errors:
            errors[error[0]] = error[1]
            places.add(place)
    above: list[str] = []
    products: list[tuple[Term, ...]] = []
    of_eigenvalues = any(EIGENVALUES.search(each.place.text) for each in formulas)
    lines_ = {formula.place.text for formula in nearest}
    no_bounds = eigenvalues(lines_)
    for statement, claiming, _ in said(bounding):
        products += () if of_eigenvalues else products_of_norms(statement, claiming)
        for name, term in upper_bounds(statement, claiming, products):
            if name not in no_bounds:
                errors[name] = term
                above.append(name)
    other = {equated(statement, claiming) for statement, claiming, _ in said()} - {""}
    places |= named
    # where every δ is of the whole loss, or of what acts on no other step, nothing is out of the ordinary
    acting = carried(program)
    last = losses.get(model.cell.output.name)
    whole = None if last is None else last.step
    of_steps = any(
        loss not in (None, whole) and (name in acting or loss != step) for (name, step), loss in asked.items()
    )
    asked_ = [(name, step, loss) for (name, step), loss in asked.items() if of_steps]
    meant = replace(
        model.meant,
        losses=tuple(losses.items()),
        errors=tuple(errors.items()),
        asked=tuple(asked_),
        above=tuple(above),
        no_bounds=frozenset(no_bounds | other | ({""} if of_eigenvalues else set())),
        singular_values=frozenset(singular_values(lines_) - no_bounds),
        slopes=frozenset(slopes(lines_)),
        pairs=tuple(pairs),
        entries=tuple(entries),
        twice=tuple(_of_two_losses(errors, asked, lines, acting)),
        indices=_indices(formulas, model.cell),
        softmaxes=tuple(softmaxes(formulas, model.cell)),
    )
    return replace(model, meant=meant, facts=tuple(facts), definitions=frozenset(places))


def _indices(formulas: Sequence[Formula], cell: Cell) -> frozenset[str]:
    """The letters by which sums count entries, where they are no step, and no letter or label of the cell."""
    found = {letter for formula in formulas for pair in _COUNTED.findall(formula.text) for letter in pair if letter}
    used = {part for name in cell.quantities for part in name.split("_")} | {str(size) for size in cell.sizes}
    return frozenset(found - used - TIME_LETTERS - ENTRY_LETTERS)


def _of_two_losses(
    errors: Mapping[str, Term],
    asked: Mapping[tuple[str, Expr], Expr | None],
    lines: Mapping[tuple[str, Expr], int],
    carried: Collection[str],
) -> Iterator[tuple[str, Expr, str, str]]:
    """The error letters that are the gradient of the whole loss, and in another line that of one step's."""
    for letter, said in errors.items():
        if not isinstance(said, Gradient) or said.only is not None or said.by.time is None or said.by.at:
            continue
        key = said.by.name, said.by.time
        loss = asked.get(key)
        if loss is not None and said.by.name in carried:
            line = lines[key]
            yield letter, loss, OF_ALL.format(letter=letter, line=line), OF_ONE.format(letter=letter, line=line)


def _key(place: Place) -> tuple[str, int, int]:
    return place.file, place.line, place.column


def _error(statement: Statement, claiming: Claiming, *, of_number: bool = False) -> tuple[str, Term] | None:
    """δ_t := ∂J/∂h_t: the letter and the gradient that it stands for; `of_number`: δ_4 := ∂J/∂h_4."""
    left, right = statement.sides[:2]
    found = claiming.letter(left)
    if found is None or found.power is not None or found.base in ("partial", "nabla"):
        return None
    if claiming.letters.resolve(found, statement.fragment) is not None:
        return None
    try:
        said = claiming.term(right)
        inner = unweighted(_unturned(said))
        labelled = [way for way in claiming.letters.ways(found, statement.fragment) if not way.at]
        if isinstance(inner, tree.Derivative) and not found.transposed:
            plain = not (inner.immediate or inner.of.at or inner.by.at) and inner.of.time is not None
            for way in labelled if plain else ():
                if way.time is not None and (steps := tree.offset_of(way.time)) is not None:
                    return identifier("_".join([found.base, *way.labels])), _here(said, steps)
            return None
        if isinstance(said, tree.Stack) and not found.transposed:
            whole = all(isinstance(cell, _GRADIENTS) for row in said.rows for cell in row)
            timed = [way for way in labelled if way.time == nodes.t]
            return (identifier("_".join([found.base, *timed[0].labels])), said) if whole and timed else None
        if isinstance(inner, tree.Through) and not found.transposed:
            return _of_a_part(found.base, labelled, said)
        if claiming.loss(found) is not None or not isinstance(inner, Gradient):
            return None
        if inner.only is None and not inner.immediate and any(LATER_LABELS & {*way.labels} for way in labelled):
            return None  # δ_{h, recurrent} is a part of ∂L/∂h, whatever a chain begins with
        if inner.spelling != "partial" or inner.by.at or (found.transposed and inner is not said):
            return None
        said = replace(inner, spelling="delta") if found.transposed else said  # δ^T = ∂E/∂h, which is a row there
    except InputError:
        return None
    bare = all(way.time is None for way in labelled) and TIME_LETTERS.isdisjoint(name.word for name in timelike(left))
    unsaid = inner.by.time is None or (bare and inner.by.time == claiming.letters.moment(inner.by.name))
    for way in labelled:
        if way.time == nodes.t or (way.time is None and unsaid):
            return identifier("_".join([found.base, *way.labels])), said
        if way.time is not None and way.time == inner.by.time and (ahead := tree.offset_of(way.time)):
            return identifier("_".join([found.base, *way.labels])), _here(said, ahead)
        if of_number and way.time is not None and way.time.is_Integer and way.time == inner.by.time:
            at_t = tree.at_times(said, lambda e, step=way.time: nodes.t if e == step else e)  # type: ignore[misc]
            return identifier("_".join([found.base, *way.labels])), at_t
    return None


def _of_a_part(base: str, ways: Sequence[Way], said: Term) -> tuple[str, Term] | None:
    """δ_{t+1}^c := ∂L_{future}/∂c_t, a part that has a name: the letter at step t, whatever step it is said at."""
    for way in ways:
        ahead = None if way.time is None else tree.offset_of(way.time)
        if ahead is not None and (way.labels or base not in ERRORS):
            return identifier("_".join([base, *way.labels])), _here(said, ahead)
    return None


def _here(said: Term, ahead: int) -> Term:
    """What is said of step t + `ahead`, of step t."""
    return tree.at_times(said, lambda e: e.xreplace({nodes.t: nodes.t - ahead}))


def _pair(statement: Statement, claiming: Claiming) -> tuple[str, tuple[Expr, Expr], Term] | None:
    """δ_{t,k} := ∂L_t/∂z_k: the letter, its two steps, and the gradient of one step's loss by a value of the other.

    δ_2^{(3)} := ∂L_3/∂z_2 says it of all steps.
    """
    left, right = statement.sides[:2]
    found = claiming.letters.taken(left, statement.fragment)
    steps = None if found is None or found.base in _OF_GRADIENTS else claiming.steps_of(found)
    if found is None or steps is None or len({*steps}) < 2 or len({step.is_Symbol for step in steps}) > 1:
        return None
    if not all(step.is_Symbol or step.is_Integer for step in steps):
        return None
    try:
        said = claiming.term(right)
    except InputError:
        return None
    inner = _unturned(said)
    ends: set[Expr | None] = set()
    if isinstance(inner, Gradient) and not inner.by.at:
        ends = {inner.only, inner.by.time}
    elif isinstance(inner, tree.Derivative) and not (inner.of.at or inner.by.at):
        ends = {inner.of.time, inner.by.time}
    if ends != {*steps}:
        return None
    if steps[0].is_Integer:
        general = dict(zip(steps, (index("i"), index("k")), strict=True))
        steps = general[steps[0]], general[steps[1]]
        said = tree.at_times(said, lambda time: general.get(time, time))
    return found.base, steps, said


def _by_entries(statement: Statement, claiming: Claiming) -> tuple[str, tuple[Expr, ...], tree.Derivative] | None:
    """p_{ij}^k(t) := ∂h_k(t)/∂W_{ij}: the letter, its indices, and the derivative."""
    left, right = statement.sides[:2]
    found = claiming.letter(left)
    if found is None or found.base in _OF_GRADIENTS or found.power is not None:
        return None
    try:
        ways = [*claiming.letters.ways(found, statement.fragment)]
        if not any(way.at for way in ways):
            return None
        said = claiming.term(right)
    except InputError:
        return None
    if not isinstance(said, tree.Derivative) or said.by.time is not None or not (said.of.at and said.by.at):
        return None
    indices = {*said.of.at, *said.by.at}
    for way in sorted(ways, key=lambda way: way.time is None):
        if {*way.at} == indices and len(way.at) == len(indices) and way.time in (None, said.of.time):
            return identifier("_".join([found.base, *way.labels])), way.at, said
    return None


def _part(statement: Statement, claiming: Claiming, known: Collection[str]) -> tuple[str, Term] | None:
    """D_j = diag(σ'(z_j)), J_t = D_t W, δ_{act} = δh_t ⊙ tanh'(z_t): a letter for a part of a derivative, at step t."""
    left, right = statement.sides[:2]
    found = claiming.letters.taken(left, statement.fragment)
    if found is None or found.power is not None or found.transposed or found.base in _OF_GRADIENTS - {"d"}:
        return None
    free, worded = found.base in ERRORS, found.base == "d"  # d_{raw}, of nothing that is called so
    defined = free and _DEFINES.search(statement.fragment.text, left.end, right.start) is not None
    try:
        claiming.term(left)
        if not defined:
            return None  # a letter that is known
    except InputError:
        pass
    try:
        said = claiming.term(right)
        ways = [way for way in claiming.letters.ways(found, statement.fragment) if not way.at]
    except InputError:
        return None
    residual = free and isinstance(said, tree.Add) and [sign for sign, _ in said.terms] == [1, -1]
    derived = has_slope(right) or any(isinstance(part, _DERIVED) for part in tree.walk(said))
    own = defined and claiming.letters.resolve(found, statement.fragment) is None
    if not (derived or residual or own or _reads(right, known)):
        return None
    ways.sort(
        key=lambda way: not (way.time == nodes.t and way.labels)
    )  # δ_t^h is δ^h at t, before δ with t for a label
    for way in ways:
        if way.time is None and (free or (worded and derived)) and way.labels:
            return identifier("_".join([found.base, *way.labels])), said
        if way.time is not None and way.time.is_Symbol:
            moved = tree.at_times(said, lambda e, step=way.time: e.xreplace({step: nodes.t}))  # type: ignore[misc]
            return identifier("_".join([found.base, *way.labels])), moved
        if way.time == nodes.T - 1 and isinstance(said, Gradient) and said.by.time == way.time:  # counted from 0
            moved = tree.at_times(said, lambda e: nodes.t if e == nodes.T - 1 else e)
            return identifier("_".join([found.base, *way.labels])), moved
    return None


def _reads(side: Syntax, known: Collection[str]) -> bool:
    return any(isinstance(node, Name) and node.word in known for node in walk(side))


def _own_step(statement: Statement, claiming: Claiming) -> tuple[str, Expr, Expr | None] | None:
    """δh_t = ∂E_t/∂h_t, which says of which loss δ is the gradient: h, its step, the step of the loss; else None."""
    try:
        left = _unturned(claiming.term(statement.sides[0]))
        left = left.plain if isinstance(left, tree.Differential) else left
        if not isinstance(left, Gradient) or left.spelling == "partial":
            return None
        right = _unturned(claiming.term(statement.sides[1]))
    except InputError:
        return None
    if not isinstance(right, Gradient) or right.spelling != "partial" or left.by != right.by or right.by.time is None:
        return None
    return right.by.name, right.by.time, right.only


def _unturned(said: Term) -> Term:
    return said.body if isinstance(said, Transposed) else said


def unweighted(said: Term) -> Term:
    """The gradient in that of a loss which is a multiple of the sum over the steps, 1/T of it, or minus it."""
    match said:
        case tree.Multiply((tree.Constant(), Gradient() as gradient)) | tree.Add(((-1, Gradient() as gradient),)):
            return gradient
    return said


def _bound(statement: Statement, claiming: Claiming) -> tuple[str, Term] | None:
    """β = ¼ ‖U‖ + 1: a letter for a bound, and the norms that it stands for."""
    left, right = statement.sides[:2]
    found = claiming.letters.taken(left, statement.fragment)
    if not says_one_value(statement) or found is None or found.power is not None or found.transposed or found.primes:
        return None
    claiming.bounding = True
    try:
        if claiming.letters.resolve(found, statement.fragment) is not None or claiming.loss(found) is not None:
            return None
        name = identifier("_".join([found.base, *(label(part, statement.fragment) for _, part in found.parts)]))
        said = claiming.term(right)
    except InputError:
        return None
    finally:
        claiming.bounding = False
    return (name, said) if is_limit(right) else None


def _loss(statement: Statement, claiming: Claiming, cell: Cell) -> tuple[str, Loss] | None:
    """L = 1/T Σ_t L_t: the letter and how often the sum over the steps counts in it."""
    left, *others = statement.sides
    right = others[0]
    found = claiming.letters.taken(left, statement.fragment)
    if len(others) > 1 or found is None or found.parts or not cell.is_loss or claiming.loss(found) is None:
        return None
    try:
        factor = _multiple(claiming.term(right), cell.output.name)
    except InputError:
        return None
    return None if factor is None else (found.base, Loss(None, factor))


def _multiple(said: Term, loss: str) -> Expr | None:
    """How often the sum of all losses counts in an expression; None where that is not what it is."""
    if isinstance(said, OverTime) and not said.product:
        inner = said.body
        if (said.first, said.last) not in {(0, nodes.T), (1, nodes.T), (0, nodes.T - 1)}:
            return None
        return nodes.T / nodes.T if isinstance(inner, Ref) and (inner.name, inner.time) == (loss, said.index) else None
    if isinstance(said, Divide):
        above, below = _multiple(said.above, loss), _number(said.below)
        return None if above is None or below is None else above / below
    if isinstance(said, tree.Multiply):
        *numbers, last = said.factors
        values = [_number(part) for part in numbers]
        factor = _multiple(last, loss)
        if factor is None or any(value is None for value in values):
            return None
        for value in values:
            factor *= value
        return factor
    return None


def _number(said: Term) -> Expr | None:
    if isinstance(said, Constant):
        return said.value
    if isinstance(said, Divide):
        above, below = _number(said.above), _number(said.below)
        return None if above is None or below is None else above / below
    return None


def _facts(formula: Formula, cell: Cell) -> Iterator[str]:
    """h_0 = 0, and what the words behind a letter call one-hot."""
    text = formula.text.strip()
    started = _START.fullmatch(text)
    possible = f"{started.group('state')}_0 = 0" if started else ""
    if not possible and not formula.claims and not formula.displayed:
        place = formula.place
        behind = place.text[place.column - 1 + len(text) :].lstrip("$`)\\ ")
        possible = f"{text} one-hot" if _HOT.match(" " + behind) else ""
    if possible:
        try:
            assuming.facts([possible], cell)
        except InputError:
            return  # of no letter of this cell
        yield possible
