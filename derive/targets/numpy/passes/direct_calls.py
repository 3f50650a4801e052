"""Values that a loop computes and then copies, by calls that write where they are wanted.

A product with a column is written through a view of its place with one more axis; a maximum is one call for real
numbers, and for complex ones what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from derive.targets.language.code import (
    Apply,
    Assign,
    Blocks,
    Call,
    Code,
    Each,
    Fill,
    Index,
    MatrixProduct,
    Memory,
    Name,
    Number,
    Statement,
)

HELPERS = ("larger",)
"""What says which function writes the larger of two numbers."""


def direct_calls(
    statements: Sequence[Statement], own: Collection[str], fresh: Callable[[str], Name]
) -> list[Statement]:
    """The statements with such calls in their loops; `own` are the functions that a note defines."""
    found: list[Statement] = []
    memories = {Name(s.name) for s in statements if isinstance(s, Memory)}
    for statement in statements:
        direct = _Direct(own, memories, fresh)
        loop = direct.of(statement)
        found += [*direct.before, loop]
    return found


@dataclass
class _Direct:
    """Rewrites one loop, or one over blocks; `before` is what must stand in front of it.

    `memories` are arrays that every step fills again.
    """

    own: Collection[str]
    memories: Collection[Name]
    fresh: Callable[[str], Name]
    before: list[Statement] = field(default_factory=list)
    _named: dict[Code, Name] = field(default_factory=dict)

    def of(self, statement: Statement) -> Statement:
        """The statement with calls that write."""
        match statement:
            case Blocks(_, body):
                return replace(statement, body=tuple(map(self.of, body)))
            case Each(_, over, body):
                views = dict(over)
                body = tuple(self._call(one, views) for one in body)
                return replace(statement, over=tuple(views.items()), body=body)
        return statement

    def _call(self, statement: Statement, over: dict[Name, Code]) -> Statement:
        match statement:
            case Fill(out, Call("relu", (argument,), ""), formula) if "relu" not in self.own and _is_view(argument):
                return Apply(self._larger(), (argument, self._zero()), out, formula=formula)
            case Fill(out, Call("max", (one, other), ""), formula) if (
                "max" not in self.own and _is_view(one) and _is_view(other)
            ):
                return Apply(self._larger(), (one, other), out, formula=formula)
            case Fill(Name() as out, Index(MatrixProduct(left, right), "..., 0"), formula) if out in over:
                column = Index(over[out], "..., None")
                name = next((name for name, code in over.items() if code == column), None)
                if name is None:
                    name = self.fresh(f"{out.name}_column")
                    over[name] = column
                return Apply("np.matmul", (left, right), name, formula=formula)
            case Fill(Name() as out, Index(MatrixProduct(left, right), "..., 0"), formula) if out in self.memories:
                name = self._made(f"{out.name}_column", Index(out, "..., None"))
                return Apply("np.matmul", (left, right), name, formula=formula)
        return statement

    def _larger(self) -> str:
        return self._made("larger_into", Call("larger", (Name("dtype"),))).name

    def _zero(self) -> Name:
        return self._made("zero", Call("np.array", (Number("0"), Name("dtype"))))

    def _made(self, wanted: str, value: Code) -> Name:
        if value not in self._named:
            self._named[value] = self.fresh(wanted)
            self.before.append(Assign((self._named[value],), value))
        return self._named[value]


def _is_view(code: Code) -> bool:
    return isinstance(code, Name) or (isinstance(code, Index) and isinstance(code.of, Name))
