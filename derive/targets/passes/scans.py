"""A loop over t as a scan: a function of one step, what it carries, the arrays it runs over and those it fills.

Languages without arrays that are written into need this form: `lax.scan` of JAX, the operator Scan of ONNX.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    size_text,
)
from derive.targets.passes.loops import STEP, learn, opened
from derive.targets.passes.rewriting import mapped, within
from derive.targets.passes.shapes import B, Shape, Shapes


@dataclass(frozen=True)
class Scan:
    """One loop: `before` and `after` are the variables carried, `over` the arrays read at t by the names in the body.

    A step assigns to variables, or to entries of a variable that holds an array at t.
    """

    backwards: bool
    before: list[str]
    after: list[str]
    over: dict[str, Code]
    first: list[WithLengths]
    body: list[Assign]
    last: list[WithLengths]
    in_parts: list[str]
    """The arrays at t that a step fills in parts."""
    filled: list[str]
    starts: dict[str, str]
    """The variables of the states before, by the arrays of the states, which have one more entry in time."""


class Scans:
    """Finds the scans of one program; `carried` are the variables that pass from step to step besides states."""

    def __init__(self, statements: Sequence[Statement], shapes: Shapes, starts: dict[str, str], carried: Sequence[str]):
        """`starts` are the variables of the states before, by the arrays of the states."""
        self.shapes = shapes
        self._starts = starts
        self._carried = list(carried)
        self._buffers = {s.name: s for s in statements if isinstance(s, Buffer)}
        self._longer = {name for name, shape in shapes.known.items() if shape and str(shape[0]) == "T + 1"}
        self._longer |= {name for name, buffer in self._buffers.items() if buffer.with_start}
        self._read: dict[Index, str] = {}
        loops = [s for s in statements if isinstance(s, Loop)]
        self.filled = [name for name in self._buffers if any(name in _arrays_filled(loop) for loop in loops)]

    def scan(self, loop: Loop) -> Scan:
        """The loop as a scan; the shapes of what a step computes are learnt."""
        states = {array: start for array, start in self._starts.items() if array in self.filled}
        before = self._carried if loop.backwards else list(states.values())
        after = self._carried if loop.backwards else [f"{array}_at" for array in states]
        opened_body = opened(loop, self._carried, self._longer, {})
        learn(opened_body, self.shapes)
        first = [self._with_lengths(block) for block in opened_body.first]
        body = [one for statement in opened_body.statements for one in self._step(statement)]
        last = [self._with_lengths(block) for block in opened_body.last]
        parts = [name for name in self.filled if _in_parts(name, opened_body.statements)]
        over = {name: self._over(code) for code, name in self._read.items()}
        return Scan(loop.backwards, before, after, over, first, body, last, parts, self.filled, states)

    def own_axes(self, name: str) -> tuple[str, ...]:
        """The axes of a filled array behind those of time and batch."""
        return tuple(size_text(axis) for axis in self._buffers[name].axes)

    def _with_lengths(self, block: WithLengths) -> WithLengths:
        return WithLengths(tuple(one for s in block.body for one in self._step(s, full=True)), block.why)

    def _step(self, statement: Assign, *, full: bool = False) -> list[Assign]:
        """One statement of a step, where arrays at t are variables; `full`: its value has all axes."""
        value = mapped(statement.value, self._at_step)
        names: list[Code] = []
        parts: list[Index] = []
        for target in statement.targets:
            match target:
                case Index(Name(array), index) if index in STEP:
                    names.append(Name(f"{array}_at"))
                    value = value if full else self._like(value, (B, *self._buffers[array].axes), statement.value)
                case Index(Index(Name(array), _), index):
                    parts.append(Index(Name(f"{array}_at"), index))
                case Name(name) if name in self._carried:
                    names.append(target)
                    value = value if full else self._like(value, self.shapes.known.get(name), statement.value)
                case _:
                    names.append(target)
        if len(parts) == 1 and not names:
            return [Assign((parts[0],), value, statement.formula)]
        found = [Assign(tuple(dict.fromkeys(names)), value, statement.formula)]
        return found + [Assign((part,), names[0]) for part in parts]

    def _like(self, value: Code, shape: Shape | None, before: Code) -> Code:
        if shape is None or self.shapes.of(before) == shape:
            return value
        full = Call("np.broadcast_to", (value, Number(f"({', '.join(map(size_text, shape))})")))
        return Method(full, "astype(dtype)")

    def _at_step(self, code: Code) -> Code | None:
        match code:
            case Index(Name(array), index) if index in STEP:
                if array in self.filled:
                    return Name(self._starts[array] if array in self._starts and index == "t" else f"{array}_at")
                return Name(self._read.setdefault(code, f"{array}_{'now' if index == 't' else 'next'}"))
        return None

    def _over(self, code: Index) -> Code:
        """The array that the steps run over."""
        assert isinstance(code.of, Name)
        if code.of.name not in self._longer:
            return code.of
        return Index(code.of, ":-1" if code.index == "t" else "1:")


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
