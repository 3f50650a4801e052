"""Expressions of Python over arrays, in LaTeX: the letter of a name, its step, and the functions that are known."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from derive.patterns import regex


class NotReadError(Exception):
    """An expression that is no plain one of products, sums and known functions."""


_BEFORE = regex(r"(?:prev|previous|old|last)_(?P<behind>\w+)|(?P<name>\w+?)_?(?:prev|previous|old)")
_NOW = regex(r"(?P<name>\w+?)_(?:next|new|cur|current|t|now)|(?P<letter>[a-z]|cc|[a-z]_)t")
_STEP_INSIDE = regex(r"(?P<letter>[a-z])t_(?P<label>[a-z]+)")
"""yt_pred: y_pred at step t."""
_MANY = regex(r"(?P<letter>[a-z])s")
_WEIGHT = regex(r"(?P<letter>[WUVRKb])_?(?P<label>[a-z]{1,3}|[a-z]\d)")
_LABELLED = regex(r"(?P<letter>[A-Za-z])_(?P<label>[A-Za-z]{1,4}|\d)")
_ACCENTED = regex(r"(?P<letter>[A-Za-z])_?(?P<accent>hat|pred|est|prob|probs|tilde|bar|cand|candidate|estimate)")
_DOUBLED = regex(r"(?P<letter>[a-z])(?P=letter)")
_ACCENTS = {"tilde": r"\tilde", "cand": r"\tilde", "candidate": r"\tilde", "bar": r"\bar"}
_WORDS = {
    "hidden": "h", "hidden_state": "h", "cell": "c", "cell_state": "c", "inputs": "x", "input": "x",
    "forget_gate": "f", "input_gate": "i", "output_gate": "o", "update_gate": "z", "reset_gate": "r",
    "candidate": r"\tilde{c}",
}  # fmt: skip
_LOSSES = {"loss", "cost", "L", "l", "E", "J", "total_loss"}
_GREEK = {"alpha", "beta", "gamma", "lambda", "mu", "theta", "eta", "tau"}
_PARAMETER = regex(r"[WUVRKb](?:_\{.*\})?|\\(?:alpha|beta|gamma|lambda|theta|mu|eta|tau)")
_GRADIENT = regex(r"d[A-Za-z_]\w*|grad\w*")
_FUNCTIONS = {
    "tanh": r"\tanh", "sigmoid": r"\sigma", "expit": r"\sigma", "sigm": r"\sigma", "_sigmoid": r"\sigma",
    "softmax": r"\operatorname{softmax}", "relu": r"\operatorname{ReLU}", "exp": r"\exp", "log": r"\log",
}  # fmt: skip
_PRODUCTS = {"dot", "matmul", "mm", "bmm"}
_STACKS = {"concatenate", "cat", "vstack", "hstack", "concat"}
_MADE = {
    "zeros", "zeros_like", "ones", "ones_like", "empty", "empty_like", "randn", "rand", "normal", "array", "copy",
    "len", "range", "asarray", "reshape", "tensor", "list", "dict",
}  # fmt: skip
"""Functions that make a value out of nothing of the model."""


@dataclass(frozen=True)
class Quantity:
    """A quantity that a program names: its letter, the step that the name says, and whether it is a gradient."""

    letter: str
    offset: int | None = None
    gradient: bool = False

    @staticmethod
    def is_loss(node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id.split("_")[0] in _LOSSES


def _letter(name: str, many: bool) -> str:
    """The letter that people write for a name of a program."""
    if name in _WORDS:
        return _WORDS[name]
    if name in _GREEK:
        return f"\\{name}"
    if len(name) == 1:
        return name
    if many and (found := _MANY.fullmatch(name)):
        return found["letter"]
    if found := _ACCENTED.fullmatch(name):
        return f"{_ACCENTS.get(found['accent'], chr(92) + 'hat')}{{{found['letter']}}}"
    if found := _DOUBLED.fullmatch(name):
        return rf"\tilde{{{found['letter']}}}"
    if found := _WEIGHT.fullmatch(name) or _LABELLED.fullmatch(name):
        return f"{found['letter']}_{{{found['label']}}}"
    return rf"\mathrm{{{name.replace('_', '')}}}"


@dataclass
class Values:
    """The quantities of one body: which are assigned, which are lost, and what each is at the place that is read."""

    assigned: frozenset[str] = frozenset()
    timed: frozenset[str] = frozenset()
    """Names that a step is said of."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Names for entries of a dictionary and for attributes: Wf of parameters["Wf"]."""
    lost: set[str] = field(default_factory=set)
    inlined: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    before: set[str] = field(default_factory=set)
    """What was read at the step before."""
    scores: set[str] = field(default_factory=set)
    """What a softmax is taken of, where it is called y."""

    @classmethod
    def of(cls, body: Iterable[ast.stmt]) -> Values:
        values = cls()
        assigned, timed = set[str](), set[str]()
        for statement in body:
            for node in ast.walk(statement):
                one = values.quantity(node) if isinstance(node, ast.expr) else None
                if one is None:
                    continue
                if one.offset is not None:
                    timed.add(one.letter)
                if one.letter == "y" and _under_softmax(statement, node):
                    values.scores.add(one.letter)
                if isinstance(getattr(node, "ctx", None), ast.Store) and one.offset != -1:
                    assigned.add(one.letter)
        values.assigned, values.timed = frozenset(assigned), frozenset(timed)
        return values

    def quantity(self, node: ast.expr) -> Quantity | None:
        """The quantity that a name, an entry of a list or an attribute of self is."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "params"):
            return self._named(node.attr, None)
        if isinstance(node, ast.Name):
            return self._named(self.aliases.get(node.id, node.id), None)
        if isinstance(node, ast.Subscript):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                return self._named(node.slice.value, None)
            offset = _step(node.slice)
            whole = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", None)
            if offset is not None and whole is not None:
                return self._named(whole, offset)
        return None

    def _named(self, name: str, offset: int | None) -> Quantity:
        many = offset is not None
        if labelled := _STEP_INSIDE.fullmatch(name):
            name, offset = f"{labelled['letter']}_{labelled['label']}", 0
        if before := _BEFORE.fullmatch(name):
            name, offset = before["behind"] or before["name"], -1
        elif now := _NOW.fullmatch(name):
            name, offset = now["name"] or now["letter"].rstrip("_"), 0
        letter = "L" if name in _LOSSES else _letter(name, many)
        return Quantity(letter, offset, _GRADIENT.fullmatch(name) is not None)

    def computes(self, quantity: Quantity, value: ast.expr) -> bool:
        """Whether an assignment computes a value of this step; else it names a parameter, or makes room."""
        if quantity.offset == -1 or quantity.gradient:
            return False
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and _called(value) in _MADE):
            return False
        same = self.quantity(value)
        return same is None or (same.letter != quantity.letter and not _PARAMETER.fullmatch(quantity.letter))

    def lose(self, quantity: Quantity) -> None:
        self.lost.add(quantity.letter)

    def inlines(self, quantity: Quantity, value: ast.expr, text: str) -> bool:
        """Whether this is put in where it is read: a stack of others, and scores y, which is the target in formulas."""
        stack = isinstance(value, ast.Call) and _called(value) in _STACKS
        if stack or quantity.letter in self.scores:
            self.inlined[quantity.letter] = text
        return quantity.letter in self.inlined

    def latex(self, value: ast.expr) -> str:
        """An expression in LaTeX; raises NotReadError."""
        self.before = set()
        return self._sum(value)

    def _sum(self, node: ast.expr) -> str:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            sign = "+" if isinstance(node.op, ast.Add) else "-"
            right = self._sum(node.right) if sign == "+" else self._factor(node.right)
            return f"{self._sum(node.left)} {sign} {right}"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return f"-{self._factor(node.operand)}"
        if isinstance(node, ast.BinOp):
            return self._product(node)
        return self._atom(node)

    def _product(self, node: ast.BinOp) -> str:
        if isinstance(node.op, ast.MatMult):
            return f"{self._factor(node.left)} {self._factor(node.right)}"
        if isinstance(node.op, ast.Mult):
            number = isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant)
            return f"{self._factor(node.left)}{' ' if number else f' {chr(92)}odot '}{self._factor(node.right)}"
        if isinstance(node.op, ast.Div):
            if (softmax := self._softmax(node)) is not None:
                return softmax
            return rf"\frac{{{self._sum(node.left)}}}{{{self._sum(node.right)}}}"
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and isinstance(node.right.value, int):
            return f"{self._factor(node.left)}^{{{node.right.value}}}"
        raise NotReadError

    def _softmax(self, node: ast.BinOp) -> str | None:
        """exp(z) / sum(exp(z))."""
        if isinstance(node.left, ast.Call) and isinstance(node.right, ast.Call):
            above, below = node.left, node.right
            of = below.args[0] if below.args else getattr(below.func, "value", None)
            if (
                _called(above) == "exp"
                and _called(below) == "sum"
                and of is not None
                and ast.dump(of) == ast.dump(above)
            ):
                return rf"\operatorname{{softmax}}({self._sum(above.args[0])})"
        return None

    def _factor(self, node: ast.expr) -> str:
        text = self._sum(node)
        simple = isinstance(node, ast.Name | ast.Subscript | ast.Attribute | ast.Constant)
        return text if simple or (isinstance(node, ast.Call) and _called(node) in _FUNCTIONS) else f"({text})"

    def _atom(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return str(node.value)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Attribute) and node.attr == "T":
            return rf"{self._factor(node.value)}^\top"
        one = self.quantity(node)
        if one is None or one.letter in self.lost or one.gradient:
            raise NotReadError
        return self.inlined.get(one.letter) or self._at_step(one)

    def _at_step(self, one: Quantity) -> str:
        """A parameter, or a quantity at t or t - 1: what is assigned below is still that of the step before."""
        if one.letter not in self.timed and _PARAMETER.fullmatch(one.letter):
            return one.letter
        later = one.offset is None and one.letter in self.assigned and one.letter not in self.done
        if one.offset == -1 or later:
            self.before.add(one.letter)
            return f"{one.letter}_{{t-1}}"
        return f"{one.letter}_t"

    def _call(self, node: ast.Call) -> str:
        name, args = _called(node), list(node.args)
        if isinstance(node.func, ast.Attribute) and len(args) == (1 if name in _PRODUCTS else 0):
            args.insert(0, node.func.value)  # a.dot(b)
        if name in _FUNCTIONS and args:
            if name == "log" and (picked := self._picked(args[0])) is not None:
                return picked
            return f"{_FUNCTIONS[name]}({self._sum(args[0])})"
        if name in _PRODUCTS and len(args) == 2:
            return f"{self._factor(args[0])} {self._factor(args[1])}"
        if name == "multiply" and len(args) == 2:
            return rf"{self._factor(args[0])} \odot {self._factor(args[1])}"
        if name in _STACKS and args and isinstance(args[0], ast.Tuple | ast.List):
            axis = next(
                (k.value for k in node.keywords if k.arg in ("axis", "dim")), args[1] if len(args) > 1 else None
            )
            lying = name == "hstack" or (isinstance(axis, ast.Constant) and axis.value == 1)
            return f"[{(', ' if lying else '; ').join(map(self._sum, args[0].elts))}]"
        if name == "sum" and args and isinstance(args[0], ast.BinOp):
            return self._summed(args[0])
        raise NotReadError

    def _summed(self, of: ast.BinOp) -> str:
        """A sum over entries: of a square, or of a product."""
        if isinstance(of.op, ast.Pow) and isinstance(of.right, ast.Constant) and of.right.value == 2:
            return rf"\lVert {self._sum(of.left)} \rVert^2"
        if isinstance(of.op, ast.Mult):
            return rf"{self._factor(of.left)}^\top {self._factor(of.right)}"
        raise NotReadError

    def _picked(self, node: ast.expr) -> str | None:
        """log p[k] of the class k that is right, of p at a step."""
        if not isinstance(node, ast.Subscript) or self.quantity(node) is not None:
            return None
        if "y" in self.assigned:  # the letter of the target is not known
            raise NotReadError
        return rf"y_t^\top \log({self._sum(node.value)})"


def _under_softmax(statement: ast.stmt, node: ast.AST) -> bool:
    calls = (each for each in ast.walk(statement) if isinstance(each, ast.Call) and _called(each) in ("softmax", "exp"))
    return any(node in each.args for each in calls)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _step(index: ast.expr) -> int | None:
    """The step that an index says: t, t - 1, or one of several, [:, t]."""
    if isinstance(index, ast.Tuple):
        found = [one for one in map(_step, index.elts) if one is not None]
        return found[0] if len(found) == 1 else None
    if isinstance(index, ast.Name):
        return 0 if index.id in ("t", "i", "k", "step", "time_step") else None
    if isinstance(index, ast.BinOp) and isinstance(index.op, ast.Sub) and _step(index.left) == 0:
        return -1 if isinstance(index.right, ast.Constant) and index.right.value == 1 else None
    return None
