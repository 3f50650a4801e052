"""Unknown sizes: variables that are merged as equations demand, and sums of them for stacked parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sympy import Expr, Integer

from derive.errors import InputError, ShapeError
from derive.nodes import size


@dataclass(frozen=True)
class Dim:
    """A number of rows or columns: a constant plus size variables (with repetition, sorted)."""

    constant: int
    variables: tuple[int, ...] = ()

    def __add__(self, other: Dim) -> Dim:
        return Dim(self.constant + other.constant, tuple(sorted(self.variables + other.variables)))


ONE = Dim(1)


def total(parts: Iterable[Dim]) -> Dim:
    """The sum of some sizes."""
    return sum(parts, Dim(0))


class Sizes:
    """All size variables of a note."""

    def __init__(self) -> None:
        self.bound: dict[int, Dim] = {}
        self.letters: dict[int, str] = {}
        self.declared: dict[str, Dim] = {}
        self.waiting: list[tuple[Dim, Dim, Callable[[], InputError]]] = []
        self.count = 0

    def fresh(self) -> Dim:
        """A new unknown size."""
        self.count += 1
        return Dim(0, (self.count,))

    def letter(self, name: str) -> Dim:
        """The size that a note calls by this letter."""
        if name not in self.declared:
            dim = self.fresh()
            self.letters[dim.variables[0]] = name
            self.declared[name] = dim
        return self.declared[name]

    def equate(self, left: str, right: str) -> None:
        """Two declared letters stand for the same size; the right one is kept."""
        first, second = self.find(self.letter(left)), self.find(self.letter(right))
        if first != second:
            self.letters.pop(first.variables[0])
            self.bound[first.variables[0]] = second

    def find(self, dim: Dim) -> Dim:
        """A size with everything known put in."""
        while any(variable in self.bound for variable in dim.variables):
            total = Dim(dim.constant)
            for variable in dim.variables:
                total += self.bound.get(variable, Dim(0, (variable,)))
            dim = total
        return dim

    def is_one(self, dim: Dim) -> bool:
        """Whether this is certainly 1."""
        return self.find(dim) == ONE

    def unify(self, left: Dim, right: Dim, failure: Callable[[], InputError]) -> None:
        """Make two sizes equal, or raise what `failure` returns; what cannot be decided yet waits."""
        if not self._merge(left, right):
            raise failure()
        if len(self.find(left).variables) + len(self.find(right).variables) > 2 or self.find(left) != self.find(right):
            self.waiting.append((left, right, failure))

    def is_open(self, dim: Dim) -> bool:
        """Whether a part of this has no letter."""
        return any(variable not in self.letters for variable in self.find(dim).variables)

    def settle(self, *, final: bool = True) -> None:
        """Decide what waited; `final` refuses what remains open."""
        changed = True
        while changed and self.waiting:
            changed = False
            for item in list(self.waiting):
                left, right, failure = item
                before = len(self.bound)
                if not self._merge(left, right):
                    raise failure()
                if self.find(left) == self.find(right):
                    self.waiting.remove(item)
                    changed = True
                changed = changed or len(self.bound) != before
        if self.waiting and final:
            raise self.waiting[0][2]()

    def _merge(self, left: Dim, right: Dim) -> bool:
        left, right = self.find(left), self.find(right)
        first, second = Counter(left.variables), Counter(right.variables)
        common = first & second
        a = tuple(sorted((first - common).elements()))
        b = tuple(sorted((second - common).elements()))
        constant = left.constant - right.constant
        if not a and not b:
            return constant == 0
        if len(a) == 1 and len(b) == 1 and constant == 0:
            return self._join(a[0], b[0])
        for one, others, rest in ((a, b, -constant), (b, a, constant)):
            if len(one) == 1 and one[0] not in self.letters and rest >= 0 and (others or rest > 0):
                self.bound[one[0]] = Dim(rest, others)
                return True
            if (share := self._share(one, others, rest)) is not None:
                self.bound[one[0]] = share
                return True
        if not a or not b:
            # a sum of sizes can be no smaller than its parts
            remaining, target = (a, -constant) if not b else (b, constant)
            return target >= len(remaining) and any(v not in self.letters for v in remaining)
        return len(a) + len(b) > 2 and any(v not in self.letters for v in a + b)

    def _share(self, one: tuple[int, ...], others: tuple[int, ...], rest: int) -> Dim | None:
        """What each of several equal sizes without a letter is: H of 4 a = 4 H."""
        count = len(one)
        if count < 2 or len(set(one)) > 1 or one[0] in self.letters or one[0] in others:
            return None
        numbers = Counter(others)
        if rest < 0 or rest % count or any(number % count for number in numbers.values()):
            return None
        found = Dim(rest // count, tuple(sorted(v for v, number in numbers.items() for _ in range(number // count))))
        return found if found.variables or found.constant else None

    def _join(self, a: int, b: int) -> bool:
        if a in self.letters and b in self.letters:
            return False
        if a in self.letters or (b not in self.letters and a < b):
            a, b = b, a
        self.bound[a] = Dim(0, (b,))
        return True

    def expression(self, dim: Dim) -> Expr:
        """A size as SymPy, when every variable has its letter."""
        dim = self.find(dim)
        total: Expr = Integer(dim.constant)
        for variable in dim.variables:
            if variable not in self.letters:
                raise ShapeError(
                    "nothing says how many entries a vector of ones or an identity matrix has here",
                    hint="give its product a name, and declare that: $e_t \\in \\mathbb{R}^{H}$",
                )
            total += size(self.letters[variable])
        return total

    def show(self, dim: Dim, names: dict[int, str]) -> str:
        """A size for a message; an unknown one by the quantity that has it."""
        dim = self.find(dim)
        parts = [self.letters.get(v) or names.get(v, "?") for v in dim.variables]
        counted = [f"{n if n > 1 else ''}{part}" for part, n in Counter(parts).items()]
        if dim.constant or not parts:
            counted.append(str(dim.constant))
        return "+".join(counted)
