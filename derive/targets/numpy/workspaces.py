"""What `forward` and `backward` keep in a workspace between calls: memory and the views that loops run through.

Of the statements before a loop some depend on sizes and the dtype alone; they are put into one branch that a later call
with the same workspace leaves out. What a call computes or is given, and a loop runs through, is copied into memory of
the workspace, so that the views of its steps stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from derive.targets.language.code import (
    MEMORY,
    WIDTH,
    Apply,
    Assign,
    Blocks,
    Buffer,
    Call,
    Code,
    Each,
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
    assigned,
    blocks_lines,
    each_lines,
    lines,
    listed,
    python,
    size_text,
)
from derive.targets.words import names_text

_PURE = {MEMORY, "np.array", "np.ones", "steps_together", "product_with"}
"""What makes something of sizes and shapes alone."""
_VIEWS = {"piece_places", "piece_rows", "gates_of", "by_gates", "rows"}
"""What makes views of its first argument by the shapes of the others."""
_METHODS = ("reshape(", "swapaxes(", "transpose(")
_FRESH = {"np.dot", "rows_times", "rows_plus", "gates_times", "sum_of_rows", "np.where", "np.zeros_like", MEMORY}
_BUILTIN = {"None", "np", "min", "max", "dtype", "len", *_PURE, *_VIEWS}

_WIDTH = WIDTH - 8

TURN = "turn"
"""What a call is that writes into a workspace; its cache holds it."""


def words(text: str) -> set[str]:
    """The variables and functions in a text of Python, without comments."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return set(re.findall(r"(?<![.\w])[^\W\d]\w*", code))


@dataclass
class Kept:
    """The lines of a program with its workspace, and the names that stay in it."""

    lines: list[str]
    names: set[str]


def with_workspace(
    statements: Sequence[Statement], fixed: Iterable[str], own: Iterable[str], later: Iterable[str]
) -> Kept:
    """The lines of a program: `fixed` are the sizes and what a workspace holds already, `own` what the call returns
    (not a copy of it), `later` what is read behind the program."""
    given_away = _behind(statements, own)
    return _level(statements, {*fixed, "dtype"}, given_away, {*later}, "steps", "")


def _level(
    statements: Sequence[Statement], fixed: set[str], own: set[str], later: set[str], key: str, place: str
) -> Kept:
    at = next((k for k, statement in enumerate(statements) if isinstance(statement, Each | Blocks)), None)
    if at is None:
        return Kept(lines(statements), set())
    loop, rest = statements[at], lines(statements[at + 1 :])
    before = [*statements[:at], *(loop.made if isinstance(loop, Blocks) else ())]
    split = _Split(_units(before), fixed | ({"block"} if isinstance(loop, Blocks) else set()), own, [*_over(loop)])
    if not split.found():
        return Kept(lines(statements), set())
    if isinstance(loop, Blocks):
        inner = _level(loop.body, split.fixed | split.names | {*split.landed, "start", "stop"}, own, later, "start", "start")
        body = [*blocks_lines(loop, inner.lines), *rest]
        kept, made = split.kept, []
        first = [f"block = 1 + {loop.cached} // (1 + {size_text(loop.entries)})"]
    else:
        assert isinstance(loop, Each)
        runs = all(split.stays(array) for _, array in loop.over) and bool(loop.over)
        head, made = each_lines(loop, "steps") if runs else (None, [])
        body = [*(head or []), *(lines([loop]) if head is None else [f"    {line}" for line in lines(loop.body)]), *rest]
        kept, first = split.kept, []
    inside = [line for unit in kept for line in lines(unit)] + made
    after = [line for unit in split.after for line in lines(unit)]
    live = (words("\n".join([*after, *body])) | later) & split.names
    names = [name for unit in kept for name in _binds(unit[-1]) if name in live] + (["steps"] if made else [])
    names = list(dict.fromkeys(names))
    found = [*first, *(line for unit in split.before for line in lines(unit))]
    if names:
        for name in split.landed:
            label = f'("{name}", {place})' if place else f'"{name}"'
            found.append(f"{name} = landed(room, {label}, {name})")
        label = key if place else f'"{key if made else "memory"}"'
        found += [
            f"if room and {label} in room:  # of an earlier call with this workspace",
            *(f"    {line}" for line in _unpacked(names, f"room[{label}]")),
            "else:",
            *(f"    {line}" for line in inside),
            "    if room is not None:",
            *(["        steps = [*steps]"] if made else []),
            *(f"        {line}" for line in _packed(names, f"room[{label}]")),
        ]
    else:
        found += inside
    return Kept([*found, *after, *body], split.names | {*split.landed})


def _unpacked(names: Sequence[str], value: str) -> list[str]:
    line = f"{names_text(names)} = {value}"
    return [line] if len(line) <= _WIDTH else ["(", *listed(names), f") = {value}"]


def _packed(names: Sequence[str], target: str) -> list[str]:
    line = f"{target} = {names_text(names)}"
    return [line] if len(line) <= _WIDTH else [f"{target} = (", *listed(names), ")"]


Unit = tuple[Statement, ...]
"""A statement under its remarks."""


def _units(statements: Sequence[Statement]) -> list[Unit]:
    found: list[Unit] = []
    remarks: list[Statement] = []
    for statement in statements:
        remarks.append(statement)
        if not isinstance(statement, Remark):
            found.append(tuple(remarks))
            remarks = []
    return [*found, *([tuple(remarks)] if remarks else [])]


def _over(loop: Statement) -> Iterable[tuple[Code, dict[str, str]]]:
    """What a loop over steps runs through; for a loop in blocks with the views that its blocks name."""
    if isinstance(loop, Each):
        yield from ((array, {}) for _, array in loop.over)
    elif isinstance(loop, Blocks):
        bound = assigned([one for one in loop.body if not isinstance(one, Each)])
        for statement in loop.body:
            if isinstance(statement, Each):
                yield from ((array, dict.fromkeys(bound, "")) for _, array in statement.over)


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


def _binds(statement: Statement) -> list[str]:
    match statement:
        case Assign(targets):
            bare = [one for t in targets for one in (t.items if isinstance(t, Tuple) else (t,))]
            return [one.name for one in bare if isinstance(one, Name)]
        case Buffer(name) | Memory(name):
            return [name]
        case WithLengths(body):
            return [name for one in body for name in _binds(one)]
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
    return found if isinstance(statement, WithLengths) else found - {*_binds(statement)}


def _all(statements: Iterable[Statement]) -> Iterable[Statement]:
    for statement in statements:
        yield statement
        if isinstance(statement, Blocks):
            yield from statement.made
        yield from _all(getattr(statement, "body", ()))


def _behind(statements: Sequence[Statement], names: Iterable[str]) -> set[str]:
    """The names, and everything that they may be views of."""
    bound: dict[str, set[str]] = {}
    for statement in _all(statements):
        if isinstance(statement, Assign):
            for name in _binds(statement):
                bound.setdefault(name, set()).update(_may_be(statement.value))
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
        case Name() | Index() | Transposed() | Tuple() | Call():
            if isinstance(code, Call) and code.function in _FRESH:
                return set()
            inside = (code.of,) if isinstance(code, Index | Transposed) else ()
            inside = code.items if isinstance(code, Tuple) else code.arguments if isinstance(code, Call) else inside
            own = {code.name} if isinstance(code, Name) else set()
            return own.union(*map(_may_be, inside))
        case Method(of, call) if not call.startswith(("sum(", "dot(", "copy(")):
            return _may_be(of)
    return set()


@dataclass
class _Split:
    """The statements before a loop: what stays in a workspace, what every call computes before it and after it."""

    units: list[Unit]
    fixed: set[str]
    own: set[str]
    over: list[tuple[Code, dict[str, str]]]
    names: set[str] = field(default_factory=set)
    landed: list[str] = field(default_factory=list)
    kept: list[Unit] = field(default_factory=list)
    before: list[Unit] = field(default_factory=list)
    after: list[Unit] = field(default_factory=list)

    def found(self) -> bool:
        """Whether the statements could be told apart."""
        bound = [name for unit in self.units for name in _binds(unit[-1])]
        if len(bound) != len({*bound}):
            return False
        written = set().union(*(_writes(unit[-1]) for unit in self.units))
        refused = {*self.own}
        while True:
            self._keep(refused, written)
            needed = self._needed()
            if not needed & self.names:
                break
            refused |= needed & self.names
        self._order()
        return self._is_in_order()

    def stays(self, array: Code) -> bool:
        """Whether the views of an array over which a loop runs stay."""
        root = _root(array)
        others = words(python(array)[0]) - {root} - _shapes(array) - _BUILTIN
        return root in self.names | {*self.landed} | self.fixed and others <= self.fixed | self.names

    def _keep(self, refused: set[str], written: set[str]) -> None:
        self.landed = []
        while True:
            self.names, self.kept = set(), []
            for unit in self.units:
                names = {*_binds(unit[-1])}
                if names and not names & (refused | {*self.landed}) and self._is_kept(unit[-1], written):
                    self.names |= names
                    self.kept.append(unit)
            more = [root for array, bound in self.over if (root := self._to_land(array, bound))]
            if not {*more} - {*self.landed}:
                return
            self.landed = list(dict.fromkeys([*self.landed, *more]))

    def _to_land(self, array: Code, bound: dict[str, str]) -> str | None:
        root = _root(array)
        views = {name: unit[-1] for unit in self.units for name in _binds(unit[-1])}
        while root in views and root not in self.names:
            statement = views[root]
            further = _root(statement.value) if isinstance(statement, Assign) else None
            if further is None:
                break
            root = further
        if root is None or root in self.names | self.fixed | self.own or root in bound:
            return None
        return root

    def _is_kept(self, statement: Statement, written: set[str]) -> bool:
        known = self.fixed | self.names | _BUILTIN
        match statement:
            case Buffer(zeros=zeros):
                return not zeros
            case Memory():
                return True
            case Assign(targets, value):
                if {type(t) for t in targets} - {Name, Tuple}:
                    return False
                root = _root(value)
                if root is not None and not (isinstance(value, Name) and value.name in self.fixed):
                    others = words(python(value)[0]) - {root} - _shapes(value)
                    return root in self.names | {*self.landed} | self.fixed and others <= known
                if isinstance(value, Call) and value.function in _PURE:
                    constant = value.function in ("np.array", "np.ones") and {*_binds(statement)} & written
                    return not constant and words(python(value)[0]) - _shapes(value) <= known
        return False

    def _needed(self) -> set[str]:
        """What is computed before the memory of the workspace is there: what lands in it, and shapes."""
        shapes = {name for unit in self.kept if isinstance(unit[-1], Assign) for name in _shapes(unit[-1].value)}
        shapes |= {name for array, _ in self.over for name in _shapes(array)}
        left = (shapes - self.names - self.fixed) | {*self.landed}
        found: set[str] = set()
        for unit in reversed(self.units):
            statement = unit[-1]
            touched = {*_binds(statement)} | _writes(statement)
            if touched & left:
                left |= _reads(statement) | touched
                found |= _reads(statement) | touched
        return found

    def _order(self) -> None:
        self.before, self.after = [], []
        later = {*self.names}
        for unit in self.units:
            if unit in self.kept:
                continue
            touched = {*_binds(unit[-1])} | _writes(unit[-1])
            if (touched | _reads(unit[-1])) & later:
                later |= {*_binds(unit[-1])}
                self.after.append(unit)
            else:
                self.before.append(unit)

    def _is_in_order(self) -> bool:
        """Whether no statement that moved forward wrote into what one before it reads."""
        position = {id(unit): k for k, unit in enumerate(self.units)}
        for unit in self.before:
            for other in self.after:
                if position[id(other)] < position[id(unit)] and _writes(unit[-1]) & _reads(other[-1]):
                    return False
        return True


