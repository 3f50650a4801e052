"""What is computed for a block of steps, by calls that write into memory which every block fills again.

A large array is new memory each time it is made; what is filled again stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from derive.targets.language.code import (
    MEMORY,
    Apply,
    Assign,
    Call,
    Code,
    Index,
    Name,
    Number,
    Power,
    Product,
    Statement,
    Sum,
    size_text,
)
from derive.targets.passes.hoisting import is_view
from derive.targets.passes.in_place import UNARY, WORDS
from derive.targets.passes.rewriting import is_literal
from derive.targets.passes.shapes import BLOCK, Shape, Shapes


class _NotInPlaceError(Exception):
    """Something that no call writes into given memory."""


@dataclass
class Held:
    """Rewrites what is computed at the beginning of a block."""

    shapes: Shapes
    fresh: Callable[[str], Name]
    before: list[Statement] = field(default_factory=list)
    """Numbers, made before the blocks."""
    made: list[Assign] = field(default_factory=list)
    """The memory of a block."""
    first: list[Assign] = field(default_factory=list)
    """The part of it that a block fills."""
    _numbers: dict[Code, Name] = field(default_factory=dict)
    _free: dict[Shape, list[Name]] = field(default_factory=dict)
    _calls: list[Statement] = field(default_factory=list)

    def run(self, over_steps: Sequence[Assign]) -> list[Statement]:
        """The same values; what cannot be written in place is computed as it was."""
        found: list[Statement] = []
        for statement in over_steps:
            kept = len(self.before), len(self.made), len(self.first), dict(self._numbers)
            free = {shape: list(names) for shape, names in self._free.items()}
            self._calls = []
            match statement:
                case Assign((Name() as out,), value, formula) if not is_view(value):
                    try:
                        shape = self._shape(value)
                        self._memory(out, shape)
                        self._compute(value, out, shape)
                        found += [_under(formula, self._calls[0]), *self._calls[1:]]
                        continue
                    except _NotInPlaceError:
                        del self.before[kept[0] :], self.made[kept[1] :], self.first[kept[2] :]
                        self._numbers, self._free = kept[3], free
            found.append(statement)
        return found

    def _shape(self, code: Code) -> Shape:
        shape = self.shapes.of(code)
        if shape is None or shape[:1] != (BLOCK,):
            raise _NotInPlaceError
        return shape

    def _memory(self, name: Name, shape: Shape) -> None:
        block = self.fresh(f"{name.name}_block")
        size = f"(min(block, T), {', '.join(map(size_text, shape[1:]))})"
        self.made.append(Assign((block,), Call(MEMORY, (Number(size), Name("dtype")))))
        self.first.append(Assign((name,), Index(block, ":stop - start")))

    def _compute(self, code: Code, out: Code, shape: Shape) -> None:
        match code:
            case Sum(terms):
                self._sum(terms, out, shape)
            case Product(factors, divisors):
                self._product(factors, divisors, out, shape)
            case Power(base, "2"):
                self._call("np.square", (base,), out, shape)
            case Call(function, (argument,), "") if function in UNARY:
                self._call(function, (argument,), out, shape)
            case _:
                raise _NotInPlaceError

    def _call(self, function: str, arguments: Sequence[Code], out: Code, shape: Shape) -> None:
        """A call; the first argument that must be computed as large as the result is computed in its place."""
        operands: list[Code] = []
        lent: list[tuple[Shape, Name]] = []
        for argument in arguments:
            if argument == out or (is_view(argument) and not is_literal(argument)):
                operands.append(argument)
            elif is_literal(argument):
                operands.append(self._number(argument))
            elif out not in (*operands, *arguments) and self._shape(argument) == shape:
                self._compute(argument, out, shape)
                operands.append(out)
            else:
                own = self._shape(argument)
                work = self._lent(own)
                lent.append((own, work))
                self._compute(argument, work, own)
                operands.append(work)
        for own, work in lent:
            self._free[own].append(work)
        self._calls.append(Apply(function, tuple(operands), out))

    def _lent(self, shape: Shape) -> Name:
        names = self._free.setdefault(shape, [])
        if names:
            return names.pop()
        name = self.fresh("work")
        self._memory(name, shape)
        return name

    def _number(self, code: Code) -> Name:
        if code not in self._numbers:
            assert isinstance(code, Number)
            self._numbers[code] = self.fresh(WORDS.get(code.text, "number"))
            self.before.append(Assign((self._numbers[code],), Call("np.array", (code, Name("dtype")))))
        return self._numbers[code]

    def _sum(self, terms: Sequence[tuple[bool, Code]], out: Code, shape: Shape) -> None:
        """What must be computed comes first, in the memory of the sum."""
        (minus, so_far), *others = sorted(terms, key=lambda term: (is_view(term[1]), term[0]))
        for negative, term in sorted(others, key=lambda term: term[0] != (not minus)):
            if not minus:
                self._call("np.subtract" if negative else "np.add", (so_far, term), out, shape)
            elif negative:
                self._call("np.add", (so_far, term), out, shape)
            else:
                self._call("np.subtract", (term, so_far), out, shape)
                minus = False
            so_far = out
        if minus:
            self._call("np.negative", (so_far,), out, shape)
        elif not others:
            self._call("np.positive", (so_far,), out, shape)

    def _product(self, factors: Sequence[Code], divisors: Sequence[Code], out: Code, shape: Shape) -> None:
        so_far, *others = sorted(factors or [Number("1")], key=is_view)
        pending = [("np.multiply", factor) for factor in others] + [("np.divide", divisor) for divisor in divisors]
        for function, part in pending:
            self._call(function, (so_far, part), out, shape)
            so_far = out
        if not pending:
            self._call("np.positive", (so_far,), out, shape)


def _under(formula: str, statement: Statement) -> Statement:
    assert isinstance(statement, Apply)
    return Apply(statement.function, statement.arguments, statement.out, statement.keywords, formula)
