"""Calls that torch has one call for: a product added to something, and what slopes of σ and tanh are multiplied by.

In a loop two calls become one where nothing else reads what the first has written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from derive.targets.language.code import (
    Apply,
    Assign,
    Blocks,
    Call,
    Code,
    Each,
    Fill,
    Name,
    Number,
    Power,
    Product,
    Statement,
    Sum,
    free_names,
    read,
)
from derive.targets.passes.rewriting import mapped, multiplied, names_in, within


def joined(statements: Sequence[Statement], kept: Collection[str]) -> list[Statement]:
    """The statements in torch's words with fewer calls; `kept` are variables that are read besides."""
    statements = [_as_tensor(statement) for statement in statements]
    outside = {*kept, *read([s for s in _opened(statements) if not isinstance(s, Each)])}
    numbers: dict[str, str] = {}
    for statement in statements:
        match statement:
            case Assign((Name(name),), Call("torch.full", (Number("()"), Number(text)))):
                numbers[name] = text
    return [_joined(statement, numbers, outside) for statement in statements]


def _as_tensor(statement: Statement) -> Statement:
    """A value that is made of numbers alone, as a tensor: it may be kept, and stand where torch wants one."""
    match statement:
        case Assign((Name(),), value) if not isinstance(value, Number) and all(map(_is_number, within(value))):
            return replace(statement, value=Call("torch.full", (Number("()"), value), "dtype=dtype, device=device"))
    return statement


def _is_number(part: Code) -> bool:
    return isinstance(part, Number | Sum | Product | Power)


def _opened(statements: Sequence[Statement]) -> list[Statement]:
    found: list[Statement] = []
    for statement in statements:
        found += _opened(statement.body) if isinstance(statement, Blocks) else [statement]
    return found


def _joined(statement: Statement, numbers: Mapping[str, str], outside: Collection[str]) -> Statement:
    match statement:
        case Assign(targets, value, formula):
            return Assign(targets, with_slopes(value), formula)
        case Blocks(_, body):
            return replace(statement, body=tuple(_joined(one, numbers, outside) for one in body))
        case Each(_, over, body):
            arrays = {name.name for name, _ in over}  # what is written into an entry stays in the array
            return replace(statement, body=tuple(_Pairs(body, numbers, arrays.union(outside)).run()))
    return statement


def with_slopes(code: Code) -> Code:
    """An expression where b a (1 - a) and b (1 - a²) are one call each."""
    return mapped(code, _slope)


def _slope(code: Code) -> Code | None:
    match code:
        case Product(factors, divisors):
            pass
        case _:
            return None
    for place, factor in enumerate(factors):
        others = [*factors[:place], *factors[place + 1 :]]
        match factor:
            case Sum(((False, Number("1")), (True, Power(of, "2")))) if names_in_all(others):
                return Call("torch.ops.aten.tanh_backward", (with_slopes(multiplied(others, divisors)), of))
            case Sum(((False, Number("1")), (True, of))) if of in others:
                others.remove(of)
                if not names_in_all(others):  # it multiplies tensors alone
                    return None
                return Call("torch.ops.aten.sigmoid_backward", (with_slopes(multiplied(others, divisors)), of))
    return None


@dataclass
class _Pairs:
    """The body of one loop."""

    body: Sequence[Statement]
    numbers: Mapping[str, str]
    outside: Collection[str]

    def run(self) -> list[Statement]:
        found: list[Statement] = []
        for place, statement in enumerate(self.body):
            before = found[-1] if found else None
            if isinstance(statement, Apply) and isinstance(before, Apply):
                one = self._one(before, statement, place)
                if one is not None:
                    formula = "\n".join(filter(None, (before.formula, statement.formula)))
                    found[-1] = replace(one, formula=formula)
                    continue
            found.append(statement)
        return found

    def _one(self, first: Apply, second: Apply, place: int) -> Apply | None:
        """Both calls as one, where what the first writes is only read by the second; `place` is that of the second."""
        if first.keywords or second.keywords or second.function not in ("torch.add", "torch.sub"):
            return None
        left, right = second.arguments
        minus = second.function == "torch.sub"
        if left == first.out and right != first.out and not minus:
            rest = right
        elif right == first.out and left != first.out:
            rest = left
        else:
            return None
        if names_in(rest) & names_in(first.out) or not (first.out == second.out or self._gone(first.out, place)):
            return None
        match first:
            case Apply("torch.mm", arguments) if not minus and not names_in(second.out) & names_in_all(arguments):
                return Apply("torch.addmm", (rest, *arguments), second.out)
            case Apply("torch.mul", (a, Name(number))) if number in self.numbers:
                return self._scaled(rest, a, number, minus, second.out)
            case Apply("torch.mul", (Name(number), a)) if number in self.numbers:
                return self._scaled(rest, a, number, minus, second.out)
            case Apply("torch.mul", arguments) if first.out == second.out or not self._overlaps(second, arguments):
                return Apply("torch.addcmul", (rest, *arguments), second.out, "value=-1" if minus else "")
        return None

    def _scaled(self, rest: Code, a: Code, number: str, minus: bool, out: Code) -> Apply:
        text = self.numbers[number]
        return Apply("torch.add", (rest, a), out, f"alpha={f'-({text})' if minus else text}")

    @staticmethod
    def _overlaps(second: Apply, arguments: Sequence[Code]) -> bool:
        """Whether the second call writes into entries that the first would still read in another place."""
        return any(a != second.out and names_in(a) & names_in(second.out) for a in arguments)

    def _gone(self, out: Code, place: int) -> bool:
        """Whether memory that the first call fills is filled again before anything else reads it."""
        if not isinstance(out, Name) or out.name in self.outside:
            return False
        for statement in (*self.body[place + 1 :], *self.body[:place]):
            if isinstance(statement, Apply) and statement.out == out:
                return out.name not in names_in_all(statement.arguments)
            if out.name in read([statement]):
                return False
            match statement:
                case Apply(out=other) | Fill(out=other) if out.name in free_names(other):
                    return False
        return False


def names_in_all(codes: Sequence[Code]) -> set[str]:
    """The variables of several expressions."""
    return set().union(*map(names_in, codes))
