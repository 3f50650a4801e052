"""One kernel: the statements of a step for some examples at once, alone or in the loop over all steps."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sympy import Expr, Integer

from derive.targets.language.code import Assign, Code, Index, MatrixProduct, Name, comment, folded, python, size_text
from derive.targets.language.names import Names
from derive.targets.native.entries import CONDITION
from derive.targets.passes.loops import STEP, Body
from derive.targets.passes.rewriting import mapped, summed, within
from derive.targets.passes.shapes import Shape, Shapes
from derive.targets.triton.helpers import PREFIX, NotFusedError
from derive.targets.triton.registers import PART, Constants, Registers, padded_text
from derive.targets.triton.steps import Line


class Kernel:
    """The text of one kernel, and afterwards `arguments` and `fixed`: what it is given."""

    def __init__(
        self,
        body: Body,
        constants: Constants,
        shapes: Shapes,
        names: Names,
        sizes: Sequence[Expr],
        opened: Sequence[str],
        own: Collection[str],
        stored: Collection[str] = (),
    ) -> None:
        """`opened` are functions chosen later, `own` those of the note; `stored` are variables that others read."""
        self._opened = opened
        self._body = body
        self._shapes = shapes
        self._names = names
        self._sizes = sizes
        self._stored = list(dict.fromkeys(stored))
        self._changed: set[Code] = set()
        self._registers = Registers(constants, shapes, names, {*opened, *own})
        self._late: dict[Code, Shape] = {}
        """What is written at the end of a step: it may be changed until then, or is read by others before."""
        self._parts: dict[str, dict[str, tuple[Expr, Expr]]] = {}
        """By array what a step has written in parts: where each begins and ends."""
        self._length = names.fresh("length").name
        self.arguments: list[str] = []
        """The tensors that it reads and fills, in order."""
        self.rows: Collection[tuple[str, ...]] = ()
        """The shapes of the values of one example."""
        self.fixed: dict[str, str] = {}
        """Its other arguments, and what they are."""

    def over_time(self, name: str, about: str, lines: Sequence[Line], states: Collection[str]) -> str:
        """The loop over all steps in one kernel; `states` are the arrays that a step forwards reads and fills."""
        own, names = self._registers, self._names
        carried: dict[Code, tuple[Name, Shape]] = {}
        for array in states:
            shape = own.shape(Index(Name(array), "t"))
            carried[Index(Name(array), "t + 1")] = names.numbered(f"{array}_carried"), shape
        for array in sorted(self._body.carried):
            carried[Name(array)] = names.numbered(f"{array}_carried"), own.shape(Name(array))
        for code, (variable, shape) in carried.items():
            array = code.name if isinstance(code, Name) else code.of.name  # type: ignore[attr-defined]
            own.first.append(f"{variable.name} = {own.load(array, '', shape)}")
            own.bound[code if isinstance(code, Name) else Index(Name(array), "t")] = variable
        self._read(lines)
        ending = [
            own.store(*_where(code), shape, own.bound[code])
            for code, shape in self._late.items()
            if not isinstance(code, Name)
        ]
        for code, (variable, shape) in carried.items():
            if own.bound.get(code, variable) != variable:
                ending.append(f"{variable.name} = {own.whole(own.bound[code], shape)}")
        after = [
            own.store(code.name, "", shape, variable)
            for code, (variable, shape) in carried.items()
            if isinstance(code, Name)
        ]
        step = self._names.fresh("step").name
        loop = [
            f"for {step} in range(T):",
            f"    t = {f'T - 1 - {step}' if self._body.backwards else step}",
            f"    {own.now} = tl.cast(t, tl.int64) * B",
        ]
        matrices = [f"{one.name} = {text}" for text, one in own.matrices.items()]
        kept = ["if KEPT:", *(f"    {line}" for line in matrices)] if matrices else []
        inner = _folded([*own.lines, *ending])
        text = [*_folded(own.first), *_folded(kept), *loop, *(f"    {line}" for line in inner), *_folded(after)]
        return self._definition(name, about, text, ["T", "B"])

    def one_step(self, name: str, about: str, lines: Sequence[Line]) -> str:
        """The statements at one step t."""
        own = self._registers
        self._read(lines)
        ending = [own.store(*_where(code), shape, own.bound[code]) for code, shape in self._late.items()]
        ending += [own.store(one, "", own.shape(Name(one)), own.bound[Name(one)]) for one in self._stored]
        if any(isinstance(code, Name) for code in self._late):  # written where it was read
            ending.insert(0, "tl.debug_barrier()")
        if own.matrices:
            raise NotFusedError("a product in the kernel of a step")
        text = [f"{own.now} = tl.cast(t, tl.int64) * B", *own.first, *own.lines, *ending]
        return self._definition(name, about, _folded(text), ["t", "B"])

    @property
    def matrices(self) -> list[str]:
        """The tensors that it multiplies by."""
        return list(self._registers.multiplied_by)

    @property
    def memory(self) -> list[str]:
        """The arrays of shape (B, n) that it writes operands into."""
        return self._registers.memory

    @property
    def called(self) -> set[str]:
        """The functions that it calls, without their prefix."""
        return self._registers.called

    def _definition(self, name: str, about: str, text: Sequence[str], given: Sequence[str]) -> str:
        own = self._registers
        head = [f"{own.row} = tl.program_id(0) * ROWS + tl.arange(0, ROWS)"]
        head += [f"{one} = tl.arange(0, {padded_text(size, own.axes)})" for size, one in own.axes.items()]
        if any(re.search(rf"\b{self._length}\b", line) for line in text):
            head += ["if LENGTHS:", f"    {self._length} = tl.load(lengths + {own.row}, mask={own.row} < B, other=0)"]
        code = [line for line in [*head, *text] if not line.lstrip().startswith("#")]
        words = {word for line in code for word in re.findall(r"(?<![.\w])\w+", line)}
        self.arguments = list(own.arrays)
        self.fixed = {one: one for one in given}
        self.fixed |= {str(size): str(size) for size in self._sizes if str(size) in words}
        self.rows = own.shapes_held
        axes = {padded_text(size, own.axes): size for size in own.axes if not size.is_Integer}
        self.fixed |= {argument: f"padded({size_text(size)})" for argument, size in axes.items() if argument in words}
        self.fixed |= {f"{PREFIX}{one}": f"{PREFIX}{one}" for one in self._opened if one in own.called}
        known = [one if one in given else f"{one}: tl.constexpr" for one in self.fixed]
        known += [f"{one}: tl.constexpr" for one in ("ROWS", "KIND", "LENGTHS", "PRECISION", "KEPT")]
        body = [f'"""{about}"""', *head, *text]
        decorator = '@triton.jit(do_not_specialize=["t"])' if "t" in given else "@triton.jit"
        start = [decorator, f"def {name}(", *listed([*own.arrays, "lengths", *known]), "):"]
        return "\n".join([*start, *(f"    {line}" for line in body)])

    def _read(self, lines: Sequence[Line]) -> None:
        self._changed = self._registers.late = {
            target for line in lines if line.for_lengths for target in line.statement.targets
        }
        for line in lines:
            self._line(line)

    def _line(self, line: Line) -> None:
        own, statement = self._registers, line.statement
        own.lines += comment(statement.formula)
        if line.for_lengths:
            self._for_lengths(statement)
            return
        value = own.value(self._with_parts(statement.value))
        named = next((t for t in statement.targets if isinstance(t, Name)), None)
        variable = named if named and named.name not in (*self._stored, *self._body.carried) else None
        variable = variable or self._names.numbered(f"{_base(statement.targets[0])}_value")
        own.lines.append(f"{variable.name} = {python(value)[0]}")
        shape = own.shape(statement.value)
        for target in statement.targets:
            own.bound[target] = variable
            if isinstance(target, Name) and target.name not in self._shapes.known:
                self._shapes.known[target.name] = shape
            if own.shape(target) == shape and _has_axes(value):
                own.wholes.add(variable)
            self._written(target, variable, own.shape(target))

    def _written(self, target: Code, variable: Name, shape: Shape) -> None:
        own = self._registers
        match target:
            case Index(Name(array), index) if index in STEP and target not in self._changed:
                own.lines.append(own.store(array, index, shape, variable))
            case Index(Name(), index) if index in STEP:
                self._late[target] = shape
            case Index(Index(Name(array), "t") as whole, index) if found := PART.fullmatch(index):
                self._parts.setdefault(array, {})[index] = self._span(found)
                own.lines.append(own.store(array, "t", shape, variable, found[1] or "0", own.shape(whole)[-1]))
            case Name(name) if name in self._body.carried:
                self._late[target] = shape
            case Name():
                pass
            case _:
                raise NotFusedError(f"{python(target)[0]} is written in a kernel")

    def _for_lengths(self, statement: Assign) -> None:
        """A choice between two values for each example."""
        own, value = self._registers, statement.value
        (target,) = statement.targets
        condition, there, elsewhere = value.arguments  # type: ignore[attr-defined]
        found = CONDITION.fullmatch(condition.text)
        if found is None or elsewhere != target:
            raise NotFusedError(f"{python(value)[0]} for lengths")
        before = own.value(elsewhere)
        chosen = python(own.value(there))[0]
        assert isinstance(before, Name)
        shape = own.shape(target)
        index = ", ".join([":", *["None"] * (len(shape) - 1)])
        test = f"({found[1].replace('lengths', self._length)})[{index}]"
        own.lines += ["if LENGTHS:", f"    {before.name} = tl.where({test}, {chosen}, {before.name})"]
        self._late[target] = shape

    def _span(self, found: re.Match[str]) -> tuple[Expr, Expr]:
        start, stop = self._shapes.size(found[1] or "0"), self._shapes.size(found[2])
        if start is None or stop is None:
            raise NotFusedError(f"entries {found[0]}")
        return start, stop

    def _with_parts(self, code: Code) -> Code:
        """The expression where an array that this step has written in parts is multiplied part by part."""

        def split(part: Code) -> Code | None:
            match part:
                case MatrixProduct(Index(Name(array), "t") as whole, right) if array in self._parts:
                    return self._by_parts(whole, list(self._parts[array]), Integer(0), right)
                case MatrixProduct(Index(Index(Name(array), "t") as whole, index), right) if (
                    array in self._parts and index not in self._parts[array] and (found := PART.fullmatch(index))
                ):
                    start, stop = self._span(found)
                    inside = {
                        other: end - first
                        for other, (first, end) in self._parts[array].items()
                        if (first - start).is_nonnegative and (stop - end).is_nonnegative
                    }
                    if sum(inside.values(), Integer(0)) != stop - start:
                        raise NotFusedError(f"{python(part)[0]} is read across what was written")
                    return self._by_parts(whole, list(inside), start, right)
                case Index(Index(Name(array), "t"), index) if array in self._parts and (found := PART.fullmatch(index)):
                    start, stop = self._span(found)
                    spans = self._parts[array]
                    if index in spans or all(
                        (e - start).is_nonpositive or (f - stop).is_nonnegative for f, e in spans.values()
                    ):
                        return part
                    raise NotFusedError(f"{python(part)[0]} is read across what was written")
                case Index(Name(array), "t") if array in self._parts:
                    raise NotFusedError(f"{python(part)[0]} is read as a whole after it was written in parts")
            return None

        return mapped(code, split)

    def _by_parts(self, whole: Code, indices: Sequence[str], start: Expr, right: Code) -> Code:
        array = _base(whole)
        terms: list[tuple[bool, Code]] = []
        for index in indices:
            first, end = self._parts[array][index]
            rows = Index(right, f"{size_text(first - start)}:{size_text(end - start)}, :")
            terms.append((False, MatrixProduct(Index(whole, index), rows)))
        return summed(terms)


def _has_axes(value: Code) -> bool:
    """Whether a value is certainly no number."""
    return any(isinstance(part, Name) for part in within(value))


def _where(code: Code) -> tuple[str, str]:
    """The array and the step of a target."""
    match code:
        case Name(name):
            return name, ""
        case Index(Name(name), index):
            return name, index
    raise NotFusedError(f"{python(code)[0]} is written in a kernel")


def _base(code: Code) -> str:
    while isinstance(code, Index):
        code = code.of
    assert isinstance(code, Name)
    return code.name


def _folded(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in ([line] if line.lstrip().startswith("#") else folded(line))]


def listed(words: Sequence[str]) -> list[str]:
    """Words between commas, as many in a line as fit."""
    found: list[str] = []
    for word in words:
        if found and len(found[-1]) + len(word) + 2 <= 116:
            found[-1] += f" {word},"
        else:
            found.append(f"    {word},")
    return found
