"""Programs over a sequence in JAX: a loop that fills arrays is a `lax.scan`, and nothing is written into.

What a step reads at t comes in, what it stores at t goes out; the words are those of `jax.numpy`, imported as `np`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from derive.targets.language.code import (
    Assign,
    Buffer,
    Call,
    Code,
    Index,
    Loop,
    Method,
    Name,
    Number,
    Statement,
    WithLengths,
    free_names,
    lines,
    python,
    size_text,
)
from derive.targets.passes.loops import STEP, learn, opened
from derive.targets.passes.pipeline import learn_shapes
from derive.targets.passes.rewriting import mapped, within
from derive.targets.passes.shapes import B, Shape, Shapes


class Scanned:
    """The lines of one program; `carried` are the variables that pass from step to step of its loop besides states."""

    def __init__(self, statements: Sequence[Statement], shapes: Shapes, starts: dict[str, str], carried: Sequence[str]):
        """`starts` are the variables of the states before, by the arrays of the states."""
        self._statements = statements
        self._shapes = shapes
        self._starts = starts
        self._carried = list(carried)
        self._buffers = {s.name: s for s in statements if isinstance(s, Buffer)}
        self._longer = {name for name, shape in shapes.known.items() if shape and str(shape[0]) == "T + 1"}
        self._longer |= {name for name, buffer in self._buffers.items() if buffer.with_start}
        self._read: dict[Index, str] = {}
        loops = [s for s in statements if isinstance(s, Loop)]
        self._filled = [name for name in self._buffers if any(name in _arrays_filled(loop) for loop in loops)]

    def lines(self) -> list[str]:
        """The whole program."""
        found: list[str] = []
        for statement in self._statements:
            learn_shapes([statement], self._shapes)
            match statement:
                case Buffer(name) if name in self._filled:
                    continue
                case Buffer(name, axes, with_start):
                    shape = ["T + 1" if with_start else "T", "B", *map(size_text, axes)]
                    found.append(f"{name} = np.zeros(({', '.join(shape)}), dtype)")
                case Loop():
                    found += self._scan(statement)
                case Assign((Index(Name(name), _),)) if name in self._filled:
                    continue  # the start of a state, which the scan is given
                case Assign():
                    found += self._assigned(statement)
                case WithLengths(body, why):
                    found.append("if lengths is not None:" + (f"  # {why}" if why else ""))
                    found += [f"    {line}" for inner in body for line in self._assigned(inner)]
                case _:
                    found += lines([statement])
        return found

    def _assigned(self, statement: Assign) -> list[str]:
        """An assignment, where one into entries makes an array anew."""
        match statement:
            case Assign((Index(Name(name), index),), value):
                return [*_comment(statement), f"{name} = {_set(name, index, value)}"]
        return lines([statement])

    def _scan(self, loop: Loop) -> list[str]:
        states = {array: start for array, start in self._starts.items() if array in self._filled}
        before = self._carried if loop.backwards else list(states.values())
        after = self._carried if loop.backwards else [f"{array}_at" for array in states]
        body = opened(loop, self._carried, self._longer, {})
        learn(body, self._shapes)
        inner: list[str] = []
        for block in body.first:
            inner += self._with_lengths(block)
        for statement in body.statements:
            inner += self._step(statement)
        for block in body.last:
            inner += self._with_lengths(block)
        parts = [name for name in self._filled if _in_parts(name, body.statements)]
        inner = [f"{name}_at = np.zeros((B, {self._own_axes(name)}), dtype)" for name in parts] + inner
        over = {"t": "np.arange(T)", **{name: self._over(code) for code, name in self._read.items()}}
        stored = [f"{name}_at" for name in self._filled]
        results = f"{_tuple(before) if loop.backwards else '_'}, {_tuple(self._filled)}"
        reverse = ", reverse=True" if loop.backwards else ""
        return [
            "",
            "def one(carry, now):",
            f"    {_tuple(before)} = carry",
            f"    {_tuple(list(over))} = now",
            *(f"    {line}" for line in inner),
            f"    return {_tuple(after)}, {_tuple(stored)}",
            "",
            f"{results} = lax.scan(one, {_tuple(before)}, {_tuple(list(over.values()))}, length=T{reverse})",
            *(f"{array} = np.concatenate(({start}[None], {array}))" for array, start in states.items()),
        ]

    def _with_lengths(self, block: WithLengths) -> list[str]:
        own = [line for statement in block.body for line in self._step(statement, full=True)]
        return ["if lengths is not None:" + (f"  # {block.why}" if block.why else ""), *(f"    {line}" for line in own)]

    def _step(self, statement: Assign, *, full: bool = False) -> list[str]:
        """One statement of a step, where arrays at t are variables; `full`: its value has all axes."""
        value = mapped(statement.value, self._at_step)
        names: list[Code] = []
        parts: list[tuple[str, str]] = []
        for target in statement.targets:
            match target:
                case Index(Name(array), index) if index in STEP:
                    names.append(Name(f"{array}_at"))
                    value = value if full else self._like(value, (B, *self._buffers[array].axes), statement.value)
                case Index(Index(Name(array), _), index):
                    parts.append((f"{array}_at", index))
                case Name(name) if name in self._carried:
                    names.append(target)
                    value = value if full else self._like(value, self._shapes.known.get(name), statement.value)
                case _:
                    names.append(target)
        if parts and not names and len(parts) == 1:
            ((array, index),) = parts
            return [*_comment(statement), f"{array} = {_set(array, index, value)}"]
        found = lines([Assign(tuple(dict.fromkeys(names)), value, statement.formula)])
        return found + [f"{array} = {_set(array, index, names[0])}" for array, index in parts]

    def _like(self, value: Code, shape: Shape | None, before: Code) -> Code:
        if shape is None or self._shapes.of(before) == shape:
            return value
        full = Call("np.broadcast_to", (value, Number(f"({', '.join(map(size_text, shape))})")))
        return Method(full, "astype(dtype)")

    def _own_axes(self, name: str) -> str:
        return ", ".join(size_text(axis) for axis in self._buffers[name].axes)

    def _at_step(self, code: Code) -> Code | None:
        match code:
            case Index(Name(array), index) if index in STEP:
                if array in self._filled:
                    return Name(self._starts[array] if array in self._starts and index == "t" else f"{array}_at")
                return Name(self._read.setdefault(code, f"{array}_{'now' if index == 't' else 'next'}"))
        return None

    def _over(self, code: Index) -> str:
        """The array that the steps run over."""
        assert isinstance(code.of, Name)
        if code.of.name not in self._longer:
            return code.of.name
        return f"{code.of.name}[{':-1' if code.index == 't' else '1:'}]"


def _arrays_filled(loop: Loop) -> set[str]:
    aliases = {
        target.name: s.value.of.name
        for s in loop.body
        if isinstance(s, Assign) and isinstance(s.value, Index) and isinstance(s.value.of, Name)
        for target in s.targets
        if isinstance(target, Name)
    }
    found = {
        part.name
        for s in loop.body
        if isinstance(s, Assign)
        for target in s.targets
        if isinstance(target, Index)
        for part in within(target)
        if isinstance(part, Name)
    }
    return {aliases.get(name, name) for name in found}


def _in_parts(name: str, statements: Sequence[Assign]) -> bool:
    """Whether a step fills the entry of an array in parts."""
    return any(
        isinstance(target, Index) and isinstance(target.of, Index) and name in free_names(target)
        for s in statements
        for target in s.targets
    )


def _set(array: str, index: str, value: Code) -> str:
    return f"{array}.at[{index}].set({python(value)[0]})"


def _comment(statement: Assign) -> list[str]:
    return lines([Assign((Name("_"),), Number("0"), statement.formula)])[:-1]


def _tuple(words: Collection[str]) -> str:
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"
