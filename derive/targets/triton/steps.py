"""The body of a loop as a list of statements, and that list cut where a library multiplies matrices."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sympy import Integer

from derive.targets.language.code import Assign, Code, Index, MatrixProduct, Name, parts
from derive.targets.language.names import Names
from derive.targets.passes.loops import STEP, Body
from derive.targets.passes.rewriting import names_in, rebuilt, substituted
from derive.targets.passes.shapes import B, Shape, Shapes
from derive.targets.triton.registers import ONE, PART, Constants, cut, unjoined


@dataclass(frozen=True)
class Line:
    """A statement of a step; `for_lengths`: for sequences of different lengths alone."""

    statement: Assign
    for_lengths: bool = False


@dataclass(frozen=True)
class Library:
    """A product of a library, into memory of its own."""

    name: Name
    left: Code
    right: Code
    formula: str = ""


@dataclass
class Group:
    """Statements that one kernel runs; `stored` are the variables that others read."""

    lines: list[Line] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)


def lines_of(body: Body, shapes: Shapes) -> list[Line]:
    """The statements of a step, where what is stored at a step is read from there."""
    found = [Line(s, True) for block in body.first for s in block.body]
    found += [Line(s) for s in body.statements]
    found += [Line(s, True) for block in body.last for s in block.body]
    values: dict[Code, Code] = {}
    own: list[Line] = []
    for line in found:
        value = cut(unjoined(substituted(line.statement.value, values), shapes), shapes)
        targets = list(line.statement.targets)
        stored = [target for target in targets if isinstance(target, Index)]
        first = stored[0] if stored else targets[0]
        for target in targets:
            if isinstance(target, Name) and target != first and target.name not in body.carried:
                values[target] = first
        kept = [t for t in targets if t == first or isinstance(t, Index) or t.name in body.carried]  # type: ignore[attr-defined]
        own.append(Line(Assign(tuple(kept), value, line.statement.formula), line.for_lengths))
    return own


def in_parts(lines: Sequence[Line], names: Names, shapes: Shapes, outside: Collection[str] = ()) -> list[Line]:
    """The statements, where what is only read in parts is computed for each of them; `outside` are read elsewhere."""
    rest: list[Line] = []
    for line in reversed(lines):
        target, formula = line.statement.targets[0], line.statement.formula
        uses = [use for other in rest for use in _uses(other.statement.value, target)]
        every = [use for use in dict.fromkeys(uses) if isinstance(use, Index) and PART.fullmatch(use.index)]
        if not every or any(use not in every for use in uses) or len(line.statement.targets) > 1:
            rest.insert(0, line)
            continue
        new: dict[Code, Code] = {}
        is_tiled = not isinstance(target, Name) and _is_tiled(every, shapes.of(target), shapes)
        is_kept = not is_tiled and not (isinstance(target, Name) and target.name not in outside)
        found = [line] if is_kept else []
        for use in every:
            part: Code = use
            if not is_tiled:
                part = new[use] = names.numbered(f"{_base(target)}_part")
                if (shape := shapes.of(use)) is not None:
                    shapes.known[part.name] = shape
            value = cut(Index(line.statement.value, use.index), shapes)
            found.append(Line(Assign((part,), value, "" if is_kept else formula)))
            formula = ""
        rest = found + [
            Line(Assign(o.statement.targets, substituted(o.statement.value, new), o.statement.formula), o.for_lengths)
            for o in rest
        ]
    return rest


def _is_tiled(uses: Sequence[Index], shape: Shape | None, shapes: Shapes) -> bool:
    """Whether the parts make up the whole."""
    lengths = [part[-1] for use in uses if (part := shapes.of(use))]
    return shape is not None and len(lengths) == len(uses) and sum(lengths, Integer(0)) == shape[-1]


def _base(code: Code) -> str:
    while isinstance(code, Index):
        code = code.of
    assert isinstance(code, Name)
    return code.name


class Cut:
    """The statements as products of a library and groups between them; `memory` is what passes between these.

    Every statement stands in the first group in which everything it reads is known, so that there are few of them.
    """

    def __init__(self, constants: Constants, shapes: Shapes, names: Names, carried: Collection[str]) -> None:
        self._constants = constants
        self._shapes = shapes
        self._names = names
        self._carried = carried
        self._groups: dict[int, Group] = {}
        self._libraries: dict[int, list[Library]] = {}
        self._by_group: dict[Code, int] = {}
        self._by_library: dict[Code, int] = {}
        """In which group, or before which one by a library, a value is written."""
        self._last_read: dict[Code, int] = {}
        self.memory: list[str] = []

    def run(self, lines: Sequence[Line]) -> list[Library | Group]:
        """The pieces in their order."""
        other_names: dict[Code, Code] = {}
        for line in lines:
            value = self._without_products(substituted(line.statement.value, other_names))
            (target, *others) = line.statement.targets
            is_own = isinstance(target, Name) and not others and target.name not in self._carried
            if is_own and value in self._by_library:
                other_names[target] = value
            elif not self._is_written_at_once(line.statement, value):
                self._add(Line(Assign(line.statement.targets, value, line.statement.formula), line.for_lengths))
        found: list[Library | Group] = []
        for level in sorted({*self._groups, *self._libraries}):
            found += self._libraries.get(level, [])
            if level in self._groups:
                found.append(self._groups[level])
        self._store(found)
        return found

    def _is_written_at_once(self, statement: Assign, value: Code) -> bool:
        """Whether the library itself can write into what passes from step to step."""
        (target, *others) = statement.targets
        level = self._by_library.get(value)
        if others or level is None or not isinstance(target, Name) or target.name not in self._carried:
            return False
        if self._last_read.get(target, -1) >= level or self._libraries[level][-1].name != value:
            return False
        last = self._libraries[level].pop()
        self._libraries[level].append(Library(target, last.left, last.right, statement.formula))
        self.memory.remove(last.name.name)
        self._by_library[target] = level
        self._by_group.pop(target, None)
        return True

    def _add(self, line: Line) -> None:
        reads = list(_values(line.statement.value))
        level = max((max(self._by_group.get(one, 0), self._by_library.get(one, 0)) for one in reads), default=0)
        targets = [_written(target) for target in line.statement.targets]
        for target in targets:
            level = max(level, self._last_read.get(target, 0), self._by_group.get(target, 0))
        self._groups.setdefault(level, Group()).lines.append(line)
        for one in reads:
            self._last_read[one] = max(self._last_read.get(one, 0), level)
        for target in targets:
            self._by_group[target] = level

    def _without_products(self, code: Code) -> Code:
        inner = [self._without_products(part) for part in parts(code)]
        new = rebuilt(code, inner) if inner else code
        if not (isinstance(code, MatrixProduct) and isinstance(new, MatrixProduct) and self._is_for_library(code)):
            return new
        shape = self._shapes.of(code)
        assert shape is not None
        left = self._in_memory(new.left)
        level = 0
        for one in _values(left):
            level = max(level, self._by_group.get(one, -1) + 1, self._by_library.get(one, 0))
            self._last_read[one] = max(self._last_read.get(one, 0), level)
        name = self._remembered("product", shape)
        self._libraries.setdefault(level, []).append(Library(name, left, code.right))
        self._by_library[name] = level
        return name

    def _is_for_library(self, code: MatrixProduct) -> bool:
        left, right = self._shapes.of(code.left), self._shapes.of(code.right)
        return (
            left is not None
            and right is not None
            and len(left) == len(right) == 2
            and left[0] == B
            and left[-1] != ONE
            and self._constants.holds(code.right)
        )

    def _in_memory(self, code: Code) -> Code:
        """An operand as an array at a step or a variable; what is neither is computed into memory."""
        whole = _written(code)
        if isinstance(code, Name) or (isinstance(whole, Index) and isinstance(whole.of, Name) and whole.index in STEP):
            return code
        shape = self._shapes.of(code)
        assert shape is not None
        name = self._remembered("operand", shape)
        self._add(Line(Assign((name,), code)))
        return name

    def _remembered(self, words: str, shape: Shape) -> Name:
        name = self._names.numbered(words)
        self._shapes.known[name.name] = shape
        self.memory.append(name.name)
        return name

    def _store(self, found: Sequence[Library | Group]) -> None:
        """What one piece computes and another reads is stored."""
        for group in found:
            if not isinstance(group, Group):
                continue
            others = {name for piece in found if piece is not group for name in _read(piece)}
            for line in group.lines:
                for target in line.statement.targets:
                    if isinstance(target, Name) and target.name in others and target.name not in self._carried:
                        group.stored.append(target.name)
                        if target.name not in self.memory:
                            self.memory.append(target.name)


def _read(piece: Library | Group) -> set[str]:
    if isinstance(piece, Library):
        return names_in(piece.left)
    return set().union(*(names_in(line.statement.value) for line in piece.lines))


def _written(target: Code) -> Code:
    """The array at a step that a part is written into, or the target itself."""
    return target.of if isinstance(target, Index) and isinstance(target.of, Index) else target


def _uses(code: Code, name: Code) -> list[Code]:
    """Where a variable stands, with the index around it if there is one."""
    if code == name:
        return [name]
    if isinstance(code, Index) and code.of == name:
        return [code]
    return [use for part in parts(code) for use in _uses(part, name)]


def _values(code: Code) -> Iterator[Code]:
    """The arrays at a step and the variables that an expression reads."""
    if isinstance(code, Name) or (isinstance(code, Index) and isinstance(code.of, Name) and code.index in STEP):
        yield code
        return
    for part in parts(code):
        yield from _values(part)
