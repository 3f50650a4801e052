"""All formulas of a document as syntax, with what is decided about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from derive.patterns import regex
from derive.reader.meaning.letters import only
from derive.reader.questions.guesses import Guess, Question
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import Change, rewritten, walk
from derive.reader.text.named import words_at_the_left
from derive.reader.text.note import Declaration
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Chain, Mark, Name, Syntax
from derive.reader.text.words import WORDS

Row = tuple[Syntax, ...]
_RELATION = regex(r"[=∈≔]|\\(?:in|coloneqq|equiv|gets|leftarrow)(?![A-Za-z])")
_DEFINED = regex(r"(?:^|\\\\|,|;)\s*(?:\\(?:operatorname|mathrm|text)\s*\{)?([A-Za-z]{2,})\}?\s*\([^()=]*\)\s*:?=")
_CAPITALS = regex(r"(?<![A-Za-z\\{])([A-Z][A-Za-z]+)\((?!\s*(?:[tnksi]|\\tau)\s*(?:[-+]\s*\d\s*)?\))")
"""Letters before a bracket, but for a step: U x(t)."""
_FUNCTION = regex(r"(?<![A-Za-z\\{])([fg])'?\((?!\s*(?:[tnksi]|\\tau)\s*(?:[-+]\s*\d\s*)?\))")
"""A letter that is a function: f(h_t)."""


@dataclass
class Formula:
    """A fragment and its rows of parts."""

    fragment: Fragment
    rows: list[Row]


@dataclass
class Document:
    """The displayed formulas, the declaring lines, and what was guessed and is left open."""

    formulas: list[Formula]
    declarations: list[tuple[Declaration, list[Formula]]]
    guesses: list[Guess] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    remarks: list[tuple[Fragment, Syntax]] = field(default_factory=list)
    counted: set[str] = field(default_factory=set)
    """Letters of whole numbers that are put in before anything else is read: of layers, of steps ago."""
    fragment: Fragment = field(init=False)
    """The fragment that is being rewritten."""

    @classmethod
    def of(cls, formulas: Sequence[Fragment], declarations: Sequence[Declaration]) -> Document:
        """Parse everything; raises InputError with the place of what cannot be read."""
        everything = [*formulas, *(fragment for one in declarations for fragment in one.formulas)]
        words = frozenset(word for fragment in everything for word in _DEFINED.findall(fragment.text))
        words |= {word for fragment in formulas for word in words_at_the_left(fragment)}
        if words:
            formulas = [replace(fragment, words=words) for fragment in formulas]
            declarations = [
                replace(one, formulas=tuple(replace(fragment, words=words) for fragment in one.formulas))
                for one in declarations
            ]
        found = cls(
            [Formula(fragment, parse(fragment)) for fragment in formulas],
            [
                (one, [Formula(fragment, parse(fragment)) for fragment in one.formulas if _says(one, fragment)])
                for one in declarations
            ],
        )
        functions = {name for fragment in formulas for name in _FUNCTION.findall(fragment.text)}
        for fragment in formulas:
            for each in _unknown_words(fragment, functions):
                if isinstance(each, Guess):
                    found.guesses.append(each)
                else:
                    found.questions.append(each)
        return found

    def every(self) -> Iterator[Formula]:
        """Displayed formulas first, then those of declaring lines."""
        yield from self.formulas
        for _, formulas in self.declarations:
            yield from formulas

    def said(self) -> Iterator[tuple[Fragment, Syntax]]:
        """Every part of every row."""
        for formula in self.every():
            for row in formula.rows:
                for part in row:
                    yield formula.fragment, part

    def displayed(self) -> Iterator[tuple[Fragment, Syntax]]:
        """Every part of the displayed formulas."""
        for formula in self.formulas:
            for row in formula.rows:
                for part in row:
                    yield formula.fragment, part

    def rewrite(self, change: Change) -> None:
        """Rewrite every part; `change` finds the fragment at hand in `fragment`."""
        for formula in self.every():
            self.fragment = formula.fragment
            formula.rows = [tuple(rewritten(part, change) for part in row) for row in formula.rows]


def is_claim(chain: Chain) -> bool:
    """Whether this is about a derivative, or about the loss of a sequence: no equation of a step."""
    for node in walk(chain):
        if isinstance(node, Mark) and node.kind == "partial":
            return True
        if isinstance(node, Big):
            for script in node.scripts:
                cell_ = only(script.rows)
                first = cell_.sides[0] if isinstance(cell_, Chain) else cell_
                if script.kind == "sub" and isinstance(first, Name) and first.word == "t":
                    return True
    return False


def _says(declaration: Declaration, fragment: Fragment) -> bool:
    """Whether this declares something; a letter alone in a where line is a mention."""
    return declaration.key not in ("where", "for") or _RELATION.search(fragment.text) is not None


def _unknown_words(fragment: Fragment, functions: Collection[str]) -> Iterator[Question | Guess]:
    """LN( may be a function, or a product of two matrices; Wf( is a product where f( stands alone elsewhere."""
    for match in _CAPITALS.finditer("" if fragment.plain else fragment.text):
        word = match.group(1)
        if word in fragment.words or word in WORDS:
            continue
        place = fragment.place(match.start(1), match.end(1))
        if word[1:] in functions:
            taken, why = f"{word}(...) is {word[0]} times {word[1:]}(...)", f"{word[1:]}(...) stands alone elsewhere"
            yield Guess(taken, "a function of its own", why, place)
        else:
            norm = r"\frac{v - \operatorname{mean}(v)}{\sqrt{\operatorname{var}(v) + 10^{-5}}}"
            meant = norm if word == "LN" else r"\dots"
            yield Question(
                (word,),
                f"{word}(...) may be a function or a product of the letters {' '.join(word)}",
                (f"where $\\operatorname{{{word}}}(v) = {meant}$, or write ${' '.join(word)} (\\dots)$",),
                place,
            )
