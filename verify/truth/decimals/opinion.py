"""Two expressions of a claim -> whether they agree as decimals where the exact arithmetic found them different."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from itertools import chain

from sympy import Symbol

from derive import nodes
from derive.cell import Assumption, Cell
from derive.nodes import Adjoint, Jacobian, Node, Quantity
from verify.truth.decimals.matrices import Leaf, Moving, Place, computed, filled
from verify.truth.decimals.scalars import AGREEING, CARRIED, CONTEXT, NoRealError, Real, close
from verify.truth.decimals.trial import Trial
from verify.truth.exact import whole
from verify.truth.field import UnsupportedError, kinked
from verify.truth.world import key_of

WORDS = "by numbers: both sides agree to 40 digits at random points"
POINTS, ATTEMPTS = 2, 24


class Opinion(Enum):
    """What the decimals say."""

    AGREE = "agree"
    DIFFER = "differ"
    NONE = "none"


def opinion(
    left: Node,
    right: Node,
    cell: Cell,
    program: Cell,
    numbers: Mapping[Symbol, int],
    assumptions: tuple[Assumption, ...] = (),
    plain: bool = False,
) -> Opinion:
    """Whether both sides agree to 40 digits at random points, with those numbers for sizes, T and indices.

    `program` has names for arguments that `cell` does not name. Sides of different shapes differ. NONE: no point was
    found at which both have a value.
    """
    if any(whole(one, numbers) != whole(other, numbers) for one, other in zip(left.shape, right.shape, strict=True)):
        return Opinion.DIFFER
    sizes = tuple((letter, numbers[letter]) for letter in cell.sizes)

    def sides(seed: int, digits: int) -> list[tuple[Real, Real]]:
        """Every entry of both sides at one point."""
        with CONTEXT.workdps(digits):
            positive = seed >= ATTEMPTS // 3
            trial = _trial(cell, sizes, numbers[nodes.T], seed, assumptions, plain, positive, digits)
            place = placed(trial, cell, program, numbers)
            one, other = computed(left, place).value, computed(right, place).value
        return list(zip(chain.from_iterable(one), chain.from_iterable(other), strict=True))

    bends = kinked(cell.functions)  # where a function is flat, both sides may be zero by chance
    found, wanted = 0, ATTEMPTS if bends else POINTS
    for seed in range(ATTEMPTS):
        try:
            entries = sides(seed, CARRIED)
            if not all(close(a, b) for a, b in entries) and _stays(entries, sides(seed, 2 * CARRIED)):
                return Opinion.DIFFER
        except NoRealError:
            continue
        except UnsupportedError:
            return Opinion.NONE
        found += 1
        if found == wanted:
            return Opinion.AGREE
    return Opinion.AGREE if bends and found >= POINTS else Opinion.NONE


def _stays(entries: list[tuple[Real, Real]], again: list[tuple[Real, Real]]) -> bool:
    """Whether a difference is still there with more digits; what cancels leaves as much as the digits let it."""
    gaps = ((abs(a - b), abs(c - d)) for (a, b), (c, d) in zip(entries, again, strict=True) if not close(a, b))
    return any(gap > AGREEING * before for before, gap in gaps)


@lru_cache(maxsize=32)
def _trial(
    cell: Cell,
    sizes: tuple[tuple[Symbol, int], ...],
    steps: int,
    seed: int,
    assumptions: tuple[Assumption, ...],
    plain: bool,
    positive: bool,
    digits: int,
) -> Trial:
    if plain:
        return _trial(cell, sizes, steps, seed, assumptions, False, positive, digits).plainly()
    return Trial.draw(cell, dict(sizes), steps, seed, assumptions, positive=positive)


def placed(trial: Trial, cell: Cell, program: Cell, numbers: Mapping[Symbol, int]) -> Place:
    """All leaves have their true values; what only the program names is read off the program."""
    own, states = cell.quantities, {state.name for state in cell.states}
    programs = trial.seen_by(program) if program != cell else trial

    def leaf(node: Leaf, at: Mapping[Symbol, int]) -> Moving:
        if isinstance(node, Quantity):
            return Moving((trial if node.name in own else programs).value(key_of(node, at)))
        if isinstance(node, Jacobian):
            known = node.of.name in own and node.by.name in own
            return Moving((trial if known else programs).derivative(node, at))
        assert isinstance(node, Adjoint)
        name, time = key_of(node.quantity, at)
        if time is not None and time < 1 and name not in states:
            return Moving(filled(*(whole(n, trial.sizes) for n in node.shape)))
        return Moving((trial if name in own else programs).derivative(node, at))

    return Place(numbers, leaf)
