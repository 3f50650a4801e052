"""Losses that a note states as a whole, and read-outs of the last step: `L = -Σ_t y_t^⊤ log p_t`, `q = V h_T`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sympy import Expr, Integer

from derive import nodes
from derive.errors import InputError
from derive.notation import TimeStyle
from derive.reader.meaning.letters import letter, number_of, only
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Chain, Fraction, Group, Mark, Name, Run, Scripted, Sum, Syntax
from derive.reader.text.usual import timelike
from verify.notes.files import Formula, piece
from verify.notes.models.equations import DERIVATIVE, LOSSES, Equation, mentions, without_remarks
from verify.notes.models.names import stripped


def whole(formula: Formula, index: int) -> Iterator[Equation]:
    """`L = a Σ_t body` as the loss of a step: with the numbers of `a` in it, and its factors of T beside it."""
    for fragment, left, right in _timeless(formula):
        found = _plain(left, fragment)
        if found is None or found.name not in LOSSES:
            continue
        sign, factors = _signed(right)
        *before, last = factors
        if not isinstance(last, Big) or last.sign != "sum" or not _over_time(last):
            continue
        values = [_value(part) for part in before]
        if any(value is None for value in values) or _is_loss_letter(last.body, fragment):
            continue
        counted = [value.has(nodes.T) for value in values if value is not None]
        kept = [fragment.text[part.start : part.end] for part, over in zip(before, counted, strict=True) if not over]
        factor: Expr = Integer(1)
        for value, over in zip(values, counted, strict=True):
            factor *= value if over and value is not None else 1
        body = fragment.text[last.body.start : last.body.end]
        text = f"{_at_t(found, fragment)} = {sign}{' '.join(kept)} {body}"
        yield replace(_equation(text, found.name, fragment, left, right, formula, index), whole=factor)


def at_the_end(
    formulas: Sequence[tuple[int, Formula]], known: Sequence[Equation]
) -> Iterator[tuple[Formula, Equation]]:
    """`q = V h_T` and what is computed from q, such as the loss, as equations of every step."""
    defined = {equation.target for equation in known}
    parameters = {m.name for equation in known for m in equation.used if m.offset is None}
    waiting: list[tuple[int, Formula, Fragment, Symbol, Syntax, Syntax]] = []
    for index, formula in formulas:
        for fragment, left, right in _timeless(formula):
            found = _plain(left, fragment)
            if found is not None and found.name not in defined:
                waiting.append((index, formula, fragment, found, left, right))
    ends: set[str] = set()
    while True:
        ready = [one for one in waiting if _reads_the_end(one[5], one[2], ends, defined)]
        if not ready:
            return
        waiting = [one for one in waiting if one not in ready]
        ends |= {one[3].name for one in ready}
        for index, formula, fragment, found, left, right in ready:
            loss = found.name in LOSSES
            text = f"{_at_t(found, fragment)} = {_for_step(right, fragment, ends, parameters if loss else None)}"
            equation = _equation(text, found.name, fragment, left, right, formula, index)
            yield formula, replace(equation, at_end=True)


def _timeless(formula: Formula) -> Iterator[tuple[Fragment, Syntax, Syntax]]:
    """The equations of a formula that have two sides and no derivative."""
    fragment = without_remarks(formula.fragment)
    try:
        rows = parse(fragment)
    except (InputError, RecursionError):
        return
    for part in (part for row in rows for part in row):
        if not isinstance(part, Chain) or [relation.type for relation in part.relations] != ["EQ"]:
            continue
        if not DERIVATIVE.search(fragment.text, part.start, part.end):
            yield fragment, part.sides[0], part.sides[1]


def _plain(left: Syntax, fragment: Fragment) -> Symbol | None:
    """The letter without a time that a left side is."""
    try:
        found = symbol(left, fragment) if letter(left) is not None else None
    except InputError:
        return None
    if found is None or found.offset is not None or found.transposed or found.power is not None:
        return None
    return None if any(True for name in timelike(left) if name.word in ("t", "T")) else found


def _at_t(found: Symbol, fragment: Fragment) -> str:
    return f"{{{fragment.text[found.start : found.end].strip()}}}_t"


def _equation(
    text: str, target: str, fragment: Fragment, left: Syntax, right: Syntax, formula: Formula, index: int
) -> Equation:
    cut = piece(fragment, left.start, right.end)
    place = cut.place(0)
    at = (place.file, place.line, place.column)
    written = Equation(target, 0, TimeStyle.SUBSCRIPT, cut, left.end - left.start, 0, formula.section, index, at)
    return written.rewritten(text)


# The whole loss


def _signed(side: Syntax) -> tuple[str, tuple[Syntax, ...]]:
    """The sign and the factors of a side that is one product."""
    sign = ""
    if isinstance(side, Sum) and len(side.terms) == 1:
        direction, side = side.terms[0]
        sign = "-" if direction < 0 else ""
    return sign, side.factors if isinstance(side, Run) else (side,)


def _over_time(big: Big) -> bool:
    """Whether a sum is taken over all steps."""
    for script in big.scripts:
        cell = only(script.rows)
        if script.kind == "sub":
            first = cell.sides[0] if isinstance(cell, Chain) else cell
            begins = not isinstance(cell, Chain) or (len(cell.sides) == 2 and number_of(cell.sides[1]) == 1)
            if not (isinstance(first, Name) and first.word == "t" and begins):
                return False
        elif not (isinstance(cell, Name) and cell.word == "T"):
            return False
    return any(script.kind == "sub" for script in big.scripts)


def _is_loss_letter(body: Syntax, fragment: Fragment) -> bool:
    """Whether the sum is over the losses of the steps, which are defined elsewhere."""
    try:
        found = symbol(body, fragment) if letter(body) is not None else None
    except InputError:
        return False
    return found is not None


def _value(node: Syntax) -> Expr | None:
    """The value of a factor made of numbers and T."""
    if isinstance(node, Name):
        return nodes.T if node.word == "T" else None
    if isinstance(node, Fraction):
        above, below = _value(node.above), _value(node.below)
        return above / below if above is not None and below else None
    if isinstance(node, Group) and (inner := only(node.rows)) is not None:
        return _value(inner)
    if isinstance(node, Run):
        product: Expr = Integer(1)
        for value in map(_value, node.factors):
            if value is None:
                return None
            product *= value
        return product
    return number_of(node)


# The last step


def _reads_the_end(side: Syntax, fragment: Fragment, ends: set[str], defined: set[str]) -> bool:
    """Whether a side reads a quantity of the model at T, or one that stands for the last step; and nothing at t."""
    if any(isinstance(node, Big) or (isinstance(node, Mark) and node.kind == "dots") for node in walk(side)):
        return False
    if any(name.word == "t" for name in timelike(side)):
        return False
    last = [
        name.start for node in walk(side) if isinstance(node, Scripted) for name in timelike(node) if name.word == "T"
    ]
    return any(
        mention.name in ends
        or (stripped(mention.name) in defined and any(mention.start <= start < mention.end for start in last))
        for mention in mentions(_alone(side, fragment))
        if mention.offset is None
    )


def _for_step(side: Syntax, fragment: Fragment, ends: set[str], parameters: set[str] | None) -> str:
    """The text of a side for step t: T as t, and t behind what stands for the last step.

    In a loss, with `parameters`, every other letter is data.
    """
    changes: list[tuple[int, int, str]] = []
    for node in walk(side):
        if isinstance(node, Scripted):
            changes += [(name.start, name.end, "t") for name in timelike(node) if name.word == "T"]
    timed = {start for start, _, _ in changes}
    for mention in mentions(_alone(side, fragment)):
        data = parameters is not None and mention.name not in parameters
        has_time = any(mention.start <= start < mention.end for start in timed)
        if not has_time and (mention.name in ends or data):
            written = fragment.text[mention.start : mention.end].rstrip()
            changes.append((mention.start, mention.start + len(written), f"{{{written}}}_t"))
    text = fragment.text[: side.end]
    for start, end, new in sorted(set(changes), reverse=True):
        text = text[:start] + new + text[end:]
    return text[side.start :]


def _alone(side: Syntax, fragment: Fragment) -> Fragment:
    return replace(fragment, text=" " * side.start + fragment.text[side.start : side.end])
