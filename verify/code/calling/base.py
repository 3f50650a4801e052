"""What every protocol answers with: a plan, by which a person's code can be called in any setting."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from derive.patterns import regex
from verify.code.calling.axes import Axes, Setting
from verify.code.running.loading import Source, line_of, told
from verify.numbers.case import Array, Arrays


@dataclass(frozen=True)
class Variable:
    """One array that J depends on: how it is called, its part (`input`, `h`, `c`, `weight`, `bias`), its axes."""

    name: str
    part: str
    axes: Axes


@dataclass(frozen=True)
class Output:
    """One array that J weighs: how it is called and its axes."""

    name: str
    axes: Axes


class Trial(Protocol):
    """One setting: the values of all variables, J as a function of them, and the gradients that the code gives."""

    values: dict[str, Array]
    seeds: dict[str, Array]

    def objective(self, values: Arrays) -> Any:
        """J of some values."""

    def outputs(self, values: Arrays) -> dict[str, Array]:
        """What J weighs, by name; nothing where J is the code's own loss."""

    def gradients(self) -> dict[str, Array]:
        """The gradients at the values, under the names that the code gives them."""


class Plan(Protocol):
    """A protocol found: its name, the variables, and trials."""

    protocol: str
    variables: dict[str, Variable]
    weighed: list[Output]
    loss: bool
    targets: dict[str, str]
    assumed: list[str]
    not_given: list[str]
    notes: list[str]

    def trial(self, setting: Setting, seed: int = 0) -> Trial:
        """Random arrays in a setting."""

    def variable_of(self, label: str, shape: tuple[int, ...], setting: Setting) -> str | None:
        """The variable whose gradient a label names."""


class RaisedError(Exception):
    """What a person's code raised; faults of our own are never taken for theirs."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class MisfitError(Exception):
    """Why a protocol does not fit: what was called with what, what came back, and what was expected."""


class MissingError(MisfitError):
    """A misfit that no other way of calling can mend: a name or a module is missing."""


@dataclass
class Target:
    """What a person named: a function or class of theirs, the module it stands in, and the file."""

    source: Source
    name: str
    value: Any
    owner: Any = None
    hints: Sequence[str] = ()

    @property
    def space(self) -> dict[str, Any]:
        """The names of their module."""
        return self.source.module.__dict__

    @property
    def about(self) -> str:
        """Everything that the names around the target say, in small letters."""
        owner = "" if self.owner is None else type(self.owner).__name__
        return " ".join([self.name, owner, self.source.path.stem, *self.hints]).lower()


def as_it_is(value: Any) -> Any:
    """What needs no conversion."""
    return value


def calls(function: Any) -> list[inspect.Parameter]:
    """The parameters of a function, none where it has no signature."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def required(parameters: Sequence[inspect.Parameter]) -> list[inspect.Parameter]:
    """Those without a default."""
    simple = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in parameters if p.default is p.empty and (p.kind in simple or p.kind is p.KEYWORD_ONLY)]


def returned_names(function: Any, tree: ast.AST) -> list[list[str]]:
    """For the last `return` of a function the names of what it returns, '' for an expression; none if unknown."""
    node = definition(function, tree)
    return [] if node is None else _returned(node, tree, 3)


def _returned(node: ast.FunctionDef, tree: ast.AST, deep: int) -> list[list[str]]:
    """The names; those of another function of the file where its result is handed on."""
    found = [part for part in _own(node) if isinstance(part, ast.Return) and part.value is not None]
    if not found:
        return []
    value = found[-1].value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute) and deep:
        called = value.func.id if isinstance(value.func, ast.Name) else value.func.attr
        same = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == called and n is not node]
        if len(same) == 1:
            return _returned(same[0], tree, deep - 1)
    elements = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    lists = _lists(node)
    return [
        lists.get(element.id, [element.id]) if isinstance(element, ast.Name) else _named(element)
        for element in elements
        if element is not None
    ]


def _lists(node: ast.FunctionDef) -> dict[str, list[str]]:
    """Names of a function that stand for a list of gradients: grads = [dWx, dWh, db]."""
    found: dict[str, list[str]] = {}
    for part in _own(node):
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.List | ast.Tuple) and len(part.value.elts) > 1:
            names = [e.id for e in part.value.elts if isinstance(e, ast.Name)]
            gradients = len(names) == len(part.value.elts) and all(re.match(r"d|grad|delta", n) for n in names)
            for target in part.targets if gradients else ():
                if isinstance(target, ast.Name):
                    found[target.id] = names
    return found


def _named(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.Subscript | ast.Starred):
        return _named(node.value)
    if isinstance(node, ast.Tuple | ast.List):
        return [name for element in node.elts for name in (_named(element) or [""])]
    if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute | ast.Name):
        # np.stack(hs), np.array(out), dX.sum(0): the array goes on under its name.
        return _named(node.args[0]) if not isinstance(node.args[0], ast.Constant) else _named(node.func)
    return []


def _own(node: ast.AST) -> list[ast.AST]:
    """The nodes of a function without those of functions within it."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        found.append(child)
        found += _own(child)
    return found


def definition(function: Any, tree: ast.AST) -> ast.FunctionDef | None:
    """The definition of a function in a syntax tree, found by its name and line."""
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    if code is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first <= code.co_firstlineno <= node.lineno:
                return node
    return None


OF_ARRAYS = frozenset(
    [
        "T",
        "t",
        "mT",
        "transpose",
        "permute",
        "shape",
        "size",
        "ndim",
        "dtype",
        "device",
        "dot",
        "mm",
        "matmul",
        "view",
        "reshape",
        "detach",
    ]
)
"""Attributes of an array; others are of what holds some."""


def is_whole(function: Any, argument: str, tree: ast.AST) -> bool:
    """Whether a function computes with an argument as it is, and takes nothing out of it: X @ weights."""
    node = definition(function, tree)
    parts = list(ast.walk(node)) if node else []
    uses = [part for part in parts if isinstance(part, ast.Name) and part.id == argument]
    taken = [
        part.value
        for part in parts
        if isinstance(part, ast.Subscript) or (isinstance(part, ast.Attribute) and part.attr not in OF_ARRAYS)
    ]
    taken += [
        part.value
        for part in ast.walk(tree)  # W, U, b = params, here or in a function that it is handed on to
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Tuple)
    ]
    return bool(uses) and not any(isinstance(value, ast.Name) and value.id == argument for value in taken)


def unpacked(argument: str, tree: ast.AST) -> list[str]:
    """The names that a tuple is taken apart into where a function has it as an argument: W, U, b = params."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(one.arg == argument for one in node.args.args):
            for part in ast.walk(node):
                if not isinstance(part, ast.Assign) or not isinstance(part.value, ast.Name):
                    continue
                names = part.targets[0].elts if isinstance(part.targets[0], ast.Tuple) else []
                if part.value.id == argument and names and all(isinstance(name, ast.Name) for name in names):
                    return [name.id for name in names if isinstance(name, ast.Name)]
    return []


def keys_of(function: Any, argument: str, tree: ast.AST) -> list[str]:
    """The string keys by which an argument of a function, or of a function it is handed on to, is read."""
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or not any(a.arg == argument for a in node.args.args):
            continue
        listed = _listed(node)
        for part in ast.walk(node):
            if not (isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name) and part.value.id == argument):
                continue
            if isinstance(part.slice, ast.Constant) and isinstance(part.slice.value, str):
                found[part.slice.value] = None
            elif isinstance(part.slice, ast.Name):
                found |= dict.fromkeys(listed.get(part.slice.id, []))
    return list(found)


def _listed(node: ast.AST) -> dict[str, list[str]]:
    """Names that go through strings written down: for k in ("W", "b"), for k in "WUb"."""
    found: dict[str, list[str]] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.For | ast.comprehension) and isinstance(part.target, ast.Name):
            if isinstance(part.iter, ast.Constant) and isinstance(part.iter.value, str):
                found[part.target.id] = list(part.iter.value)
            elif isinstance(part.iter, ast.Tuple | ast.List):
                words = [e.value for e in part.iter.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
                found[part.target.id] = words if len(words) == len(part.iter.elts) else []
    return found


def shown(arguments: Mapping[str, Any]) -> str:
    """Names and shapes of what a function was called with, and dtypes other than float64."""
    return ", ".join(f"{name} {described(value)}" for name, value in arguments.items())


def described(value: Any) -> str:
    """A value as its shape, with its dtype where that is not float64, or as its type."""
    if isinstance(value, np.ndarray):
        return f"{value.shape}" if value.dtype == np.float64 else f"{value.shape} {value.dtype}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} {described(v)}" for k, v in list(value.items())[:12]) + "}"
    if isinstance(value, list | tuple):
        inside = ", ".join(described(v) for v in value[:6]) + (", ..." if len(value) > 6 else "")
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return repr(value) if isinstance(value, int | float | str | bool | None) else type(value).__name__


PLAIN = 3
"""After so many calls in which a plain number or list is asked for an attribute, no other layout is tried."""


OF_SHAPES = regex(r"shape|dimension|size|align|broadcast|length")
"""Words of errors that another layout may mend."""


@dataclass
class Tries:
    """What was tried in a search, so that the error can say it: the best failure is the one that came furthest."""

    target: Target
    most: int = 6000
    count: int = 0
    furthest: tuple[int, str] = (-1, "")
    line: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    failed: set[tuple[int, int, str]] = field(default_factory=set)
    plain: int = 0

    def call(self, stage: int, call: Callable[[], Any], arguments: Mapping[str, Any], what: str) -> Any:
        """The result of a call, or None where it raises; raises MisfitError for what no other layout can mend."""
        self.count += 1
        if self.count > self.most:
            raise MisfitError(self.furthest[1] or f"{what}: no layout was found in {self.most} calls")
        try:
            with np.errstate(all="ignore"):
                return call()
        except RaisedError as raised:
            error = raised.error
            here = line_of(error, self.target.source.path)
            hopeless = isinstance(error, NameError | ImportError)
            self.failed.add((stage, here, str(error)))
            self._beyond_layouts(error, what, arguments)
            if isinstance(error, NameError | ImportError | AttributeError | SystemExit):
                # No layout can mend what is not there: after enough of the same, it is the reason.
                key = type(error).__name__ + str(error)[:60]
                self.seen[key] = self.seen.get(key, 0) + 1
                stage += 1
                if hopeless and self.seen[key] > 40:
                    raise MissingError(self._said(what, arguments, error)) from None
            # In the layout that is meant the code comes furthest down.
            if (stage, here) > (self.furthest[0], self.line):
                self.furthest, self.line = (stage, self._said(what, arguments, error)), here
        return None

    @property
    def alike(self) -> bool:
        """Whether every call so far failed in the same words at the same line, and not for its shapes."""
        if self.count < 2 or len(self.failed) != 1:
            return False
        return not any(OF_SHAPES.search(message) for _, _, message in self.failed)

    def _beyond_layouts(self, error: BaseException, what: str, arguments: Mapping[str, Any]) -> None:
        """Raise MisfitError where an attribute is asked of a number or list: no layout makes it an array."""
        if isinstance(error, AttributeError) and str(error).startswith(("'int' object", "'list' object")):
            self.plain += 1
            if self.plain > PLAIN:
                raise MisfitError(self._said(what, arguments, error)) from None

    def _said(self, what: str, arguments: Mapping[str, Any], error: BaseException) -> str:
        return f"{what} raised {told(error, self.target.source.path)}; it was called with {shown(arguments)}"
