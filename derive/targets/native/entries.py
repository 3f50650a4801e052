"""One entry of an array expression as an expression of numbers: what stands inside the loops that are compiled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sympy import Integer

from derive.patterns import regex
from derive.targets.language.code import (
    Call,
    Code,
    Index,
    MatrixProduct,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Transposed,
    parts,
    python,
)
from derive.targets.passes.rewriting import rebuilt
from derive.targets.passes.shapes import Shape, Shapes


class NotCompiledError(Exception):
    """A construct that has no form in the compiled loops; the words say which."""


PREFIX = "one_"
"""Before the names of functions of numbers, which stand beside those of arrays."""

CONDITION = regex(r"\((lengths (?:<=|==) (?:t \+ 1|t|0))\)\[:(?:, None)*\]")
"""The condition of a choice for each example."""


class Entries:
    """Entries of expressions whose variables have known shapes; `example` is the index of the axis of the batch."""

    def __init__(self, shapes: Shapes, example: str) -> None:
        self._shapes = shapes
        self._example = example

    def shape(self, code: Code) -> Shape:
        """The shape of an expression; raises NotCompiledError where it cannot be told."""
        found = self._shapes.of(code)
        if found is None:
            raise NotCompiledError(f"the shape of {python(code)[0]} is not known")
        return found

    def at(self, code: Code, index: Sequence[str]) -> Code:
        """The entry at an index; one for each axis of the expression, or for more axes in front of them."""
        match code:
            case Number(text):
                return Call("kind", (Number(text),))
            case Name(name):
                own = self._own(code, index)
                return Index(code, ", ".join(own)) if own else Name(name)
            case Index(of, text):
                return self.at(of, self._unindexed(text, len(self.shape(of)), self._own(code, index)))
            case Transposed(of):
                return self.at(of, self._own(code, index)[::-1])
            case Sum() | Product():
                return rebuilt(code, [self.at(part, self._own(part, index)) for part in parts(code)])
            case Power(base, exponent):
                return Power(self.at(base, index), exponent if exponent.lstrip("-").isdigit() else f"kind({exponent})")
            case MatrixProduct(left, right) if self.shape(left)[-1] == 1:
                own = self._own(code, index)
                first = self.at(left, self._own(left, [*own[:-1], "0"]))
                return Product((first, self.at(right, self._own(right, [*own[:-2], "0", own[-1]]))))
            case Call():
                return self._call(code, index)
        raise NotCompiledError(f"{python(code)[0]} has no entries")

    def _call(self, code: Call, index: Sequence[str]) -> Code:
        name, arguments = code.function, code.arguments
        match name:
            case "np.where" if isinstance(arguments[0], Number) and (found := CONDITION.fullmatch(arguments[0].text)):
                condition = Number(re.sub("^lengths", f"lengths[{self._example}]", found[1]))
                chosen = (self.at(one, self._own(one, index)) for one in arguments[1:])
                return Call(f"{PREFIX}where", (condition, *chosen))
            case "np.eye":
                first, second = self._own(code, index)
                return Call("kind", (Number(f"{first} == {second}"),))
            case "np.zeros" | "np.zeros_like":
                return Call("kind", (Number("0"),))
            case "np.ones":
                return Call("kind", (Number("1"),))
            case "np.broadcast_to":
                return self.at(arguments[0], self._own(arguments[0], index))
            case "np.swapaxes" if code.arguments[1:] == (Number("-1"), Number("-2")):
                own = self._own(code, index)
                return self.at(arguments[0], [*own[:-2], own[-1], own[-2]])
        if name in MIXING or (name.startswith("np.") and name.removeprefix("np.") not in OF_NUMPY):
            raise NotCompiledError(f"{name} has no entries")
        chosen = (self.at(one, self._own(one, index)) for one in arguments)
        return Call(f"{PREFIX}{name.removeprefix('np.')}", tuple(chosen))

    def _own(self, code: Code, index: Sequence[str]) -> list[str]:
        """The index for the axes of an expression, where those of length 1 are repeated."""
        shape = self.shape(code)
        if len(index) < len(shape):
            raise NotCompiledError(f"{python(code)[0]} has more axes than are asked for")
        own = index[len(index) - len(shape) :]
        return ["0" if axis == Integer(1) else one for axis, one in zip(shape, own, strict=True)]

    @staticmethod
    def _unindexed(text: str, axes: int, index: Sequence[str]) -> list[str]:
        """The index in an array of that many axes which an index in a part of it stands for."""
        items = text.split(", ")
        taking = [item for item in items if item not in ("None", "...")]
        if "..." not in items:
            items.append("...")
        found: list[str] = []
        waiting = list(index)
        for item in items:
            if item == "...":
                for _ in range(axes - len(taking)):
                    found.append(waiting.pop(0))
            elif item == "None":
                waiting.pop(0)
            elif ":" in item:
                start, one = item.split(":")[0].strip(), waiting.pop(0)
                found.append(one if start in ("", "0") else start if one == "0" else f"{start} + {one}")
            else:
                found.append(item)
        return found


MIXING = frozenset({"softmax", "log_softmax", "joined", "rows", "rows_times", "np.concatenate", "np.diagonal"})
"""Functions that do not go entry by entry."""

OF_NUMPY = frozenset({"tanh", "exp", "log", "sqrt", "sin", "cos"})
"""Functions of NumPy that have a form for numbers."""
