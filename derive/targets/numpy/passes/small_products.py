"""Products in a loop in pieces for which the library has its fastest code; whether it has is told when they run.

OpenBLAS multiplies small matrices as they stand and larger ones after it has copied both, which takes longer than the
product where a step has few rows. The matrix stands in blocks of columns, made before the loop, and blocks of rows
are multiplied by each of them: the same entries, each the sum of the same terms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

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
    WithLengths,
    assigned,
    read,
)
from derive.targets.passes import layout

HELPERS = ("in_pieces", "piece_rows", "piece_places", "product_with")
"""The functions that cut a matrix, what is multiplied by it and where that is written, and that say what multiplies."""


def in_pieces(statements: Sequence[Statement], fresh: Callable[[str], Name]) -> list[Statement]:
    """The statements where what a loop multiplies by a matrix that stays the same may be multiplied in pieces."""
    place = next((k for k, statement in enumerate(statements) if isinstance(statement, Each | Blocks)), None)
    if place is None:
        return list(statements)
    pieces = _Pieces(fresh, _bound([statements[place]]))
    loop = pieces.of(statements[place])
    before, after = [*statements[:place]], statements[place + 1 :]
    cut: list[Statement] = []
    for matrix, name in pieces.matrices.items():
        copied = next((k for k, one in enumerate(before) if _is_copy(one, matrix)), None)
        value: Code = matrix
        if copied is not None and matrix.name not in read([*before, loop, *after]):
            copy = before.pop(copied)
            assert isinstance(copy, Assign)
            assert isinstance(copy.value, Call)
            value = copy.value.arguments[0]
        cut.append(Assign((name,), Call("in_pieces", (value, Number("T"), Number("B")))))
    return [*before, *cut, *pieces.views, loop, *after]


def _is_copy(statement: Statement, matrix: Name) -> bool:
    match statement:
        case Assign((target,), Call(layout.HELPER)):
            return target == matrix
    return False


def _bound(statements: Sequence[Statement]) -> set[str]:
    """The variables that a loop binds anew, but for sequences of different lengths."""
    found: set[str] = set()
    for statement in statements:
        match statement:
            case Assign(targets):
                found |= {target.name for target in targets if isinstance(target, Name)}
            case Each(_, over, body):
                found |= {name.name for name, _ in over} | _bound(body)
            case Blocks(_, body):
                found |= _bound(body)
    return found


@dataclass
class _Pieces:
    """Rewrites one loop, or one over blocks; `changing` are the variables that it binds anew."""

    fresh: Callable[[str], Name]
    changing: set[str]
    views: list[Statement] = field(default_factory=list)
    """Pieces of memory that stays the same, made before the loop."""
    matrices: dict[Name, Name] = field(default_factory=dict)
    """The matrices, and what they are called in pieces."""
    _times: dict[Name, Name] = field(default_factory=dict)
    _known: dict[tuple[str, Name, Name], Name] = field(default_factory=dict)
    _fixed: set[Name] = field(default_factory=set)

    def of(self, statement: Statement) -> Statement:
        """The statement with products in pieces."""
        match statement:
            case Blocks(_, body):
                return replace(statement, body=tuple(map(self.of, body)))
            case Each():
                return self._loop(statement)
        return statement

    def _loop(self, loop: Each) -> Each:
        over = dict(loop.over)
        body: list[Statement] = []
        for statement in loop.body:
            match statement:
                case Apply(".dot", (Name() as left, Name() as matrix), Name() as out) if (
                    self._stays(matrix) and self._stays(out) and (left in over or self._stays(left))
                ):
                    body.append(self._product(statement, left, matrix, out, over))
                case _:
                    body.append(statement)
        body = [self._in_place(statement) for statement in body]
        used = {*read(body), *assigned(body)}
        return replace(
            loop, over=tuple((name, array) for name, array in over.items() if name.name in used), body=tuple(body)
        )

    def _stays(self, name: Name) -> bool:
        return name.name not in self.changing

    def _product(self, statement: Apply, left: Name, matrix: Name, out: Name, over: dict[Name, Code]) -> Apply:
        if matrix not in self.matrices:
            self.matrices[matrix] = self.fresh(f"{matrix.name}_pieces")
            self._times[matrix] = self.fresh(f"times_{matrix.name}")
            self.views.append(Assign((self._times[matrix],), Call("product_with", (self.matrices[matrix],))))
        rows = self._view("piece_rows", left, matrix, over)
        places = self._view("piece_places", out, matrix, over)
        times = self._times[matrix].name
        return replace(statement, function=times, arguments=(rows, self.matrices[matrix]), out=places, brief=True)

    def _view(self, helper: str, of: Name, matrix: Name, over: dict[Name, Code]) -> Name:
        """An array as pieces: one that the loop runs through, or memory that stays the same."""
        key = (helper, of, matrix)
        if key not in self._known:
            name = self.fresh(f"{of.name}_{helper.removeprefix('piece_')}")
            if of in over:
                over[name] = Call(helper, (over[of], self.matrices[matrix]))
            else:
                self._fixed.add(of)
                self.views.append(Assign((name,), Call(helper, (of, self.matrices[matrix]))))
            self._known[key] = name
        return self._known[key]

    def _in_place(self, statement: Statement) -> Statement:
        """What is bound anew for sequences of different lengths is written where its pieces are."""
        match statement:
            case WithLengths(body):
                fixed = [(target,) for target in self._fixed]
                kept = (replace(s, targets=(Index(s.targets[0], "..."),)) if s.targets in fixed else s for s in body)
                return replace(statement, body=tuple(kept))
        return statement
