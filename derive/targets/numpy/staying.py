"""Which statements before a loop stay in a workspace, which a call runs before what stays is there, and which after."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from derive.targets.language.code import (
    MEMORY,
    Apply,
    Assign,
    Blocks,
    Buffer,
    Call,
    Code,
    Fill,
    Index,
    Memory,
    Method,
    Name,
    Remark,
    Statement,
    Transposed,
    Tuple,
    WithLengths,
    lines,
    python,
)

_PURE = {MEMORY, "np.array", "np.ones", "steps_together", "product_with"}
"""What makes something of sizes and shapes alone."""
_VIEWS = {"piece_places", "piece_rows", "gates_of", "by_gates", "rows"}
"""What makes views of its first argument by the shapes of the others."""
_METHODS = ("reshape(", "swapaxes(", "transpose(")
_FRESH = {"np.dot", "np.where", "np.zeros_like", "rows_times", "rows_plus", "gates_times", "sum_of_rows"}
"""What makes new arrays."""
_KNOWN = {"None", "np", "min", "max", "dtype", *_PURE, *_VIEWS}


def words(text: str) -> set[str]:
    """The variables and functions in a text of Python, without comments."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return set(re.findall(r"(?<![.\w])[^\W\d]\w*", code))


Unit = tuple[Statement, ...]
"""A statement under its remarks."""


def units(statements: Sequence[Statement]) -> list[Unit]:
    """The statements, each with the remarks above it."""
    found: list[Unit] = []
    remarks: list[Statement] = []
    for statement in statements:
        remarks.append(statement)
        if not isinstance(statement, Remark):
            found.append(tuple(remarks))
            remarks = []
    return [*found, *([tuple(remarks)] if remarks else [])]


def _root(code: Code) -> str | None:
    """The array that something is a view of."""
    match code:
        case Name(name):
            return name
        case Index(of) | Transposed(of):
            return _root(of)
        case Method(of, call) if call.startswith(_METHODS):
            return _root(of)
        case Call(function, (of, *_)) if function in _VIEWS:
            return _root(of)
    return None


def _shapes(code: Code) -> set[str]:
    """The arrays of which a view needs the shapes alone."""
    match code:
        case Index(of) | Transposed(of) | Method(of, _):
            return _shapes(of)
        case Call(function, (first, *others)) if function in _VIEWS:
            return _shapes(first) | {name for other in others for name in words(python(other)[0])}
        case Call("product_with", (first, *_)):
            return words(python(first)[0])
    return {found.removesuffix(".shape") for found in re.findall(r"\w+\.shape\b", python(code)[0])}


def binds(statement: Statement) -> list[str]:
    """The variables that a statement binds."""
    match statement:
        case Assign(targets):
            bare = [one for t in targets for one in (t.items if isinstance(t, Tuple) else (t,))]
            return [one.name for one in bare if isinstance(one, Name)]
        case Buffer(name) | Memory(name):
            return [name]
        case WithLengths(body):
            return [name for one in body for name in binds(one)]
    return []


def _writes(statement: Statement) -> set[str]:
    """The arrays that a statement writes into."""
    match statement:
        case Apply(out=out) | Fill(out=out):
            return {_root(out) or ""}
        case Assign(targets):
            return {_root(target) or "" for target in targets if not isinstance(target, Name | Tuple)}
        case WithLengths(body):
            return {name for one in body for name in _writes(one)}
    return set()


def _reads(statement: Statement) -> set[str]:
    found = words("\n".join(lines([statement])))
    return found if isinstance(statement, WithLengths) else found - {*binds(statement)}


def _all(statements: Iterable[Statement]) -> Iterable[Statement]:
    for statement in statements:
        yield statement
        if isinstance(statement, Blocks):
            yield from statement.made
        yield from _all(getattr(statement, "body", ()))


def behind(statements: Sequence[Statement], names: Iterable[str]) -> set[str]:
    """The names, and everything that they may be views of."""
    return _behind(_bound(statements), names)


def _bound(statements: Sequence[Statement]) -> dict[str, set[str]]:
    """What each variable may be a view of."""
    bound: dict[str, set[str]] = {}
    for statement in _all(statements):
        if isinstance(statement, Assign):
            for name in binds(statement):
                bound.setdefault(name, set()).update(_may_be(statement.value))
    return bound


def _behind(bound: Mapping[str, set[str]], names: Iterable[str]) -> set[str]:
    found, left = set(), [*names]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += bound.get(name, ())
    return found


def _may_be(code: Code) -> set[str]:
    """The arrays that share memory with a value."""
    match code:
        case Name(name):
            return {name}
        case Index(of) | Transposed(of):
            return _may_be(of)
        case Method(of, call):
            return set() if call.startswith(("sum(", "dot(", "copy(")) else _may_be(of)
        case Tuple(inside):
            return set[str]().union(*map(_may_be, inside))
        case Call(function, (of, *_)) if function in _VIEWS:
            return _may_be(of)
        case Call(function, inside) if function not in _FRESH | _PURE:
            return set[str]().union(*map(_may_be, inside))
    return set()


def written_constants(statements: Sequence[Statement]) -> set[str]:
    """The arrays of numbers that a program writes into, so that they are not what they were made as."""
    every = [*_all(statements)]
    made = {name for one in every if isinstance(one, Assign) and _is_constant(one.value) for name in binds(one)}
    return made & set[str]().union(*map(_writes, every))


def _is_constant(code: Code) -> bool:
    return isinstance(code, Call) and code.function in ("np.array", "np.ones")


@dataclass
class Split:
    """The statements before a loop: what stays in a workspace, and what every call computes before it and after it.

    fixed: sizes, and what is there already. own: what is not to stay, as a call returns it. over: what the loop runs
    through. inside: what is bound where the loop stands, not before.
    """

    units: list[Unit]
    fixed: set[str]
    own: set[str]
    over: list[Code]
    inside: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    """What stays."""
    landed: list[str] = field(default_factory=list)
    """What is copied into memory that stays."""
    kept: list[Unit] = field(default_factory=list)
    before: list[Unit] = field(default_factory=list)
    after: list[Unit] = field(default_factory=list)
    _effects: dict[int, tuple[set[str], set[str]]] = field(default_factory=dict)
    """What each statement binds or writes into, directly or by a view, and what it reads."""

    def found(self) -> bool:
        """Tell the statements apart; whether that could be done."""
        names = [name for unit in self.units for name in binds(unit[-1])]
        if len(names) != len({*names}):
            return False
        bound = _bound([unit[-1] for unit in self.units])
        self._effects = {
            id(unit): ({*binds(unit[-1])} | _behind(bound, _writes(unit[-1])), _reads(unit[-1])) for unit in self.units
        }
        refused = {*self.own}
        while True:
            self._keep(refused)
            computed = self._computed_before() & self.names
            if not computed:
                break
            refused |= computed
        self._order()
        return self._is_in_order()

    def stays(self, array: Code) -> bool:
        """Whether the views of an array over which the loop runs stay."""
        root = _root(array)
        others = words(python(array)[0]) - {root} - _shapes(array) - _KNOWN
        return root in self.names | {*self.landed} | self.fixed and others <= self.fixed | self.names

    def _keep(self, refused: set[str]) -> None:
        self.landed = []
        while True:
            self.names, self.kept = set(), []
            for unit in self.units:
                names = {*binds(unit[-1])}
                if names and not names & (refused | {*self.landed}) and self._is_kept(unit[-1]):
                    self.names |= names
                    self.kept.append(unit)
            more = [name for array in self.over if (name := self._to_land(array))]
            if {*more} <= {*self.landed}:
                return
            self.landed = list(dict.fromkeys([*self.landed, *more]))

    @cached_property
    def _binding(self) -> dict[str, Statement]:
        return {name: unit[-1] for unit in self.units for name in binds(unit[-1])}

    def _to_land(self, array: Code) -> str | None:
        """The array that the views of the loop are of, if every call computes it or is given it."""
        name = _root(array)
        while name in self._binding and name not in self.names:
            statement = self._binding[name]
            further = _root(statement.value) if isinstance(statement, Assign) else None
            if further is None:
                break
            name = further
        return None if name in self.names | self.fixed | self.own | self.inside else name

    def _is_kept(self, statement: Statement) -> bool:
        known = self.fixed | self.names | _KNOWN
        match statement:
            case Buffer(zeros=zeros):
                return not zeros
            case Memory():
                return True
            case Assign(targets, Name(name)) if name in self.fixed:
                return False
            case Assign(targets, value) if all(isinstance(target, Name | Tuple) for target in targets):
                root = _root(value)
                if root is not None:
                    others = words(python(value)[0]) - {root} - _shapes(value)
                    return root in self.names | {*self.landed} | self.fixed and others <= known
                is_pure = isinstance(value, Call) and value.function in _PURE
                return is_pure and words(python(value)[0]) - _shapes(value) <= known
        return False

    def _computed_before(self) -> set[str]:
        """What is read and written before what stays is there: for what lands, and for what gives shapes."""
        values = [unit[-1].value for unit in self.kept if isinstance(unit[-1], Assign)]
        shapes = set[str]().union(*map(_shapes, [*values, *self.over]))
        left = (shapes - self.names - self.fixed) | {*self.landed}
        found: set[str] = set()
        for unit in reversed(self.units):
            touched, read = self._effects[id(unit)]
            if touched & left:
                found |= read | touched
                left |= found
        return found

    def _order(self) -> None:
        self.before, self.after = [], []
        later, kept = {*self.names}, {*map(id, self.kept)}
        for unit in self.units:
            touched, read = self._effects[id(unit)]
            if id(unit) in kept:
                continue
            if (touched | read) & later:
                later |= touched
                self.after.append(unit)
            else:
                self.before.append(unit)

    def _is_in_order(self) -> bool:
        """Whether nothing that moved forward changes what a statement before it reads, or is a view of what lands."""
        place = {id(unit): k for k, unit in enumerate(self.units)}
        for unit in self.before:
            if isinstance(unit[-1], Assign) and _root(unit[-1].value) in self.landed:
                return False
            passed = [self._effects[id(other)][1] for other in self.after if place[id(other)] < place[id(unit)]]
            if self._effects[id(unit)][0] & set[str]().union(*passed):
                return False
        return True
