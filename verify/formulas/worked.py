"""Numbers worked out by hand: tanh(0.8808) = 0.7064, products of matrices of numbers, and what a letter is there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction as Exact

from derive.cell import Cell
from derive.reader.meaning.letters import letter
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import (
    Big,
    Chain,
    Dots,
    Fraction,
    Group,
    Mark,
    Name,
    Number,
    Product,
    Root,
    Run,
    Script,
    Scripted,
    Sum,
    Syntax,
)
from verify.formulas.judgement import Judgement, Word

WRITTEN = "to the digits that are written"
OTHER_DIGITS = "the numbers of both sides differ in the digits that are written"
A_VALUE = "says for which value of a quantity something is said"
ROUGHLY = ("≈", "≃", r"\approx", r"\simeq", r"\cong")
THE_SIGMOID = "σ is the sigmoid"
AN_EXAMPLE = "numbers of an example; what the letters are in it is not followed"

Matrix = tuple[tuple[Exact, ...], ...]
Known = Callable[[Syntax], Matrix | None]
"""What a part of a side is, where a document says it."""
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "tanh": math.tanh,
    "exp": math.exp,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "sigma": lambda x: 1 / (1 + math.exp(-x)),
    "tanh'": lambda x: 1 - math.tanh(x) ** 2,
    "exp'": math.exp,
    "sigmoid'": lambda x: 1 / (2 + math.exp(-x) + math.exp(x)),
}
LONG = 3
"""Digits behind the point from which on the last may be one off, since what it comes from was rounded too."""
LARGEST = 1_000
"""What a power of numbers is raised to at most."""
BITS = 20_000
"""How long the numbers of a power may be."""


class NoNumbersError(Exception):
    """A side has letters, or is no number."""


def judged(left: Syntax, right: Syntax, cell: Cell, blank: Judgement, roughly: bool = False) -> Judgement | None:
    """The judgement where both sides are numbers, equal to the digits written on the right; None where they are not.

    `roughly` is for ≈, of which equal numbers are no proof that the author means equal ones.
    """
    try:
        one, other = evaluated(left, cell), evaluated(right, cell)
        if len(one) != len(other) or len(one[0]) != len(other[0]):
            return None
        exact = one == other and all(_rational(side) for side in (left, right))
        if exact and not roughly:
            return replace(blank, word=Word.PROVED)
        allowed = _uncertain(right, left, cell)
    except (NoNumbersError, ArithmeticError, ValueError):
        return None
    near = all(abs(a - b) <= c for rows in zip(one, other, allowed, strict=True) for a, b, c in zip(*rows, strict=True))
    unsaid = (THE_SIGMOID,) if sigma_unsaid(cell, left, right) else ()
    if not near:
        rough = roughly and not any(isinstance(part, Number) and "." in part.text for part in walk(right))
        return None if rough else replace(blank, reason=OTHER_DIGITS)  # ≈ 10^{-40} says how large something is
    assumed = (*unsaid, WRITTEN)
    return replace(blank, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))


def sigma_unsaid(cell: Cell | None, *sides: Syntax) -> bool:
    """Whether a σ in numbers is taken for the sigmoid, which no equation says."""
    used = any(isinstance(part, Name) and part.word == "sigma" for side in sides for part in walk(side))
    return used and _meant("sigma", cell) == "sigma"


def aside(left: Syntax, right: Syntax, cell: Cell, judgement: Judgement) -> Judgement:
    """What is wrong of the model as open, where one side is numbers of an example: of sizes and data of its own."""
    if judgement.word is not Word.WRONG and judgement.reason != AN_EXAMPLE:
        return judgement
    for said, letters in ((right, left), (left, right)):
        if _shown(said) and _is_number(said, cell) and not _is_number(letters, cell):
            blank = replace(judgement, mistakes=(), correct=None, counterexample=None, assumptions=(), reading="")
            if letter(letters) is not None and letters is left:
                return replace(blank, word=Word.NOT_A_CLAIM, reason=A_VALUE)
            return replace(blank, word=Word.UNDECIDED, reason=AN_EXAMPLE)
    return judgement


def _shown(side: Syntax) -> bool:
    """Whether a side shows decimals, entries, or numbers to be multiplied."""
    decimals = any(isinstance(part, Number) and "." in part.text for part in walk(side))
    groups = [part.rows for part in walk(side) if isinstance(part, Group)]
    computed = any(
        sum(isinstance(factor, Number | Fraction) for factor in part.factors) > 1
        for part in walk(side)
        if isinstance(part, Product)
    )
    return decimals or computed or any(len(rows) > 1 or len(rows[0]) > 1 for rows in groups)


def _is_number(side: Syntax, cell: Cell) -> bool:
    try:
        evaluated(side, cell)
    except (NoNumbersError, ArithmeticError, ValueError):
        return False
    return True


def _rational(side: Syntax) -> bool:
    """Whether a side has no function and no root, so that its value is exact."""
    return not any(isinstance(part, Root) or (isinstance(part, Name) and len(part.word) > 1) for part in walk(side))


def _uncertain(right: Syntax, left: Syntax, cell: Cell) -> Matrix:
    """How far each entry of the right side may lie from what its digits say; digits of both sides are the data's."""
    shared = {part.text for part in walk(left) if isinstance(part, Number)}
    value = evaluated(right, cell)
    total = [[Exact(0)] * len(value[0]) for _ in value]
    for part in walk(right):
        if isinstance(part, Number) and "." in part.text and part.text not in shared:
            digits = len(part.text.partition(".")[2])
            last = Exact(1 if digits >= LONG else 0.5) / 10**digits
            moved = evaluated(right, cell, {part.start: Exact(part.text) + last})
            total = [
                [sum_ + abs(a - b) for sum_, a, b in zip(*rows, strict=True)]
                for rows in zip(total, value, moved, strict=True)
            ]
    tiny = Exact(0) if _rational(left) and _rational(right) else Exact(1, 10**12)
    return tuple(tuple(each + tiny for each in row) for row in total)


def evaluated(
    side: Syntax, cell: Cell | None, instead: Mapping[int, Exact] | None = None, known: Known | None = None
) -> Matrix:
    """The rows of a side without letters; `instead` are other values of the numbers that start at these places.

    `known` are parts with letters that have a value. Raises NoNumbersError for other letters and what has no value.
    """
    own = instead or {}

    def value(node: Syntax) -> Matrix:
        if known is not None and (said := known(node)) is not None:
            return said
        match node:
            case Number(start=start, text=text):
                return ((own.get(start, Exact(text)),),)
            case Sum(terms=terms):
                found = [_scaled(Exact(sign), value(term)) for sign, term in terms]
                return _folded(found, _plus)
            case Fraction(above=above, below=below):
                return _scaled(1 / _number(value(below)), value(above))
            case Product(factors=factors, operators=operators):
                found_ = value(factors[0])
                for factor, operator in zip(factors[1:], operators, strict=True):
                    next_ = value(factor)
                    sign = Exact(-1 if operator.negative else 1)
                    if operator.kind == "SLASH":
                        found_ = _scaled(sign / _number(next_), found_)
                    else:
                        found_ = _scaled(sign, _times(found_, next_))
                return found_
            case Run(factors=factors):
                return _folded(list(_called(factors, value, cell, known)), _times)
            case Dots(factors=factors):
                return _folded([value(each) for each in factors], lambda a, b: _entrywise(a, b, Exact.__mul__))
            case Group(bracket=bracket, rows=rows) if rows and rows[0]:
                if len(rows) == 1 and len(rows[0]) == 1 and bracket != "MATRIX":
                    return value(rows[0][0])
                return tuple(tuple(_number(value(entry)) for entry in row) for row in rows)
            case Root(body=body):
                return ((Exact(math.sqrt(_number(value(body)))),),)
            case Big(sign=sign_, scripts=scripts, body=body):
                times = _counted(scripts)
                return ((_power(_number(value(body)), times),),) if sign_ != "sum" else _scaled(times, value(body))
            case Scripted(base=Name(word="e"), scripts=(Script(kind="sup", rows=((power,),)),)) if (
                cell is None or "e" not in cell.quantities
            ):
                return ((Exact(math.exp(_number(value(power)))),),)
            case Scripted(base=base, scripts=(*rest, Script(kind="sup", rows=((power,),)))):
                whole = value(replace(node, scripts=tuple(rest)) if rest else base)
                if _transposes(power):
                    return tuple(zip(*whole, strict=True))
                return _entries(whole, _number(value(power)))
        raise NoNumbersError

    found = value(side)
    if len({len(row) for row in found}) != 1:
        raise NoNumbersError
    return found


def _transposes(power: Syntax) -> bool:
    return isinstance(power, Name | Mark) and (power.word if isinstance(power, Name) else power.kind) in ("T", "top")


def _entries(rows: Matrix, power: Exact) -> Matrix:
    """Every entry of a column to a power; of a matrix there is none that is taken so."""
    if len(rows[0]) != 1:
        raise NoNumbersError
    return tuple((_power(row[0], power),) for row in rows)


def _counted(scripts: tuple[Script, ...]) -> Exact:
    """Over how many numbers a sum or product runs: from k = 2 to 6 over five."""
    ends: dict[str, Syntax] = {script.kind: script.rows[0][0] for script in scripts if script.rows and script.rows[0]}
    match ends.get("sub"), ends.get("sup"):
        case Chain(sides=(Name(), Number(text=first))), Number(text=last):
            count = Exact(last) - Exact(first) + 1
            if count > 0:
                return count
    raise NoNumbersError


def _called(
    factors: tuple[Syntax, ...], value: Callable[[Syntax], Matrix], cell: Cell | None, known: Known | None
) -> Iterator[Matrix]:
    """The factors of a run; a function and what it is applied to are one, as are factors that are known together."""
    rest = list(factors)
    while rest:
        for count in range(len(rest), 0, -1) if known is not None else ():
            several = rest[0] if count == 1 else Run(rest[0].start, rest[count - 1].end, tuple(rest[:count]))
            if known is not None and (found := known(several)) is not None:
                del rest[:count]
                yield found
                break
        else:
            yield _factor(rest, value, cell)


def _factor(rest: list[Syntax], value: Callable[[Syntax], Matrix], cell: Cell | None) -> Matrix:
    """The first factor of some, which is taken away with what a function is applied to."""
    first = rest.pop(0)
    name, power, slope = first, Exact(1), ""
    if isinstance(first, Scripted) and isinstance(first.base, Name):
        match first.scripts:
            case (Script(kind="sup", rows=((Number(text=text),),)),):
                name, power = first.base, Exact(text)
            case (Script(kind="prime", rows=()),):
                name, slope = first.base, "'"
    if not isinstance(name, Name):
        return value(first)
    if not rest or not isinstance(rest[0], Group):
        raise NoNumbersError
    if name.word == "diag" and not slope and power == 1:
        column = value(rest.pop(0))
        if len(column[0]) != 1:
            raise NoNumbersError
        return tuple(tuple(row[0] if i == j else Exact(0) for j in range(len(column))) for i, row in enumerate(column))
    function = _FUNCTIONS.get(_meant(name.word, cell) + slope)
    if function is None:
        raise NoNumbersError
    rows = value(rest.pop(0))
    return tuple(tuple(_power(Exact(function(float(each))), power) for each in row) for row in rows)


def _meant(word: str, cell: Cell | None) -> str:
    """The function that a word names; σ is the sigmoid where the cell has that one and none of this name."""
    names = {function.name for function in cell.functions} if cell is not None else set()
    return "sigmoid" if word == "sigma" and "sigmoid" in names and "sigma" not in names else word


def _folded(found: list[Matrix], join: Callable[[Matrix, Matrix], Matrix]) -> Matrix:
    whole = found[0]
    for each in found[1:]:
        whole = join(whole, each)
    return whole


def _number(rows: Matrix) -> Exact:
    if len(rows) != 1 or len(rows[0]) != 1:
        raise NoNumbersError
    return rows[0][0]


def _power(base: Exact, power: Exact) -> Exact:
    length = max(base.numerator.bit_length(), base.denominator.bit_length())
    if power.denominator != 1 or abs(power) > LARGEST or length * abs(power) > BITS:
        raise NoNumbersError
    return base ** int(power)


def _scaled(factor: Exact, rows: Matrix) -> Matrix:
    return tuple(tuple(factor * each for each in row) for row in rows)


def _plus(one: Matrix, other: Matrix) -> Matrix:
    """A sum; a number beside a column, as in 1 - h², is that number in every row."""
    for a, b in ((one, other), (other, one)):
        if len(a) == len(a[0]) == 1 == len(b[0]):
            return tuple((a[0][0] + row[0],) for row in b)
    return _entrywise(one, other, Exact.__add__)


def _entrywise(one: Matrix, other: Matrix, join: Callable[[Exact, Exact], Exact]) -> Matrix:
    if (len(one), len(one[0])) != (len(other), len(other[0])):
        raise NoNumbersError
    return tuple(tuple(map(join, a, b)) for a, b in zip(one, other, strict=True))


def _times(one: Matrix, other: Matrix) -> Matrix:
    """A product of matrices, of which numbers may be multiples."""
    if len(one) == len(one[0]) == 1:
        return _scaled(one[0][0], other)
    if len(other) == len(other[0]) == 1:
        return _scaled(other[0][0], one)
    if len(one[0]) != len(other):
        raise NoNumbersError
    columns = tuple(zip(*other, strict=True))
    return tuple(tuple(sum((a * b for a, b in zip(row, c, strict=True)), Exact(0)) for c in columns) for row in one)
