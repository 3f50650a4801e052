"""Programs over a sequence in JAX: a loop that fills arrays is a `lax.scan`, and nothing is written into.

What a step reads at t comes in, what it stores at t goes out; the words are those of `jax.numpy`, imported as `np`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from derive.targets.language.code import (
    Assign,
    Buffer,
    Code,
    Index,
    Loop,
    Name,
    Number,
    Statement,
    WithLengths,
    lines,
    python,
    size_text,
)
from derive.targets.passes.pipeline import learn_shapes
from derive.targets.passes.scans import Scans
from derive.targets.passes.shapes import Shapes


class Scanned:
    """The lines of one program; `carried` are the variables that pass from step to step of its loop besides states."""

    def __init__(self, statements: Sequence[Statement], shapes: Shapes, starts: dict[str, str], carried: Sequence[str]):
        """`starts` are the variables of the states before, by the arrays of the states."""
        self._statements = statements
        self._scans = Scans(statements, shapes, starts, carried)

    def lines(self) -> list[str]:
        """The whole program."""
        found: list[str] = []
        filled = self._scans.filled
        for statement in self._statements:
            learn_shapes([statement], self._scans.shapes)
            match statement:
                case Buffer(name) if name in filled:
                    continue
                case Buffer(name, axes, with_start):
                    shape = ["T + 1" if with_start else "T", "B", *map(size_text, axes)]
                    found.append(f"{name} = np.zeros(({', '.join(shape)}), dtype)")
                case Loop():
                    found += self._scan(statement)
                case Assign((Index(Name(name), _),)) if name in filled:
                    continue  # the start of a state, which the scan is given
                case Assign():
                    found += _assigned(statement)
                case WithLengths():
                    found += _with_lengths(statement)
                case _:
                    found += lines([statement])
        return found

    def _scan(self, loop: Loop) -> list[str]:
        scan = self._scans.scan(loop)
        inner: list[str] = []
        for name in scan.in_parts:
            inner.append(f"{name}_at = np.zeros((B, {', '.join(self._scans.own_axes(name))}), dtype)")
        inner += [line for block in scan.first for line in _with_lengths(block)]
        inner += [line for statement in scan.body for line in _assigned(statement)]
        inner += [line for block in scan.last for line in _with_lengths(block)]
        over = {"t": "np.arange(T)", **{name: python(array)[0] for name, array in scan.over.items()}}
        results = f"{_tuple(scan.before) if scan.backwards else '_'}, {_tuple(scan.filled)}"
        reverse = ", reverse=True" if scan.backwards else ""
        return [
            "",
            "def one(carry, now):",
            f"    {_tuple(scan.before)} = carry",
            f"    {_tuple(list(over))} = now",
            *(f"    {line}" for line in inner),
            f"    return {_tuple(scan.after)}, {_tuple([f'{name}_at' for name in scan.filled])}",
            "",
            f"{results} = lax.scan(one, {_tuple(scan.before)}, {_tuple(list(over.values()))}, length=T{reverse})",
            *(f"{array} = np.concatenate(({start}[None], {array}))" for array, start in scan.starts.items()),
        ]


def _with_lengths(block: WithLengths) -> list[str]:
    own = [line for statement in block.body for line in _assigned(statement)]
    return ["if lengths is not None:" + (f"  # {block.why}" if block.why else ""), *(f"    {line}" for line in own)]


def _assigned(statement: Assign) -> list[str]:
    """An assignment, where one into entries makes an array anew."""
    match statement:
        case Assign((Index(Name(name), index),), value):
            return [*_comment(statement), f"{name} = {_set(name, index, value)}"]
    return lines([statement])


def _set(array: str, index: str, value: Code) -> str:
    return f"{array}.at[{index}].set({python(value)[0]})"


def _comment(statement: Assign) -> list[str]:
    return lines([Assign((Name("_"),), Number("0"), statement.formula)])[:-1]


def _tuple(words: Collection[str]) -> str:
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"
