"""A claim with two sides -> proved, holds if, wrong or undecided: its readings, tried from the literal one on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from sympy import Expr, Symbol

from derive import nodes
from derive.cell import Assumption
from derive.errors import InputError
from derive.nodes import Adjoint, Node, TimeSum
from derive.reader import claimed
from derive.reader.claimed import OpenQuestionError, Said
from verify.comparison import LONGEST, Answer, Bench, Compared, Facts, last_step
from verify.conventions import DELTAS, DERIVATIVES, LAYOUTS, ORDERS, PRODUCTS, Built, MisfitError, Reading
from verify.judgement import Word
from verify.readings import Builder
from verify.world import STEPS

SUMMED = "the term of step t, to be summed over t"
ABSENT = "a gradient before step 1 counts as zero"
OUTPUTS = "J reads the final states through the outputs only"


@dataclass(frozen=True)
class Pairs:
    """Conditions on indices that stand beside a formula: i ≠ j, i = j."""

    differ: tuple[tuple[Symbol, Symbol], ...] = ()
    equal: tuple[tuple[Symbol, Symbol], ...] = ()


@dataclass(frozen=True)
class Sides:
    """Both sides under one reading."""

    left: Node
    right: Node
    reading: Reading
    assumptions: tuple[str, ...]
    domains: Mapping[Symbol, Expr] = field(default_factory=dict)
    diagonal: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The word, what it assumes, and for a wrong claim the point and the sides that differ there."""

    word: Word
    assumptions: tuple[str, ...] = ()
    point: Mapping[str, Any] | None = None
    reason: str = ""
    sides: Sides | None = None
    left: Node | None = None


def decide(
    left: Said, right: Said, bench: Bench, facts: tuple[Assumption, ...], accumulated: bool, pairs: Pairs
) -> Decision:
    """The judgement on one equation; `facts` are those that the user declared."""
    candidates: list[Sides] = []
    reasons: list[str] = []
    misfit = ""
    seen: set[tuple[Node, Node]] = set()
    for reading, beside in _pairs(left, right):
        try:
            sides = _built(left, right, reading, bench, accumulated, beside)
        except MisfitError as error:
            misfit = misfit or error.message
            continue
        except OpenQuestionError as error:
            reasons.append(error.message)
            continue
        except InputError as error:
            misfit = misfit or error.message
            continue
        for each in sides:
            if (each.left, each.right) not in seen:
                seen.add((each.left, each.right))
                candidates.append(each)
    if not candidates:
        if reasons:
            return Decision(Word.UNDECIDED, reason=reasons[0])
        if any(isinstance(p, claimed.AllEntries) for side in (left, right) for p in claimed.walk(side)):
            return Decision(Word.UNDECIDED, reason=f"the shapes do not fit: {misfit}")
        point = {"sizes": bench.sizes, "T": STEPS, "shapes": misfit}
        reason = f"no reading fits the shapes: {misfit}"
        return Decision(Word.WRONG, point=point, reason=reason, left=_left(left, bench))
    declared = tuple(f"{fact.quantity.name} {fact.kind}" for fact in facts)
    refuted: list[tuple[Sides, Compared]] = []
    unsure: list[str] = list(reasons)
    for each, imposed, words in _trials(candidates, bench, facts):
        found = _compare(each, bench, imposed, pairs)
        if found.answer is Answer.SAME:
            zero = (ABSENT,) if bench.absent else ()
            assumptions = (*each.assumptions, *words, *zero, *(declared if facts else ()))
            word = Word.HOLDS_IF if assumptions else Word.PROVED
            return Decision(word, assumptions, sides=each)
        if found.answer is Answer.DIFFERENT and not words:
            refuted.append((each, found))
        elif found.answer is Answer.OPEN and not words:
            unsure.append(found.reason)
    if not refuted:
        return Decision(Word.UNDECIDED, reason=unsure[0] if unsure else "nothing could be evaluated")
    chosen, differing = _plainest(refuted)
    return Decision(
        Word.WRONG, chosen.reading.assumptions, _smallest(chosen, differing, bench, facts, pairs), "", chosen
    )


def _left(left: Said, bench: Bench) -> Node | None:
    """The left side alone, for the true formula of what fits in no shape."""
    try:
        return Builder(bench.cell, bench.program, Reading()).side(left).node
    except InputError:
        return None


def _plainest(refuted: Sequence[tuple[Sides, Compared]]) -> tuple[Sides, Compared]:
    """The refuted reading that assumes least."""
    return min(refuted, key=lambda pair: len(pair[0].assumptions))


def _trials(
    candidates: Sequence[Sides], bench: Bench, facts: tuple[Assumption, ...]
) -> Iterator[tuple[Sides, Facts, tuple[str, ...]]]:
    """Every reading with what is imposed on the data: nothing first, then what the cell declares."""
    # A formula that names the loss of one step says that J is the sum of them.
    losses = any(a.only is not None for c in candidates[:1] for side in (c.left, c.right) for a in side.atoms(Adjoint))
    for each in candidates:
        yield each, Facts(facts, losses), ()
    if not bench.cell.is_loss:
        for each in candidates:
            if any(part.has(nodes.T) or _has_end(part) for part in (each.left, each.right)):
                yield each, Facts(facts, True), (OUTPUTS,)
    known = {(fact.kind, fact.quantity.name) for fact in facts}
    for fact in bench.cell.assumptions:
        if (fact.kind, fact.quantity.name) in known:
            continue
        for each in candidates:
            yield each, Facts((*facts, fact)), (_fact(fact),)


def _has_end(node: Node) -> bool:
    return any(isinstance(part, TimeSum) for part in node.atoms(TimeSum)) or any(
        a.only is not None for a in node.atoms(Adjoint)
    )


def _fact(fact: Assumption) -> str:
    from derive.notation import spelled

    letter = str(spelled(fact.quantity.name))
    return {"sums to one": f"the entries of {letter} sum to 1", "one-hot": f"{letter} is one-hot"}.get(
        fact.kind, f"{letter}_0 is zero"
    )


def _compare(sides: Sides, bench: Bench, facts: Facts, pairs: Pairs, steps: int | None = None) -> Compared:
    needed = last_step((sides.left, sides.right)) + 1
    if needed > LONGEST:
        return Compared(Answer.OPEN, reason=f"a step number beyond {LONGEST - 1}")
    return bench.compare(
        sides.left,
        sides.right,
        domains=sides.domains,
        differ=pairs.differ,
        equal=pairs.equal,
        diagonal=sides.diagonal,
        facts=facts,
        steps=max(STEPS, needed) if steps is None else steps,
        trials=2 if steps is None else 1,
    )


def _smallest(
    sides: Sides, found: Compared, bench: Bench, facts: tuple[Assumption, ...], pairs: Pairs
) -> Mapping[str, Any] | None:
    """The counterexample with the fewest steps."""
    for steps in range(max(1, last_step((sides.left, sides.right))), STEPS):
        shorter = _compare(sides, bench, Facts(facts), pairs, steps)
        if shorter.answer is Answer.DIFFERENT:
            return shorter.point
    return found.point


# Readings


def _readings(left: Said, right: Said) -> Iterator[Reading]:
    """The readings that can differ for this claim, those with fewer assumptions first."""
    parts = [*claimed.walk(left), *claimed.walk(right)]
    derivatives = any(isinstance(part, claimed.Derivative) for part in parts)
    gradients = any(isinstance(part, claimed.Gradient) for part in parts)
    products = any(isinstance(part, claimed.Factors | claimed.Quotient) for part in parts)
    layouts = list(LAYOUTS) if derivatives or gradients or products else ["columns"]
    if not derivatives:
        layouts = [layout for layout in layouts if layout != "denominator"]
    kinds = list(PRODUCTS) if products or derivatives else ["strict"]
    if derivatives or gradients:
        kinds = [kind for kind in kinds if kind != "inner"]
    modes = list(DERIVATIVES) if derivatives else ["natural"]
    orders = list(ORDERS) if any(isinstance(p, claimed.OverTime) and p.product for p in parts) else ["latest"]
    deltas = list(DELTAS) if any(isinstance(part, claimed.Error) for part in parts) else ["argument"]
    found = [Reading(*choice) for choice in product(layouts, kinds, modes, orders, deltas)]
    found.sort(key=lambda reading: len(reading.assumptions))
    yield from found


def _pairs(left: Said, right: Said) -> Iterator[tuple[Reading, str]]:
    """The readings, and where one side alone is a chain of derivatives, the other in columns beside its rows."""
    chains = [_is_chain(side) for side in (left, right)]
    other = {(True, False): "right", (False, True): "left"}.get((chains[0], chains[1]), "")
    lone = isinstance(right if other == "right" else left, claimed.Gradient | claimed.Value | claimed.Derivative)
    for reading in _readings(left, right):
        yield reading, ""
        if other and not lone and reading.layout == "numerator":
            yield reading, other


def _is_chain(said: Said) -> bool:
    """Whether a product with derivatives as factors stands here."""
    return any(
        isinstance(part, claimed.Factors) and any(isinstance(f, claimed.Derivative) for f in part.factors)
        for part in claimed.walk(said)
    )


def _built(left: Said, right: Said, reading: Reading, bench: Bench, accumulated: bool, beside: str = "") -> list[Sides]:
    """Both sides under a reading; `beside` names the side that has columns where the other has a chain of rows."""
    builder = Builder(bench.cell, bench.program, reading)
    for side in (left, right):  # once to learn what the indices count
        with contextlib.suppress(InputError):
            builder.side(side)
    builder.diagonal.clear()
    columns = replace(builder, reading=replace(reading, layout="columns"))
    explicit = {"left": columns, "right": columns}.get(beside, builder)
    a = (explicit if beside == "left" else builder).side(left)
    b = (explicit if beside == "right" else builder).side(right)
    one, other = _matched(a, b, builder)
    words = reading.assumptions
    diagonal = tuple(builder.diagonal)
    plain = Sides(one, other, reading, words, dict(builder.domains), diagonal)
    found = [] if accumulated else [plain]
    summed = _summed(left, one, other)
    if summed is not None:
        found.append(replace(plain, right=summed, assumptions=(*words, SUMMED)))
    alone = _alone(left, right, plain)
    if alone is not None:
        found.append(alone)
    return found


def _matched(a: Built, b: Built, builder: Builder) -> tuple[Node, Node]:
    """Both sides in one shape."""
    if a.node is None and b.node is None:
        raise OpenQuestionError("constants on both sides")
    like = a.node.shape if a.node is not None else b.node.shape  # type: ignore[union-attr]
    one, other = builder.node(a, like), builder.node(b, like)
    if one.shape == other.shape:
        return one, other
    for first, second in ((one, other), (other, one)):
        rows, cols = first.shape
        vector = 1 in second.shape and rows == cols and rows in second.shape and rows != 1
        if vector and builder.reading.product == "diagonal":
            column = second if second.shape[1] == 1 else nodes.transpose(second)
            return (first, nodes.diag(column)) if first is one else (nodes.diag(column), first)
    if other.shape == one.shape[::-1] and 1 in one.shape and builder.reading.layout in ("numerator", "all rows"):
        return one, nodes.transpose(other)
    raise MisfitError(f"{one.shape[0]}×{one.shape[1]} cannot equal {other.shape[0]}×{other.shape[1]}")


def _summed(left: Said, one: Node, other: Node) -> Node | None:
    """The right side summed over t, where the left is a parameter's gradient and the right is written for step t."""
    if not isinstance(left, claimed.Gradient) or left.by.time is not None or nodes.t in one.atoms(Symbol):
        return None
    if nodes.t not in other.atoms(Symbol):
        return None
    last = nodes.T if left.only is None else left.only
    index = claimed.index_clash(Symbol("t"))
    return TimeSum(other.xreplace({nodes.t: index}), index, 1, last)


def _alone(left: Said, right: Said, sides: Sides) -> Sides | None:
    """J as the loss of one step, where the claim relates two steps that are not neighbours."""
    moments: set[Expr] = set()
    parts = [*claimed.walk(left), *claimed.walk(right)]
    tau = Symbol("tau", integer=True)
    bound = {part.index for part in parts if isinstance(part, claimed.OverTime)}
    for part in parts:
        if isinstance(part, claimed.Gradient):
            if part.only is not None or part.immediate:
                return None
            if part.by.time is not None and part.by.time not in bound:
                moments.add(part.by.time)
    ends = {part.last for part in parts if isinstance(part, claimed.OverTime) and not part.product} & {nodes.t, tau}
    apart = len(moments) == 2 and not any((m - n).is_Integer for m in moments for n in moments if m != n)
    carried = {p.of.time for p in parts if isinstance(p, claimed.Derivative)}
    step = next(iter(ends), None)
    if step is None and apart:
        step = next((m for m in moments if m in carried or m in (nodes.t, nodes.T, tau)), None)
    if step is None or not any(isinstance(part, claimed.Gradient) for part in parts):
        return None

    def only(node: Node) -> Node:
        return node.replace(lambda n: isinstance(n, Adjoint), lambda n: Adjoint(n.quantity, n.immediate, step))

    word = f"J is the error of step {step} alone"
    return replace(sides, left=only(sides.left), right=only(sides.right), assumptions=(*sides.assumptions, word))
