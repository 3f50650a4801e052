"""Dots: A_t A_{t-1} ⋯ A_{k+1} and a_1 + a_2 + ⋯ + a_T over an index, where the pattern is plain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sympy import Expr, Integer, Symbol

from derive.errors import InputError
from derive.nodes import T
from derive.reader.meaning.tree import (
    Add,
    Derivative,
    Gradient,
    Multiply,
    OverEntries,
    OverTime,
    Ref,
    Term,
    at_times,
    index_clash,
    rebuilt,
    times,
    walk,
)

SIZES = frozenset(["n", "N", "m", "M", "K", "H", "D", "d"])
"""Letters for how many entries there are."""


def filled(items: Sequence[Term | None], refused: InputError) -> Term:
    """The factors with one row of dots (None) replaced by the product that it stands for; raises `refused`."""
    at = [i for i, item in enumerate(items) if item is None]
    before = [item for item in items[: at[0]] if item is not None]
    after = [item for item in items[at[-1] + 1 :] if item is not None]
    if at != list(range(at[0], at[-1] + 1)):
        raise refused
    for length in (1, 2, 3):
        found = _product(before, after, length)
        if found is not None:
            return found
    if (chain := _chain(before, after) or _chain(after[::-1], before[::-1], rising=True)) is not None:
        return chain
    raise refused


def without_end(items: Sequence[Term | None], goal: Expr) -> Term | None:
    """A_t A_{t-1} ⋯, two blocks of factors and dots behind them, as the product back to the step after `goal`."""
    before = [item for item in items[:-1] if item is not None]
    if len(before) < len(items) - 1 or items[-1] is not None:
        return None
    for length in (1, 2, 3):
        last = tuple(before[-length:])
        latest = _latest(last)
        if latest is not None and 2 * length <= len(before):
            moved = [_to(part, latest, goal + 1) for part in last]
            if (found := _product(before, moved, length)) is not None:
                return found
    return None


def _to(part: Term, reference: Expr, step: Expr) -> Term:
    """The part with its times as far from another step as they are from the reference."""
    return at_times(part, lambda e: step + (e - reference) if (e - reference).is_Integer else e)


def _latest(block: tuple[Term, ...]) -> Expr | None:
    found = [time for part in block for time in times(part)]
    near = all((time - found[0]).is_Integer for time in found)
    return max(found, key=lambda time: int(time - found[0])) if found and near else None


def added(items: Sequence[tuple[int, Term | None]], refused: InputError) -> Term:
    """The terms with one row of dots (None) replaced by the sum that it stands for; raises `refused`."""
    (at, *more) = (k for k, (_, term) in enumerate(items) if term is None)
    before, after = _whole(items[:at]), _whole(items[at + 1 :])
    if not more and not items[at + 1 :]:
        endless = _onward(before) or _through_all(before) or _onward_through(before)
        if endless is not None:
            return endless
    if not more and len(after) == 1 and (nested := _through_more(before, *after[0])) is not None:
        return nested
    if not more and len(after) == 1 and (entries := _over_entries(before, *after[0])) is not None:
        return entries
    if more or not before or not after or {items[at][0], before[-1][0]} != {after[0][0]}:
        raise refused
    sign, end = after[0]
    index = index_clash(Symbol("i"))
    last, until = _moments(before[-1][1]), _moments(end)
    fixed = [one == other for one, other in zip(last, until, strict=False)]
    if len(last) != len(until) or all(fixed):
        raise refused
    final = until[fixed.index(False)]
    body, steps = _at(end, final, index, fixed), [final]
    for other, term in reversed(before):
        moments = _moments(term)
        if other != sign or len(moments) != len(fixed):
            break
        reference = moments[fixed.index(False)]
        near = len(steps) < 3 or reference - steps[-1] == steps[-1] - steps[-2]
        if _at(term, reference, index, fixed) != body or not near:
            break
        steps.append(reference)
    first = steps[-1]
    counts = len(steps) > 2 and steps[-1] - steps[-2] in (1, -1)
    if len(steps) == 1 or (len(steps) > 2 and not counts) or first == final:
        raise refused
    down = steps[-2] - first == -1 if counts else first == T or (final.is_Integer and not first.is_Integer)
    if not (counts or down or final == T or first.is_Integer or (final - first).is_positive):
        raise refused  # a_k + ⋯ + a_t does not say which of the two is earlier
    low, high = (final, first) if down else (first, final)
    total = (sign, OverTime(body, index, low, high))
    found = (*before[: len(before) - len(steps) + 1], total, *after[1:])
    return total[1] if found == (total,) and sign == 1 else Add(found)


def _onward(before: Sequence[tuple[int, Term]]) -> Term | None:
    """a_t + a_{t+1} + a_{t+2} + ⋯ as a sum up to the last step; None where fewer than three terms go on like that.

    From step 1 on two do; where each has one other step, ∂h_t/∂h_1 + ∂h_t/∂h_2 + ⋯, the sum goes up to that.
    """
    if len(before) < 2 or len({sign for sign, _ in before}) != 1:
        return None
    (sign, first), (_, second) = before[:2]
    start, next_ = _moments(first), _moments(second)
    fixed = [one == other for one, other in zip(start, next_, strict=False)]
    if len(start) != len(next_) or all(fixed):
        return None
    moving, index = fixed.index(False), index_clash(Symbol("i"))
    if len(before) < 3 and start[moving] != 1:
        return None
    ends = {time for time, same in zip(start, fixed, strict=True) if same and not time.is_Integer}
    last = ends.pop() if start[moving] == 1 and len(ends) == 1 else T
    body = _at(first, start[moving], index, fixed)
    for number, (_, term) in enumerate(before):
        moments = _moments(term)
        if len(moments) != len(fixed) or moments[moving] != start[moving] + number:
            return None
        if _at(term, moments[moving], index, fixed) != body:
            return None
    total = OverTime(body, index, start[moving], last)
    return total if sign == 1 else Add(((sign, total),))


def _through_all(before: Sequence[tuple[int, Term]]) -> Term | None:
    """∂h_t/∂W + ∂h_t/∂h_{t-1} ∂h_{t-1}/∂W + ⋯: each term through one step more, back to the first step."""
    sign, last = before[-1] if before else (1, None)
    factors = last.factors if isinstance(last, Multiply) else ()
    for at, step in enumerate(factors):
        if not (isinstance(step, Derivative) and step.of.name == step.by.name and step.of.time is not None):
            continue
        index, latest = index_clash(Symbol("i")), step.of.time
        product = OverTime(_at(step, latest, index), index, latest, latest, True, False, True)
        after = [step == _at_step(product, latest - number) for number, step in enumerate(factors[at:])]
        shown = (*after, False).index(False)
        product = replace(product, first=latest - shown + 1)
        end = Multiply((*factors[:at], product, *factors[at + shown :]))
        return _through_more(before, sign, end, earliest=Integer(1))
    return None


def _onward_through(before: Sequence[tuple[int, Term]]) -> Term | None:
    """∂L_2/∂h_2 + ∂L_3/∂h_3 ∂h_3/∂h_2 + ∂L_4/∂h_4 ∂h_4/∂h_3 ∂h_3/∂h_2 + ⋯, each term through one step more, up to T."""
    if len(before) < 3 or {sign for sign, _ in before} != {1}:
        return None
    head, second = (term.factors if isinstance(term, Multiply) else (term,) for _, term in before[:2])
    step = second[-1]
    if not isinstance(step, Derivative) or step.immediate or step.of.time is None or step.by.time is None:
        return None
    start, index = step.by.time, index_clash(Symbol("i"))
    if step.of.name != step.by.name or step.of.time != start + 1 or step.of.at or step.by.at:
        return None

    def at_step(parts: Sequence[Term], time: Expr, here: Expr) -> tuple[Term, ...]:
        return tuple(at_times(part, lambda e: time if e == here else e) for part in parts)

    def with_steps(many: int) -> tuple[Term, ...]:
        back = (_moved_step(step, number) for number in range(many - 1, -1, -1))
        return (*at_step(head, start + many, start), *back)

    for many, (_, term) in enumerate(before):
        if (term.factors if isinstance(term, Multiply) else (term,)) != with_steps(many):
            return None
    inner = index_clash(Symbol("j"))
    back = OverTime(_moved_step(step, inner - start - 1), inner, start + 1, index, True, False, True)
    return OverTime(Multiply((*at_step(head, index, start), back)), index, start, T)


def _moved_step(step: Derivative, by: Expr | int) -> Term:
    return at_times(step, lambda e: e + by)


def _over_entries(before: Sequence[tuple[int, Term]], sign: int, end: Term) -> Term | None:
    """∂E/∂o_1 ∂o_1/∂s_i + ∂E/∂o_2 ∂o_2/∂s_i + ⋯ + ∂E/∂o_n ∂o_n/∂s_i, with n for how many entries there are."""
    index = index_clash(Symbol("j"))

    def at_index(term: Term, place: Expr) -> Term:
        def moved(part: Term) -> Term:
            if isinstance(part, Ref):
                return replace(part, at=tuple(index if each == place else each for each in part.at))
            return rebuilt(part, moved)

        return moved(term)

    sizes = {at for part in walk(end) if isinstance(part, Ref) for at in part.at if str(at) in SIZES}
    bodies = {at_index(end, size) for size in sizes}
    shown = [(other, at_index(term, Integer(number))) for number, (other, term) in enumerate(before)]
    if len(bodies) != 1 or len(shown) < 2 or any(each != (sign, *bodies) for each in shown):
        return None
    (body,) = bodies
    total = OverEntries(body, index)
    return total if sign == 1 else Add(((sign, total),))


def _through_more(
    before: Sequence[tuple[int, Term]], sign: int, end: Term, *, earliest: Expr | None = None
) -> Term | None:
    """∂h_t/∂W + ∂h_t/∂h_{t-1} ∂h_{t-1}/∂W + ⋯ + ∂h_t/∂h_{t-1} ⋯ ∂h_2/∂h_1 ∂h_1/∂W, each term through one step more."""
    factors = end.factors if isinstance(end, Multiply) else ()
    at = next((i for i, part in enumerate(factors) if isinstance(part, OverTime)), len(factors))
    product, rest = next(iter(factors[at : at + 1]), None), factors[at + 1 :]
    if not isinstance(product, OverTime) or not product.product or product.ascending or not rest:
        return None
    last, latest = product.first - 1, product.last

    def ending(time: Expr) -> tuple[Term, ...]:
        return tuple(at_times(part, lambda e: time if e == last else e) for part in rest)

    def with_steps(many: int) -> Term:
        steps = (_at_step(product, latest - number) for number in range(many))
        parts = (*factors[:at], *steps, *ending(latest - many))
        return parts[0] if len(parts) == 1 else Multiply(parts)

    first = next((i for i, term in enumerate(before) if term == (sign, with_steps(0))), len(before))
    if len(before) - first < 2 or any(t != (sign, with_steps(many)) for many, t in enumerate(before[first:])):
        return None
    index = index_clash(Symbol("k"))
    body = Multiply((*factors[:at], replace(product, first=index + 1), *ending(index)))
    low = last if earliest is None else earliest
    found = (*before[:first], (sign, OverTime(body, index, low, latest)))
    return found[0][1] if len(found) == 1 and sign == 1 else Add(found)


def _at_step(product: OverTime, step: Expr) -> Term:
    return at_times(product.body, lambda e: e.xreplace({product.index: step}))


def _whole(items: Sequence[tuple[int, Term | None]]) -> list[tuple[int, Term]]:
    return [(sign, term) for sign, term in items if term is not None]


def _product(before: list[Term], after: list[Term], length: int) -> Term | None:
    if len(before) < length or len(after) < length:
        return None
    last, end = tuple(before[-length:]), tuple(after[:length])
    reference, final = _first_time(last), _first_time(end)
    if reference is None or final is None:
        return None
    index = index_clash(Symbol("i"))
    for direction in (-1, 1):
        previous = tuple(before[-2 * length : -length])
        # Two factors before the dots show the direction; with one, the two ends must show it.
        if len(previous) == length and _alike(previous, last, index):
            if _moved(previous, direction) != last:
                continue
            start = list(before[: -2 * length])
            first = reference - direction
        elif direction == -1 and (length == 1 or not (reference - final).is_Integer):
            start, first = list(before[:-length]), reference
        else:
            continue
        block = tuple(_at(part, reference, index) for part in last)
        if block != tuple(_at(part, final, index) for part in end):
            continue
        body = block[0] if length == 1 else Multiply(block)
        low, high = (final, first) if direction == -1 else (first, final)
        product = OverTime(body, index, low, high, True, direction == 1, True)
        return Multiply((*start, product, *after[length:])) if start or after[length:] else product
    return None


def _chain(before: list[Term], after: list[Term], *, rising: bool = False) -> Term | None:
    """∂h_t/∂h_{t-1} ⋯ ∂h_1/∂x_1: the steps of a state back to the one whose derivative ends the chain."""
    last, end = before[-1] if before else None, after[0] if after else None
    if not (isinstance(last, Derivative) and isinstance(end, Derivative)) or last.immediate:
        return None
    (of, by), goal = (last.of, last.by), end.of
    if not of.name == by.name == goal.name != end.by.name or of.at or by.at or goal.at:
        return None
    if of.time is None or by.time is None or goal.time is None or of.time - by.time != 1:
        return None
    read = before[-2] if len(before) > 1 else None
    if isinstance(read, Gradient | Derivative) and read.by != of:
        return None  # ∂L/∂h_T before ∂h_t/∂h_{t-1}
    index = index_clash(Symbol("i"))
    body = _at(last, of.time, index)
    factors = (*before[:-1], OverTime(body, index, goal.time + 1, of.time, True, rising, True), *after)
    return Multiply(factors[::-1] if rising else factors)


def _alike(previous: tuple[Term, ...], last: tuple[Term, ...], index: Symbol) -> bool:
    """Whether factors differ by their steps at most: ∂J/∂h_T before ∂h_T/∂h_{T-1} is no factor of the product."""
    before, now = _first_time(previous), _first_time(last)
    if before is None or now is None:
        return previous == last
    return tuple(_at(part, before, index) for part in previous) == tuple(_at(part, now, index) for part in last)


def _first_time(block: tuple[Term, ...]) -> Expr | None:
    found = [time for part in block for time in times(part)]
    return found[0] if found else None


def _moved(block: tuple[Term, ...], by: int) -> tuple[Term, ...]:
    from derive.nodes import t

    letters = {s for part in block for time in times(part) for s in time.free_symbols} or {t}
    return tuple(at_times(part, lambda e: e.xreplace({s: s + by for s in letters})) for part in block)


def _moments(part: Term) -> list[Expr]:
    """All times in a part, of losses too: t and t + 1 of the derivative of L_t by h_{t+1}."""
    found: list[Expr] = []

    def kept(time: Expr) -> Expr:
        found.append(time)
        return time

    at_times(part, kept)
    return found


def _at(part: Term, reference: Expr, index: Symbol, fixed: Sequence[bool] = ()) -> Term:
    """The part with its times written relative to the reference, which becomes the index, but for the fixed ones."""
    left = iter(fixed)
    return at_times(
        part, lambda e: index + (e - reference) if not next(left, False) and (e - reference).is_Integer else e
    )
