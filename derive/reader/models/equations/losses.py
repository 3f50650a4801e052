"""Losses that a note states as a whole, and read-outs of the last step: `L = -Σ_t y_t^⊤ log p_t`, `q = V h_T`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Integer

from derive import nodes
from derive.errors import InputError, Place
from derive.notation import TimeStyle
from derive.patterns import regex
from derive.reader.meaning.letters import letter, number_of, only
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.meaning.vocabulary import is_general
from derive.reader.models.equations.equation import EVERY_STEP, INPUTS, LOSSES, Equation, Mention, mentions
from derive.reader.models.equations.finding import DERIVATIVE, declared_space, without_membership
from derive.reader.models.equations.names import counted_in, stripped, without_index
from derive.reader.models.equations.remarks import without_remarks
from derive.reader.text.fragment import Fragment, piece
from derive.reader.text.mapping import walk
from derive.reader.text.note import Found
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Chain, Fraction, Group, Mark, Name, Number, Run, Scripted, Sum, Syntax
from derive.reader.text.usual import length_of, summed_steps, timelike

_LABELLED = regex(r"[A-Z]_[a-z]")
_NUMBERED = regex(r"(?P<letter>\\?[A-Za-z]+)_[a-z]*\d")
"""A letter with the number of a layer below it."""
_EXAMPLE = regex(
    r"\b(?:examples?|by[ -]hand|numeric(?:al)?|toy|walk-?through)\b|算例|例子|示例|手算|数值|예제|例題", re.IGNORECASE
)
"""A heading over the parts of an example."""
_OF_AN_ENTRY = regex(
    r"[\s&]*-\s*\\?(?:log|ln)\s*(?:\\left\s*)?[({]?\s*[^\s_{}]*(?:\{[^{}]*\})?\s*_\s*\{\s*t\s*,\s*[a-su-z]\s*\}\s*(?:\\right\s*)?[)}]?[\s.,;]*"
)
"""-log p_{t,i}"""
_ENTRY = regex(r"(?P<of>.+?)\s*_\s*\{?\s*(?P<at>[a-z]'?)\s*\}?")


def whole(formula: Found, index: int) -> Iterator[Equation]:
    """`L = a Σ_t body` as the loss of a step: with the numbers of `a` in it, and its factors of T beside it."""
    for one in _timeless(formula, index):
        found, fragment = one.letter, one.fragment
        name, _, word = found.name.partition("_") if found is not None else ("", "", "")
        if found is None or name not in LOSSES or (word and not (len(word) > 1 and word.isalpha())):
            continue
        sign, factors = _signed(one.right)
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
        if sign and any(_takes_off(other, fragment) for other in one.rest):  # -Σ y_t log p_t = -Σ L_t
            sign, factor = "", -factor
        body = fragment.text[last.body.start : last.body.end]
        left = f"{name}_t" if word else _at_t(found, fragment)  # L_{seq}, whose parts are L_t
        yield replace(one.equation(f"{left} = {sign}{' '.join(kept)} {body}", name), whole=factor)


def open_sums(formula: Found, index: int) -> Iterator[Equation]:
    """`L = Σ_t ℓ(y_t, ŷ_t)`, which leaves open what the loss of a step is."""
    for one in _timeless(formula, index):
        *_, last = _signed(one.right)[1]
        if one.letter is None or one.letter.name not in LOSSES or not isinstance(last, Big) or last.sign != "sum":
            continue
        body = one.fragment.text[last.body.start : last.body.end].rstrip()
        if _over_time(last) and _is_loss_letter(last.body, one.fragment) and body.endswith(")"):
            yield replace(one.equation(f"{_at_t(one.letter, one.fragment)} = {body}", one.letter.name), general=True)


def averaged(formula: Found) -> Iterator[tuple[str, Expr]]:
    """L = 1/T Σ_t ℓ_t of losses that nothing defines: the letter, and how often their sum counts in it."""
    for one in _timeless(formula, 0):
        found = one.letter
        sign, factors = _signed(one.right)
        *before, last = factors
        summed = isinstance(last, Big) and last.sign == "sum" and _over_time(last)
        if found is None or found.name not in LOSSES or not summed:
            continue
        values = [_value(part) for part in before]
        if isinstance(last, Big) and None not in values and _is_loss_letter(last.body, one.fragment):
            factor: Expr = Integer(-1 if sign else 1)
            for value in values:
                factor *= value
            yield found.name, factor


def unused(formulas: Sequence[tuple[int, Found]], used: Collection[Place]) -> Iterator[Place]:
    """Where a loss is given a value, L = ½ ‖h_2‖², that makes no equation of a model: no part of what is `used`."""
    for index, formula in formulas:
        if formula.place in used or any(whole(formula, index)) or any(averaged(formula)):
            continue
        for one in _timeless(formula, index):
            named = one.letter is not None and one.letter.name in LOSSES
            summed = isinstance(one.right, Big) and _is_loss_letter(one.right.body, one.fragment)
            if named and not summed and any(m.name not in LOSSES for m in mentions(_alone(one.right, one.fragment))):
                yield formula.place


def of_an_entry(given: Sequence[Equation]) -> list[Equation]:
    """The losses L_t = -log p_{t,i} of one entry, where the index says nothing of the class, so that it is not read."""
    computed = {e.target for e in given}

    def picks(equation: Equation) -> bool:
        read = {m.name for m in equation.used}
        return bool(equation.loss and read <= computed and _OF_AN_ENTRY.fullmatch(equation.right))

    return [e for e in given if picks(e)]


def example_of(section: tuple[str, ...]) -> tuple[str, ...]:
    """The section of the example that a section is a part of: the one itself where no heading above speaks of one."""
    return next((section[:n] for n in range(1, len(section)) if _EXAMPLE.search(section[n - 1])), section)


def at_the_end(formulas: Sequence[tuple[int, Found]], known: Sequence[Equation]) -> Iterator[tuple[Found, Equation]]:
    """`q = V h_T` and what is computed from q, such as the loss, as equations of every step."""
    defined = {equation.target for equation in known}
    waiting = [
        one if name in LOSSES and one.reads_a_number else one.without_length()
        for one, name in _waiting(formulas)
        if name not in defined
    ]
    parameters = {m.name for equation in known for m in equation.used if m.offset is None}
    for one, text, name in _settled(waiting, parameters, lambda side, fragment, ends: _reads_the_end(
        side, fragment, ends, defined
    )):  # fmt: skip
        said = f"{name}, which is written without a time, is taken to be a value of the last step"
        yield one.formula, replace(one.equation(text, name), at_end=True, said=said)


def of_the_step(formulas: Sequence[tuple[int, Found]], known: Sequence[Equation]) -> Iterator[tuple[Found, Equation]]:
    """`q = V h_t`, `v = U h_{t-1}` and what is computed from q, of every step: none has a time anywhere in the note."""
    mentioned = [m for _, formula in formulas for m in _mentioned(formula)]
    timed = {m.name for m in mentioned if m.offset is not None and m.offset < 0}  # f_{t+1} stands in gradients
    timed |= {equation.target for equation in known}
    every = list(_waiting(formulas))
    steps = {m.name for m in mentioned if m.offset is not None}  # z_1 is z_t at step 1 where there is a z_t
    labelled = [name[0] for name in {name for _, name in every} if _LABELLED.fullmatch(name) and name == stripped(name)]
    waiting = [
        one
        for one, name in every
        if name not in timed
        and (
            name == stripped(name)
            or (_LABELLED.fullmatch(name) and labelled.count(name[0]) > 1)  # D_i of D_f, D_o
            or ((number := _NUMBERED.fullmatch(name)) and number["letter"] not in steps)
        )
    ]
    names = {found.name for one in waiting if (found := one.letter) is not None}
    parameters = {m.name for equation in known for m in equation.used if m.offset is None} - names
    for one, text, name in _settled(waiting, parameters, _reads_the_step):
        yield one.formula, replace(one.equation(text, name), said=EVERY_STEP.format(name=name))


def of_itself(formulas: Sequence[tuple[int, Found]], known: Sequence[Equation]) -> Iterator[tuple[Found, Equation]]:
    """`h = (1 - z_t) h_{t-1} + ...`, which nothing else gives a value, as the equation of every step that it is."""
    defined = {equation.target for equation in known}
    for index, formula in formulas:
        for one in _timeless(formula, index):
            found = one.letter
            if found is None or found.name in defined or found.name in LOSSES:
                continue
            try:
                read = mentions(_alone(one.right, one.fragment))
            except InputError:  # a side that closes a font around all of it
                continue
            itself = {m.offset for m in read if m.name == found.name}
            if itself == {-1} and any(m.offset == 0 for m in read):
                text = f"{_at_t(found, one.fragment)} = {one.fragment.text[one.right.start : one.right.end]}"
                yield formula, replace(one.equation(text, found.name), said=EVERY_STEP.format(name=found.name))


def _waiting(formulas: Sequence[tuple[int, Found]]) -> Iterator[tuple[_Timeless, str]]:
    """The equations whose left side is a letter without a time, with its name."""
    for index, formula in formulas:
        for one in _timeless(formula, index):
            found = one.letter
            # W = W - λ Σ ... is a step of training
            if found is not None and all(m.name != found.name for m in mentions(_alone(one.right, one.fragment))):
                yield one, found.name


def _settled(
    waiting: Sequence[_Timeless], parameters: set[str], reads: Callable[[Syntax, Fragment, set[str]], bool]
) -> Iterator[tuple[_Timeless, str, str]]:
    """The equations that `reads` accepts, given the names of those before, with their text for step t and the name."""
    names: set[str] = set()
    left = list(waiting)
    while ready := [one for one in left if reads(one.right, one.fragment, names)]:
        left = [one for one in left if one not in ready]
        letters = [(one, found) for one in ready if (found := one.letter) is not None]
        names |= {found.name for _, found in letters}
        for one, found in letters:
            data = parameters if found.name in LOSSES else None
            yield one, f"{_at_t(found, one.fragment)} = {_for_step(one.right, one.fragment, names, data)}", found.name


def of_inputs(formulas: Sequence[tuple[int, Found]], known: Sequence[Equation]) -> frozenset[str]:
    """The inputs that an equation of a step writes without one, while the note has them with a step elsewhere."""
    timed = {m.name for _, formula in formulas for m in _mentioned(formula) if m.offset is not None}
    bare = {m.name for e in known for m in e.used if m.offset is None}
    return frozenset(bare & timed & INPUTS - {e.target for e in known})


def split_losses(given: Sequence[Equation]) -> tuple[list[Equation], list[Equation]]:
    """The equations without L_t = l_t + L_{t+1}, which calls L_t the losses from t on; and those."""

    def onward(e: Equation) -> bool:
        return e.target in LOSSES and any(m.name == e.target and (m.offset or 0) > e.offset for m in e.used)

    return [e for e in given if not onward(e)], [e for e in given if onward(e)]


def _mentioned(formula: Found) -> list[Mention]:
    try:
        return mentions(formula.fragment)
    except (InputError, RecursionError):
        return []


def _is_list(side: Syntax) -> bool:
    return isinstance(side, Group) and sum(map(len, side.rows)) > 1


def _reads_the_step(side: Syntax, fragment: Fragment, here: set[str]) -> bool:
    """Whether a side computes something from what is read at t or t - 1, or from what stands for step t."""
    if any((isinstance(n, Mark) and n.kind == "dots") or (isinstance(n, Big) and _over_steps(n)) for n in walk(side)):
        return False
    if letter(side) is not None:
        return False  # another name for one letter
    read = mentions(_alone(side, fragment))
    return any((mention.offset is None and mention.name in here) or mention.offset in (0, -1) for mention in read)


@dataclass(frozen=True)
class _Timeless:
    """An equation of a formula that has no derivative; `space` is the set that its end says it lies in."""

    index: int
    formula: Found
    fragment: Fragment
    left: Syntax
    right: Syntax
    space: Fragment | None
    rest: tuple[Syntax, ...] = ()
    """What stands in the chain behind the right side."""

    @property
    def letter(self) -> Symbol | None:
        """The letter without a time that the left side is, perhaps with its arguments behind it: L(ŷ, y)."""
        if isinstance(self.left, Run) and len(self.left.factors) == 2 and isinstance(self.left.factors[1], Group):
            loss = _plain(self.left.factors[0], self.fragment)
            return loss if loss is not None and loss.name in LOSSES else None
        return _plain(self.left, self.fragment)

    @property
    def reads_a_number(self) -> bool:
        """Whether the right side reads the last step by its number: L = ½ h_3², of an example of three steps."""
        return any(self.fragment.text[start:end].isdigit() for start, end in _at_the_last(self.right, self.fragment))

    def without_length(self) -> _Timeless:
        """The same where no number is that of the last step: g_3 = h_3 is of its step."""
        times = tuple(pair for pair in self.fragment.times if not pair[0].isdigit())
        return replace(self, fragment=replace(self.fragment, times=times))

    def equation(self, text: str, target: str) -> Equation:
        """The equation in these words."""
        cut = piece(self.fragment, self.left.start, self.right.end)
        place = cut.place(0)
        at = (place.file, place.line, place.column)
        width = self.left.end - self.left.start
        style = TimeStyle.SUBSCRIPT
        written = Equation(target, 0, style, cut, width, 0, self.formula.section, self.index, at, space=self.space)
        return written.rewritten(text)


def _timeless(formula: Found, index: int) -> Iterator[_Timeless]:
    """The equations of a formula that have no derivative; of a chain its first."""
    fragment = without_remarks(formula.fragment)
    fragment = replace(fragment, times=(*fragment.times, *summed_steps(fragment.text, formula.text)))
    try:
        rows = parse(fragment)
    except (InputError, RecursionError):
        return
    for whole in (part for row in rows for part in row):
        part = without_membership(whole)
        if not isinstance(part, Chain) or {relation.type for relation in part.relations} != {"EQ"}:
            continue
        if not DERIVATIVE.search(fragment.text, part.start, part.end):
            left, right, *rest = part.sides
            if rest and isinstance(right, Big) and _is_loss_letter(right.body, fragment):
                right, *rest = rest  # L = Σ_t ℓ_t = Σ_t (ŷ_t - y_t)²
            named, space = _plain(left, fragment), declared_space(fragment, left, whole)
            if named is not None and named.name in LOSSES and is_general(right, 1):
                continue  # L = L(h_T) says what it depends on
            yield _Timeless(index, formula, fragment, left, right, space, tuple(rest))


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


# The whole loss


def _signed(side: Syntax) -> tuple[str, tuple[Syntax, ...]]:
    """The sign and the factors of a side that is one product."""
    sign = ""
    if isinstance(side, Sum) and len(side.terms) == 1:
        direction, side = side.terms[0]
        sign = "-" if direction < 0 else ""
    return sign, side.factors if isinstance(side, Run) else (side,)


def _takes_off(side: Syntax, fragment: Fragment) -> bool:
    """Whether this is minus the sum of the losses of the steps."""
    sign, (*_, last) = _signed(side)
    return bool(sign) and isinstance(last, Big) and _over_time(last) and _is_loss_letter(last.body, fragment)


def _is_before_length(end: Syntax | None) -> bool:
    """Whether this is T - 1."""
    if not isinstance(end, Sum) or [sign for sign, _ in end.terms] != [1, -1]:
        return False
    (_, length), (_, one) = end.terms
    return isinstance(length, Name) and length.word == "T" and number_of(one) == 1


def _over_time(big: Big) -> bool:
    """Whether a sum is taken over all steps, counted from 1 to T or from 0 to T - 1."""
    from_zero = False
    for script in big.scripts:
        cell = only(script.rows)
        if script.kind == "sub":
            first = cell.sides[0] if isinstance(cell, Chain) else cell
            start = number_of(cell.sides[1]) if isinstance(cell, Chain) and len(cell.sides) == 2 else 1
            if not (isinstance(first, Name) and first.word == "t" and start in (0, 1)):
                return False
            from_zero = start == 0
    ends = [only(script.rows) for script in big.scripts if script.kind != "sub"]
    if from_zero or any(isinstance(end, Sum) for end in ends):
        return from_zero and len(ends) == 1 and _is_before_length(ends[0])
    if not all(isinstance(end, Name) and end.word == "T" for end in ends):
        return False
    return any(script.kind == "sub" for script in big.scripts)


def _over_steps(big: Big) -> bool:
    """Whether a sum or product runs over some steps."""
    scripts = [script for script in big.scripts if script.kind == "sub"]
    return any(name.word == "t" for script in scripts for row in script.rows for cell in row for name in timelike(cell))


def _is_loss_letter(body: Syntax, fragment: Fragment) -> bool:
    """Whether the sum is over the losses of the steps, which are defined elsewhere: L_t, L_t(y_t, p_t)."""
    if isinstance(body, Run) and len(body.factors) == 2 and isinstance(body.factors[1], Group):
        body, given = body.factors
        named = _symbol(body, fragment)
        if not _is_list(given) and (named is None or named.name not in LOSSES):
            return False
    return _symbol(body, fragment) is not None


def _symbol(node: Syntax, fragment: Fragment) -> Symbol | None:
    try:
        return symbol(node, fragment) if letter(node) is not None else None
    except InputError:
        return None


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


def untimed_targets(loss: Equation, known: Sequence[Equation]) -> frozenset[str]:
    """What the loss of a step compares with, where it is written without a time: y of L_t = (p_t - y)^2."""
    if not loss.loss or loss.offset != 0:
        return frozenset()
    defined = {e.target for e in known}
    if any(m.offset == 0 and m.name not in defined for m in loss.used):
        return frozenset()
    elsewhere = {m.name for e in known if not e.loss for m in e.used if m.offset is None}
    return frozenset(m.name for m in loss.used if m.offset is None) - elsewhere - defined


# The last step


def _reads_the_end(side: Syntax, fragment: Fragment, ends: set[str], defined: set[str]) -> bool:
    """Whether a side reads a quantity of the model at T, or one that stands for the last step; and nothing at t."""
    sums = [node for node in walk(side) if isinstance(node, Big)]
    if any(isinstance(node, Mark) and node.kind == "dots" for node in walk(side)) or any(map(_over_steps, sums)):
        return False
    counted = counted_in(fragment.text[side.start : side.end]) if sums else frozenset()
    if any(name.word == "t" for name in timelike(side)):
        return False
    last = [start for start, _ in _at_the_last(side, fragment)]
    return any(
        without_index(mention.name, counted) in ends
        or (stripped(mention.name) in defined and any(mention.start <= start < mention.end for start in last))
        for mention in mentions(_alone(side, fragment))
        if mention.offset is None
    )


def _at_the_last(side: Syntax, fragment: Fragment) -> Iterator[tuple[int, int]]:
    """Where letters have the last step below them, as T or by its number."""
    length = length_of(fragment.times)
    for node in walk(side):
        if isinstance(node, Scripted):
            yield from ((name.start, name.end) for name in timelike(node) if name.word == "T")
            below = [cell for script in node.scripts if script.kind == "sub" for row in script.rows for cell in row]
            numbers = [cell for cell in below if isinstance(cell, Number)]
            yield from ((one.start, one.end) for one in numbers if one.text == str(length))


def _for_step(side: Syntax, fragment: Fragment, ends: set[str], parameters: set[str] | None) -> str:
    """The text of a side for step t: T as t, and t behind what stands for the last step.

    In a loss, with `parameters`, every other letter is data.
    """
    changes = [(start, end, "t") for start, end in _at_the_last(side, fragment)]
    timed = {start for start, _, _ in changes}
    counted = counted_in(fragment.text[side.start : side.end])
    for mention in mentions(_alone(side, fragment)):
        name = without_index(mention.name, counted)
        data = parameters is not None and name not in parameters
        has_time = any(mention.start <= start < mention.end for start in timed)
        if mention.offset is None and not has_time and (name in ends or data):
            written = fragment.text[mention.start : mention.end].rstrip()
            entry = None if name == mention.name else _ENTRY.fullmatch(written)  # y_k of Σ_k y_k log p_k
            now = f"{entry['of']}_{{t,{entry['at']}}}" if entry else f"{{{written}}}_t"
            changes.append((mention.start, mention.start + len(written), now))
    text = fragment.text[: side.end]
    for start, end, new in sorted(set(changes), reverse=True):
        text = text[:start] + new + text[end:]
    return text[side.start :]


def _alone(side: Syntax, fragment: Fragment) -> Fragment:
    return replace(fragment, text=" " * side.start + fragment.text[side.start : side.end])
