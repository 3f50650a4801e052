"""Special cases in which a wrong formula is true: the last step, a single step, a symmetric matrix, no loss here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

from sympy import Expr, S

from derive.cell import Assumption, Cell
from derive.nodes import Adjoint, Node, Quantity, Softmax, T, TimeSum, children, t
from derive.nodes.norms import Norm
from derive.patterns import regex
from derive.targets.formula import latex
from verify.formulas.judgement import Judgement
from verify.truth.comparison import REDRAWS, Setting
from verify.truth.exact import evaluate
from verify.truth.field import NoValueError, UnsupportedError
from verify.truth.scales import NoPointError, Scale, quantities_of, reach
from verify.truth.world import World

LAST_OUTPUT = "$J$ reads the output of the last step alone"
DIAGONAL = "a vector stands for the diagonal matrix"
IN_ORDER = "vectors stand beside matrices: of numbers it is true, and of matrices the factors stand in another order"
LENGTH = regex(r"\$T = (\d+)\$")
"""The case of as many steps as a formula names by their numbers, two at least."""
LONGEST = 6
OR = "; or "
"""What stands between several cases."""


@dataclass(frozen=True)
class Case:
    """A special case in words, a world of a scale in which it holds, and the steps to look at there.

    Of a family the first is told.
    """

    words: str
    family: str
    world: Callable[[int, Scale], World]
    steps: Callable[[Scale], Iterable[int]]
    fresh: bool = False
    """Whether it has data of its own: a short sequence is looked at first, since most cases fail there."""


def true_when(left: Node, right: Node, setting: Setting) -> str:
    """The special cases in which a wrong formula is true, in words; empty if none is known."""
    if left.shape != right.shape or setting.domains or (moments(left) | moments(right)) - {t}:
        return ""
    found: dict[str, str] = {}
    trials = setting.bench.trials((left, right))
    number, scale = trials[0]
    short = scale.of_length(min(scale.steps, reach((left, right)) + 2))
    for case in _cases(left, right, setting):
        tried = [(number, short), *trials] if case.fresh else trials
        if case.family not in found and all(_holds(left, right, case, setting, *trial) for trial in tried):
            found[case.family] = case.words
    return OR.join(found.values())


@lru_cache(maxsize=8)
def of_numbers(cell: Cell, *, every: bool = False) -> Cell:
    """The same cell with sizes 1, in which letters are numbers; a formula in scalar notation is about it.

    What a softmax or a norm runs over keeps its size, unless `every` size is to be 1: of one number it is constant, and
    no gradient is left.
    """
    kept = set() if every else _taken_together(cell)
    ones = dict.fromkeys(set(cell.sizes) - kept, S.One)

    def small(node: Node) -> Node:
        return cast(Node, node.xreplace(ones))

    def all_small(quantities: Iterable[Quantity]) -> tuple[Quantity, ...]:
        return tuple(cast(Quantity, small(quantity)) for quantity in quantities)

    return replace(
        cell,
        equations=tuple(replace(e, symbol=small(e.symbol), expression=small(e.expression)) for e in cell.equations),
        inputs=all_small(cell.inputs),
        states=all_small(cell.states),
        parameters=all_small(cell.parameters),
        output=cast(Quantity, small(cell.output)),
        targets=all_small(cell.targets),
        assumptions=(),
    )


def of_order_alone(judgement: Judgement) -> bool:
    """Whether nothing is wrong but the order of factors, where a vector had to stand for a diagonal matrix."""
    names = {mistake.name for mistake in judgement.mistakes}
    return names == {"product order"} and DIAGONAL in judgement.assumptions


def _taken_together(cell: Cell) -> set[Expr]:
    """The sizes over which something is taken together that is constant where it is of one number."""
    parts = [part for e in cell.equations for part in e.expression.atoms(Softmax, Norm)]
    return {size for part in parts for dimension in part.args[0].shape for size in dimension.free_symbols}


def _cases(left: Node, right: Node, setting: Setting) -> Iterator[Case]:
    cell = setting.bench.cell
    here = t in moments(left) | moments(right)

    def world(kind: str) -> Callable[[int, Scale], World]:
        return lambda number, scale: _drawn(setting, kind, number, scale)

    def first(scale: Scale) -> Iterable[int]:
        return (1,)

    def earlier(scale: Scale) -> Iterable[int]:
        return range(1, scale.steps)

    if cell.states and here:
        asked = "" if setting.plain else ", nothing being asked of the final states"
        yield Case(f"$t = T${asked}", "end", world("outputs"), lambda scale: (scale.steps,))
    yield Case("$T = 1$", "end", world("one step"), first)
    if cell.states:
        zero = ", ".join(f"${latex(state.at(0), cell.notation)} = 0$" for state in cell.states)
        yield Case(f"$T = 1$ and {zero}", "end", world("one step from zero"), first)
        if here:
            yield Case(f"$t = 1$ and {zero}", "end", world("from zero"), first, fresh=True)
    if 1 < (steps := max(_fixed(left) | _fixed(right), default=0)) <= LONGEST:
        yield Case(f"$T = {steps}$", "length", world(f"length {steps}"), first)
    yield Case(LAST_OUTPUT + ", at every earlier step" if here else LAST_OUTPUT, "losses", world("last loss"), earlier)
    for step in sorted(_fixed(right)):
        yield Case(f"$J$ reads the output of step {step} alone", "losses", world(f"loss {step}"), earlier)
    squares = tuple(q for q in cell.parameters if q.shape[0] == q.shape[1] != 1 and _occurs(q, right))
    if squares:
        words = " and ".join(f"${latex(q, cell.notation)}$" for q in squares)
        verb = "is" if len(squares) == 1 else "are"
        kind = "symmetric " + " ".join(q.name for q in squares)
        yield Case(f"{words} {verb} symmetric", "matrices", world(kind), earlier, fresh=True)


def moments(node: Node) -> set[Expr]:
    """The letters in the times of a formula, but for those that a sum or product over time binds."""
    found: set[Expr] = set()
    for child in children(node):
        found |= moments(child)
    if isinstance(node, TimeSum):
        found -= {node.index}
        found |= node.first.free_symbols | node.last.free_symbols
    times = [quantity.time for quantity in quantities_of(node) if quantity.time is not None]
    times += [node.only] if isinstance(node, Adjoint) and node.only is not None else []
    return (found | {letter for time in times for letter in time.free_symbols}) - {T}


def _fixed(node: Node) -> set[int]:
    """The steps that a formula names by their number."""
    times = [q.time for q in quantities_of(node)]
    times += [node.only] if isinstance(node, Adjoint) else []
    times += [node.last] if isinstance(node, TimeSum) else []
    own = {int(time) for time in times if time is not None and time.is_Integer and time > 0}
    return own.union(*(_fixed(child) for child in children(node)))


def _occurs(quantity: Quantity, node: Node) -> bool:
    return node == quantity or any(_occurs(quantity, child) for child in children(node))


def _holds(left: Node, right: Node, case: Case, setting: Setting, number: int, scale: Scale) -> bool:
    """Whether both sides agree at all steps of the case, and are not merely zero.

    That something is zero is what a formula may say of steps without a loss.
    """
    try:
        world, zero = case.world(number, scale), not (case.family == "losses" and right.is_ZeroMatrix)
        for step in case.steps(scale):
            there = setting.bench.environment(world, {t: step})
            value = evaluate(left, there).value
            if value != evaluate(right, there).value:
                return False
            zero &= not any(map(any, value))
    except (NoValueError, NoPointError, UnsupportedError):
        return False
    return not zero


def _drawn(setting: Setting, kind: str, number: int, scale: Scale) -> World:
    """Random data of that scale, the first or the second of a comparison, in a special case."""
    bench, facts = setting.bench, setting.facts
    if kind.endswith("zero"):
        zero = tuple(Assumption("starts at zero", state) for state in bench.cell.states)
        facts = replace(facts, assumptions=(*facts.assumptions, *zero))
    length = 1 if kind.startswith("one step") else int(kind.removeprefix("length ")) if "length" in kind else 0
    world = bench.world(REDRAWS * number, scale.of_length(length) if length else scale, facts)
    if length or kind == "from zero":
        return world
    if kind.startswith("symmetric"):
        return _symmetric(world, tuple(kind.split()[1:]))
    every = range(1, world.steps + 1)
    only = {"outputs": every, "last loss": every[-1:]}.get(kind) or (int(kind.removeprefix("loss ")),)
    read = (world.read_at(step) for step in only)
    return world.asked({key: gradient for found in read for key, gradient in found.items()})


def _symmetric(world: World, names: tuple[str, ...]) -> World:
    given = dict(world.values)
    for name in names:
        matrix = given[name, None]
        given[name, None] = [[matrix[max(i, j)][min(i, j)] for j in range(len(matrix))] for i in range(len(matrix))]
    changed = World(world.cell, world.sizes, world.steps, world.seed, world.table, world.plain, world.batch, given)
    return changed.seen_by(world.cell)
