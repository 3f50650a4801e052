"""A claim with two sides -> proved, holds if, wrong or undecided: its readings, tried from the literal one on."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from sympy import Expr, Integer, MatMul, Symbol

from derive import nodes
from derive.cell import Assumption, Cell
from derive.errors import InputError, OpenQuestionError
from derive.nodes import Adjoint, Concat, Jacobian, Node, Quantity, Softmax, TimeSum, leaves
from derive.notation import spelled
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term
from verify.formulas.judgement import MISFIT, NO_READING, Word
from verify.formulas.readings.conventions import MisfitError, Reading
from verify.formulas.readings.expressions import Builder
from verify.formulas.readings.sides import Sides, built, readings
from verify.formulas.upside import behind
from verify.formulas.worked import AN_EXAMPLE
from verify.formulas.wrong.counterexample import case_of, shown
from verify.truth.comparison import Answer, Bench, Compared, Facts, Setting
from verify.truth.decimals import WORDS, Opinion

AFTER = "not from the initial states, which are given each by itself: none follows from another"
ABSENT = "a gradient before step 1 counts as zero"
REMEMBERED = 500
"""Decisions on one cell."""
OUTPUTS = "J reads the final states through the outputs only"


@dataclass(frozen=True)
class Pairs:
    """Conditions on indices and steps that stand beside a formula: i ≠ j, i = j, k < τ."""

    differ: tuple[tuple[Symbol, Symbol], ...] = ()
    equal: tuple[tuple[Symbol, Symbol], ...] = ()
    before: tuple[tuple[Expr, Expr], ...] = ()


@dataclass(frozen=True)
class Question:
    """What is asked: whether both sides say the same; `facts` are declared by the user, `accumulated` is a +=."""

    left: Term
    right: Term
    bench: Bench
    facts: tuple[Assumption, ...] = ()
    accumulated: bool = False
    pairs: Pairs = Pairs()
    outer: bool = False
    """Whether vectors side by side may be an outer product."""
    upright: bool = False
    """Whether the document's own weights act from the left, so that no Jacobian here is one of rows."""

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What is asked, but for the bench, which only has another program where an expression of the text is named."""
        given = self.left, self.right, self.facts, self.accumulated, self.pairs, self.outer, self.upright
        return self.bench.program, *given

    @property
    def of_jacobians(self) -> bool:
        """Whether Jacobians are multiplied, or a product is taken over steps."""
        parts = (*tree.walk(self.left), *tree.walk(self.right))
        return any(isinstance(p, tree.Derivative) or (isinstance(p, tree.OverTime) and p.product) for p in parts)


@dataclass(frozen=True)
class Decision:
    """The word, what it assumes, and for a wrong claim the point, the sides that differ there, and what decided it."""

    word: Word
    assumptions: tuple[str, ...] = ()
    point: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    sides: Sides | None = None
    left: Node | None = None
    setting: Setting | None = None
    question: Question | None = None
    others: tuple[tuple[Sides, Setting], ...] = ()

    @cached_property
    def case(self) -> Mapping[str, Any]:
        """The counterexample of a wrong claim, for a person to see; it takes as long as the decision."""
        if self.sides is None or self.setting is None:
            return self.point
        cell = self.setting.bench.cell
        usual = (*cell.assumptions, *_usual(cell))
        return case_of(self.sides.left, self.sides.right, self.setting, self.point, usual)


@dataclass(frozen=True, eq=False)
class Case(Mapping[str, Any]):
    """The counterexample of a decision, sought when it is looked at: most of what is tried is never shown."""

    decision: Decision

    def __getitem__(self, key: str) -> Any:
        return self.decision.case[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.decision.case)

    def __len__(self) -> int:
        return len(self.decision.case)

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Case) and other.decision is self.decision) or super().__eq__(other)

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


def decide(question: Question) -> Decision:
    """The judgement on one equation; a text read under other conventions asks most of its questions again."""
    known, asked = question.bench.known, question.key
    if asked not in known:
        while len(known) >= REMEMBERED:
            known.pop(next(iter(known)))
        known[asked] = replace(_decided(question), question=question)
    found: Decision = known[asked]
    return found


def readings_with(question: Question, conventions: int) -> list[tuple[Reading, str]]:
    """The readings with that many unusual conventions."""
    return [pair for pair in readings(question.left, question.right, question.outer) if pair[0].unusual == conventions]


def in_shape(question: Question, reading: Reading, beside: str) -> Sides | None:
    """Both sides under a reading, or None where they do not fit."""
    own = replace(reading, layout="columns") if beside == "right" else reading
    try:
        Builder(question.bench.cell, question.bench.program, own).side(question.right)
    except MisfitError:
        return None  # most do not fit: that is found before the left side is read
    except InputError:
        pass
    try:
        sides = built(question.left, question.right, reading, question.bench, question.accumulated, beside)
    except InputError:
        return None
    return sides[0] if sides else None


@dataclass
class _Candidates:
    """The readings of a question that fit the shapes, built as they are asked for, and why others do not."""

    question: Question
    found: list[Sides] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    misfit: str = ""
    upright: bool = False
    """Whether some reading in columns fits."""

    def __iter__(self) -> Iterator[Sides]:
        asked = self.question
        seen: set[tuple[Node, Node]] = set()
        lying = False
        for reading, beside in readings(asked.left, asked.right, asked.outer):
            if reading.layout in ("rows", "batch") and (self.upright or not lying):
                continue  # nothing in the formula is a row
            if reading.layout == "batch" and asked.upright and asked.of_jacobians:
                continue
            try:
                sides = built(asked.left, asked.right, reading, asked.bench, asked.accumulated, beside)
                self.upright |= reading.layout == "columns"
            except MisfitError as error:
                self.misfit = self.misfit or error.message
                lying |= error.rows and reading.layout == "columns"
                continue
            except OpenQuestionError as error:
                self.reasons.append(error.message)
                continue
            except InputError as error:
                self.misfit = self.misfit or error.message
                continue
            for each in sides:
                if (each.left, each.right) not in seen:
                    seen.add((each.left, each.right))
                    self.found.append(each)
                    yield each

    def none(self) -> Decision:
        """The decision where no reading fits."""
        left, right, bench = self.question.left, self.question.right, self.question.bench
        if self.question.accumulated and self.upright:
            return Decision(Word.UNDECIDED, reason="adds one part to a gradient; only the whole of it can be judged")
        if self.reasons:
            return Decision(Word.UNDECIDED, reason=self.reasons[0])
        totals = tree.Total | tree.SquaredNorm
        if any(isinstance(part, totals) for side in (left, right) for part in tree.walk(side)):
            return Decision(Word.UNDECIDED, reason=f"the {MISFIT}: {self.misfit}")
        if any(map(_of_numbers, (*tree.walk(left), *tree.walk(right)))):
            return Decision(Word.UNDECIDED, reason=AN_EXAMPLE)
        if stacked := _beside_a_stack(left, right, bench.cell):
            reason = f"{stacked} is read as acting on several quantities below each other; here each has its own matrix"
            return Decision(Word.UNDECIDED, reason=reason)
        reason = f"{NO_READING}: {self.misfit}"
        return Decision(Word.WRONG, point={"shapes": self.misfit}, reason=reason, left=_left(left, bench))


def _of_numbers(term: Term) -> bool:
    """Whether these are several numbers in brackets, whose sizes are those of an example."""
    if not isinstance(term, tree.Stack) or sum(map(len, term.rows)) < 2:
        return False
    shapes = tree.Constant | tree.Add | tree.Multiply | tree.Divide | tree.Stack
    return all(isinstance(part, shapes) for part in tree.walk(term))


def _beside_a_stack(left: Term, right: Term, cell: Cell) -> str:
    """A parameter beside quantities below each other, W [h; x], that acts on no such thing in this cell."""
    products = [part.factors for side in (left, right) for part in tree.walk(side) if isinstance(part, tree.Multiply)]
    found = [one for factors in products for one, other in pairwise(factors) if isinstance(other, tree.Stack)]
    stacks = any(isinstance(part, tree.Stack) for part in tree.walk(right))
    found += [left.by] if stacks and isinstance(left, tree.Gradient) else []
    own = {parameter.name for parameter in cell.parameters if parameter.shape[1] != 1}
    own -= {
        factor.name
        for equation in cell.equations
        for product in equation.expression.atoms(MatMul)
        for factor, other in pairwise(product.args)
        if isinstance(factor, Quantity) and isinstance(other, Concat)
    }
    return next((str(spelled(one.name)) for one in found if isinstance(one, tree.Ref) and one.name in own), "")


def _decided(question: Question) -> Decision:
    bench, facts, pairs = question.bench, question.facts, question.pairs
    candidates = _Candidates(question)
    unsure: list[str] = []
    refuted: list[tuple[Sides, Compared, Setting]] = []
    doubted: list[tuple[Sides, Compared, Setting, tuple[str, ...]]] = []
    for each, imposed, words in _trials(candidates, bench, facts):
        setting = _setting(each, bench, imposed, pairs)
        found = setting.compare(each.left, each.right)
        if found.answer is Answer.SAME:
            zero = (ABSENT,) if bench.absent else ()
            bare = replace(setting, facts=_without(imposed, facts))
            needed = facts and bare.compare(each.left, each.right).answer is not Answer.SAME
            assumptions = (*each.assumptions, *words, *zero, *(map(declared, facts) if needed else ()))
            word = Word.HOLDS_IF if assumptions else Word.PROVED
            return Decision(word, assumptions, sides=each, setting=setting)
        if found.answer is Answer.DIFFERENT:
            doubted.append((each, found, setting, words))
        if found.answer is Answer.DIFFERENT and not words:
            refuted.append((each, found, setting))
        elif found.answer is Answer.OPEN and not words:
            unsure.append(found.reason)
    if not candidates.found:
        return candidates.none()
    if not refuted:
        unsure = [*candidates.reasons, *unsure]
        return Decision(Word.UNDECIDED, reason=unsure[0] if unsure else "nothing could be evaluated")
    apart = [bool(words) and shown(each.left, each.right, setting) for each, _, setting, words in doubted]
    for (each, found, setting, words), told in zip(doubted, apart, strict=True):
        # What a special case shows apart is apart without it.
        behind = any(also and each is other for also, (other, *_) in zip(apart, doubted, strict=True))
        if told or (not words and (behind or shown(each.left, each.right, setting))):
            continue
        second = _second_opinion(each, found, setting, (*each.assumptions, *words), facts)
        if second is not None:
            return second
    later = _after_the_start(refuted)
    if later is not None:
        return later
    chosen, differing, setting = _plainest(refuted)
    others = sorted(refuted, key=lambda each: len(each[0].assumptions))
    return Decision(
        Word.WRONG, chosen.reading.assumptions, differing.point or {}, sides=chosen, setting=setting,
        others=tuple((sides, setting) for sides, _, setting in others if sides is not chosen),
    )  # fmt: skip


def _after_the_start(refuted: Sequence[tuple[Sides, Compared, Setting]]) -> Decision | None:
    """Where a claim about Jacobians fails from the initial states alone: h_t follows from c_t, h_0 not from c_0."""
    for each, found, setting in refuted:
        at = found.numbers.get(nodes.t)
        initial = {state.at(0) for state in setting.bench.cell.states}
        if at is None or len(initial) < 2:
            continue
        total = {part.by for side in (each.left, each.right) for part in side.atoms(Jacobian) if not part.stepwise}
        if initial & {by.xreplace({nodes.t: Integer(at)}) for by in total}:
            late = replace(setting, before=(*setting.before, (Integer(at), nodes.t)))
            if late.compare(each.left, each.right).answer is Answer.SAME:
                return Decision(Word.HOLDS_IF, (*each.assumptions, AFTER), sides=each, setting=late)
    return None


def declared(fact: Assumption) -> str:
    """A fact that the user declared, as a judgement tells it."""
    return f"{fact.quantity.name} {fact.kind}"


def _second_opinion(
    sides: Sides, found: Compared, setting: Setting, assumptions: tuple[str, ...], facts: tuple[Assumption, ...]
) -> Decision | None:
    """The decision where the arithmetic may lack an identity; None where decimals differ too."""
    answer = setting.opinion(sides.left, sides.right, found)
    if answer is Opinion.DIFFER:
        return None
    if answer is Opinion.NONE:
        return Decision(Word.UNDECIDED, reason="no real point was found at which both sides have a value", sides=sides)
    bare = replace(setting, facts=_without(setting.facts, facts))
    if facts and bare.opinion(sides.left, sides.right, found) is not Opinion.AGREE:
        assumptions = (*assumptions, *map(declared, facts))
    if setting.related().compare(sides.left, sides.right).answer is not Answer.SAME:
        assumptions = (*assumptions, WORDS)
    word = Word.HOLDS_IF if assumptions else Word.PROVED
    return Decision(word, assumptions, sides=sides, setting=setting.related())


def _left(left: Term, bench: Bench) -> Node | None:
    """The left side alone, for the true formula of what fits in no shape."""
    try:
        return Builder(bench.cell, bench.program, Reading()).side(left).node
    except InputError:
        return None


def _plainest(refuted: Sequence[tuple[Sides, Compared, Setting]]) -> tuple[Sides, Compared, Setting]:
    """The refuted reading that assumes least."""
    return min(refuted, key=lambda each: len(each[0].assumptions))


def _trials(
    candidates: _Candidates, bench: Bench, facts: tuple[Assumption, ...]
) -> Iterator[tuple[Sides, Facts, tuple[str, ...]]]:
    """Every reading with what is imposed on the data: nothing first, then what the cell declares."""
    for each in candidates:
        # A formula that names the loss of one step says that J is the sum of them.
        first = candidates.found[0]
        losses = any(a.only is not None for side in (first.left, first.right) for a in side.atoms(Adjoint))
        yield each, Facts(facts, losses), ()
    if not bench.cell.is_loss and reads_a_state(bench.cell):
        asked = candidates.question
        handed = any(isinstance(p, tree.Handed) for side in (asked.left, asked.right) for p in tree.walk(side))
        for each in candidates.found:
            if handed or any(part.has(nodes.T) or _has_end(part) for part in (each.left, each.right)):
                yield each, Facts(facts, True), (OUTPUTS,)
    known = {(fact.kind, fact.quantity.name) for fact in facts}
    for fact in (*bench.cell.assumptions, *_usual(bench.cell)):
        if (fact.kind, fact.quantity.name) in known:
            continue
        for each in candidates.found:
            yield each, Facts((*facts, fact)), (in_words(fact),)


def reads_a_state(cell: Cell) -> bool:
    """Whether anything but the final states may tell J of a state: else all is true of its gradient, which is zero."""
    states, within = {state.name for state in cell.states}, {cell.output.name, *behind(cell.output.name, cell)}
    read = {leaf.name for e in cell.equations if e.symbol.name in within for leaf in leaves(e.expression)}
    return not states.isdisjoint(within | read)


def _usual(cell: Cell) -> Iterator[Assumption]:
    """What is usual for the targets of a softmax: they sum to 1."""
    if any(equation.expression.atoms(Softmax) for equation in cell.equations):
        for target in cell.targets:
            if target.shape[1] == 1 and target.shape[0] != 1:
                yield Assumption("sums to one", target)


def _without(imposed: Facts, facts: tuple[Assumption, ...]) -> Facts:
    return replace(imposed, assumptions=tuple(fact for fact in imposed.assumptions if fact not in facts))


def _has_end(node: Node) -> bool:
    return any(isinstance(part, TimeSum) for part in node.atoms(TimeSum)) or any(
        a.only is not None for a in node.atoms(Adjoint)
    )


def in_words(fact: Assumption) -> str:
    """A declared fact about the data, as a judgement tells it."""
    letter = str(spelled(fact.quantity.name))
    return {"sums to one": f"the entries of {letter} sum to 1", "one-hot": f"{letter} is one-hot"}.get(
        fact.kind, f"{letter}_0 is zero"
    )


def _setting(sides: Sides, bench: Bench, facts: Facts, pairs: Pairs) -> Setting:
    return Setting(bench, facts, sides.domains, pairs.differ, pairs.equal, sides.diagonal, pairs.before)
