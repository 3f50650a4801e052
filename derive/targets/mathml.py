"""Formulas as MathML, which browsers typeset by themselves; None for what cannot be parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import singledispatch
from html import escape

from derive.errors import InputError
from derive.notation import ACCENTS, GREEK, take_apart
from derive.patterns import regex
from derive.reader.claims.statements.chains import blanked
from derive.reader.text import syntax
from derive.reader.text.fragment import Fragment
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Group, Mark, Script, Syntax

_MARKS = {"partial": "∂", "top": "⊤", "prime": "′", "star": "*", "dots": "⋯", "plus": "+", "minus": "−"}
_SIGNS = {**GREEK, "nabla": "∇", "ell": "ℓ", "infty": "∞"}
"""Commands that are one sign each."""
_FENCES = {"LPAR": "()", "LBRACK": "[]", "LANGLE": "⟨⟩", "LABS": "||", "LNORM": "‖‖"}
_RELATIONS = {
    r"\in": "∈", r"\neq": "≠", r"\ne": "≠", r"\le": "≤", r"\leq": "≤", r"\ge": "≥", r"\geq": "≥", r"\approx": "≈",
    r"\propto": "∝", r"\leftarrow": "←", r"\gets": "←", r"\to": "→", r"\rightarrow": "→", r"\equiv": "≡", r"\sim": "∼",
}  # fmt: skip
_COMMAND = regex(r"\\([A-Za-z]+)\s*\{(.*)\}", re.DOTALL)


def mathml(formula: str, display: str = "block") -> str | None:
    """The formula as an element: on a line of its own (`block`), within one (`inline`), or so but large (`large`)."""
    try:
        rows = parse(Fragment.of(blanked(formula)[0]))
        lines = [_listed(render(part) for part in row) for row in rows]
    except (InputError, RecursionError):
        return None
    body = lines[0] if len(lines) == 1 else _rows([[line] for line in lines])
    style = 'display="inline" displaystyle="true"' if display == "large" else f'display="{display}"'
    return f"<math {style}>{body}</math>"


def typeset(formula: str, display: str = "inline") -> str:
    """The formula as MathML; what cannot be parsed as the text that it is, escaped."""
    return mathml(formula, display) or f"<code>{escape(formula)}</code>"


def _listed(parts: Iterable[str]) -> str:
    return "<mo>,</mo>".join(parts)


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _operator(text: str, *, stretchy: bool = True) -> str:
    attribute = "" if stretchy else ' stretchy="false"'
    return f"<mo{attribute}>{escape(text)}</mo>"


@singledispatch
def render(node: object) -> str:
    """One node; a rule for each class."""
    raise InputError(f"no rule to typeset a {type(node).__name__}")


@render.register
def _(node: syntax.Name) -> str:
    return letter(node.latex)


def letter(latex: str) -> str:
    """A letter as typed: with accents and fonts, Greek, or a word."""
    taken = take_apart(latex)
    if taken.below or taken.above:
        latex = taken.base
    command = _COMMAND.fullmatch(latex.strip())
    if command and command.group(1) in ("hat", "tilde", "bar", "vec", "dot", "widehat", "widetilde", "overline"):
        name = {"widehat": "hat", "widetilde": "tilde", "overline": "bar"}.get(command.group(1), command.group(1))
        sign = {"hat": "^", "tilde": "~", "bar": "¯", "vec": "→", "dot": "˙"}[name] if name in ACCENTS else "^"
        return f'<mover accent="true">{letter(command.group(2))}{_operator(sign, stretchy=False)}</mover>'
    if command:
        inner = letter(command.group(2))
        bold = command.group(1) in ("mathbf", "boldsymbol", "bm")
        return inner.replace("<mi>", '<mi style="font-weight: bold">') if bold else inner
    word = latex.strip().strip("{}").removeprefix("\\")
    return f"<mi>{escape(_SIGNS.get(word, word))}</mi>"


@render.register
def _(node: syntax.Number) -> str:
    return f"<mn>{escape(node.text)}</mn>"


@render.register
def _(node: syntax.Ones) -> str:
    return "<mn>𝟏</mn>"


@render.register
def _(node: Mark) -> str:
    word = node.kind.removeprefix("\\")
    return f"<mi>{_MARKS.get(node.kind) or escape(_SIGNS.get(word, node.kind))}</mi>"


@render.register
def _(node: syntax.Scripted) -> str:
    below = [_cells(script.rows) for script in node.scripts if script.kind == "sub"]
    above = [_above(script) for script in node.scripts if script.kind != "sub"]
    base = render(node.base)
    if below and above:
        return f"<msubsup>{_row(base)}{_row(*below)}{_row(*above)}</msubsup>"
    tag, scripts = ("msub", below) if below else ("msup", above)
    return f"<{tag}>{_row(base)}{_row(*scripts)}</{tag}>"


def _above(script: Script) -> str:
    if script.kind == "prime":
        return "<mo>′</mo>"
    return "<mi>⊤</mi>" if script.kind == "tick" else _cells(script.rows)


def _cells(rows: tuple[tuple[Syntax, ...], ...]) -> str:
    return "<mo>;</mo>".join(_listed(render(cell) for cell in row) for row in rows)


@render.register
def _(node: Group) -> str:
    if node.bracket == "LBRACE":
        return _row(_cells(node.rows))
    if node.bracket == "MATRIX":
        return _fenced("[]", _table(node))
    inner = node.rows[0][0] if len(node.rows) == 1 and len(node.rows[0]) == 1 else None
    if isinstance(inner, Group) and inner.bracket == "MATRIX":
        return _fenced(_FENCES[node.bracket], _table(inner))
    return _fenced(_FENCES[node.bracket], _cells(node.rows))


def _table(node: Group) -> str:
    return _rows([[render(cell) for cell in row] for row in node.rows])


def _rows(rows: Iterable[Iterable[str]]) -> str:
    lines = ("".join(f"<mtd>{cell}</mtd>" for cell in row) for row in rows)
    return f"<mtable>{''.join(f'<mtr>{line}</mtr>' for line in lines)}</mtable>"


def _fenced(fences: str, body: str) -> str:
    return _row(_operator(fences[0]), body, _operator(fences[1]))


@render.register
def _(node: syntax.Bars) -> str:
    return _fenced(_FENCES[node.bracket], render(node.body))


@render.register
def _(node: syntax.Fraction) -> str:
    return f"<mfrac>{_row(render(node.above))}{_row(render(node.below))}</mfrac>"


@render.register
def _(node: syntax.Root) -> str:
    return f"<msqrt>{render(node.body)}</msqrt>"


@render.register
def _(node: syntax.Big) -> str:
    sign = _operator("∏" if node.sign == "product" else "∑")
    below = _row(*(_cells(script.rows) for script in node.scripts if script.kind == "sub"))
    above = _row(*(_above(script) for script in node.scripts if script.kind != "sub"))
    return _row(f"<munderover>{sign}{below}{above}</munderover>", render(node.body))


@render.register
def _(node: syntax.Run) -> str:
    return _row(*(render(factor) for factor in node.factors))


@render.register
def _(node: syntax.Product) -> str:
    parts = [render(node.factors[0])]
    for operator, factor in zip(node.operators, node.factors[1:], strict=True):
        sign = "·" if operator.kind == "TIMES" else "/"
        parts += [_operator(sign), _operator("−") if operator.negative else "", render(factor)]
    return _row(*parts)


@render.register
def _(node: syntax.Dots) -> str:
    return _row("<mo>⊙</mo>".join(render(factor) for factor in node.factors))


@render.register
def _(node: syntax.Sum) -> str:
    parts = []
    for position, (sign, term) in enumerate(node.terms):
        if position or sign < 0:
            parts.append(_operator("+" if sign > 0 else "−"))
        parts.append(render(term))
    return _row(*parts)


@render.register
def _(node: syntax.Chain) -> str:
    parts = [render(node.sides[0])]
    for relation, side in zip(node.relations, node.sides[1:], strict=True):
        sign = "=" if relation.type == "EQ" else _RELATIONS.get(relation.word, "∈" if relation.type == "IN" else "∼")
        parts += [_operator(sign), render(side)]
    return _row(*parts)
