"""An expression of a program as a formula, in letters that stand for exactly one quantity each."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from derive.cell import Cell
from derive.reader.meaning.tree import Ref, Term
from verify.notes.backward.naming import Names, index, is_entry, time_of
from verify.notes.backward.statements import Loop, called, name_of

NOT_KNOWN = "{name} is not known in this cell"
NO_EXPRESSION = "{text} is not read"
OVER_ENTRIES = "the sum in {text} runs over entries"
_FUNCTIONS = {
    "tanh": r"\tanh", "sigmoid": r"\sigma", "expit": r"\sigma", "sigm": r"\sigma", "_sigmoid": r"\sigma",
    "relu": r"\operatorname{ReLU}", "exp": r"\exp", "log": r"\log",
}  # fmt: skip
_SAME = {"copy", "array", "asarray", "ravel", "flatten", "squeeze", "astype", "clone", "detach"}
_STACKS = {"concatenate", "cat", "vstack", "hstack", "concat", "row_stack"}


class Layout(Enum):
    """How the arrays of a program stand beside the model's: alike, or vectors in rows, with weights as the model has
    them or transposed.
    """

    ALIKE = "alike"
    ROWS = "rows"
    TRANSPOSED = "transposed"


class NotReadError(Exception):
    """What cannot be read, and why."""


class Part(NamedTuple):
    """A formula for a value of the program: its text, and whether it is a letter or a call, which needs no brackets."""

    text: str
    simple: bool = False

    @property
    def factor(self) -> str:
        return self.text if self.simple else f"({self.text})"


@dataclass
class Letters:
    """Letters for what formulas say, each with the one thing that it stands for."""

    terms: dict[Term, str] = field(default_factory=dict)

    def of(self, said: Term) -> Part:
        word = self.terms.get(said)
        if word is None:
            number, word = len(self.terms), ""
            while True:
                word += chr(97 + number % 26)
                number //= 26
                if not number:
                    break
            self.terms[said] = word = "q" + word
        return Part(f"Q_{{{word}}}", True)

    @property
    def errors(self) -> tuple[tuple[str, Term], ...]:
        return tuple((f"Q_{word}", said) for said, word in self.terms.items())


@dataclass
class Writer:
    """Writes expressions of one program."""

    cell: Cell
    names: Names
    letters: Letters
    functions: Mapping[str, ast.Lambda]
    layout: Layout
    known: dict[str, Part | str] = field(default_factory=dict)
    """What names stand for that the program has assigned before, or why that is not known."""
    loop: Loop | None = None

    @property
    def lying(self) -> bool:
        """Whether the program's rows are the columns of the model."""
        return self.layout is not Layout.ALIKE

    def is_matrix(self, ref: Ref) -> bool:
        return ref.time is None and 1 not in self.cell.quantities[ref.name].shape

    def letter(self, ref: Ref) -> Part:
        """A quantity of the model as the program's layout has it."""
        found = self.letters.of(ref)
        turned = self.layout is Layout.ROWS and self.is_matrix(ref)
        return Part(rf"({found.text}^\top)", True) if turned else found

    def part(self, node: ast.expr) -> Part:
        """An expression; raises NotReadError."""
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return Part(f"{number:g}", True)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return Part(f"-{self.part(inner).factor}")
            case ast.BinOp():
                return self._binary(node)
            case ast.Call():
                return self._call(node)
            case ast.Attribute(value=inner, attr="T"):
                return Part(rf"{self.part(inner).factor}^\top")
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._named(node)
        raise NotReadError(NO_EXPRESSION.format(text=ast.unparse(node)))

    def _named(self, node: ast.expr) -> Part:
        key, name = ast.unparse(node), name_of(node)
        whole = not is_entry(node) or index(node, self.loop) == 0
        for each in (key, name if whole else None):
            found = self.known.get(each or "")
            if isinstance(found, str):
                raise NotReadError(found)
            if found is not None:
                return found
        if (cut := self._columns(node)) is not None:
            return self.letter(cut)
        if (picked := self.picked(node)) is not None:
            return self.product(*reversed(picked)) if self.lying else self.product(*picked)
        if isinstance(node, ast.Subscript) and _is_shape(node.slice):  # h[:, None]
            return self.part(node.value)
        named = self.names.indexed(node, self.loop)
        if named is None:
            raise NotReadError(NOT_KNOWN.format(name=key))
        return self.letter(self.names.ref(named, time_of(self.loop)))

    def picked(self, node: ast.expr) -> tuple[Part, Part] | None:
        """U and x[t] of U[:, x[t]], the column of a class: U x, as the input is one-hot."""
        match node:
            case ast.Subscript(value=inner, slice=ast.Tuple(elts=[ast.Slice(None, None, None), ast.expr() as of])):
                weight, one = self.names.indexed(inner, self.loop), self.names.indexed(of, self.loop)
                if (
                    weight is None
                    or one is None
                    or weight.name in self.names.timed
                    or one.name not in self.names.inputs
                ):
                    return None
                ref = self.names.ref(one, time_of(self.loop))
                return self.letter(Ref(weight.name)), self.letters.of(ref)
        return None

    def _columns(self, node: ast.expr) -> Ref | None:
        """W[:, :n_a] and W[:, n_a:], the columns that act on a and the others."""
        match node:
            case ast.Subscript(value=inner, slice=ast.Tuple(elts=[ast.Slice(None, None, None), ast.Slice() as cut])):
                weight = self.names.indexed(inner, self.loop)
                border = cut.upper or cut.lower
                if weight is None or weight.name in self.names.timed or not isinstance(border, ast.Name):
                    return None
                part = self.names.of(border.id.removeprefix("n_").removeprefix("n"))
                if part is None or (cut.upper is None) == (cut.lower is None):
                    return None
                size, whole = self.cell.quantities[part.name].shape[0], self.cell.quantities[weight.name].shape[1]
                return Ref(weight.name, columns=(size * 0, size) if cut.lower is None else (size, whole))
        return None

    def product(self, left: Part, right: Part) -> Part:
        first, second = (right, left) if self.lying else (left, right)
        return Part(f"{first.factor} {second.factor}")

    def _binary(self, node: ast.BinOp) -> Part:
        match node.op:
            case ast.MatMult():
                return self.product(self.part(node.left), self.part(node.right))
            case ast.Pow():
                return self._power(node.left, node.right)
        left, right = self.part(node.left), self.part(node.right)
        match node.op:
            case ast.Add():
                return Part(f"{left.text} + {right.text}")
            case ast.Sub():
                return Part(f"{left.text} - {right.factor}")
            case ast.Mult():
                number = isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant)
                return Part(f"{left.factor} {right.factor}" if number else rf"{left.factor} \odot {right.factor}")
            case ast.Div():
                return Part(rf"\frac{{{left.text}}}{{{right.text}}}", True)
        raise NotReadError(NO_EXPRESSION.format(text=ast.unparse(node)))

    def _power(self, base: ast.expr, exponent: ast.expr) -> Part:
        if isinstance(exponent, ast.Constant) and isinstance(exponent.value, int) and exponent.value in (2, 3):
            return Part(r" \odot ".join([self.part(base).factor] * exponent.value))
        raise NotReadError(NO_EXPRESSION.format(text=f"{ast.unparse(base)} ** {ast.unparse(exponent)}"))

    def _call(self, node: ast.Call) -> Part:
        name, args = called(node), list(node.args)
        method = isinstance(node.func, ast.Attribute) and not (
            isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("np", "numpy", "torch", "F", "cp", "jnp", "tf")
        )
        if method and isinstance(node.func, ast.Attribute) and name_of(node.func) is None:
            args.insert(0, node.func.value)
        match name, args:
            case (("dot" | "matmul" | "mm" | "bmm"), [left, right]):
                return self.product(self.part(left), self.part(right))
            case (("outer" | "ger"), [left, right]):
                one, other = self.part(_upright(left)), self.part(_upright(right))
                first, second = (other, one) if self.lying else (one, other)
                return Part(rf"{first.factor} {second.factor}^\top")
            case (("multiply" | "mul"), [left, right]):
                return Part(rf"{self.part(left).factor} \odot {self.part(right).factor}")
            case "add", [left, right]:
                return Part(f"{self.part(left).text} + {self.part(right).text}")
            case "subtract", [left, right]:
                return Part(f"{self.part(left).text} - {self.part(right).factor}")
            case "square", [base]:
                return self._power(base, ast.Constant(2))
            case (("power" | "pow"), [base, exponent]):
                return self._power(base, exponent)
            case (("transpose" | "t"), [base]):
                return Part(rf"{self.part(base).factor}^\top")
            case "ones_like", [_]:
                return Part("1", True)
            case "sum", [base, *_]:
                return self._summed(node, base, args)
            case _, [base, *_] if name in _SAME or (name == "reshape" and _is_upright(args[1:])):
                return self.part(base)
            case _, [base] if name in _FUNCTIONS:
                return Part(f"{_FUNCTIONS[name]}({self.part(base).text})", True)
            case _, [ast.Tuple(elts=several) | ast.List(elts=several), *_] if name in _STACKS:
                return Part(f"[{'; '.join(self.part(each).text for each in several)}]", True)
            case _, [*_] if isinstance(node.func, ast.Name) and name in self.functions:
                return self._inside(self.functions[name], args)
        raise NotReadError(NO_EXPRESSION.format(text=ast.unparse(node)))

    def _summed(self, node: ast.Call, base: ast.expr, args: list[ast.expr]) -> Part:
        """A sum over examples, of which one stands for all."""
        axis = next(
            (one.value for one in node.keywords if one.arg in ("axis", "dim")), args[1] if len(args) > 1 else None
        )
        try:
            number = None if axis is None else ast.literal_eval(axis)
        except ValueError:
            number = None
        if number not in ((0,) if self.lying else (1, -1)):
            raise NotReadError(OVER_ENTRIES.format(text=ast.unparse(node)))
        return self.part(base)

    def _inside(self, function: ast.Lambda, args: list[ast.expr]) -> Part:
        """A function of the program by the expression that it returns."""
        names = [one.arg for one in function.args.args]
        if len(names) != len(args):
            raise NotReadError(NO_EXPRESSION.format(text=ast.unparse(function)))
        inner = dict(zip(names, map(self.part, args), strict=True))
        return Writer(self.cell, _NOTHING, self.letters, {}, self.layout, dict(inner)).part(function.body)


class _NoNames(Names):
    def __init__(self) -> None:
        self.timed, self.inputs, self.by_key = set(), set(), {}

    def indexed(self, node: ast.expr, loop: Loop | None) -> None:
        return None


_NOTHING = _NoNames()


def _upright(node: ast.expr) -> ast.expr:
    """s[t] of s[t].T: a vector of one axis is its own transpose, which outer products do not see."""
    return node.value if isinstance(node, ast.Attribute) and node.attr == "T" else node


def _is_shape(index: ast.expr) -> bool:
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    whole = [one for one in parts if isinstance(one, ast.Slice) and not (one.lower or one.upper or one.step)]
    new = [
        one
        for one in parts
        if (isinstance(one, ast.Constant) and one.value is None)
        or (isinstance(one, ast.Attribute) and one.attr == "newaxis")
    ]
    return bool(new) and len(whole) + len(new) == len(parts)


def _is_upright(shape: list[ast.expr]) -> bool:
    """reshape(-1, 1)."""
    parts = list(shape[0].elts) if len(shape) == 1 and isinstance(shape[0], ast.Tuple) else shape
    return len(parts) == 2 and any(isinstance(one, ast.Constant) and one.value == 1 for one in parts)
