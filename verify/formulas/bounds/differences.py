"""Quotients of differences: ∂L/∂θ ≈ (L(θ + ε) - L(θ - ε)) / 2ε, which tends to the derivative whatever L is.

What such a quotient tends to is a multiple of the derivative, by its steps above and below; no model is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Rational, S

from derive.errors import InputError
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.meaning.letters import number_of, only
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Fraction, Group, Mark, Name, Product, Run, Scripted, Sum, Syntax
from verify.formulas.judgement import Judgement, Word
from verify.formulas.worked import ROUGHLY

_UNITS = ("e", r"\mathbfe")
TENDS = "as the step tends to 0"
OTHERWISE = "as the step tends to 0 this tends to {factor} times the derivative"


@dataclass(frozen=True)
class _Step:
    """A number times letters, sorted: 2ε, -h e_i."""

    number: Expr
    letters: tuple[str, ...]


@dataclass(frozen=True)
class _Slope:
    """What a quotient is said to be near to: the derivative of `of` by `by`, as they are written."""

    of: str
    by: str


def judged(statement: Statement, left: Syntax, right: Syntax, blank: Judgement) -> Judgement | None:
    """The judgement on a derivative beside a quotient of differences of the same function; None for any other sides."""
    fragment = statement.fragment
    for slope, quotient in ((left, right), (right, left)):
        said = _slope(slope, fragment)
        parts = None if said is None else _quotient(quotient)
        factor = None if said is None or parts is None else _factor(said, *parts, fragment)
        if factor == 1:
            return replace(blank, word=Word.HOLDS_IF, assumptions=(TENDS,), reading=TENDS)
        if factor is not None:
            return replace(blank, word=Word.WRONG, reason=OTHERWISE.format(factor=factor))
    return None


def alone(fragment: Fragment) -> Judgement | None:
    """The judgement on a formula that says nothing else."""
    try:
        (statement,) = statements(fragment)
        (relation,) = statement.relations
    except (InputError, RecursionError, ValueError):
        return None
    if relation.word.strip() not in ROUGHLY or statement.words:
        return None
    left, right = statement.sides
    text = statement.text(left.start, right.end)
    return judged(statement, left, right, Judgement(text, Word.UNDECIDED, place=statement.place(0)))


def _factor(said: _Slope, above: Sum, below: Syntax, fragment: Fragment) -> Expr | None:
    """What the derivative is multiplied by in the limit; None where the quotient is none of this derivative."""
    calls = [(sign, _call(term, fragment)) for sign, term in above.terms]
    if len(calls) != 2 or {sign for sign, _ in calls} != {1, -1}:
        return None
    (one, first), (_, second) = calls
    divided = _monomial(below, fragment)
    if first is None or second is None or divided is None or not divided.letters or divided.number == 0:
        return None
    if {first[0], second[0]} != {said.of} or len(first[1]) != len(second[1]):
        return None
    pairs = zip(first[1], second[1], strict=True)
    apart = [pair for pair in pairs if len({_written(cell, fragment) for cell in pair}) > 1]
    if len(apart) != 1:
        return None
    ahead, back = (_terms(cell, fragment) for cell in apart[0])
    if ahead is None or back is None:
        return None
    common = set(ahead) & set(back)
    moved = ((set(ahead) - common, 1), (set(back) - common, -1))
    steps = [_Step(sign * step.number, step.letters) for terms, sign in moved for step in terms]
    at = [letter for step in common for letter in step.letters]
    whole, _, entry = said.by.partition("_")
    along = {divided.letters} if at == [said.by] else set()
    if at == [whole] and entry:  # θ + ε e_i
        along = {tuple(sorted((*divided.letters, f"{unit}_{entry}"))) for unit in _UNITS}
    if not steps or {step.letters for step in steps} - along:
        return None
    return one * sum((step.number for step in steps), S.Zero) / divided.number


def _terms(cell: Syntax, fragment: Fragment) -> list[_Step] | None:
    """The terms of an argument, θ + ε."""
    terms = cell.terms if isinstance(cell, Sum) else ((1, cell),)
    found = [(sign, _monomial(term, fragment)) for sign, term in terms]
    if any(step is None for _, step in found):
        return None
    steps = [_Step(sign * step.number, step.letters) for sign, step in found if step is not None]
    return steps if len(Counter(steps)) == len(steps) else None


def _monomial(side: Syntax, fragment: Fragment) -> _Step | None:
    """A product of numbers and letters."""
    if (number := number_of(side)) is not None:
        return _Step(number, ())
    if isinstance(side, Name | Scripted):
        return _Step(S.One, (_written(side, fragment),))
    if isinstance(side, Group) and side.bracket in ("LPAR", "LBRACK", "LBRACE"):
        inner = only(side.rows)
        return None if inner is None else _monomial(inner, fragment)
    if isinstance(side, Fraction):
        above, below = _monomial(side.above, fragment), _monomial(side.below, fragment)
        if above is None or below is None or below.letters or below.number == 0:
            return None
        return _Step(above.number / below.number, above.letters)
    plain = isinstance(side, Product) and all(sign.kind == "TIMES" and not sign.negative for sign in side.operators)
    if not isinstance(side, Run) and not (isinstance(side, Product) and plain):
        return None
    found = [_monomial(factor, fragment) for factor in side.factors]
    number, letters = Rational(1), list[str]()
    for step in found:
        if step is None:
            return None
        number, letters = number * step.number, [*letters, *step.letters]
    return _Step(number, tuple(sorted(letters)))


def _call(side: Syntax, fragment: Fragment) -> tuple[str, tuple[Syntax, ...]] | None:
    """A function's letter and its arguments."""
    if not isinstance(side, Run) or len(side.factors) != 2:
        return None
    letter, group = side.factors
    if not isinstance(letter, Name | Scripted) or not isinstance(group, Group) or len(group.rows) != 1:
        return None
    return _written(letter, fragment), group.rows[0]


def _quotient(side: Syntax) -> tuple[Sum, Syntax] | None:
    """What stands above and below."""
    above: Syntax | None = None
    below: Syntax | None = None
    if isinstance(side, Fraction):
        above, below = side.above, side.below
    elif isinstance(side, Product) and [sign.kind for sign in side.operators] == ["SLASH"]:
        above, below = side.factors
    elif isinstance(side, Run) and len(side.factors) == 2 and isinstance(side.factors[0], Fraction):  # 1/(2ε) [...]
        above = side.factors[1]
        below = side.factors[0].below if number_of(side.factors[0].above) == 1 else None
    if isinstance(above, Group):
        above = only(above.rows)
    return (above, below) if isinstance(above, Sum) and below is not None else None


def _slope(side: Syntax, fragment: Fragment) -> _Slope | None:
    """∂L/∂θ, dL/dθ, ∇_θ L, f'(x), with or without an argument."""
    factors = side.factors if isinstance(side, Run) else (side,)
    first, behind = factors[0], [factor for factor in factors[1:] if not isinstance(factor, Group)]
    if isinstance(first, Fraction):
        above, below = _differential(first.above), _differential(first.below)
        of = [*(above or ()), *behind]
        if above is None or below is None or len(below) != 1:
            return None
        names = [one for one in of if not isinstance(one, Group)]
        return _Slope(_written(names[0], fragment), _written(below[0], fragment)) if len(names) == 1 else None
    if isinstance(first, Scripted) and isinstance(first.base, Name) and first.base.word == "nabla":
        by = only(first.scripts[0].rows) if [script.kind for script in first.scripts] == ["sub"] else None
        named = by is not None and len(behind) == 1
        return _Slope(_written(behind[0], fragment), _written(by, fragment)) if named and by is not None else None
    primed = isinstance(first, Scripted) and [script.kind for script in first.scripts] in (["prime"], ["tick"])
    if isinstance(first, Scripted) and primed and len(factors) == 2 and isinstance(factors[1], Group):
        by = only(factors[1].rows)
        return None if by is None else _Slope(_written(first.base, fragment), _written(by, fragment))
    return None


def _differential(side: Syntax) -> Sequence[Syntax] | None:
    """What stands behind ∂ or d."""
    factors = side.factors if isinstance(side, Run) else (side,)
    sign = factors[0]
    begins = (isinstance(sign, Mark) and sign.kind == "partial") or (isinstance(sign, Name) and sign.word == "d")
    return factors[1:] if begins else None


def _written(node: Syntax, fragment: Fragment) -> str:
    return "".join(fragment.text[node.start : node.end].split()).replace("{", "").replace("}", "")
