"""The step of a recurrent net in a fence of Python, as equations: read where a document's formulas define no step.

The program is parsed, never run. Its assignments become equations in LaTeX, in the letters that people write for such
names: `h_prev` is h_{t-1}, `Wxh` is W_{xh}, `y_pred` is ŷ_t. What is no plain expression of products, sums and known
functions is left out, with all that reads it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from derive.cell import Guess
from derive.errors import Place
from derive.patterns import regex
from derive.reader.dialects.programs.values import NotReadError, Quantity, Values
from derive.reader.text.fragment import Fragment, Line
from derive.reader.text.note import Found
from derive.reader.text.stated import derivative

MEANING = "the model is the program's from line {line} on"
ALTERNATIVE = "the formulas speak of another model"
REASON = "no formula says how a step follows from the one before"

_FENCE = regex(r"[ \t]*(?P<mark>```+|~~~+)[ \t]*(?P<info>[\w+-]*)")
_HEADING = regex(r"(?P<level>#{1,6})[ \t]+(?P<title>\S.*)")
_PYTHON = {"python", "py", "python3", "ipython", "ipython3"}
_MAGIC = regex(r"[ \t]*[%!?]")
_VALUE_BEFORE = r"(?<![A-Za-z\\])[A-Za-z]'(?!\s*\()"
_BEFORE = regex(
    rf"=.*(?:(?<![A-Za-z])[tnki]\s*-\s*1|prev(?![a-z]))|_\{{?\d[^=]*=.*_\{{?\d|{_VALUE_BEFORE}.*=|=.*{_VALUE_BEFORE}"
)
"""What is computed from the step before: of t - 1, of h_prev, h_2 from h_1, h' from h."""
_GRADIENT = regex(r"\W*(?:\\(?:bar|overline|text|mathrm)\s*\{\s*)?d[A-Za-z_\\]")


def define_step(formulas: Iterable[Fragment]) -> bool:
    """Whether one of these formulas says what is computed from the step before."""
    return any(
        not derivative(one) and not _GRADIENT.match(one.text) and _BEFORE.search(one.text.replace("\n", " "))
        for one in formulas
    )


def equations(text: str, file: str) -> list[Found]:
    """The equations of the first recurrent step in the fences of a Markdown text, each with the headings above it."""
    for number, source, section in fences(text):
        if found := of_program(source, file, section, number):
            return found
    return []


def of_program(source: str, file: str, section: tuple[str, ...], first: int = 1) -> list[Found]:
    """The equations of the first recurrent step in a Python program whose first line has the number `first`."""
    lines = source.split("\n")
    try:
        tree = ast.parse("\n".join("" if _MAGIC.match(line) else line for line in lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    for body in _bodies(tree):
        step = _Step()
        step.read(body)
        if step.recurrent:
            head = step.equations[0]
            place = Place(file, first + head.line - 1, head.column, first + head.line - 1, lines[head.line - 1])
            guess = Guess(MEANING.format(line=place.line), ALTERNATIVE, REASON, place)
            return [_found(one, lines, file, section, first, guess) for one in step.equations]
    return []


def fences(text: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Each fence of Python: the number of its first line, its text, and the headings above it."""
    section: list[str] = []
    mark, python, start, inside = "", False, 0, list[str]()
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        fence = _FENCE.match(line)
        if fence is not None and (not mark or (line.strip().startswith(mark) and not fence["info"])):
            if mark and python:
                yield start, "\n".join(inside), tuple(section)
            mark, python = ("", False) if mark else (fence["mark"], fence["info"].lower() in _PYTHON)
            start, inside = number + 1, []
        elif mark:
            inside.append(line)
        elif heading := _HEADING.fullmatch(line):
            depth = len(heading["level"])
            section[depth - 1 :] = [*[""] * (depth - 1 - len(section)), heading["title"].strip()]


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """What runs one after the other: the body of each function, and what stands outside of all."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield list(_flat(node.body))
    yield list(_flat(tree.body))


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for one in body:
        if isinstance(one, ast.For | ast.While | ast.With):
            yield from _flat(one.body)
        else:
            yield one


@dataclass(frozen=True)
class _Equation:
    text: str
    line: int
    column: int


@dataclass
class _Step:
    """What one body computes, assignment by assignment."""

    equations: list[_Equation] = field(default_factory=list)
    recurrent: bool = False

    def read(self, body: list[ast.stmt]) -> None:
        values = Values.of(body)
        before: set[str] = set()
        """What equations read at the step before."""
        for node in body:
            target, value = _assigned(node)
            quantity = None if target is None else values.quantity(target)
            if value is None or quantity is None or not values.computes(quantity, value):
                continue
            try:
                text = values.latex(value)
            except NotReadError:
                values.lose(quantity)
                continue
            if values.inlines(quantity, value, text):
                continue
            if quantity.letter in values.done:  # computed twice: which is meant is not known
                self.equations, self.recurrent = [], False
                return
            values.done.add(quantity.letter)
            self.equations.append(_Equation(f"{quantity.letter}_t = {text}", node.lineno, node.col_offset + 1))
            before |= values.before
        self.recurrent = bool(before & values.done)


def _assigned(node: ast.stmt) -> tuple[ast.expr | None, ast.expr | None]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return node.targets[0], node.value
    if isinstance(node, ast.AnnAssign):
        return node.target, node.value
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and Quantity.is_loss(node.target):
        return node.target, node.value
    return None, None


def _found(one: _Equation, lines: list[str], file: str, section: tuple[str, ...], first: int, guess: Guess) -> Found:
    line = Line(0, first + one.line - 1, one.column, lines[one.line - 1])
    return Found(Fragment(one.text, file, (line,), assumed=(guess,)), True, section)
