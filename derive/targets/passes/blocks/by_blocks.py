"""Gradients that are a matrix for each example and step are kept for one block of steps.

What is read of them after the loop is computed after each block instead, while they are in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from derive.targets.language.code import (
    MEMORY,
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
    Power,
    Product,
    Statement,
    Sum,
    Tuple,
    assigned,
    parts,
    read,
    size_text,
)
from derive.targets.passes.loops import Body
from derive.targets.passes.rewriting import names_in, rebuilt
from derive.targets.passes.shapes import BLOCK, B, Shape, Shapes, T

_ROWWISE = {"np.swapaxes", "np.tanh", "np.exp", "np.sqrt", "sigmoid", "softmax", "rows_times"}
"""Functions that find every step by itself."""


@dataclass(frozen=True)
class Moved:
    """A backward program where some arrays hold one block of steps."""

    before: tuple[Statement, ...]
    after: tuple[Statement, ...]
    made: tuple[Assign, ...] = ()
    """The memory of a block."""
    first: tuple[Assign, ...] = ()
    """The part of it that the steps of a block fill."""
    last: tuple[Fill, ...] = ()
    """What is computed when a block is done."""
    arrays: frozenset[str] = frozenset()


def by_blocks(
    before: Sequence[Statement],
    body: Body,
    after: Sequence[Statement],
    shapes: Shapes,
    kept: Collection[str],
    fresh: Callable[[str], Name],
) -> Moved:
    """The statements around a loop; what cannot be told to be found step by step stays where it is."""
    moved = Moved(tuple(before), tuple(after))
    for buffer in before:
        if isinstance(buffer, Buffer) and len(buffer.axes) >= 2 and is_for_the_loop(buffer, body, kept):
            moved = _kept_for_a_block(buffer, moved, shapes, fresh)
    return moved


def is_for_the_loop(buffer: Buffer, body: Body, kept: Collection[str]) -> bool:
    """Whether the loop fills an array and reads it at t alone."""
    lengths = [*body.first, *body.last]
    if (
        buffer.with_start
        or buffer.zeros
        or buffer.name in {*kept, *read(lengths), *assigned(lengths)}
        or buffer.name not in body.filled
    ):
        return False
    array = Name(buffer.name)
    return body.occurrences[array] == body.occurrences[Index(array, "t")]


def _kept_for_a_block(buffer: Buffer, so_far: Moved, shapes: Shapes, fresh: Callable[[str], Name]) -> Moved:
    """The same where one more array holds a block; unchanged where something needs all its steps at once."""
    local = so_far.arrays | {buffer.name}
    left: list[Statement] = []
    last = list(so_far.last)
    buffers: list[Statement] = []
    for place, statement in enumerate(so_far.after):
        if buffer.name not in read([statement]):
            left.append(statement)
            continue
        match statement:
            case Assign((Name(name),), value, formula) if not {*read([statement])} & assigned(so_far.after[:place]):
                shape, found = shapes.of(value), in_block(value, local, shapes)
                if found is None or shape is None or shape[:2] != (T, B) or not 3 <= len(shape) <= 3:
                    return so_far
                last.append(Fill(Index(Name(name), "start:stop"), found, formula))
                buffers.append(Buffer(name, shape[2:]))
            case _:
                return so_far
    memory = fresh(f"{buffer.name}_block")
    size = f"(min(block, T), B, {', '.join(map(size_text, buffer.axes))})"
    made = Assign((memory,), Call(MEMORY, (Number(size), Name("dtype"))))
    part = Assign((Name(buffer.name),), Index(memory, ":stop - start"))
    shapes.known[buffer.name] = (BLOCK, B, *buffer.axes)
    before = [*(s for s in so_far.before if s != buffer), *buffers]
    return Moved(tuple(before), tuple(left), (*so_far.made, made), (*so_far.first, part), tuple(last), frozenset(local))


def in_block(code: Code, local: Collection[str], shapes: Shapes) -> Code | None:
    """The value for the steps of a block of an expression over all steps; None where that is not plain."""
    match code:
        case Number():
            return code
        case Name(name):
            return code if name in local else _part(code, shapes.known.get(name))
        case Index(Name(name) as array, (":-1" | "1:") as span):
            shape = shapes.known.get(name)
            if not shape or shape[0] != T + 1:
                return None
            return Index(array, "start:stop" if span == ":-1" else "start + 1:stop + 1")
        case Index(of, index) if index.startswith("...") and _is_timed(of, shapes):
            inner = in_block(of, local, shapes)
            return None if inner is None else Index(inner, index)
        case Method(of, "sum(axis=-1, keepdims=True)" | "sum(axis=-1)") if _is_timed(of, shapes):
            pass
        case Call(function) if function in _ROWWISE:
            pass
        case Call("np.concatenate", (Tuple(items),), "axis=-1"):
            pieces = [in_block(item, local, shapes) for item in items]
            known = tuple(piece for piece in pieces if piece is not None)
            return Call("np.concatenate", (Tuple(known),), "axis=-1") if len(known) == len(items) else None
        case Sum() | Product() | MatrixProduct() | Power():
            pass
        case _:
            timed = any((shapes.known.get(name) or (None,))[0] in (T, T + 1) for name in names_in(code))
            return None if timed else code
    found = [in_block(part, local, shapes) for part in parts(code)]
    new = [part for part in found if part is not None]
    return rebuilt(code, new) if len(new) == len(found) else None


def _is_timed(code: Code, shapes: Shapes) -> bool:
    """Whether the first two axes are steps and examples, and another follows."""
    shape = shapes.of(code)
    return shape is not None and len(shape) >= 3 and shape[0] in (T, BLOCK) and shape[1] == B


def _part(name: Name, shape: Shape | None) -> Code | None:
    if shape is None or (shape and shape[0] == T + 1):
        return None
    return Index(name, "start:stop") if shape and shape[0] == T else name
