"""A loop over t as one function of numbers: loops over examples and entries, and matrix products of a library.

A statement is a loop over its entries; what is no entry (a matrix product, a sum, a softmax, vectors joined) is
computed into memory of its own before. What the batch does not share and needs no product stands in one loop over the
examples, so that the rows of one example stay near.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from sympy import Expr, Integer

from derive.targets.language.code import (
    Assign,
    Call,
    Code,
    Index,
    MatrixProduct,
    Method,
    Name,
    Number,
    Statement,
    Tuple,
    folded,
    parts,
    python,
    size_text,
)
from derive.targets.native.entries import PREFIX, Entries, NotCompiledError
from derive.targets.native.helpers import called_in
from derive.targets.passes.hoisting import is_view
from derive.targets.passes.loops import STEP, Body, is_timed
from derive.targets.passes.rewriting import names_in, rebuilt, substituted, within
from derive.targets.passes.shapes import B, Shape, Shapes

Naming = Callable[[str], Name]


class Kernel:
    """One loop; afterwards `before` is what stands before it in NumPy, `read` and `filled` its arrays."""

    def __init__(self, body: Body, shapes: Shapes, fresh: Naming, opened: Collection[str]) -> None:
        """`opened` are the functions that are given when the loop is run."""
        self._opened = opened
        self._body = body
        self._shapes = shapes
        self._fresh = fresh
        self._indices = [fresh(f"{word}_at").name for word in ("example", "entry", "column", "further", "last")]
        self._entries = Entries(shapes, self._indices[0])
        self._values: dict[Code, Code] = {}
        """What variables of a step are: the arrays that hold them."""
        self._constants: dict[Code, Name] = {}
        self._panels: dict[str, Name] = {}
        """By the matrix of a product its panels."""
        self._part = [fresh(f"{word}_example").name for word in ("first", "last")]
        self._memory: list[tuple[str, Shape]] = []
        self._segments: list[tuple[str, list[str]]] = []
        """What a step does in order: lines for each example, under a condition or none, or lines for all of them."""
        self._rows: list[str] = []
        self._has_matrices = False
        self._made: dict[Code, Code] = {}
        """What is in memory already of a step."""
        self.before: list[Statement] = []
        self.filled: dict[str, None] = {}
        self.helpers: set[str] = set()

    def text(self, name: str, about: str, *, sizes: Collection[str]) -> str:
        """The definition of the function; `sizes` are the letters of sizes. Raises NotCompiledError."""
        for block in self._body.first:
            self._with_lengths(block.body)
        for statement in self._body.statements:
            self._statement(statement)
        for block in self._body.last:
            self._with_lengths(block.body)
        self._close_rows()
        memory = [f"{own} = np.empty({_tuple(shape)}, dtype)" for own, shape in self._memory]
        inner = [*memory, *self._loops()]
        words = {word for line in inner for word in re.findall(r"(?<![.\w])\w+", line)}
        self.sizes = [size for size in ("T", "B", *sizes) if size in words]
        known = {one for one in self._shapes.known if one in words} - {own for own, _ in self._memory}
        self.scalars = sorted(one for one in known if self._shapes.known[one] == ())
        self.read = sorted(known - set(self.filled) - set(self.scalars))
        self.functions = [one for one in self._opened if f"{PREFIX}{one}" in words]
        functions = (f"{PREFIX}{one}" for one in self.functions)
        arguments = [*functions, *self.sizes, *self.scalars, *self.read, *self.filled, "lengths", *self._part]
        head = [f"dtype = {next(iter(self.filled))}.dtype", "kind = dtype.type"]
        lines = (part for line in inner for part in folded(line))
        body = [f"    {line}" for line in [f'"""{about}"""', *head, *lines]]
        return "\n".join(["@compiled_loop", *_folded_call(f"def {name}(", arguments), *body])

    def _with_lengths(self, statements: Sequence[Assign]) -> None:
        self._close_rows()
        for statement in statements:
            self._statement(statement)
        self._close_rows("if lengths is not None:")

    def _loops(self) -> list[str]:
        """The loops over steps and examples.

        Where a step has matrices and no product of all examples, an example runs through all steps before the next:
        so its matrices stay near.
        """
        steps = f"for t in {'range(T - 1, -1, -1)' if self._body.backwards else 'range(T)'}:"
        examples = f"for {self._indices[0]} in range({', '.join(self._part)}):"
        if self._has_matrices and all(kind != _FOR_ALL for kind, _ in self._segments):
            inner = [line for kind, lines in self._segments for line in (_under(kind, lines) if kind else lines)]
            return _under(examples, _under(steps, inner))
        found: list[str] = []
        for kind, lines in self._segments:
            each = lines if kind == _FOR_ALL else _under(examples, lines)
            found += each if kind in ("", _FOR_ALL) else _under(kind, each)
        return _under(steps, found)

    def _statement(self, statement: Assign) -> None:
        value = substituted(statement.value, self._values)
        targets = list(statement.targets)
        stored = [target for target in targets if isinstance(target, Index)]
        shape = self._entries.shape(stored[0] if stored else value)
        for target in targets:
            if isinstance(target, Name) and target.name not in self._body.carried:
                self._values[target] = stored[0] if stored else target
                self._shapes.known[target.name] = shape
                if not stored:
                    self._memory.append((target.name, shape))
        named = [target for target in targets if isinstance(target, Name)]
        places: list[Code] = [*stored] if stored else [*named]
        places += [target for target in named if target.name in self._body.carried and target not in places]
        for place in places:
            base = _base(place)
            if not any(base == own for own, _ in self._memory):
                self.filled[base] = None
        first, *others = places
        self._write(first, self._prepared(value))
        for other in others:
            self._write(other, first)

    def _write(self, target: Code, value: Code) -> None:
        """target = value, entry by entry."""
        shape = self._entries.shape(target)
        index = self._index(shape)
        entry = self._entries.at(value, index)
        place = self._entries.at(target, index)
        if any(isinstance(part, Index) and _crosses(part, place) for part in within(entry)):
            own = self._new("value", shape)
            self._loop(shape, self._entries.at(own, index), entry)
            entry = self._entries.at(own, index)
        self._loop(shape, place, entry)

    def _loop(self, shape: Shape, place: Code, entry: Code) -> None:
        self.helpers |= called_in(entry)
        index = self._index(shape)
        lines = [f"{python(place)[0]} = {python(entry)[0]}"]
        for one, axis in reversed(list(zip(index[1:], shape[1:], strict=True))):
            lines = [f"for {one} in range({size_text(axis)}):", *(f"    {line}" for line in lines)]
        self._rows += lines

    def _index(self, shape: Shape) -> list[str]:
        self._has_matrices |= sum(axis != 1 for axis in shape[1:]) > 1
        if not shape or shape[0] != B or len(shape) > len(self._indices):
            raise NotCompiledError(f"a value of shape {shape} in a step")
        return self._indices[: len(shape)]

    def _prepared(self, code: Code) -> Code:
        """The expression where everything that has no entries is in memory already."""
        if parts(code) and not is_view(code) and not self._body.varies(code) and not is_timed(code):
            shape = self._shapes.of(code)
            if shape and shape[0] != B:
                return self._constant(code, shape)
        inner = [self._prepared(part) for part in parts(code)]
        whole = rebuilt(code, inner) if inner else code
        match whole:
            case MatrixProduct(left, right) if self._entries.shape(left)[-1] != 1:
                return self._once(whole, lambda: self._product(left, right))
            case Method(of, "sum(axis=-1)" | "sum(axis=-1, keepdims=True)" | "sum(axis=-2)" as call):
                return self._sum(of, call)
            case Call("softmax" | "log_softmax" as name, (of,)):
                return self._softmax(name, of)
            case Call("np.concatenate" | "joined", (Tuple(pieces),) | pieces, "axis=-1"):
                return self._joined(pieces)
            case Call("np.diagonal", (of, *_), "axis1=-2, axis2=-1"):
                return self._diagonal(of)
        return whole

    def _constant(self, code: Code, shape: Shape) -> Name:
        """What all steps and examples share, computed before the loop."""
        if code not in self._constants:
            self._constants[code] = self._fresh("constant")
            self._shapes.known[self._constants[code].name] = shape
            self.before.append(Assign((self._constants[code],), code))
        return self._constants[code]

    def _in_panels(self, matrix: Name) -> Name:
        """The panels of a matrix that products read, made before the loop."""
        if matrix.name not in self._panels:
            self._panels[matrix.name] = own = self._fresh("panels")
            self._shapes.known[own.name] = (Integer(1),)
            self.before.append(Assign((own,), Call("panels_for", (matrix, Name("B")))))
        return self._panels[matrix.name]

    def _new(self, words: str, shape: Shape) -> Name:
        name = self._fresh(words)
        self._shapes.known[name.name] = shape
        self._memory.append((name.name, shape))
        return name

    def _product(self, left: Code, right: Code) -> Code:
        first, second = self._entries.shape(left), self._entries.shape(right)
        shape = self._entries.shape(MatrixProduct(left, right))
        out = self._new("product", shape)
        if len(first) == 2 and len(second) == 2 and first[0] == B and not self._body.varies(right):
            matrix = self._constant(right, second)
            if not _is_whole(left):
                copied = self._new("operand", first)
                self._write(copied, left)
                left = copied
            self._close_rows()
            given = ", ".join((python(left)[0], matrix.name, self._in_panels(matrix).name, out.name, *self._part))
            self._segments.append((_FOR_ALL, [f"product_into({given})"]))
            return out
        left, right = self._simple(left), self._simple(right)
        index = self._index(shape)
        along = self._indices[len(shape)]
        terms = []
        for side, own in ((left, [*index[:-1], along]), (right, [*index[:-2], along, index[-1]])):
            terms.append(self._entries.at(side, own))
        self.helpers |= called_in(terms[0]) | called_in(terms[1])
        place = python(self._entries.at(out, index))[0]
        added = f"{place} += {' * '.join(f'({python(term)[0]})' for term in terms)}"
        self._loop(shape, self._entries.at(out, index), Call("kind", (Number("0"),)))
        inner = [f"for {index[-1]} in range({size_text(shape[-1])}):", f"    {added}"]
        loops = [(along, first[-1]), *reversed(list(zip(index[1:-1], shape[1:-1], strict=True)))]
        if not _runs_along(terms[0], along):  # a transposed matrix: row after row as they lie in memory
            loops = [*loops[1:], loops[0]]
        for one, axis in loops:
            inner = _under(f"for {one} in range({size_text(axis)}):", inner)
        self._rows += inner
        return out

    def _simple(self, code: Code) -> Code:
        """The value in memory, if it is more than an array with other axes."""
        if is_view(code):
            return code
        shape = self._entries.shape(code)
        if not shape or shape[0] != B:
            return code
        return self._once(code, lambda: self._copied(code, shape))

    def _copied(self, code: Code, shape: Shape) -> Code:
        out = self._new("operand", shape)
        self._write(out, code)
        return out

    def _once(self, code: Code, make: Callable[[], Code]) -> Code:
        """What is computed into memory, found there the second time; what passes from step to step changes."""
        if not self._body.carried.isdisjoint(names_in(code)):
            return make()
        if code not in self._made:
            self._made[code] = make()
        return self._made[code]

    def _sum(self, of: Code, call: str) -> Code:
        shape = self._entries.shape(of)
        out = self._new("total", self._entries.shape(Method(of, call)))
        index = self._index(shape)
        entry = self._entries.at(of, index)
        self.helpers |= called_in(entry)
        own = [*index[:-1], "0"] if "keepdims" in call else index[:-1] if "-1" in call else [*index[:-2], index[-1]]
        place = python(Index(out, ", ".join(own)))[0]
        self._loop(
            self._shapes.known[out.name],
            self._entries.at(out, self._index(self._shapes.known[out.name])),
            Call("kind", (Number("0"),)),
        )
        lines = [f"{place} += {python(entry)[0]}"]
        for one, axis in reversed(list(zip(index[1:], shape[1:], strict=True))):
            lines = [f"for {one} in range({size_text(axis)}):", *(f"    {line}" for line in lines)]
        self._rows += lines
        return out

    def _softmax(self, name: str, of: Code) -> Code:
        shape = self._entries.shape(of)
        out = self._new("softmax_value", shape)
        self._write(out, of)
        place = python(Index(out, ", ".join(self._index(shape)[:-1])))[0]
        lines = [f"{name}_in_place({place})"]
        for one, axis in reversed(list(zip(self._index(shape)[1:-1], shape[1:-1], strict=True))):
            lines = [f"for {one} in range({size_text(axis)}):", *(f"    {line}" for line in lines)]
        self._rows += lines
        return out

    def _joined(self, pieces: Sequence[Code]) -> Code:
        lengths = [self._entries.shape(piece)[-1] for piece in pieces]
        whole = self._entries.shape(pieces[0])[:-1]
        total: Expr = sum(lengths[1:], lengths[0])
        out = self._new("joined_value", (*whole, total))
        start: Expr = lengths[0] - lengths[0]
        for piece, length in zip(pieces, lengths, strict=True):
            self._write(Index(out, f"..., {size_text(start)}:{size_text(start + length)}"), piece)
            start += length
        return out

    def _diagonal(self, of: Code) -> Code:
        of = self._simple(of)
        shape = self._entries.shape(of)[:-1]
        out = self._new("diagonal", shape)
        index = self._index(shape)
        self._loop(shape, self._entries.at(out, index), self._entries.at(of, [*index, index[-1]]))
        return out

    def _close_rows(self, condition: str = "") -> None:
        rows, self._rows = self._rows, []
        if rows:
            self._segments.append((condition, rows))


_FOR_ALL = "for all"
"""The kind of lines that treat all examples at once."""


def _under(opening: str, lines: Sequence[str]) -> list[str]:
    return [opening, *(f"    {line}" for line in lines)]


def _runs_along(entry: Code, index: str) -> bool:
    """Whether neighbours by that index are neighbours in memory."""
    return not isinstance(entry, Index) or entry.index.split(", ")[-1] == index


def _base(code: Code) -> str:
    """The array that a place is in."""
    while isinstance(code, Index):
        code = code.of
    assert isinstance(code, Name)
    return code.name


def _is_whole(code: Code) -> bool:
    """Whether an expression is an array, or one at t, as it lies in memory."""
    return isinstance(code, Name) or (isinstance(code, Index) and isinstance(code.of, Name) and code.index in STEP)


def _crosses(read: Index, written: Code) -> bool:
    """Whether an entry that is read may have been written at another index of the same loop."""
    if not isinstance(written, Index) or _base(read) != _base(written):
        return False
    own, other = read.index.split(", "), written.index.split(", ")
    return own != other and not (own[0] in STEP and other[0] in STEP and own[0] != other[0])


def _tuple(shape: Shape) -> str:
    return f"({', '.join(map(size_text, shape))}{',' if len(shape) == 1 else ''})"


def _folded_call(start: str, arguments: Sequence[str]) -> list[str]:
    line = f"{start}{', '.join(arguments)}):"
    if len(line) <= 116:
        return [line]
    found = [start]
    for one in arguments:
        if len(found) > 1 and len(found[-1]) + len(one) + 2 <= 116:
            found[-1] += f" {one},"
        else:
            found.append(f"    {one},")
    return [*found, "):"]
