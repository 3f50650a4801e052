"""Formulas and words of one page: printed in one format, displays numbered as they come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from derive.calculus.bptt import tau
from derive.calculus.derivation import Derivation
from derive.calculus.program import ARGUMENT, introduced
from derive.calculus.sections import Where
from derive.languages import ENGLISH, Language
from derive.lettering import lettered
from derive.nodes import Adjoint, Node, Quantity
from derive.notation import Notation
from derive.targets.formula import show, terms
from derive.targets.pages.model import Display
from derive.targets.vocabulary import Latex, Vocabulary, unicode


@dataclass(frozen=True)
class Format:
    """How one output writes: its vocabulary, formulas within a sentence, words, names of code, the width of a line."""

    vocabulary: type[Vocabulary]
    inline: Callable[[str], str]
    words: Callable[[str], str]
    strong: Callable[[str], str]
    code: Callable[[str], str]
    measure: Callable[[str], int]
    width: int
    continued: str
    numbered: Callable[[int], str] = "({})".format
    """How the number of a formula is written where a sentence refers to it."""
    language: Language = ENGLISH

    def prose(self, text: str) -> str:
        """Words with formulas between dollar signs."""
        pieces = re.split(r"\$([^$]+)\$", text)
        formulas = pieces[1::2] if self.vocabulary is Latex else map(unicode, pieces[1::2])
        if any("{" in piece for piece in pieces[::2]):  # a person's own, of which no table knows
            pieces[::2] = map(self.words, pieces[::2])
            pieces[1::2] = map(self.inline, formulas)
            return "".join(pieces)
        parts = {str(number): self.inline(formula) for number, formula in enumerate(formulas, start=1)}
        pieces[1::2] = [f"{{{number}}}" for number in parts]
        return self.sentence("".join(pieces), **parts)

    def sentence(self, english: str, **parts: str) -> str:
        """A sentence in the language of the page, what stands in braces filled with parts that are written already."""
        pieces = re.split(r"\{(\w+)\}", self.language.say(english))
        pieces[::2] = map(self.words, pieces[::2])
        pieces[1::2] = [parts[name] if name in parts else self.words(f"{{{name}}}") for name in pieces[1::2]]
        return "".join(pieces)


@dataclass
class Printing:
    """What the parts of a page share: the letters, the numbers given so far, and what was already said."""

    derivation: Derivation
    notation: Notation
    form: Format
    said: set[str] = field(default_factory=set)
    printed: list[str] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        program = self.derivation.program
        notation = lettered(self.notation, program)
        self.introduced = introduced(self.derivation.cell, program)
        taken = any(r"\delta" in notation.letter(name).base for name in program.quantities)
        prefix = f"{ARGUMENT}_"
        self.deltas = frozenset(name for name in self.introduced if name.startswith(prefix) and not taken)
        self.v = self.form.vocabulary(notation, self.deltas)
        self.plain = self.form.vocabulary(notation)

    def m(self, node: Node) -> str:
        """A node within a sentence."""
        return self.math(show(node, self.v).text)

    def large(self, node: Node) -> str:
        """A node within a sentence that is there for its sake."""
        formula = show(node, self.v).text
        return self.math(rf"\displaystyle {formula}" if r"\frac" in formula else formula)

    def math(self, formula: str) -> str:
        """A printed formula within a sentence."""
        self.printed.append(formula)
        return self.form.inline(formula)

    def display(self, *members: Node, at_most: int = 0, where: Where | None = None) -> Display:
        """A numbered chain a = b = c, the last ones joined by ≤; long members break at their plus signs.

        The condition under which it holds stands behind it.
        """
        self.count += 1
        left = show(members[0], self.v).text
        lines: list[tuple[str, str]] = []
        for member, left_over in zip(members[1:], range(len(members) - 1, 0, -1), strict=True):
            sign = self.v.at_most if left_over <= at_most else "="
            for position, line in enumerate(self._broken(terms(member, self.v))):
                start = f"{sign} " if position == 0 else self.form.continued
                lines.append(("" if lines else left, start + line))
        if where is not None:
            sign = self.v.not_equal if where.sign == "≠" else where.sign
            condition = f"({self.v.amount(where.left)} {sign} {self.v.amount(where.right)})"
            lines[-1] = lines[-1][0], f"{lines[-1][1]}{self.v.wide}{condition}"
        self.printed += [part for line in lines for part in line]
        return Display(self.count, tuple(lines))

    def _broken(self, parts: list[str]) -> list[str]:
        lines = [parts[0]]
        for part in parts[1:]:
            if self.form.measure(f"{lines[-1]} {part}") > self.form.width:
                lines.append(part)
            else:
                lines[-1] += f" {part}"
        return lines

    def say(self, english: str, **parts: str) -> str:
        """See `Format.sentence`."""
        return self.form.sentence(english, **parts)

    def listed(self, parts: list[str], comma: str = ", ", last: str = " and ") -> str:
        """Parts of a sentence, joined as the language does it."""
        say = self.form.language.say
        return parts[0] if len(parts) == 1 else f"{say(comma).join(parts[:-1])}{say(last)}{parts[-1]}"

    def joined(self, sentences: Iterable[str]) -> str:
        """Sentences one behind the other."""
        return self.form.language.gap.join(filter(None, sentences))

    def once(self, sentence: str) -> str:
        """A sentence the first time it is due, and nothing afterwards."""
        if sentence in self.said:
            return ""
        self.said.add(sentence)
        return sentence

    def prose(self, text: str) -> str:
        """Words with formulas between dollar signs; J and J_τ in the letters of the page."""
        losses = {"$J$": self.loss, r"$J_\tau$": self.v.letter("J", tau).text}
        for written, letter in losses.items():
            text = text.replace(written, f"${letter}$")
        return self.form.prose(text)

    @property
    def loss(self) -> str:
        """The letter of J."""
        return self.v.letter("J").text

    def gradient_of(self, quantity: Quantity) -> str:
        """∂J/∂q on one line; with its δ where it has one."""
        full = show(Adjoint(quantity), self.plain).text
        if self.form.vocabulary is Latex:
            full = re.sub(r"^\\frac\{(.*)\}\{(\\partial .*)\}$", r"\1 / \2", full)
        return f"{show(Adjoint(quantity), self.v).text} = {full}" if quantity.name in self.deltas else full
