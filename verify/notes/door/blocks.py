"""LSTM blocks written unit by unit, a_φ^t = Σ_i w_{iφ} x_i^t + Σ_h w_{hφ} b_h^{t-1} + Σ_c w_{cφ} s_c^{t-1}, as vectors.

So Graves writes them. With one cell in every block, all that is written of a unit is said of the entries of vectors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from derive.patterns import regex
from verify.notes.files import Document, Formula

SAID = "every block has one cell, and what is written of a unit is said of the entries of a vector"
DIRECT = "the units that the sum over ${index}$ counts read the cells' outputs alone"
TYPED = "$w$ below a letter stands for $\\omega$"
SLIP = "${letter}$ of a gate is the gradient by its argument, as δ is"
_SUB = r"_\s*(?:\{(?P<subs>[^{}]*)\}|(?P<sub>\\?[A-Za-z]+))"
_SUP = r"\^\s*(?:\{\s*(?P<sups>t\s*(?:[-+]\s*1)?)\s*\}|(?P<sup>t))"
_TWICE = _SUB.replace("subs", "subs2").replace("<sub>", "<sub2>")
_EARLY = _SUP.replace("sups", "sups2").replace("<sup>", "<sup2>")
_TOKEN = regex(
    rf"\\sum\s*(?:\\limits)?\s*_\s*\{{\s*(?P<index>\\?[A-Za-z]+'?)\s*(?:=\s*\d\s*)?\}}\s*(?:\^\s*(?:\{{[^{{}}]*\}}|\w))?"
    rf"|(?P<weight>w)\s*_\s*\{{\s*(?P<of>\\?[A-Za-z])\s*(?P<to>\\?[A-Za-z]+)\s*\}}"
    rf"|(?P<letter>\\?(?:delta|varepsilon|epsilon)|[absx])\s*(?:{_SUB}\s*{_SUP}|{_EARLY}\s*{_TWICE})"
    r"|(?P<function>[fgh])\s*(?P<slope>')?\s*(?:\\left)?\("
    r"|(?P<close>(?:\\right)?\))|(?P<sign>[=+])|(?P<blank>(?:\s|&|\\\\|\\[,;:! ])+)"
)
_STATE = regex(
    r"\s*s_\{?(?P<c>[A-Za-z])\}?\s*\^\s*\{?t\}?\s*&?=\s*b_\{?\s*(?P<forget>\\?[A-Za-z]+)\s*\}?\s*\^\s*\{?t\}?\s*"
    r"s_\{?(?P=c)\}?\s*\^\s*\{\s*t\s*-\s*1\s*\}\s*\+\s*b_\{?\s*(?P<into>\\?[A-Za-z]+)\s*\}?\s*\^\s*\{?t\}?\s*g\s*\("
)
_OUTPUT = regex(
    r"\s*b_\{?(?P<c>[A-Za-z])\}?\s*\^\s*\{?t\}?\s*&?=\s*b_\{?\s*(?P<out>\\?[A-Za-z]+)\s*\}?\s*\^\s*\{?t\}?\s*h\s*\("
)
_BEFORE = regex(r"w_\{\s*(?P<unit>[A-Za-z])\s*\\?[A-Za-z]+\s*\}\s*b_\{?(?P=unit)\}?\s*\^\s*\{\s*t\s*-\s*1\s*\}")
_GIVEN = regex(r"w_\{\s*(?P<line>[A-Za-z])\s*\\?[A-Za-z]+\s*\}\s*x_\{?(?P=line)\}?\s*\^\s*\{?t")
_DEFINED = regex(
    r"\\(?:var)?epsilon\s*_\{?(?P<label>[A-Za-z])\}?\s*\^\s*\{?t\}?[^=]{0,40}=\s*\\[dt]?frac\s*\{\s*\\partial[^{}]*(?:\{[^{}]*\})?\s*\}"
    r"\s*\{\s*\\partial\s*(?P<by>[bs])_"
)
"""ε_c^t = ∂L/∂b_c^t"""


@dataclass(frozen=True)
class _Blocks:
    """The letters of such blocks: of a cell, an input line, a unit whose output is read, and the gates' labels."""

    cell: str
    line: str
    unit: str
    gates: Mapping[str, str]
    errors: Mapping[str, str]
    """The labels of ε, each with what it is the gradient by: the cells' outputs b or their states s."""

    def called(self, label: str) -> str:
        """What a unit is called here: a gate, or the cell."""
        return self.gates.get(self.meant(label), "cell" if label == self.cell else "")

    def meant(self, label: str) -> str:
        """The label of a gate, for which a note may type the letter that looks like it."""
        return r"\omega" if label == "w" and r"\omega" in self.gates else label


def with_blocks_as_vectors(document: Document) -> Document:
    """The document in which blocks that are written unit by unit are equations of vectors."""
    blocks = _blocks([each.text for each in document.formulas if each.claims])
    if blocks is None:
        return document

    def read(each: Formula) -> Formula:
        if not each.claims or (made := _Rewriting(blocks, each.text).made()) is None:
            return each
        text, told = made
        given = "; ".join(filter(None, (each.fragment.given, *told)))
        fragment = replace(each.fragment, text=text, as_written=each.fragment.written, given=given)
        return replace(each, fragment=fragment)

    parts = (replace(part, formulas=tuple(map(read, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _blocks(texts: list[str]) -> _Blocks | None:
    states = {found.groups() for text in texts if (found := _STATE.match(text))}
    outputs = {found.groups() for text in texts if (found := _OUTPUT.match(text))}
    units = {found["unit"] for text in texts for found in _BEFORE.finditer(text)}
    lines = {found["line"] for text in texts for found in _GIVEN.finditer(text)}
    if not len(states) == len(outputs) == len(units) == len(lines) == 1:
        return None
    ((cell, forget, into),), ((again, out),) = states, outputs
    gates = {forget: "forget", into: "in", out: "out"}
    if cell != again or len(gates) < 3:
        return None
    errors = {found["label"]: found["by"] for text in texts for found in _DEFINED.finditer(text)}
    return _Blocks(cell, lines.pop(), units.pop(), gates, errors or {cell: "b", "s": "s"})


class _Rewriting:
    """One formula, read from left to right."""

    def __init__(self, blocks: _Blocks, text: str) -> None:
        self.blocks = blocks
        self.text = text.strip().rstrip(".,;")
        self.told: dict[str, None] = {SAID: None}
        self.tokens: list[re.Match[str]] = []

    def made(self) -> tuple[str, tuple[str, ...]] | None:
        """The formula with vectors, and what it rests on; None where anything in it is not of these blocks."""
        at = 0
        while at < len(self.text):
            found = _TOKEN.match(self.text, at)
            if found is None:
                return None
            at = found.end()
            if not found["blank"]:
                self.tokens.append(found)
        try:
            text, end = self._sides(0)
        except (IndexError, KeyError):
            return None
        return (text, tuple(self.told)) if end == len(self.tokens) else None

    def _sides(self, at: int) -> tuple[str, int]:
        """Everything up to a closing bracket or the end."""
        written, factors, index = "", list[str](), ""
        while at < len(self.tokens) and not self.tokens[at]["close"]:
            token = self.tokens[at]
            at += 1
            if token["sign"]:
                written, factors, index = f"{written}{self._product(factors)} {token['sign']} ", [], ""
            elif token["index"]:
                index = token["index"]
            elif token["function"]:
                inside, at = self._sides(at)
                factors.append(f"{token['function']}{token['slope'] or ''}({inside})")
                at += 1  # the bracket
            elif token["weight"]:
                factors.append(self._weighted(token, self.tokens[at], index))
                at += 1
            else:
                factors.append(self._letter(token))
        return written + self._product(factors), at

    @staticmethod
    def _product(factors: list[str]) -> str:
        if not factors:
            raise KeyError
        return r" \odot ".join(factors)

    def _weighted(self, weight: re.Match[str], read: re.Match[str], index: str) -> str:
        """w_{pq} with what it multiplies."""
        blocks, of, to = self.blocks, weight["of"], weight["to"]
        letter, label, time = _parts(read)
        if (letter, label) == ("x", of) and of == index == blocks.line:
            return rf"W_{{\mathrm{{{self._called(to)}}}}} {self._letter(read)}"
        if (letter, label) == ("b", of) and of == index == blocks.unit:
            return rf"U_{{\mathrm{{{self._called(to)}}}}} {self._letter(read)}"
        if of != blocks.cell:
            raise KeyError(of)
        if (letter, label) == ("s", of):
            return rf"p_{{\mathrm{{{self._called(to)}}}}} \odot {self._letter(read)}"
        if letter in ("a", "b", "x", "s") or label != to:
            raise KeyError(letter)
        if blocks.meant(to) in blocks.gates:
            return rf"p_{{\mathrm{{{self._called(to)}}}}} \odot {self._letter(read)}"
        if to != index or to == blocks.cell:
            raise KeyError(to)
        if time == "_t":
            self.told[DIRECT.format(index=index)] = None
            return r"\frac{\partial^{+} L}{\partial b_t}"
        back = [(kind, _at(f"a_{{{kind}}}", time)) for kind in _KINDS]
        terms = (rf"U_{{\mathrm{{{kind}}}}}^\top \frac{{\partial L}}{{\partial {argument}}}" for kind, argument in back)
        return f"({' + '.join(terms)})"

    def _called(self, label: str) -> str:
        if not (called := self.blocks.called(label)):
            raise KeyError(label)
        if label != self.blocks.meant(label):
            self.told[TYPED] = None
        return called

    def _letter(self, token: re.Match[str]) -> str:
        """x_i^t, b_φ^t, δ_c^t, ε_s^t as a vector or the gradient by one."""
        letter, label, time = _parts(token)
        blocks = self.blocks
        if letter in "bs" and label in (blocks.cell, blocks.unit):
            return f"{letter}{time}"
        if (letter, label) == ("x", blocks.line):
            return f"x{time}"
        if letter == "a" or (letter == "b" and blocks.meant(label) in blocks.gates):
            return _at(f"{letter}_{{{self._called(label)}}}", time)
        if letter in ("b", "s", "x"):
            raise KeyError(label)
        if letter != r"\delta" and label in blocks.errors:
            return rf"\frac{{\partial L}}{{\partial {blocks.errors[label]}{time}}}"
        if letter != r"\delta":
            self.told[SLIP.format(letter=letter)] = None
        return rf"\frac{{\partial L}}{{\partial {_at(f'a_{{{self._called(label)}}}', time)}}}"


_KINDS = ("in", "forget", "out", "cell")


def _parts(token: re.Match[str]) -> tuple[str, str, str]:
    """The letter of a token, its label, and its time below it."""
    label = token["subs"] or token["sub"] or token["subs2"] or token["sub2"] or ""
    time = token["sups"] or token["sup"] or token["sups2"] or token["sup2"] or ""
    step = "".join(time.split())
    return token["letter"] or "", label.strip(), "_t" if step == "t" else f"_{{{step}}}"


def _at(letter: str, time: str) -> str:
    """A labelled letter at a step: a_{\\mathrm{in}, t}."""
    base, _, label = letter.partition("_")
    return rf"{base}_{{\mathrm{{{label.strip('{}')}}}, {time.strip('_{}')}}}"
