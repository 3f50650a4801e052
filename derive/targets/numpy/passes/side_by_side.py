"""Calls of a loop that do the same to neighbouring parts of arrays become one call: for few numbers a call is the cost.

Whatever one of them waits for is computed before both, so that two calls are joined where neither needs the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import combinations

from derive.targets.language.code import (
    Apply,
    Assign,
    Blocks,
    Call,
    Code,
    Each,
    Index,
    Name,
    Number,
    Statement,
    assigned,
    free_names,
    read,
)
from derive.targets.passes.gates import apart_spans, span

NUMBERWISE = {"np.add", "np.subtract", "np.multiply", "np.divide", "np.negative", "np.tanh", "np.exp", "np.square"}
"""Functions that treat every number alone."""

LONGEST = 64
"""Statements of a loop in which calls are joined: what finds them grows as their square, and long loops lose less."""


def side_by_side(statements: Sequence[Statement], fresh: Callable[[str], Name]) -> list[Statement]:
    """The statements with such calls of a loop joined, and without the views of memory that this leaves unread."""
    found: list[Statement] = []
    for statement in statements:
        match statement:
            case Each():
                joining = _joined(statement, found, fresh)
                found += [*joining.made, joining.loop]
            case Blocks(_, body):
                place = next(k for k, one in enumerate(body) if isinstance(one, Each))
                loop = body[place]
                assert isinstance(loop, Each)
                joining = _joined(loop, [*found, *statement.made, *body[:place]], fresh)
                found += [*joining.made, replace(statement, body=(*body[:place], joining.loop, *body[place + 1 :]))]
            case _:
                found.append(statement)
    left = {*read(statements)} - {*read(found)}
    return [s for s in found if not (isinstance(s, Assign) and _is_view(s.value) and left.issuperset(assigned([s])))]


def _joined(loop: Each, before: Sequence[Statement], fresh: Callable[[str], Name]) -> _Joining:
    joining = _Joining(loop, before, fresh)
    while len(loop.body) <= LONGEST and joining.joins_two():
        pass
    joining.made = [one for one in joining.made if {*read([joining.loop])} & assigned([one])]
    return joining


@dataclass(frozen=True)
class _Part:
    """Some entries of the last axis of an array, all where `entries` is None; `root` is the memory behind it."""

    root: str
    array: Code
    entries: tuple[str, str] | None = None


class _Joining:
    """Joins calls of one loop."""

    def __init__(self, loop: Each, before: Sequence[Statement], fresh: Callable[[str], Name]) -> None:
        self.loop = loop
        self.made: list[Statement] = []
        self._fresh = fresh
        self._views = {
            s.targets[0].name: s.value
            for s in before
            if isinstance(s, Assign) and len(s.targets) == 1 and isinstance(s.targets[0], Name)
        }

    def joins_two(self) -> bool:
        """Whether two calls were found and joined."""
        body = self.loop.body
        over = {name.name: code for name, code in self.loop.over}
        parts: dict[str, _Part] = {}
        for name in {*read(body), *assigned(body)}:
            parts[name] = self._part(Name(name), over)
        needs = _needs(body, parts)
        for first, second in combinations(range(len(body)), 2):
            if needs[second] >> first & 1:
                continue
            one, other = body[first], body[second]
            if not (isinstance(one, Apply) and isinstance(other, Apply)) or one.function != other.function:
                continue
            if one.function not in NUMBERWISE or one.keywords or other.keywords:
                continue
            pairs = [*zip((*one.arguments, one.out), (*other.arguments, other.out), strict=True)]
            for turned in (False, True):
                whole = [self._both(*(pair[::-1] if turned else pair), parts) for pair in pairs]
                if all(code is not None for code in whole):
                    self._join(first, second, [code for code in whole if code is not None], needs)
                    return True
        return False

    def _part(self, name: Name, over: Mapping[str, Code]) -> _Part:
        """What a variable of the loop is of which memory."""
        code: Code = over.get(name.name, name)
        entries = span(code)
        array = code.of if entries is not None and isinstance(code, Index) else code
        if isinstance(array, Name) and array.name not in over:
            value = self._views.get(array.name)
            if isinstance(value, Index) and entries is None:
                entries = span(value)
                if entries is not None and isinstance(value.of, Name):
                    return _Part(self._root(value.of), value.of, entries)
        return _Part(self._root(array), array, entries)

    def _root(self, code: Code) -> str:
        """The variable in whose memory something is, however it is seen."""
        while True:
            if isinstance(code, Name):
                value = self._views.get(code.name)
                if value is None or isinstance(value, Number) or not _is_view(value):
                    return code.name
                code = value
            else:
                names = free_names(code)
                code = Name(names[-1] if isinstance(code, Call) else names[0])

    def _both(self, one: Code, other: Code, parts: Mapping[str, _Part]) -> Code | None:
        """Two neighbours as one part, the first before the second, or the number that both are."""
        if not (isinstance(one, Name) and isinstance(other, Name)):
            return None
        if one == other:
            return one if self._is_number(one) else None
        left, right = parts[one.name], parts[other.name]
        if left.array != right.array or left.entries is None or right.entries is None:
            return None
        if left.entries[1] != right.entries[0]:
            return None
        return Index(left.array, f"..., {left.entries[0]}:{right.entries[1]}")

    def _is_number(self, name: Name) -> bool:
        value = self._views.get(name.name)
        return isinstance(value, Call) and value.function == "np.array" and isinstance(value.arguments[0], Number)

    def _join(self, first: int, second: int, whole: Sequence[Code], needs: Sequence[int]) -> None:
        body = self.loop.body
        one, other = body[first], body[second]
        assert isinstance(one, Apply)
        assert isinstance(other, Apply)
        *arguments, out = [self._named(code) for code in whole]
        formula = "\n".join(filter(None, (one.formula, other.formula)))
        call = Apply(one.function, tuple(arguments), out, formula=formula)
        order = _in_order(needs, first, second)
        kept = tuple(call if k == first else body[k] for k in order)
        used = {*read(kept), *assigned(kept)}
        over = tuple((name, code) for name, code in self.loop.over if name.name in used)
        self.loop = replace(self.loop, over=over, body=kept)

    def _named(self, code: Code) -> Name:
        """A variable for a part, which the loop runs over unless it is memory that stays where it is."""
        if isinstance(code, Name):
            return code
        known = {array: name for name, array in self.loop.over}
        if code in known:
            return known[code]
        assert isinstance(code, Index)
        inner = free_names(code)[0]
        if isinstance(code.of, Name) and all(code.of != _array(array) for array in known):
            name = self._fresh(f"{inner.removesuffix('_t')}_view")
            self.made.append(Assign((name,), code))
            self._views[name.name] = code
            return name
        name = self._fresh(f"{inner}_t")
        self.loop = replace(self.loop, over=(*self.loop.over, (name, code)))
        return name


def _array(code: Code) -> Code:
    return code.of if span(code) is not None and isinstance(code, Index) else code


def _is_view(value: Code) -> bool:
    shows = isinstance(value, Call) and value.function in ("np.swapaxes", "np.broadcast_to")
    return shows or isinstance(value, Index)


def _needs(body: Sequence[Statement], parts: Mapping[str, _Part]) -> list[int]:
    """For every statement those that must come before it, one bit for each."""
    reads = [[parts[name] for name in read([s]) if name in parts] for s in body]
    writes = [[parts[name] for name in assigned([s])] for s in body]
    found: list[int] = []
    for k in range(len(body)):
        needed = 0
        for before in range(k):
            if _meet(writes[before], [*reads[k], *writes[k]]) or _meet(reads[before], writes[k]):
                needed |= found[before] | 1 << before
        found.append(needed)
    return found


def _meet(some: Sequence[_Part], others: Sequence[_Part]) -> bool:
    return any(
        one.root == other.root
        and not (one.array == other.array and one.entries and other.entries and apart_spans(one.entries, other.entries))
        for one in some
        for other in others
    )


def _in_order(needs: Sequence[int], first: int, second: int) -> list[int]:
    """The statements without the second, which stands where the first is, each after what it needs."""
    joint = needs[first] | needs[second]
    waits: list[int] = []
    for k, needed in enumerate(needs):
        own = joint if k == first else needed
        waits.append(own | 1 << first if own >> second & 1 else own)
    ready: list[int] = []
    done, left, order = 1 << second, set(range(len(needs))) - {second}, []
    while left:
        for k in sorted(left):
            if not waits[k] & ~done and k not in ready:
                heappush(ready, k)
        k = heappop(ready)
        left.discard(k)
        done |= 1 << k
        order.append(k)
    return order
