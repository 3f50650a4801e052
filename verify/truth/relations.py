"""Functions in the field with the identities that relate them at different arguments.

`verify.truth.field` knows exp(-a) = 1/exp(a) and what follows for σ and tanh. Here a value that is needed is first
looked for among the products, powers and roots of values at hand:

- exp(a + b) = exp(a) exp(b), and log is its inverse; softplus(a) = log(1 + exp(a)),
- max, |a|, the sign and the step of c a for a positive number c, of exponentials and of what is made of them,
- cos² + sin² = 1, and both at sums and at rational multiples of arguments.

All of them hold for real numbers, so what they make equal is equal; what they miss stays different. A search among
all pairs of values is slow, so this table is used only for what decimals have found to agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

from verify.truth.field import HALF, NoValueError, P, Table, inverse

COFACTOR = 2 * 9 * 25 * 7 * 11 * 13
"""Exponentials are drawn as powers with this exponent: then they have one root of each small degree among them."""
ORDER = (P - 1) // COFACTOR
LARGEST = 12
"""Numerators and denominators of the factors that are looked for."""
MOST_PAIRS = 300
"""Among how many values sums of three arguments are looked for."""


def small_ratio(a: int, b: int) -> Fraction | None:
    """The fraction c with a = c b whose parts are at most LARGEST, if there is one."""
    if not b:
        return None
    ratio = a * inverse(b) % P
    for below in range(1, LARGEST + 1):
        above = ratio * below % P
        for signed in (above, above - P):
            if 0 < abs(signed) <= LARGEST:
                return Fraction(signed, below)
    return None


class Related(Table):
    """A table whose new values follow from old ones where an identity says so."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._logs: dict[int, int] = {}
        """Every known exponential with its argument: exp and log in one."""
        self._exps: dict[int, int] = {}
        self._signs: dict[int, int] = {}
        self._angles: dict[int, tuple[int, int]] = {}

    def forget(self, mark: int) -> None:
        while len(self._drawn) > mark:
            (name, arguments), _ = self._drawn.popitem()
            if name == "pair":
                argument, value = arguments
                self._exps.pop(argument, None)
                self._logs.pop(value, None)
            elif name == "sign of":
                self._signs.pop(arguments[0], None)
            elif name == "angle":
                self._angles.pop(arguments[0], None)

    def forget_entry(self, entry: tuple[int, int], first: int, last: int) -> bool:
        """Never: a value may follow from those of other entries."""
        return False

    def call(self, name: str, *arguments: int) -> int:
        a = arguments[0] % P if arguments else 0
        match name:
            case "exp":
                return self.exp(a)
            case "log":
                return self.log(a)
            case "sigmoid":
                return inverse(1 + self.exp(-a % P))
            case "tanh":
                return (2 * inverse(1 + self.exp(-2 * a % P)) - 1) % P
            case "softplus":
                return self.log((1 + self.exp(a)) % P)
            case "sin":
                return self.angle(a)[1]
            case "cos":
                return self.angle(a)[0]
        return super().call(name, *arguments)

    # exp and log: one set of pairs

    def _note(self, argument: int, value: int) -> None:
        if argument not in self._exps and value not in self._logs:
            self._exps[argument] = value
            self._logs[value] = argument
            self._drawn["pair", (argument, value)] = 0

    def exp(self, a: int) -> int:
        """exp(a): a product of powers of known exponentials, or a new number."""
        if a == 0:
            return 1
        if a not in self._exps:
            found = self._exp_found(a)
            if found is None:
                found = pow(self.random("exp", a) or 1, COFACTOR, P)
            self._note(a, found)
            return found
        return self._exps[a]

    def _exp_found(self, a: int) -> int | None:
        for known, value in self._exps.items():
            factor = small_ratio(a, known)
            if factor is not None:
                return self._power(value, factor)
        for known, value in self._exps.items():
            for factor in _NEAR:
                rest = (a - known * factor.numerator * inverse(factor.denominator)) % P
                other = self._of(rest, self._exps, inverted=True)
                if other is not None:
                    return self._power(value, factor) * other % P
        for first, second, one, two in self._pairs(list(self._exps)):
            other = self._of((a - one * first - two * second) % P, self._exps, inverted=True)
            if other is not None:
                return pow(self._exps[first], one, P) * pow(self._exps[second], two, P) * other % P
        return None

    def log(self, a: int) -> int:
        """log(a): a sum of known logarithms, or a new number."""
        if a == 0:
            raise NoValueError("the logarithm of zero")
        if a == 1:
            return 0
        if a not in self._logs:
            found = self._log_found(a)
            if found is None:
                found = self.random("log", a)
            self._note(found, a)
            return found
        return self._logs[a]

    def _log_found(self, a: int) -> int | None:
        other = self._of(a, self._logs, inverted=False)
        if other is not None:
            return other
        inverses = {value: inverse(value) for value in self._logs}
        for known, argument in self._logs.items():
            for factor in (1, -1, 2, -2):
                share = pow(inverses[known] if factor > 0 else known, abs(factor), P)
                rest = a * share % P
                other = 0 if rest == 1 else self._of(rest, self._logs, inverted=False)
                if other is not None:
                    return (factor * argument + other) % P
        for first, second, one, two in self._pairs(list(self._logs)):
            shares = (inverses[first] if one > 0 else first) * (inverses[second] if two > 0 else second)
            other = self._of(a * shares % P, self._logs, inverted=False)
            if other is not None:
                return (one * self._logs[first] + two * self._logs[second] + other) % P
        return None

    @staticmethod
    def _of(key: int, known: dict[int, int], *, inverted: bool) -> int | None:
        """What belongs to a key or to its opposite: of arguments −a (`inverted`), of exponentials 1/a."""
        if key in known:
            return known[key]
        opposite = -key % P if inverted else inverse(key)
        if opposite in known:
            return inverse(known[opposite]) if inverted else -known[opposite] % P
        return None

    @staticmethod
    def _pairs(values: list[int]) -> Iterator[tuple[int, int, int, int]]:
        """Two different values, each with a sign."""
        for first, second in combinations(values[:MOST_PAIRS], 2):
            for sign in (1, -1):
                yield first, second, 1, sign
                yield first, second, -1, sign

    def _power(self, value: int, exponent: Fraction) -> int:
        """A rational power: the root that is itself an exponential."""
        power = pow(value, abs(exponent.numerator), P)
        if exponent.denominator > 1:
            if pow(value, ORDER, P) != 1:
                raise NoValueError("no root of this degree")
            power = pow(power, pow(exponent.denominator, -1, ORDER), P)
        return power if exponent > 0 else inverse(power)

    # Signs

    def positive(self, a: int) -> int:
        """H(a), the same for all positive multiples of a, and 1 for what is known to be positive."""
        if a == 0:
            return HALF
        if self._of(a, self._logs, inverted=False) is not None:
            return 1
        if self._of(-a % P, self._logs, inverted=False) is not None:
            return 0
        for known, bit in ((1, 1), *((value, 1) for value in self._logs), *self._signs.items()):
            factor = small_ratio(a, known)
            if factor is not None:
                return bit if factor > 0 else 1 - bit
        bit = super().positive(a)
        self._signs[a] = bit
        self._drawn["sign of", (a,)] = bit
        return bit

    # Angles: (cos, sin) on the unit circle, added like rotations

    def angle(self, a: int) -> tuple[int, int]:
        """cos(a) and sin(a)."""
        if a == 0:
            return 1, 0
        if a not in self._angles:
            found = self._angle_found(a) or _rotated(self._circle(a), LARGEST_DOUBLING)
            self._angles[a] = found
            self._drawn["angle", (a,)] = 0
        return self._angles[a]

    def _angle_found(self, a: int) -> tuple[int, int] | None:
        known = dict(self._angles)
        for argument, point in known.items():
            factor = small_ratio(a, argument)
            if factor is not None and factor.denominator in (1, 2, 4):
                for _ in range(factor.denominator.bit_length() - 1):
                    point = self._halved(point)
                return _rotated(point, factor.numerator)
        for argument, point in known.items():
            for sign in (1, -1):
                rest = (a - sign * argument) % P
                for turn in (1, -1):
                    if turn * rest % P in known:
                        return _turned(_rotated(point, sign), _rotated(known[turn * rest % P], turn))
        return None

    def _circle(self, a: int) -> tuple[int, int]:
        """A point on the circle, by its slope."""
        slope = self.random("angle", a)
        share = inverse(1 + slope * slope)
        return (1 - slope * slope) * share % P, 2 * slope * share % P

    def _halved(self, point: tuple[int, int]) -> tuple[int, int]:
        cos, sin = point
        half = self.root((1 + cos) * HALF % P)
        return half, sin * inverse(2 * half) % P


LARGEST_DOUBLING = 4
"""Angles are drawn as four times another, so that a half and a quarter of them exist."""
_NEAR = tuple(Fraction(*pair) for pair in ((1, 1), (-1, 1), (2, 1), (-2, 1), (1, 2), (-1, 2)))


def _turned(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return (one[0] * other[0] - one[1] * other[1]) % P, (one[1] * other[0] + one[0] * other[1]) % P


def _rotated(point: tuple[int, int], times: int) -> tuple[int, int]:
    turned = (1, 0)
    for _ in range(abs(times)):
        turned = _turned(turned, point)
    return turned if times > 0 else (turned[0], -turned[1] % P)
