"""Special cases in which a wrong formula is true: the last step, a single step, a symmetric matrix, no loss here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sympy import Symbol

from derive.cell import Assumption, Cell
from derive.nodes import Node, Quantity, children
from derive.targets.formula import latex
from verify.exact import evaluate
from verify.field import NoValueError, UnsupportedError
from verify.world import STEPS, NoPointError, World

TRIALS = 2


@dataclass(frozen=True)
class Case:
    """A special case in words, a world in which it holds, and the steps to look at; of a family the first is told."""

    words: str
    family: str
    world: Callable[[int], World]
    steps: tuple[int, ...]


def true_when(
    left: Node,
    right: Node,
    cell: Cell,
    assumptions: tuple[Assumption, ...] = (),
    numbers: Mapping[Symbol, int] | None = None,
) -> str:
    """The special cases in which a wrong formula is true, in words; empty if none is known."""
    if left.shape != right.shape or numbers:
        return ""
    found: dict[str, str] = {}
    for case in _cases(left, right, cell, assumptions):
        if case.family not in found and all(_holds(left, right, case, seed) for seed in range(TRIALS)):
            found[case.family] = case.words
    return "; or ".join(found.values())


def _cases(left: Node, right: Node, cell: Cell, assumptions: tuple[Assumption, ...]) -> Iterator[Case]:
    if cell.states:
        yield Case(
            "$t = T$, nothing being asked of the final states", "end", _world(cell, assumptions, "outputs"), (STEPS,)
        )
    yield Case("$T = 1$", "end", _world(cell, assumptions, "one step"), (1,))
    if cell.states:
        zero = ", ".join(f"${latex(state.at(0), cell.notation)} = 0$" for state in cell.states)
        yield Case(f"$T = 1$ and {zero}", "end", _world(cell, assumptions, "one step from zero"), (1,))
        yield Case(f"$t = 1$ and {zero}", "end", _world(cell, assumptions, "from zero"), (1,))
    yield Case(
        "$J$ reads the output of the last step alone, at every earlier step", "losses",
        _world(cell, assumptions, "last loss"), tuple(range(1, STEPS)),
    )  # fmt: skip
    squares = tuple(q for q in cell.parameters if q.shape[0] == q.shape[1] != 1 and _occurs(q, right))
    if squares:
        words = " and ".join(f"${latex(q, cell.notation)}$" for q in squares)
        verb = "is" if len(squares) == 1 else "are"
        kind = "symmetric " + " ".join(q.name for q in squares)
        yield Case(f"{words} {verb} symmetric", "matrices", _world(cell, assumptions, kind), tuple(range(1, STEPS)))


def _occurs(quantity: Quantity, node: Node) -> bool:
    return node == quantity or any(_occurs(quantity, child) for child in children(node))


def _holds(left: Node, right: Node, case: Case, seed: int) -> bool:
    """Whether both sides agree at all steps of the case, and are not merely zero."""
    try:
        world = case.world(seed)
        found = [
            (evaluate(left, world.environment(step)).value, evaluate(right, world.environment(step)).value)
            for step in case.steps
        ]
    except (NoValueError, NoPointError, UnsupportedError, ValueError):
        return False
    return all(a == b for a, b in found) and any(entry for a, _ in found for row in a for entry in row)


def _world(cell: Cell, assumptions: tuple[Assumption, ...], kind: str) -> Callable[[int], World]:
    return lambda seed: _drawn(cell, assumptions, kind, seed)


@lru_cache(maxsize=32)
def _drawn(cell: Cell, assumptions: tuple[Assumption, ...], kind: str, seed: int) -> World:
    if kind.startswith("one step") or kind == "from zero":
        zero = tuple(Assumption("starts at zero", state) for state in cell.states) if kind.endswith("zero") else ()
        steps = 1 if kind.startswith("one step") else STEPS
        return World.draw(cell, seed, steps, assumptions=(*assumptions, *zero))
    world = World.draw(cell, seed, assumptions=assumptions)
    given = dict(world.values)
    if kind.startswith("symmetric"):
        for name in kind.split()[1:]:
            matrix = given[name, None]
            given[name, None] = [[matrix[max(i, j)][min(i, j)] for j in range(len(matrix))] for i in range(len(matrix))]
    changed = World(cell, world.sizes, world.steps, world.seed, world.table, values=given)
    if kind in ("outputs", "last loss"):
        first = world.steps if kind == "last loss" else 1
        read = {(cell.output.name, step) for step in range(first, world.steps + 1)}
        outputs = {key: world.random("g of", cell.output, key[1]) for key in sorted(read)}
        changed.__dict__["gradients"] = outputs
    return changed.seen_by(cell)
