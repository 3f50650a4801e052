"""A wrong claim -> the mistakes in it, the true formula and the special case, in the author's letters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sympy import Symbol, Transpose

from derive.calculus.bptt import jacobian
from derive.calculus.derivation import Derivation
from derive.errors import InputError
from derive.lettering import lettered
from derive.nodes import Adjoint, Jacobian, Node, Shaped, TimeSum, substitute, t, transpose
from derive.notation import AS_WRITTEN, Notation
from derive.reader.meaning.letters import index as letter_index
from derive.targets.formula import latex
from verify.formulas.deciding import Decision, in_words
from verify.formulas.judgement import MISFIT, Judgement, Mistake
from verify.formulas.readings.conventions import LAYOUTS
from verify.formulas.readings.sides import Sides
from verify.formulas.wrong.closing import Loop
from verify.formulas.wrong.diagnose import Diagnosis, diagnose
from verify.formulas.wrong.misfits import repairs
from verify.formulas.wrong.special import LENGTH, moments
from verify.formulas.wrong.vanishing import vanishing
from verify.mistakes.judge import PARTS, Purse
from verify.mistakes.search import CANDIDATES
from verify.truth.comparison import Answer, Bench, Facts, Setting
from verify.truth.field import NoValueError, UnsupportedError
from verify.truth.scales import NoPointError

PART = r"\mathrm{part}_"
"""How an expression that is differentiated as a whole would be printed, which has no letter."""
WHOLE = "it is in what is differentiated as a whole"
READINGS = 6
"""How many other readings are looked at for one mistake, where the plainest leads nowhere."""


@dataclass(frozen=True)
class Explained:
    """A judgement, the true formula (none where nothing is known of it), and the wrong one as it was read."""

    judgement: Judgement
    true: Node | None = None
    read: Node | None = None
    change: tuple[str, str] | None = None
    """The one part that was to be exchanged, and for what, where the wrong one cannot be read as a whole."""


def explained(
    judgement: Judgement,
    decision: Decision,
    bench: Bench,
    derivation: Derivation,
    notation: Notation | None,
    loop: Loop,
) -> Judgement:
    """The judgement with what the dictionary of mistakes and the derivation say about it.

    `loop` reads the true formula back in the author's place: what does not hold there is not shown.
    """
    letters = lettered(notation, bench.program) if notation is not None else bench.cell.notation
    try:
        found = _once(judgement, decision, derivation.summed_losses)
    except (InputError, UnsupportedError, NoValueError, NoPointError):
        return judgement  # the verdict stands; what has no letters or no value here cannot be explained
    if decision.question is not None and (zero := vanishing(decision.question.right, bench.program)):
        found = replace(found, judgement=replace(found.judgement, mistakes=(), reason=zero))
    mistakes = (replace(one, detail=WHOLE) if PART in one.detail else one for one in found.judgement.mistakes)
    found = replace(found, judgement=replace(found.judgement, mistakes=tuple(mistakes)))
    assumptions = found.judgement.assumptions
    own = None if decision.sides is None else _derived(decision.sides.left, derivation.summed_losses)
    for node in dict.fromkeys((found.true, own)):  # the mended one may need what the author did not say
        for turned in (True, False) if _lie(assumptions) else (False,):
            true, read = (_written(part, letters, turned) for part in (node, found.read))
            correct = None if true is None else loop.closed(true, read, assumptions, found.change)
            if correct is not None:
                return replace(found.judgement, correct=correct)
    return replace(found.judgement, correct=None)


def _lie(assumptions: Iterable[str]) -> bool:
    """Whether gradients are written as rows."""
    return any(LAYOUTS[layout] in assumptions for layout in ("numerator", "all rows"))


def _turned(node: Node) -> Node:
    """The formula in gradients that lie: printed, they look as they do where they are columns."""

    def lying(part: Node) -> Node | None:
        return transpose(Shaped(part, *reversed(part.shape))) if isinstance(part, Adjoint) else None

    return substitute(node, lying)


def _once(judgement: Judgement, decision: Decision, derivation: Derivation) -> Explained:
    """What is wrong, sought once for a question: what is told of it depends on no text."""
    if decision.question is None:
        return _explained(judgement, decision, derivation)
    known = decision.question.bench.known
    told = judgement.assumptions, judgement.reading, judgement.true_when, judgement.mistakes
    key = ("explained", *decision.question.key, told)
    if key not in known:
        known[key] = _explained(judgement, decision, derivation)
    found: Explained = known[key]
    own = found.judgement
    again = replace(
        judgement, mistakes=own.mistakes, assumptions=own.assumptions, reading=own.reading, true_when=own.true_when
    )
    return replace(found, judgement=again)


def _explained(judgement: Judgement, decision: Decision, derivation: Derivation) -> Explained:
    if decision.sides is None or decision.setting is None:
        return _misfit(judgement, decision, derivation)
    unusual = decision.sides.reading.unusual > 0 or decision.sides.told is not None
    found, facts = _diagnosed(decision.sides, decision.setting, derivation, budget=0 if unusual else CANDIDATES)
    if not found.mistakes and (other := _otherwise_read(judgement, decision, derivation, unusual)) is not None:
        return other
    if not found.mistakes and unusual:
        found, facts = _diagnosed(decision.sides, decision.setting, derivation, CANDIDATES)
    true = found.correct if found.correct is not None else _derived(decision.sides.left, derivation)
    told = replace(
        judgement,
        mistakes=found.mistakes,
        assumptions=(*judgement.assumptions, *facts),
        true_when=found.true_when,
    )
    return Explained(told, true, plain_indices(decision.sides.left, decision.sides.right)[1])


def _diagnosed(
    sides: Sides, setting: Setting, derivation: Derivation, budget: int
) -> tuple[Diagnosis, tuple[str, ...]]:
    """The diagnosis in the world of the verdict; if it finds none, with the cell's declared facts imposed."""
    left, right = plain_indices(*(sides.told or (sides.left, sides.right)))
    facts = setting.facts
    declared = tuple(fact for fact in setting.bench.cell.assumptions if fact not in facts.assumptions)
    found = diagnose(left, right, setting, derivation, budget=0 if declared else budget)
    if found.mistakes or not declared:
        return found, ()
    imposed = replace(setting, facts=Facts((*facts.assumptions, *declared), facts.plain))
    other = diagnose(left, right, imposed, derivation, budget=budget)
    if not other.mistakes or other.correct is None:
        return found, ()
    needed = setting.compare(left, other.correct).answer is not Answer.SAME
    return other, tuple(map(in_words, declared)) if needed else ()


def _otherwise_read(
    judgement: Judgement, decision: Decision, derivation: Derivation, unusual: bool
) -> Explained | None:
    """The judgement under another reading, or with shapes repaired, where the plainest reading leads nowhere."""
    purse = Purse()
    as_long: Explained | None = None
    """Under the reading in which the formula is true of as many steps as it names."""
    for sides, setting in decision.others[:READINGS]:
        share = purse.share(PARTS // READINGS)
        left, right = plain_indices(*(sides.told or (sides.left, sides.right)))
        found = diagnose(left, right, setting, derivation, budget=0, purse=share)
        if found.mistakes:
            return _with(judgement, found.mistakes, found, sides, right)
        if as_long is None and LENGTH.search(found.true_when):
            as_long = _with(judgement, (), found, sides, right)
    if as_long is not None:
        return as_long
    # Only an unusual convention made it fit: perhaps it was not meant to.
    repaired = _repaired(judgement, decision, derivation) if unusual else None
    return repaired and replace(repaired, judgement=replace(repaired.judgement, true_when=""))


def _with(
    judgement: Judgement, mistakes: tuple[Mistake, ...], found: Diagnosis, sides: Sides, read: Node | None
) -> Explained:
    told = replace(
        judgement,
        mistakes=mistakes,
        assumptions=sides.assumptions,
        reading="; ".join(sides.assumptions),
        true_when=found.true_when,
    )
    return Explained(told, found.correct, read)


def _misfit(judgement: Judgement, decision: Decision, derivation: Derivation) -> Explained:
    """What fits in no shape: with the change that makes it true, or the derivation's own formula."""
    repaired = _repaired(judgement, decision, derivation)
    if repaired is not None or decision.left is None:
        return repaired or Explained(judgement)
    misfit = Mistake(MISFIT, decision.reason.partition(": ")[2])
    return Explained(replace(judgement, mistakes=(misfit,)), _derived(decision.left, derivation))


def _repaired(judgement: Judgement, decision: Decision, derivation: Derivation) -> Explained | None:
    """The judgement with a change of shapes that leads to a true formula, alone or with one mistake more."""
    assert decision.question is not None
    purse = Purse()
    for repair in repairs(decision.question):
        left, right = plain_indices(repair.sides.left, repair.sides.right)
        if repair.true:
            found = Diagnosis((), right)
        else:
            share = purse.share(PARTS // READINGS)
            found = diagnose(left, right, repair.setting, derivation, budget=0, purse=share)
        if repair.true or found.mistakes:
            told = _with(judgement, (repair.mistake, *found.mistakes), found, repair.sides, None)
            if not repair.true:
                return told
            assumed = (*told.judgement.assumptions, *repair.assumed)
            return replace(told, judgement=replace(told.judgement, assumptions=assumed), change=repair.change)
    return None


def plain_indices(left: Node, right: Node) -> tuple[Node, Node]:
    """Both sides with t' under their sums and products as t again, where no other t stands beside it."""
    free = {symbol.name for symbol in moments(left) | moments(right)}
    plain: dict[Symbol, Symbol] = {}
    for node in (*left.atoms(TimeSum), *right.atoms(TimeSum)):
        name = node.index.name.removesuffix("'")
        if name != node.index.name and name not in free:
            plain[node.index] = letter_index(name)
    return left.xreplace(plain), right.xreplace(plain)


def _written(node: Node | None, letters: Notation | None, turned: bool) -> str | None:
    """The formula in LaTeX, with gradients as rows or as columns; None where it cannot be written."""
    if node is None:
        return None
    try:
        return latex(_turned(node) if turned else node, letters or AS_WRITTEN)
    except InputError:
        return None


def derived(left: Node, derivation: Derivation, letters: Notation | None) -> str | None:
    """The derivation's own formula for the left side in LaTeX; None where it has none."""
    return _written(_derived(left, derivation.summed_losses), letters, turned=False)


def _derived(left: Node, derivation: Derivation) -> Node | None:
    """The derivation's own formula for the left side."""
    if isinstance(left, Transpose):
        found = _derived(left.arg, derivation)
        return None if found is None else transpose(found)
    if isinstance(left, Adjoint) and not left.immediate and left.only is None:
        gradient = derivation.by_name.get(left.quantity.name)
        if gradient is None:
            return None
        time = left.quantity.time
        return gradient.value if time is None else gradient.value.xreplace({t: time})
    if isinstance(left, Jacobian) and left.of.time is not None and left.by.time is not None:
        offset = left.by.time - left.of.time
        if offset in (0, -1):
            try:
                found = jacobian(derivation, left.of.at(t), left.by.at(t + offset))
            except (KeyError, InputError):
                return None
            return None if found is None else found.xreplace({t: left.of.time})
    return None
