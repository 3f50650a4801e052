"""What the functions of a program assign, one after the other, with the loops around it."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from derive.patterns import regex

MOST_SLIPS = 5
"""Lines of a program that may be no Python."""
_WORD = regex(r"[A-Za-z_]\w*")
_MAGIC = regex(r"[ \t]*[%!?]")
_STEPS = {"t", "i", "step", "time", "time_step", "timestep", "ts", "tt"}
_INNER = {"bptt_step", "k", "j", "tau", "z", "step", "s", "kk"}
_GRADIENT = regex(
    r"(?:d[LJEl]_?d_?|dloss_?d?|delta_?|grad_?|d_?)(?P<behind>[A-Za-z_]\w*)"
    r"|(?P<before>\w+?)_(?:grad|manugrad)|delta|grad"
)
_MADE = {
    "zeros", "zeros_like", "ones", "empty", "empty_like", "ones_like", "randn", "rand", "zero_", "clip", "clip_",
    "clamp", "dict", "list", "len", "range", "format", "split", "get", "pop",
}  # fmt: skip
_COMPUTE = {
    "dot",
    "matmul",
    "mm",
    "bmm",
    "outer",
    "multiply",
    "einsum",
    "sum",
    "square",
    "tanh",
    "mean",
    "add",
    "subtract",
}


@dataclass(frozen=True)
class Loop:
    """A loop over steps: the letter of the step, whether it goes back in time, and the one around it."""

    letter: str
    back: bool
    outer: Loop | None = None


@dataclass(frozen=True)
class Statement:
    """`target = value`, or `target += value` with `adds`; `line` and `column` count from 1 in the program."""

    target: ast.expr
    value: ast.expr
    adds: str
    line: int
    end: int
    column: int
    loop: Loop | None = None
    number: int = 0

    @cached_property
    def name(self) -> str:
        """The name that is assigned, without the index behind it."""
        return name_of(self.target) or ""

    @property
    def computes(self) -> bool:
        """Whether anything is computed here, and not only copied, cut or made room for."""
        if any(isinstance(each, ast.Call) and called(each) in _MADE for each in ast.walk(self.value)):
            return any(isinstance(each, ast.Call) and called(each) in _COMPUTE for each in ast.walk(self.value))
        return bool(self.adds) or any(
            isinstance(each, ast.BinOp) or (isinstance(each, ast.Call) and called(each) in _COMPUTE)
            for each in ast.walk(self.value)
        )


@dataclass
class Body:
    """The statements of one function, or of a program outside of all functions."""

    statements: list[Statement] = field(default_factory=list)
    made: frozenset[str] = frozenset()
    """Names for which room is made before the loops: dW = np.zeros_like(W)."""
    functions: dict[str, ast.Lambda] = field(default_factory=dict)
    """Functions of the program that only return an expression."""


def called(node: ast.Call) -> str:
    """The name of the function or method that is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def name_of(node: ast.expr) -> str | None:
    """The name of a quantity, with or without an index: W of self.W, of p["W"] and of W[t]."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="self" | "params" | "p" | "model"), attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Subscript(value=inner):
            return name_of(inner)
    return None


def says_gradient(name: str) -> str | None:
    """What a name says to be differentiated by, "" if it does not say; None for what is no gradient's name."""
    found = _GRADIENT.fullmatch(name)
    return None if found is None else (found["behind"] or found["before"] or "")


def parsed(source: str) -> tuple[ast.Module, frozenset[str]] | None:
    """A program without the lines that are no Python, of which notes have some, and the words that begin such lines."""
    broken = set[str]()
    lines = ["" if _MAGIC.match(line) else line for line in textwrap.dedent(source).split("\n")]
    for _ in range(MOST_SLIPS + 1):
        try:
            return ast.parse("\n".join(lines)), frozenset(broken)
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or lines[at].strip() in ("", "pass"):
                return None
            broken |= {word.group() for word in [_WORD.match(lines[at].lstrip())] if word is not None}
            lines[at] = lines[at][: len(lines[at]) - len(lines[at].lstrip())] + "pass"
        except (ValueError, RecursionError, MemoryError):
            return None
    return None


def bodies(source: str) -> Iterator[Body]:
    """The functions of a program, and what stands outside of all."""
    found = parsed(source)
    if found is None:
        return
    tree, broken = found
    functions = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            inside = [
                each for each in node.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
            ]
            if len(inside) == 1 and isinstance(inside[0], ast.Return) and inside[0].value is not None:
                functions[node.name] = ast.Lambda(node.args, inside[0].value)
    for block in (*(node.body for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), tree.body):
        body = Body(functions=functions)
        made = set[str]()
        for each in _flat(block, _unsaid_loop(block)):
            if each.name in broken:
                continue
            if each.loop is None and _makes_room(each):
                made.add(each.name)
            body.statements.append(replace(each, number=len(body.statements)))
        body.made = frozenset(made)
        yield body


def _unsaid_loop(block: list[ast.stmt]) -> Loop | None:
    """The loop of which a program only shows the body: h[t] without a loop over t."""
    own = [each for each in block if not isinstance(each, ast.FunctionDef | ast.ClassDef)]
    nodes = [node for each in own for node in ast.walk(each)]
    steps = [node for node in nodes if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name)]
    shown = any(isinstance(node, ast.For | ast.While) for node in nodes)
    return None if shown or all(one.slice.id != "t" for one in steps) else Loop("t", True)  # type: ignore[attr-defined]


def _makes_room(each: Statement) -> bool:
    value = each.value
    zero = isinstance(value, ast.Constant) and value.value == 0
    return zero or (isinstance(value, ast.Call) and called(value).startswith(("zeros", "empty")))


def _flat(block: list[ast.stmt], loop: Loop | None) -> Iterator[Statement]:
    for node in block:
        match node:
            case ast.For(target=ast.Name(id=letter), iter=over, body=inside):
                timed = letter in (_STEPS if loop is None else _INNER | _STEPS) and of_steps(over)
                yield from _flat(inside, Loop(letter, _goes_back(over), loop) if timed else loop)
            case ast.For(body=inside) | ast.While(body=inside) | ast.With(body=inside) | ast.If(body=inside):
                yield from _flat(inside, loop)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, value in zip(targets, values, strict=False):
                    yield _statement(node, target, value, "", loop)
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                if not isinstance(target, ast.Tuple | ast.List):
                    yield _statement(node, target, value, "", loop)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield _statement(node, target, value, "", loop)
            case ast.AugAssign(target=target, op=ast.Add() | ast.Sub() | ast.Mult() as op, value=value):
                yield _statement(node, target, value, {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}[type(op)], loop)


def _statement(node: ast.stmt, target: ast.expr, value: ast.expr, adds: str, loop: Loop | None) -> Statement:
    return Statement(target, value, adds, node.lineno, node.end_lineno or node.lineno, node.col_offset + 1, loop)


def of_steps(over: ast.expr) -> bool:
    """Whether a loop runs over numbers: range(T), np.arange(T)[::-1], reversed(range(T))."""
    return any(isinstance(each, ast.Call) and called(each) in ("range", "arange", "xrange") for each in ast.walk(over))


def _goes_back(over: ast.expr) -> bool:
    return any(isinstance(each, ast.UnaryOp) and isinstance(each.op, ast.USub) for each in ast.walk(over)) or any(
        isinstance(each, ast.Call) and called(each) == "reversed" for each in ast.walk(over)
    )
