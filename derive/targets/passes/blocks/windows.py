"""Gradients that only products over all steps read after the loop are kept for some steps, a window of them.

What is read of them is computed window by window, while they are in the cache, and added up. A window holds whole
blocks; it holds all steps where the rows that a product needs to be worth its sum would not stay in the cache.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer

from derive.targets.language.code import (
    MEMORY,
    Apply,
    Assign,
    Buffer,
    Call,
    Code,
    Fill,
    Index,
    MatrixProduct,
    Method,
    Name,
    Number,
    Remark,
    Statement,
    Sum,
    Transposed,
    Unless,
    assigned,
    read,
    size_text,
)
from derive.targets.passes.blocks.by_blocks import in_block, is_for_the_loop
from derive.targets.passes.loops import Body
from derive.targets.passes.shapes import BLOCK, B, Shapes, T

HELPERS = ("steps_together", "added")
"""What says how many steps a window has, and what adds up the parts of a sum."""


@dataclass(frozen=True)
class Windows:
    """A backward program where some arrays hold one window of steps."""

    before: tuple[Statement, ...]
    after: tuple[Statement, ...]
    made: tuple[Assign, ...] = ()
    """The memory of a window, and sums of which nothing is there yet."""
    first: tuple[Assign, ...] = ()
    """The part of it that the steps of a block fill."""
    last: tuple[Unless, ...] = ()
    """What is computed when a window is done."""
    arrays: frozenset[str] = frozenset()
    helpers: frozenset[str] = frozenset()


def in_windows(
    before: Sequence[Statement],
    body: Body,
    after: Sequence[Statement],
    shapes: Shapes,
    kept: Collection[str],
    fresh: Callable[[str], Name],
) -> Windows:
    """The statements around a loop over blocks; what cannot be added up window by window stays where it is."""
    there = {*kept, *read([s for s in before if not isinstance(s, Buffer)])}
    buffers = {
        s.name: s for s in before if isinstance(s, Buffer) and len(s.axes) == 1 and is_for_the_loop(s, body, there)
    }
    while buffers:
        moving = _Moving(buffers, body, after, shapes, kept)
        refused = moving.run()
        if not refused:
            return _done(before, moving, shapes, fresh)
        buffers = {name: buffer for name, buffer in buffers.items() if name not in refused}
    return Windows(tuple(before), tuple(after))


class _Moving:
    """Finds what may be computed window by window if the buffers hold one window."""

    def __init__(
        self, buffers: dict[str, Buffer], body: Body, after: Sequence[Statement], shapes: Shapes, kept: Collection[str]
    ) -> None:
        self.buffers = buffers
        self.left: list[Statement] = []
        self.last: list[Statement] = []
        self.outputs: list[Buffer] = []
        self.sums: list[Name] = []
        self._body = body
        self._after = after
        self._shapes = shapes
        self._kept = kept
        self._origin = {name: {name} for name in buffers}
        """The buffers that a value over the steps of a window is made of."""

    def run(self) -> set[str]:
        """The buffers that must hold all steps, if any."""
        bound = Counter(name for s in self._after for name in assigned([s]))
        early = set(self._body.bound)
        for statement in self._after:
            used = {*read([statement])}
            origin = {name for local in used & set(self._origin) for name in self._origin[local]}
            if not origin:
                self.left.append(statement)
            elif (used - set(self._origin)) & early or not self._moved(statement, origin, bound):
                return origin
            early |= assigned([statement])
        return set()

    def _moved(self, statement: Statement, origin: set[str], bound: Counter[str]) -> bool:
        match statement:
            case Assign((Name(name) as target,), value, formula) if bound[name] == 1:
                local, shape = frozenset(self._origin), self._shapes.of(value)
                sums = _sum_in_window(value, local, self._shapes)
                if sums is not None:
                    self.sums.append(target)
                    self.last.append(Assign((target,), Call("added", (target, sums)), formula))
                    return True
                part = in_block(value, local, self._shapes)
                if part is None or shape is None or shape[:2] != (T, B) or len(shape) != 3:
                    return False
                if name in self._kept:
                    self.outputs.append(Buffer(name, shape[2:]))
                    self.last += _filled(Index(target, "start:stop"), part, formula)
                else:
                    self._shapes.known[name] = shape
                    self._origin[name] = origin
                    self.last.append(Assign((target,), part, formula))
                return True
        return False


def _filled(out: Code, value: Code, formula: str) -> list[Statement]:
    """Statements that write the value into the output, a product of rows in its place."""
    match value:
        case Call("rows_times", (rows, matrix)):
            return [Apply("rows_times", (rows, matrix), out, formula=formula)]
        case Sum(((False, Call("rows_times") as product), *rest)):
            added = [Apply("np.subtract" if minus else "np.add", (out, term), out) for minus, term in rest]
            return [*_filled(out, product, formula), *added]
    return [Fill(out, value, formula)]


def _sum_in_window(code: Code, local: Collection[str], shapes: Shapes) -> Code | None:
    """A sum over all steps and examples, over those of a window alone; None for anything else."""
    match code:
        case Sum(terms):
            found = [(negative, _sum_in_window(term, local, shapes)) for negative, term in terms]
            known = tuple((negative, term) for negative, term in found if term is not None)
            return Sum(known) if len(known) == len(terms) else None
        case Method(of, ("sum(axis=(0, 1))" | "sum()") as call) if _is_timed(of, shapes):
            inner = in_block(of, local, shapes)
            return None if inner is None else Method(inner, call)
        case MatrixProduct(Transposed(Call("rows", (left,))), Call("rows", (right,))) if _is_timed(
            left, shapes
        ) and _is_timed(right, shapes):
            one, other = in_block(left, local, shapes), in_block(right, local, shapes)
            if one is not None and other is not None:
                return MatrixProduct(Transposed(Call("rows", (one,))), Call("rows", (other,)))
    return None


def _is_timed(code: Code, shapes: Shapes) -> bool:
    shape = shapes.of(code)
    return shape is not None and len(shape) >= 3 and shape[:2] == (T, B)


def _done(before: Sequence[Statement], moving: _Moving, shapes: Shapes, fresh: Callable[[str], Name]) -> Windows:
    window = fresh("window")
    together = sum((buffer.axes[0] for buffer in moving.buffers.values()), start=Integer(0))
    made = [Assign((window,), _steps(together))]
    first: list[Assign] = []
    whole: list[Statement] = []
    for name, buffer in moving.buffers.items():
        memory = fresh(f"{name}_window")
        size = Number(f"(min({window.name}, T), B, {size_text(buffer.axes[0])})")
        made.append(Assign((memory,), Call(MEMORY, (size, Name("dtype")))))
        first.append(Assign((Name(name),), Index(Index(memory, f"start % {window.name}:"), ":stop - start")))
        whole.append(Assign((Name(name),), Index(memory, ":stop - start")))
        shapes.known[name] = (BLOCK, B, *buffer.axes)
    made += [Assign((name,), Number("None")) for name in moving.sums]
    last = (
        Remark("what is read of the gradients of a window of steps, while they are in the cache"),
        Assign((Name("stop"),), Number(f"min(start + {window.name}, T)")),
        *whole,
        *moving.last,
    )
    return Windows(
        (*(s for s in before if not (isinstance(s, Buffer) and s.name in moving.buffers)), *moving.outputs),
        tuple(moving.left),
        tuple(made),
        tuple(first),
        (Unless(Number(f"start % {window.name}"), last),),
        frozenset(moving.buffers),
        frozenset(HELPERS if moving.sums else HELPERS[:1]),
    )


def _steps(together: Expr) -> Code:
    numbers = (Name("block"), Name("T"), Name("B"), Number(size_text(together)))
    return Call("steps_together", numbers)
