"""The shapes of array expressions, found from those of their variables; None where they cannot be told.

A shape is a tuple of sizes, the leading axes of time and batch included. A pass that does not know a shape leaves the
statement as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from sympy import Add, Expr, Integer, Symbol

from derive.targets.language.code import (
    Call,
    Code,
    Index,
    MatrixProduct,
    Method,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Transposed,
    Tuple,
    parts,
)

Shape: TypeAlias = tuple[Expr, ...]

T, B, BLOCK = Symbol("T"), Symbol("B"), Symbol("stop - start")
"""The axes of time and batch, and the steps of a block of time."""

_LEADING = {"T": T, "B": B}
_STEP = {"t", "t + 1"}


class Shapes:
    """The shapes of variables, and of the expressions made of them; `sizes` are the size letters by their text."""

    def __init__(self, known: Mapping[str, Shape], sizes: Mapping[str, Expr]) -> None:
        self.known = dict(known)
        self._sizes = dict(sizes)
        self._found: dict[str, Expr | None] = {}

    def of(self, code: Code) -> Shape | None:
        """The shape of an expression."""
        match code:
            case Name(name):
                return self.known.get(name)
            case Number():
                return ()
            case Sum() | Product():
                return self._broadcast([self.of(part) for part in parts(code)])
            case Power(base):
                return self.of(base)
            case MatrixProduct(left, right):
                return self._product(self.of(left), self.of(right))
            case Transposed(of):
                shape = self.of(of)
                return None if shape is None else shape[::-1]
            case Method(of, call):
                return _reduced(self.of(of), call)
            case Index(of, index):
                shape = self.of(of)
                return None if shape is None else self._indexed(shape, index)
            case Call():
                return self._call(code)
        return None

    def _call(self, code: Call) -> Shape | None:
        name, arguments = code.function, code.arguments
        if name in ("np.zeros", "np.ones", "np.eye", "np.concatenate", "joined", "np.broadcast_to", "np.diagonal"):
            return self._made(code)
        if name == "rows":
            return None
        if name == "rows_times":
            rows, matrix = self.of(arguments[0]), self.of(arguments[1])
            return None if rows is None or matrix is None else (*rows[:-1], matrix[-1])
        if name == "np.swapaxes":
            shape = self.of(arguments[0])
            return None if shape is None else (*shape[:-2], shape[-1], shape[-2])
        return self._broadcast([self.of(argument) for argument in arguments])  # entry by entry, and softmax

    def _made(self, code: Call) -> Shape | None:
        place = {"np.zeros": 0, "np.ones": 0, "np.broadcast_to": 1}.get(code.function)
        if place is not None and isinstance(given := code.arguments[place], Number):
            axes = [axis.strip() for axis in given.text.strip("()").split(",")]
            found = [self.size(axis) for axis in axes if axis]
            return None if None in found else tuple(size for size in found if size is not None)
        if code.function == "np.eye" and isinstance(code.arguments[0], Number):
            size = self.size(code.arguments[0].text)
            return None if size is None else (size, size)
        if code.function == "np.concatenate" and isinstance(code.arguments[0], Tuple):
            return self._joined(code)
        return None

    def _joined(self, code: Call) -> Shape | None:
        (pieces,) = code.arguments
        shapes = [self.of(piece) for piece in parts(pieces)]
        axis = {"axis=-1": -1, "axis=-2": -2, "": 0}.get(code.keywords)
        if axis is None or any(shape is None or len(shape) < abs(axis) for shape in shapes):
            return None
        first, *rest = [list(shape) for shape in shapes if shape is not None]
        for shape in rest:
            if len(shape) != len(first):
                return None
            first[axis] += shape[axis]
        return tuple(first)

    @staticmethod
    def _product(left: Shape | None, right: Shape | None) -> Shape | None:
        if left is None or right is None or not left or len(right) < 2:
            return None
        if len(left) == 1:
            return (*right[:-2], right[-1])
        leading = Shapes._broadcast([left[:-2], right[:-2]])
        return None if leading is None else (*leading, left[-2], right[-1])

    @staticmethod
    def _broadcast(shapes: list[Shape | None]) -> Shape | None:
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes):
            return None
        found: list[Expr] = []
        for place in range(1, max(map(len, known), default=0) + 1):
            sizes = {shape[-place] for shape in known if len(shape) >= place} - {Integer(1)}
            if len(sizes) > 1:
                return None
            found.insert(0, sizes.pop() if sizes else Integer(1))
        return tuple(found)

    def _indexed(self, shape: Shape, index: str) -> Shape | None:
        items = index.split(", ")
        taking = [item for item in items if item not in ("None", "...")]
        middle = len(shape) - len(taking)
        if middle < 0:
            return None
        if "..." not in items:
            items.append("...")
        found: list[Expr] = []
        place = 0
        for item in items:
            if item == "...":
                found += shape[place : place + middle]
                place += middle
            elif item == "None":
                found.append(Integer(1))
            else:
                if ":" in item:
                    length = self._length(item, shape[place])
                    if length is None:
                        return None
                    found.append(length)
                elif item not in _STEP and not item.isdigit():
                    return None
                place += 1
        return tuple(found)

    def _length(self, item: str, whole: Expr) -> Expr | None:
        first, last = item.split(":")
        if (first, last) in (("start", "stop"), ("start + 1", "stop + 1")):
            return BLOCK
        start = self.size(first) if first else Integer(0)
        stop = whole + Integer(last) if last.startswith("-") else self.size(last) if last else whole
        return None if start is None or stop is None else stop - start

    def size(self, text: str) -> Expr | None:
        """A size such as 2 * H + D; None for what is none."""
        if text not in self._found:
            self._found[text] = self._summed(text)
        return self._found[text]

    def _summed(self, text: str) -> Expr | None:
        terms: list[Expr] = []
        for sign, term in re.findall(r"(^|[+-] )([^+-]+)", text):
            product: Expr = Integer(1)
            for factor in term.strip().split(" * "):
                number = Integer(int(factor)) if factor.isdigit() else self._sizes.get(factor, _LEADING.get(factor))
                if number is None:
                    return None
                product *= number
            terms.append(-product if sign.startswith("-") else product)
        return Add(*terms)


def _reduced(shape: Shape | None, call: str) -> Shape | None:
    if shape is None:
        return None
    if call == "sum(axis=-1, keepdims=True)":
        return (*shape[:-1], Integer(1))
    if call == "sum(axis=-1)":
        return shape[:-1]
    if call == "sum(axis=-2)":
        return (*shape[:-2], shape[-1])
    if call == "sum(axis=0)":
        return shape[1:]
    if call == "sum(axis=(0, 1))":
        return shape[2:]
    return () if call == "sum()" else None
