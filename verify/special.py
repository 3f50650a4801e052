"""Special cases in which a wrong formula is true: the last step, a single step, a symmetric matrix, no loss here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from sympy import Expr

from derive.cell import Assumption, Cell
from derive.nodes import Adjoint, Node, Quantity, T, TimeSum, children, t
from derive.targets.formula import latex
from verify.comparison import Setting
from verify.exact import evaluate
from verify.field import NoValueError, UnsupportedError
from verify.mistakes.context import quantities_of
from verify.world import STEPS, NoPointError, World

TRIALS = 2


@dataclass(frozen=True)
class Case:
    """A special case in words, a world in which it holds, and the steps to look at; of a family the first is told."""

    words: str
    family: str
    world: Callable[[int], World]
    steps: tuple[int, ...]


def true_when(left: Node, right: Node, setting: Setting) -> str:
    """The special cases in which a wrong formula is true, in words; empty if none is known."""
    if left.shape != right.shape or setting.domains or (moments(left) | moments(right)) - {t}:
        return ""
    found: dict[str, str] = {}
    for case in _cases(left, right, setting):
        holds = (_holds(left, right, case, setting, seed) for seed in range(TRIALS))
        if case.family not in found and all(holds):
            found[case.family] = case.words
    return "; or ".join(found.values())


def _cases(left: Node, right: Node, setting: Setting) -> Iterator[Case]:
    cell = setting.bench.cell
    here = t in moments(left) | moments(right)

    def world(kind: str) -> Callable[[int], World]:
        return lambda seed: _drawn(cell, setting.assumptions, kind, seed, setting.plain)

    if cell.states and here:
        asked = "" if setting.plain else ", nothing being asked of the final states"
        yield Case(f"$t = T${asked}", "end", world("outputs"), (STEPS,))
    yield Case("$T = 1$", "end", world("one step"), (1,))
    if cell.states:
        zero = ", ".join(f"${latex(state.at(0), cell.notation)} = 0$" for state in cell.states)
        yield Case(f"$T = 1$ and {zero}", "end", world("one step from zero"), (1,))
        if here:
            yield Case(f"$t = 1$ and {zero}", "end", world("from zero"), (1,))
    yield Case(
        "$J$ reads the output of the last step alone, at every earlier step", "losses",
        world("last loss"), tuple(range(1, STEPS)),
    )  # fmt: skip
    squares = tuple(q for q in cell.parameters if q.shape[0] == q.shape[1] != 1 and _occurs(q, right))
    if squares:
        words = " and ".join(f"${latex(q, cell.notation)}$" for q in squares)
        verb = "is" if len(squares) == 1 else "are"
        kind = "symmetric " + " ".join(q.name for q in squares)
        yield Case(f"{words} {verb} symmetric", "matrices", world(kind), tuple(range(1, STEPS)))


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


def _occurs(quantity: Quantity, node: Node) -> bool:
    return node == quantity or any(_occurs(quantity, child) for child in children(node))


def _holds(left: Node, right: Node, case: Case, setting: Setting, seed: int) -> bool:
    """Whether both sides agree at all steps of the case, and are not merely zero."""
    try:
        world = case.world(seed)
        environments = [setting.bench.environment(world, {t: step}) for step in case.steps]
        found = [(evaluate(left, there).value, evaluate(right, there).value) for there in environments]
    except (NoValueError, NoPointError, UnsupportedError, ValueError):
        return False
    return all(a == b for a, b in found) and any(entry for a, _ in found for row in a for entry in row)


@lru_cache(maxsize=32)
def _drawn(cell: Cell, assumptions: tuple[Assumption, ...], kind: str, seed: int, plain: bool) -> World:
    if kind.startswith("one step") or kind == "from zero":
        zero = tuple(Assumption("starts at zero", state) for state in cell.states) if kind.endswith("zero") else ()
        steps = 1 if kind.startswith("one step") else STEPS
        return World.draw(cell, seed, steps, assumptions=(*assumptions, *zero), plain=plain)
    world = World.draw(cell, seed, assumptions=assumptions, plain=plain)
    given = dict(world.values)
    if kind.startswith("symmetric"):
        for name in kind.split()[1:]:
            matrix = given[name, None]
            given[name, None] = [[matrix[max(i, j)][min(i, j)] for j in range(len(matrix))] for i in range(len(matrix))]
    changed = World(cell, world.sizes, world.steps, world.seed, world.table, plain, given)
    if kind in ("outputs", "last loss"):
        first = world.steps if kind == "last loss" else 1
        read = (world.read_at(step) for step in range(first, world.steps + 1))
        changed.__dict__["gradients"] = {key: gradient for found in read for key, gradient in found.items()}
    return changed.seen_by(cell)
