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
from verify.truth.decimals.scalars import CONTEXT, NoRealError, Real
from verify.truth.decimals.trial import Trial
from verify.truth.exact import whole
from verify.truth.field import UnsupportedError
from verify.truth.world import key_of

WORDS = "by numbers: both sides agree to 40 digits at random points"
POINTS, ATTEMPTS = 2, 24
AGREEING = CONTEXT.mpf(10) ** -40


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

    `program` has names for arguments that `cell` does not name. NONE: no point was found at which both have a value.
    """
    sizes = tuple((letter, numbers[letter]) for letter in cell.sizes)
    found = 0
    for seed in range(ATTEMPTS):
        try:
            trial = _trial(cell, sizes, numbers[nodes.T], seed, assumptions, plain, seed >= ATTEMPTS // 3)
            place = placed(trial, cell, program, numbers)
            one, other = computed(left, place).value, computed(right, place).value
        except NoRealError:
            continue
        except UnsupportedError:
            return Opinion.NONE
        if not all(map(close, chain.from_iterable(one), chain.from_iterable(other))):
            return Opinion.DIFFER
        found += 1
        if found == POINTS:
            return Opinion.AGREE
    return Opinion.NONE


def close(a: Real, b: Real) -> bool:
    """Whether two decimals agree to 40 digits, however small: gradients that vanish are not equal for it."""
    return bool(abs(a - b) <= AGREEING * max(abs(a), abs(b)))


@lru_cache(maxsize=32)
def _trial(
    cell: Cell,
    sizes: tuple[tuple[Symbol, int], ...],
    steps: int,
    seed: int,
    assumptions: tuple[Assumption, ...],
    plain: bool,
    positive: bool,
) -> Trial:
    if plain:
        return _trial(cell, sizes, steps, seed, assumptions, False, positive).plainly()
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
