"""A claim that fits no shapes -> one change to what was written that makes it fit, and then what is still wrong.

Such a claim has no expression to look for mistakes in: the changes are made to what it says, before conventions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, islice, pairwise
from typing import Any

from sympy import S, Symbol

from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import Concat, Node, Quantity, children
from derive.reader.meaning import tree
from derive.reader.meaning.letters import index
from derive.reader.meaning.tree import Multiply, Ref, Term, Transposed
from derive.targets.formula import latex
from verify.formulas.deciding import OUTPUTS, Question, in_shape, in_words, readings_with, reads_a_state
from verify.formulas.judgement import Mistake
from verify.formulas.readings.conventions import Reading
from verify.formulas.readings.expressions import Builder
from verify.formulas.readings.sides import Sides
from verify.mistakes.context import walk
from verify.truth.comparison import Answer, Facts, Setting

TRIED = 160
"""How many changes are tried."""
BUILT = 600
"""In how many ways changed claims are read."""
PARTS = 12_000
"""How many parts the changed claims that are read may have together."""
LARGEST = 100
"""Parts of a claim that is repaired: those of people have up to 40."""
KEPT = 3
"""How many of those that fit, but are not true, are looked at for further mistakes."""


@dataclass(frozen=True)
class Change:
    """A named change of a side: `wrong` was written, `true` stands there now; in an exchange, and the reverse."""

    name: str
    wrong: Term
    true: Term
    side: Term
    alike: bool = False
    exchange: bool = False


@dataclass(frozen=True)
class Repair:
    """A change after which the claim has a meaning, and whether it is true then."""

    mistake: Mistake
    sides: Sides
    setting: Setting
    true: bool
    change: tuple[str, str] | None = None
    """What was written and what should stand there, in letters, where one part alone is changed."""
    assumed: tuple[str, ...] = ()
    """The declared facts under which it is true."""


def repairs(question: Question) -> Iterator[Repair]:
    """Changes after which the claim fits: without a convention, of those a true one first, then with one."""
    size = sum(1 for _ in tree.walk(question.right))
    if size > LARGEST:
        return
    changes = list(islice(_changes(question.right, question.bench.program), TRIED))
    most = min(BUILT, PARTS // size)
    tried = 0
    for conventions in (0, 1):
        fitting: list[Repair] = []
        for change in changes:
            changed = replace(question, right=change.side)
            for reading, beside in readings_with(changed, conventions):
                tried += 1
                if tried > most:
                    break
                sides = in_shape(changed, reading, beside)
                if sides is None:
                    continue
                pairs = question.pairs
                facts = Facts(question.facts)
                setting = Setting(question.bench, facts, sides.domains, pairs.differ, pairs.equal, before=pairs.before)
                true, assumed = _holds(sides, setting)
                repair = Repair(_told(change, question), sides, setting, true, _alone(change, question), assumed)
                if true:
                    yield repair
                    return
                if change.name != FACTOR:  # what fits with one more factor may lack another thing
                    fitting.append(repair)
                if conventions and change.name != FACTOR and len(fitting) <= KEPT:
                    yield repair
                break
        if not conventions:
            yield from fitting[:KEPT]


def _holds(sides: Sides, setting: Setting) -> tuple[bool, tuple[str, ...]]:
    """Whether both sides are the same, and the facts under which alone they are so: those that the cell declares, or
    that nothing is asked of the final states.
    """
    if setting.compare(sides.left, sides.right).answer is Answer.SAME:
        return True, ()
    facts, cell = setting.facts, setting.bench.cell
    declared = tuple(fact for fact in cell.assumptions if fact not in facts.assumptions)
    ways = [(Facts((*facts.assumptions, *declared), facts.plain), tuple(map(in_words, declared)))] if declared else []
    if not cell.is_loss and reads_a_state(cell):
        ways.append((replace(facts, plain=True), (OUTPUTS,)))
    for imposed, words in ways:
        if replace(setting, facts=imposed).compare(sides.left, sides.right).answer is Answer.SAME:
            return True, words
    return False, ()


def _alone(change: Change, question: Question) -> tuple[str, str] | None:
    wrong, true = (_letters(part, question) for part in (change.wrong, change.true))
    if change.exchange or change.alike or not (wrong and true):
        return None
    return wrong.strip("$"), true.strip("$")


def _told(change: Change, question: Question) -> Mistake:
    if change.name == FACTOR and isinstance(change.true, Multiply) and isinstance(change.wrong, Multiply):
        added = [part for part in change.true.factors if part not in change.wrong.factors]
        if added:
            return Mistake(FACTOR, f"missing factor {_letters(added[0], question)}")
    wrong, true = (_letters(part, question) for part in (change.wrong, change.true))
    if not (wrong and true):
        sentence = "a matrix product binds tighter than ⊙" if change.name == BRACKETS else "the shapes do not fit"
        return Mistake(change.name, f"{true} is meant" if true else sentence)
    if change.exchange:
        return Mistake(change.name, f"{wrong} and {true} stand in each other's place")
    return Mistake(change.name, f"{wrong} should be {true}" + ("; and so for its like" if change.alike else ""))


def _letters(part: Term, question: Question) -> str:
    builder = Builder(question.bench.cell, question.bench.program, Reading())
    try:
        node = builder.node(builder.build(part))
        bound = {s: index(s.name.removesuffix("'")) for s in node.atoms(Symbol) if s.name.endswith("'")}
        return f"${latex(node.xreplace(bound), question.bench.cell.notation)}$"
    except InputError:
        return ""


DERIVATIVES = (tree.Gradient, tree.Derivative, tree.Error, tree.Handed, tree.Use, tree.Through)
"""What names a quantity, and is not made of its value."""

FACTOR = "forgotten factor"
BRACKETS = "missing brackets"
"""A mistake that is none in an expression, since it has its brackets."""


def _changes(side: Term, program: Cell) -> Iterator[Change]:
    blocks, spans = _blocks(program), _all_spans(program)
    rules: tuple[tuple[str, Callable[[Term], Iterable[Term]]], ...] = (
        (BRACKETS, _bracketed),
        ("missing transpose", _flipped),
        ("matrix product for elementwise", _elementwise),
        ("extra transpose", _upright),
        ("product order", _swapped),
        ("elementwise for matrix product", _matrix_product),
        ("wrong block", lambda said: _cut(said, blocks)),
        ("wrong block", lambda said: _another_block(said, spans)),
    )
    for change in _everywhere(side, lambda said: _bridged(said, program)):
        yield Change(FACTOR, *change)
    for k in range(max(map(len, blocks.values()), default=0)):
        whole = _all(side, lambda said, k=k: islice(_cut(said, blocks), k, k + 1))  # type: ignore[misc]
        if whole is not None:
            yield Change("wrong block", *whole, alike=True)
    for name, rule in rules:
        for change in _everywhere(side, rule):
            yield Change(name, *change)
    yield from _exchanged(side)
    for change in _everywhere(side, lambda said: _others(said, program)):
        if not _by_what_nothing_reads(change[2], program):
            yield Change("wrong quantity", *change)
    for change in _everywhere(side, lambda said: _errors(said, program)):
        yield Change("wrong quantity", *change)


def _everywhere(said: Term, rule: Callable[[Term], Iterable[Term]]) -> Iterator[tuple[Term, Term, Term]]:
    """What was written, what stands there instead, and the whole, for every place; outer places first."""
    for other in rule(said):
        yield said, other, other
    for name, value in tree.content(said).items():
        for wrong, true, changed in _inside(value, rule):
            if isinstance(said, Transposed) and isinstance(true, Transposed) and changed is true:
                continue  # a transpose that only cancels the one around it
            if isinstance(true, Ref) or not isinstance(said, DERIVATIVES):
                yield wrong, true, replace(said, **{name: changed})


def _inside(value: Any, rule: Callable[[Term], Iterable[Term]]) -> Iterator[tuple[Term, Term, Any]]:
    if isinstance(value, Term):
        yield from _everywhere(value, rule)
    elif isinstance(value, tuple):
        for k, part in enumerate(value):
            for wrong, true, changed in _inside(part, rule):
                yield wrong, true, (*value[:k], changed, *value[k + 1 :])


def _all(said: Term, rule: Callable[[Term], Iterable[Term]]) -> tuple[Term, Term, Term] | None:
    """The first change at every place where there is one, with one example of it; None for fewer than two."""
    made: list[tuple[Term, Term]] = []

    def visit(value: Term) -> Term:
        for other in rule(value):
            made.append((value, other))
            return other
        if isinstance(value, DERIVATIVES):
            return value
        return tree.rebuilt(value, visit)

    whole = visit(said)
    return (*made[0], whole) if len(made) > 1 else None


# The rules: what may stand in place of a part


def _bracketed(said: Term) -> Iterator[Term]:
    if not (isinstance(said, Multiply) and said.elementwise):
        return
    *before, last = said.factors
    if isinstance(last, Multiply) and not last.elementwise:
        first, *rest = last.factors
        yield Multiply((Multiply((*before, first), True), *rest))
    head, *after = said.factors
    if isinstance(head, Multiply) and not head.elementwise:
        *init, inner = head.factors
        yield Multiply((*init, Multiply((inner, *after), True)))


def _flipped(said: Term) -> Iterator[Term]:
    if isinstance(said, Ref | tree.Gradient | tree.Derivative | tree.Add | tree.Multiply | tree.OverTime):
        yield Transposed(said)


def _upright(said: Term) -> Iterator[Term]:
    if isinstance(said, Transposed):
        yield said.body


def _swapped(said: Term) -> Iterator[Term]:
    if isinstance(said, Multiply) and not said.elementwise:
        f = said.factors
        for k in range(len(f) - 1):
            yield replace(said, factors=(*f[:k], f[k + 1], f[k], *f[k + 2 :]))
        if len(f) > 2:
            yield replace(said, factors=f[::-1])


def _elementwise(said: Term) -> Iterator[Term]:
    if isinstance(said, Multiply) and not said.elementwise and any(isinstance(f, Transposed) for f in said.factors):
        upright = tuple(part.body if isinstance(part, Transposed) else part for part in said.factors)
        yield Multiply(upright, True)


def _matrix_product(said: Term) -> Iterator[Term]:
    if isinstance(said, Multiply) and said.elementwise:
        yield Multiply(said.factors)
        for k in range(len(said.factors)):
            diag = tree.Call("diag", (said.factors[k],))
            yield Multiply((*said.factors[:k], diag, *said.factors[k + 1 :]))


def _cut(said: Term, blocks: dict[str, list[tuple[Any, Any]]]) -> Iterator[Term]:
    if isinstance(said, Ref) and not said.at:
        for start, length in blocks.get(said.name, []):
            yield tree.Slice(said, 1, start, start + length)


def _another_block(said: Term, spans: Iterable[tuple[Any, Any]]) -> Iterator[Term]:
    if isinstance(said, tree.Slice):
        for start, length in spans:
            if (said.start or S.Zero, said.end) != (start, start + length):
                yield replace(said, start=start, end=start + length)


def _bridged(said: Term, program: Cell) -> Iterator[Term]:
    """∂J/∂y_k ∂y_k/∂h_k before what starts from h_k, where ∂J/∂y_k stands alone."""
    if not isinstance(said, Multiply) or said.elementwise:
        return
    for k, factor in enumerate(said.factors[:-1]):
        if not isinstance(factor, tree.Gradient) or factor.by.time is None or factor.by.at:
            continue
        for equation in program.equations:
            if equation.symbol.name == factor.by.name:
                for read in sorted(equation.expression.atoms(Quantity), key=str):
                    if read.time == equation.symbol.time:
                        jacobian = tree.Derivative(factor.by, replace(factor.by, name=read.name))
                        yield replace(said, factors=(*said.factors[: k + 1], jacobian, *said.factors[k + 1 :]))


def _blocks(program: Cell) -> dict[str, list[tuple[Any, Any]]]:
    """For every parameter that acts on a stack, the columns that act on each part of it."""
    found: dict[str, list[tuple[Any, Any]]] = {}
    for equation in program.equations:
        for node in walk(equation.expression):
            operands = children(node)
            for weight, stack in pairwise(operands):
                if isinstance(weight, Quantity) and isinstance(stack, Concat) and stack.axis == 0:
                    found.setdefault(weight.name, _spans(stack))
    return found


def _all_spans(program: Cell) -> list[tuple[Any, Any]]:
    """Where the parts of the cell's stacks begin, and how long they are."""
    stacks = (
        node
        for equation in program.equations
        for node in walk(equation.expression)
        if isinstance(node, Concat) and node.axis == 0
    )
    return list(dict.fromkeys(span for stack in stacks for span in _spans(stack)))


def _spans(stack: Concat) -> list[tuple[Any, Any]]:
    start, spans = S.Zero, []
    for part in stack.parts:
        spans.append((start, part.shape[0]))
        start += part.shape[0]
    return spans


def _exchanged(side: Term) -> Iterator[Change]:
    """Two parameters, each in the other's place."""
    names = dict.fromkeys(v.name for v in tree.walk(side) if isinstance(v, Ref) and v.time is None and not v.at)
    for one, other in combinations(names, 2):
        swap = {one: other, other: one}

        def rule(said: Term, swap: dict[str, str] = swap) -> Iterator[Term]:
            if isinstance(said, Ref) and said.name in swap:
                yield replace(said, name=swap[said.name])

        whole = _all(side, rule)
        if whole is not None:
            yield Change("wrong quantity", *whole, exchange=True)


def _others(said: Term, program: Cell) -> Iterator[Term]:
    if not isinstance(said, Ref) or said.at:
        return
    own: Node = program.quantities[said.name]
    for other in program.quantities.values():
        if other.shape != own.shape and (other.time is None) == (said.time is None):
            yield replace(said, name=other.name)
            if said.time is not None:
                yield replace(said, name=other.name, time=said.time + 1)
                yield replace(said, name=other.name, time=said.time - 1)


def _by_what_nothing_reads(said: Term, program: Cell) -> bool:
    """Whether a derivative in it is by the loss or by what only that reads, which is zero."""
    loss = program.output.name if program.is_loss else None
    read = {q.name for e in program.equations if e.symbol.name != loss for q in e.expression.atoms(Quantity)}
    return any(isinstance(part, tree.Derivative) and part.by.name not in read for part in tree.walk(said))


def _errors(said: Term, program: Cell) -> Iterator[Term]:
    """In place of a value of a step, the gradient of another quantity of that step."""
    if isinstance(said, Ref) and not said.at and said.time is not None:
        for equation in program.equations:
            if equation.symbol.name != said.name:
                yield tree.Gradient(replace(said, name=equation.symbol.name))
