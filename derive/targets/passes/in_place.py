"""The body of a loop as calls that write into memory made before it, over views that the loop runs through.

Nothing is allocated in the loop where shapes are known; a statement whose shapes are not known stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce

from sympy import Integer

from derive.targets.language.code import (
    Apply,
    Assign,
    Call,
    Code,
    Each,
    Fill,
    Index,
    MatrixProduct,
    Memory,
    Method,
    Name,
    Number,
    Power,
    Product,
    Statement,
    Sum,
    Transposed,
    Tuple,
    parts,
)
from derive.targets.passes.hoisting import is_view
from derive.targets.passes.loops import STEP, Body
from derive.targets.passes.rewriting import mapped, names_in, within
from derive.targets.passes.shapes import B, Shape, Shapes

UNARY = {"np.tanh", "np.exp", "np.log", "np.sqrt", "np.sin", "np.cos", "np.log1p"}
"""Functions that write where they are told."""

WORDS = {"1": "one", "1.0": "one", "0.5": "half", "2": "two", "0": "zero", "-1": "minus_one"}


class _UnknownError(Exception):
    """A shape that cannot be told."""


@dataclass
class InPlace:
    """Rewrites one loop; `before` is what must stand in front of it.

    `local` are arrays that hold the steps of a block alone. `repeats`: whether vectors that stay the same are repeated
    for every example before the loop, where a call on arrays of one shape takes less.
    """

    body: Body
    shapes: Shapes
    fresh: Callable[[str], Name]
    blocked: bool
    local: frozenset[str] = frozenset()
    repeats: bool = False
    before: list[Statement] = field(default_factory=list)
    _over: dict[Code, Name] = field(default_factory=dict)
    _constants: dict[Code, Name] = field(default_factory=dict)
    _pool: dict[Shape, list[Name]] = field(default_factory=dict)
    _used: dict[Shape, int] = field(default_factory=dict)
    _fixed: set[str] = field(default_factory=set)
    _found: list[Statement] = field(default_factory=list)

    def run(self) -> Each:
        """The loop."""
        for statement in self.body.statements:
            self._used = {}
            start, made = len(self._found), len(self.before)
            held = (dict(self._constants), {k: list(v) for k, v in self._pool.items()}, set(self._fixed))
            try:
                self._assign(statement)
            except _UnknownError:
                del self._found[start:], self.before[made:]
                self._constants, self._pool, self._fixed = held
                self._as_it_was(statement)
        over = tuple((name, self._whole(code)) for code, name in self._over.items())
        used = self._names()
        return Each(
            self.body.backwards,
            tuple((name, array) for name, array in over if name.name in used),
            (*self.body.first, *self._found, *self.body.last),
            self.blocked,
        )

    def _names(self) -> set[str]:
        """The variables of what was found."""
        found: set[str] = set()
        for s in self._found:
            match s:
                case Apply(_, arguments, out):
                    codes: tuple[Code, ...] = (*arguments, out)
                case Fill(out, value):
                    codes = (out, value)
                case Assign(targets, value):
                    codes = (*targets, value)
                case _:
                    codes = ()
            found.update(*map(names_in, codes))
        return found

    # What a statement fills

    def _assign(self, statement: Assign) -> None:
        stored = [target for target in statement.targets if isinstance(target, Index)]
        names = [target for target in statement.targets if isinstance(target, Name)]
        if len(stored) > 1 or len(names) > 1:
            raise _UnknownError
        if stored:
            out: Code = self._view(stored[0], names[0].name if names else "")
            if names and out != names[0]:
                raise _UnknownError
        else:
            name = names[0]
            out = name
            if name.name not in self.body.carried:
                self._make(name, self._shape(statement.value))
        self._into(statement.value, out, statement.formula)

    def _make(self, name: Name, shape: Shape) -> None:
        if name.name in self._fixed:
            raise _UnknownError
        self.before.append(Memory(name.name, shape))
        self.shapes.known[name.name] = shape
        self._fixed.add(name.name)

    def _as_it_was(self, statement: Assign) -> None:
        value = mapped(statement.value, self._read_view)
        names = [target for target in statement.targets if isinstance(target, Name)]
        stored = [target for target in statement.targets if isinstance(target, Index)]
        if not stored:
            self._found.append(Assign(tuple(names), value, statement.formula))
            shape = self.shapes.of(value)
            if shape is not None:
                self.shapes.known |= {name.name: shape for name in names}
            return
        first, *others = [self._view(target, names[0].name if names else "") for target in stored]
        self._found.append(Fill(first, value, statement.formula))
        self._found += [Fill(view, first) for view in others]
        self._found += [Assign((name,), first) for name in names if name != first]

    def _read_view(self, code: Code) -> Code | None:
        return self._view(code) if isinstance(code, Index) and self._timed(code) else None

    # Views

    @staticmethod
    def _timed(code: Code) -> bool:
        """Whether the code is entries of an array at t."""
        while isinstance(code, Index):
            if code.index in STEP:
                return True
            code = code.of
        return False

    def _view(self, code: Code, wanted: str = "") -> Name:
        """The variable that runs over an array, or over some entries of it."""
        if code not in self._over:
            name = Name(wanted) if wanted else self._label(code)
            self._over[code] = name
            shape = self.shapes.of(code)
            if shape is not None:
                self.shapes.known[name.name] = shape
        return self._over[code]

    def _label(self, code: Code) -> Name:
        if code in self.body.labels:
            return self.body.labels[code]
        inner = code
        while isinstance(inner, Index):
            inner = inner.of
        name = inner.name if isinstance(inner, Name) else "value"
        return self.fresh(f"{name}_t")

    def _whole(self, code: Code) -> Code:
        """The array behind a view at t, with an axis for the steps."""
        assert isinstance(code, Index)
        if code.index not in STEP:
            return Index(self._whole(code.of), code.index)
        of = code.of
        if isinstance(of, Name) and of.name in self.local:
            return of
        if self.blocked:
            return Index(of, "start:stop" if code.index == "t" else "start + 1:stop + 1")
        if isinstance(of, Name) and of.name in self.body.longer:
            return Index(of, "1:") if code.index == "t + 1" else of if not self.body.backwards else Index(of, ":-1")
        return of

    # Values

    def _shape(self, code: Code) -> Shape:
        shape = self.shapes.of(code)
        if shape is None:
            raise _UnknownError
        return shape

    def _operand(self, code: Code) -> Code:
        """Something that holds the value: a variable, a view, a constant, or memory into which it is computed."""
        if isinstance(code, Name):
            return code
        if isinstance(code, Index) and self._timed(code):
            return self._view(code)
        if isinstance(code, Number) or not self._varies(code):
            return self._constant(code)
        if isinstance(code, Index | Transposed) or _swaps(code):
            return self._seen(code)
        shape = self._shape(code)
        work = self._memory(shape)
        self._into(code, work)
        return work

    def _varies(self, code: Code) -> bool:
        timed = any(isinstance(part, Index) and part.index in STEP for part in within(code))
        return timed or self.body.varies(code) or bool(names_in(code) & self._step_names())

    def _step_names(self) -> set[str]:
        return {name.name for name in self._over.values()}

    def _constant(self, code: Code) -> Name:
        """A number or a view of parameters, made before the loop."""
        if code not in self._constants:
            if isinstance(code, Number):
                name = self.fresh(WORDS.get(code.text, "number"))
                value: Code = Call("np.array", (code, Name("dtype")))
                shape: Shape = ()
            else:
                shape = self._shape(code)
                inner = names_in(code)
                wanted = f"{'_'.join(sorted(inner))}_{'T' if isinstance(code, Transposed) else 'part'}"
                name, value = self.fresh(wanted), code
            self.before.append(Assign((name,), value))
            self.shapes.known[name.name] = shape
            self._constants[code] = name
        return self._constants[code]

    def _seen(self, code: Code) -> Code:
        """A view of a computed value; of memory that stays the same it is made once."""
        inner = code.arguments[0] if isinstance(code, Call) else code.of  # type: ignore[attr-defined]
        base = self._operand(inner)
        made = (
            Call("np.swapaxes", (base, Number("-1"), Number("-2")))
            if isinstance(code, Call)
            else (
                Transposed(base) if isinstance(code, Transposed) else Index(base, code.index)  # type: ignore[attr-defined]
            )
        )
        if not (isinstance(base, Name) and base.name in self._fixed):
            self._shape(made)
            return made
        if made not in self._constants:
            name = self.fresh(f"{base.name.removesuffix('_t')}_view")
            self.before.append(Assign((name,), made))
            self.shapes.known[name.name] = self._shape(made)
            self._constants[made] = name
            self._fixed.add(name.name)
        return self._constants[made]

    def _memory(self, shape: Shape) -> Name:
        """Memory that is free within this statement."""
        place = self._used.get(shape, 0)
        pool = self._pool.setdefault(shape, [])
        if place == len(pool):
            name = self.fresh("work")
            self._make(name, shape)
            pool.append(name)
        self._used[shape] = place + 1
        return pool[place]

    def _into(self, code: Code, out: Code, formula: str = "") -> None:
        """Statements that leave the value in `out`."""
        start = len(self._found)
        self._compute(mapped(code, self._read_view), out)
        if formula:
            first = self._found[start]
            assert isinstance(first, Apply | Fill)
            at = (
                Apply(first.function, first.arguments, first.out, first.keywords, formula)
                if isinstance(first, Apply)
                else Fill(first.out, first.value, formula)
            )
            self._found[start] = at

    def _compute(self, code: Code, out: Code) -> None:
        match code:
            case Sum(terms):
                self._sum(terms, out)
            case Product(factors, divisors):
                self._product(factors, divisors, out)
            case MatrixProduct(left, right):
                self._matrix_product(left, right, out)
            case Power(base, "2"):
                self._call("np.square", (self._operand(base),), out)
            case Power(base, exponent):
                self._call("np.power", (self._operand(base), self._operand(Number(exponent))), out)
            case Call(function, (argument,), "") if function in UNARY:
                self._call(function, (self._operand(argument),), out)
            case Call("sigmoid", (argument,), ""):
                self._sigmoid(argument, out)
            case Method(of, "sum(axis=-1, keepdims=True)"):
                self._call("np.add.reduce", (self._operand(of),), out, "axis=-1, keepdims=True")
            case Method(of, "sum(axis=-1)"):
                self._call("np.add.reduce", (self._operand(of),), out, "axis=-1")
            case _ if self._varies(code) and not is_view(code) and not isinstance(code, Name):
                inner = parts(code)
                if isinstance(code, Tuple) or not inner:
                    raise _UnknownError
                self._found.append(Fill(out, mapped(code, self._read_view)))
            case _:
                self._found.append(Fill(out, self._operand(code)))

    def _call(self, function: str, arguments: Sequence[Code], out: Code, keywords: str = "") -> None:
        """A call; where its result is to be repeated along an axis of `out`, not every library writes into that."""
        shapes = [self._shape(argument) for argument in arguments]
        if "reduce" in function:
            shape: Shape = (*shapes[0][:-1], Integer(1)) if "keepdims" in keywords else shapes[0][:-1]
        else:
            shape = reduce(self._broadcast, shapes)
        if shape == self._shape(out):
            given = tuple(self._repeated(argument, shape) for argument in arguments)
            self._found.append(Apply(function, self._spread(given, out, shape), out, keywords))
            return
        work = self._memory(shape)
        self._found.append(Apply(function, tuple(arguments), work, keywords))
        self._found.append(Fill(out, work))

    def _repeated(self, argument: Code, shape: Shape) -> Code:
        """What a call for all examples reads: a vector that stays the same once for each of them."""
        if not self.repeats or len(shape) != 2 or shape[0] != B or self._shape(argument) != shape[1:]:
            return argument
        if self._varies(argument) or not isinstance(argument, Name) or argument.name in self._fixed:
            return argument
        rows = Call("in_every_row", (argument, Name("B")))
        if rows not in self._constants:
            name = self.fresh(f"{argument.name.removesuffix('_')}_rows")
            self.before += [Memory(name.name, shape), Fill(name, argument)]
            self.shapes.known[name.name] = shape
            self._constants[rows] = name
        return self._constants[rows]

    def _spread(self, arguments: tuple[Code, ...], out: Code, shape: Shape) -> tuple[Code, ...]:
        """What a call reads with a number for each example copied into all entries, where that takes less."""
        columns = [a for a in arguments if self._shape(a) == (B, Integer(1)) != shape]
        if not self.repeats or len(shape) != 2 or shape[0] != B or len(arguments) != 2 or len(columns) != 1:
            return arguments
        (column,) = columns
        (other,) = (a for a in arguments if a is not column)
        is_free = not names_in(out) & names_in(other) and not names_in(out) & names_in(column)
        place = out if is_free else self._memory(shape)
        self._found.append(Fill(place, column))
        return tuple(place if a is column else a for a in arguments)

    def _sigmoid(self, argument: Code, out: Code) -> None:
        half = self._constant(Number("0.5"))
        self._call("np.multiply", (self._operand(argument), half), out)
        self._call("np.tanh", (out,), out)
        self._call("np.multiply", (out, half), out)
        self._call("np.add", (out, half), out)

    def _sum(self, terms: Sequence[tuple[bool, Code]], out: Code) -> None:
        """The first term that is computed goes into `out`, the others are added to it.

        Where that is the term that stands there, others that stand somewhere come next: like calls stand together.
        """
        is_there = (False, out) in terms
        ordered = sorted(terms, key=lambda term: (term[0], term[1] != out, self._computed(term[1]) != (not is_there)))
        full = self._shape(out)
        name = names_in(out)
        rest_reads = any(name & names_in(term) for _, term in ordered[1:])
        if rest_reads:
            work = self._memory(full)
            self._sum(terms, work)
            self._found.append(Fill(out, work))
            return
        (negative, first), *others = ordered
        if not others:
            self._call("np.negative" if negative else "np.positive", (self._operand(first),), out)
            return
        if self._computed(first) and self._shape(first) == full and not negative:
            self._compute(first, out)
            so_far: Code = out
        else:
            so_far = self._operand(first)
            if negative:
                self._call("np.negative", (so_far,), out)
                so_far = out
        for minus, term in others:
            if isinstance(out, Name) and so_far != out and names_in(out) & names_in(so_far):
                raise _UnknownError
            used = dict(self._used)
            operand = self._operand(term)
            self._call("np.subtract" if minus else "np.add", (so_far, operand), out)
            so_far, self._used = out, used  # what held the term is free again

    def _computed(self, code: Code) -> bool:
        """Whether a value must be computed, so that it may be computed where it is wanted."""
        return not isinstance(code, Name | Number) and not is_view(code) and self._varies(code)

    def _product(self, factors: Sequence[Code], divisors: Sequence[Code], out: Code) -> None:
        full = self._shape(out)
        name = names_in(out)
        ordered = sorted(factors, key=lambda factor: not self._computed(factor))
        if any(name & names_in(part) for part in (*ordered[1:], *divisors)) and len(factors) + len(divisors) > 2:
            work = self._memory(full)
            self._product(factors, divisors, work)
            self._found.append(Fill(out, work))
            return
        so_far: Code | None = None
        rest = ordered
        first = ordered[0] if len(ordered) > 1 and self._computed(ordered[0]) else None
        later = (*ordered[1:], *divisors)
        if first is not None and self._shape(first) == full and not any(name & names_in(part) for part in later):
            self._compute(first, out)
            so_far, rest = out, ordered[1:]
        shape: Shape = ()
        pending = [("np.multiply", factor) for factor in rest] + [("np.divide", divisor) for divisor in divisors]
        for function, part in pending:
            operand = self._operand(part)
            if so_far is None:
                if function == "np.divide":
                    so_far = self._constant(Number("1"))
                else:
                    so_far, shape = operand, self._shape(operand)
                    if len(pending) == 1:
                        self._found.append(Fill(out, operand))
                    continue
            reached = self._broadcast(shape, self._shape(operand))
            last = part is pending[-1][1]
            place = out if last or so_far == out or reached == full else self._memory(reached)
            self._call(function, (so_far, operand), place)
            so_far, shape = place, reached

    def _broadcast(self, left: Shape, right: Shape) -> Shape:
        found = Shapes._broadcast([left, right])
        if found is None:
            raise _UnknownError
        return found

    def _matrix_product(self, left: Code, right: Code, out: Code) -> None:
        a, b = self._operand(left), self._operand(right)
        shapes = self._shape(a), self._shape(b)
        shape = self._shape(MatrixProduct(a, b))
        straight = self._contiguous(out) and self._shape(out) == shape
        place = out if straight else self._memory(shape)
        plain = len(shapes[0]) == len(shapes[1]) == 2
        self._found.append(Apply(".dot" if plain else "np.matmul", (a, b), place))
        if place != out:
            self._found.append(Fill(out, place))

    def _contiguous(self, out: Code) -> bool:
        """Whether the memory is in one piece."""
        if isinstance(out, Name) and (out.name in self._fixed or out.name in self.body.carried):
            return not out.name.endswith("view")
        whole = next((code for code, name in self._over.items() if name == out), None)
        return isinstance(whole, Index) and whole.index in STEP


def _swaps(code: Code) -> bool:
    return isinstance(code, Call) and code.function == "np.swapaxes"
