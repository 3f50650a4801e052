"""σ out of tanh for gates beside others: one call over whole rows, not over a part of each.

NumPy goes through a part of the last axis row by row, and through arrays of the same shape at once. What σ is scaled
by and shifted by is a half in its own entries, and one and zero in those that stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from derive.targets.language.code import (
    MEMORY,
    Apply,
    Assign,
    Call,
    Each,
    Index,
    Name,
    Number,
    Statement,
    assigned,
    read,
)


def whole_rows(statements: Sequence[Statement], fresh: Callable[[str], Name]) -> list[Statement]:
    """The statements, with calls of a loop that scale and shift some entries of an array doing so for all."""
    found: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Each):
            before, loop = _loop(statement, fresh)
            found += [*before, loop]
        else:
            found.append(statement)
    return found


def _loop(loop: Each, fresh: Callable[[str], Name]) -> tuple[list[Statement], Each]:
    over = dict(loop.over)
    before: list[Statement] = []
    body = list(loop.body)
    for place, pair in enumerate(zip(loop.body, loop.body[1:], strict=False)):
        match pair:
            case (
                Apply("np.multiply", (Name() as part, Name() as scale), first),
                Apply("np.add", (second, Name() as shift), last),
            ) if part == first == second == last and {scale, shift}.isdisjoint(over):
                whole = next((name for name, array in over.items() if _is_part(over.get(part), array)), None)
                if whole is not None:
                    for k, (value, rest, word) in enumerate(((scale, "1", "scale"), (shift, "0", "shift"))):
                        made = fresh(word)
                        before += _spread(over[part], made, value, rest)
                        one = pair[k]
                        assert isinstance(one, Apply)
                        body[place + k] = replace(one, arguments=(whole, made), out=whole)
    used = {*read(body), *assigned(body)}
    return before, replace(loop, over=tuple(pair for pair in loop.over if pair[0].name in used), body=tuple(body))


def _is_part(part: object, array: object) -> bool:
    """Whether the one are entries of the last axis of the other, an array in one piece."""
    return isinstance(array, Name) and isinstance(part, Index) and part.of == array and part.index.startswith("..., ")


def _spread(part: object, made: Name, value: Name, rest: str) -> list[Statement]:
    """An array of the shape of a step that has the value in the entries of a part, and something else in the rest."""
    assert isinstance(part, Index)
    assert isinstance(part.of, Name)
    shape = Number(f"{part.of.name}.shape[1:]")
    return [
        Assign((made,), Call(MEMORY, (shape, Name("dtype")))),
        Assign((Index(made, "..."),), Number(rest)),
        Assign((Index(made, part.index),), value),
    ]
