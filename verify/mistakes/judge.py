"""Candidates for a true formula, tried fast at one random point; what holds there is then decided exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeAlias

from sympy import Basic, MatAdd

from derive.nodes import Adjoint, Jacobian, Node, T, TimeProduct, TimeSum, transpose
from verify.truth.comparison import Answer, Setting
from verify.truth.exact import Environment, evaluate, whole
from verify.truth.field import NoValueError, P, UnsupportedError
from verify.truth.scales import NoPointError

Value: TypeAlias = tuple[int, ...]
"""All entries of a formula at the random point."""

ATTEMPTS = 8
UNDEFINED = (NoValueError, NoPointError, UnsupportedError, ValueError)
"""What stands for a formula that has no value here."""


PARTS = 30_000
"""How many parts of formulas are evaluated to explain one that is wrong: about a second of work."""
BUILT, DECIDED = 8, 400
"""The share of a formula's parts that it costs to change one, and what it costs to decide exactly about one."""


@dataclass
class Purse:
    """What a search may still cost, in parts of formulas evaluated: the same on every machine, and for every cell."""

    left: int = PARTS

    def pay(self, parts: int) -> None:
        """Take that many parts out; what is begun is finished."""
        self.left -= parts

    def affords(self, parts: int) -> int:
        """How many things of that cost can still be paid."""
        return max(0, self.left) // max(1, parts)

    def share(self, parts: int) -> Purse:
        """A purse of its own with so many parts, or what is left, taken out of this one."""
        given = max(0, min(parts, self.left))
        self.pay(given)
        return Purse(given)


class _Paid(dict[Any, Any]):
    """What parts are worth, each paid for when it is found."""

    def __init__(self, cost: Callable[[Node], int], purse: Purse) -> None:
        super().__init__()
        self._cost, self._purse = cost, purse

    def __setitem__(self, key: Any, value: Any) -> None:
        self._purse.pay(self._cost(key[0]))
        super().__setitem__(key, value)


@dataclass
class Judge:
    """The left side at a random point of a setting, and the values there of what has been compared with it."""

    setting: Setting
    left: Node
    purse: Purse = field(default_factory=Purse)
    _environment: Environment | None = None
    _claimed: tuple[Node, ...] = ()
    _left: Value = ()
    _values: dict[Node, Value | None] = field(default_factory=dict)

    def opened(self, right: Node) -> bool:
        """Find a point at which both sides have a value, if possible one at which they differ; or the left alone."""
        self._claimed = (right,)
        for sides in ((self.left, right), (self.left,)):
            for seed in range(ATTEMPTS):
                try:
                    environments = self.setting.environments(sides, seed)
                    if not environments:
                        break
                    environment, self._left = self._telling(sides, environments)
                    self._environment = replace(environment, known=_Paid(self._cost, self.purse))
                except NoValueError:
                    continue
                except UNDEFINED:
                    break
                return True
        return False

    @staticmethod
    def _telling(sides: tuple[Node, ...], environments: list[Environment]) -> tuple[Environment, Value]:
        """The point that tells most: one where the sides differ, near the middle of the sequence."""
        middle = len(environments) // 2
        for k in sorted(range(len(environments)), key=lambda k: abs(k - middle)):
            environment = environments[k]
            left, *others = (_entries(side, environment) for side in sides)
            if left not in others:
                return environment, left
        return environments[middle], _entries(sides[0], environments[middle])

    def spent(self) -> bool:
        """Whether the search has cost what it may."""
        return self.purse.left <= 0

    @property
    def truth(self) -> Value:
        """The left side at the point."""
        return self._left

    def value(self, node: Node) -> Value | None:
        """A formula at the point; None where it has no value there."""
        assert self._environment is not None
        if node not in self._values:
            parts = _terms(node)
            if len(parts) > 1:  # candidates differ in a term or two: the others are known
                values = [self.value(part) for part in parts]
                known = [value for value in values if value is not None]
                total = tuple(sum(entries) % P for entries in zip(*known, strict=True))
                self._values[node] = total if len(known) == len(values) else None
            else:
                try:
                    self._values[node] = _entries(node, self._environment)
                except UNDEFINED:
                    self._values[node] = None
        return self._values[node]

    def _cost(self, node: Node) -> int:
        """What it costs to evaluate a part; a derivative takes the equations of every step for every entry."""
        assert self._environment is not None
        if not isinstance(node, Adjoint | Jacobian):
            return 1
        through = len(self.setting.bench.program.equations) * self._environment.numbers[T]
        return through * whole(node.rows * node.cols, self._environment.numbers) // BUILT

    def proves(self, node: Node) -> bool:
        """Whether a formula says what the left side is, decided exactly; the left side itself says nothing."""
        if node in (self.left, transpose(self.left)) or node.shape != self.left.shape or self.value(node) != self._left:
            return False
        self.purse.pay(DECIDED)
        return self._same(self.left, node)

    def same(self, one: Node, other: Node) -> bool:
        """Whether two formulas say the same, decided exactly."""
        if one == other:
            return True
        self.purse.pay(DECIDED)
        return self._same(one, other)

    def _same(self, one: Node, other: Node) -> bool:
        """In the worlds that suit the claim as well: those are known already, as a rule."""
        bench = self.setting.bench
        claimed = () if bench.shorter(self._claimed) else (self.left, *self._claimed)
        over = bench.scales((*claimed, one, other))
        return self.setting.compare(one, other, over).answer is Answer.SAME


def _entries(node: Node, environment: Environment) -> Value:
    return tuple(entry for row in evaluate(node, environment).value for entry in row)


def _terms(node: Node) -> list[Node]:
    """The terms of a sum; of a sum over time, the sums of its terms."""
    if isinstance(node, TimeSum) and not isinstance(node, TimeProduct):
        return [_summed(term, tuple(node.args[1:])) for term in _terms(node.term)]
    return list(node.args) if isinstance(node, MatAdd) else [node]


@lru_cache(maxsize=4096)
def _summed(term: Node, bounds: tuple[Basic, ...]) -> Node:
    """The sum over time of a term, one object for all candidates that share it."""
    return TimeSum(term, *bounds)


def minus(a: Value, b: Value) -> Value:
    """The difference, entry by entry."""
    return tuple((x - y) % P for x, y in zip(a, b, strict=True))


def plus(a: Value, b: Value) -> Value:
    """The sum, entry by entry."""
    return tuple((x + y) % P for x, y in zip(a, b, strict=True))
