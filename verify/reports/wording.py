"""What a judgement says in words, the same in all reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from derive.patterns import regex
from derive.reader.text.words import LAYOUTS
from verify.formulas.judgement import Judgement, Word
from verify.formulas.telling import point

TITLES: Mapping[Word, str] = {
    Word.PROVED: "proved",
    Word.HOLDS_IF: "holds if",
    Word.WRONG: "wrong",
    Word.UNDECIDED: "undecided",
    Word.UNREADABLE: "unreadable",
    Word.NOT_A_CLAIM: "not a claim",
}
"""The words of a verdict."""
MARKS: Mapping[Word, str] = {
    Word.PROVED: "✓",
    Word.HOLDS_IF: "✓ if",
    Word.WRONG: "✗",
    Word.UNDECIDED: "?",
    Word.UNREADABLE: "?",
    Word.NOT_A_CLAIM: "–",
}
"""Their signs; what could not be read or decided looks like neither right nor wrong."""


_ALIGNED = regex(r"\s*(?:\\\\\s*)?&\s*=\s*&?|\s*\\\\\s*=\s*")
_BEGIN = regex(r"\\begin\{(\w+\*?)\}")
_END = regex(r"\\end\{(\w+\*?)\}")
_LEFT = regex(r"\\left(?![A-Za-z])\s*\.?")
_RIGHT = regex(r"\\right(?![A-Za-z])\s*\.?")
_CUT = regex(r"\\\\(?:\s*&)?|(?<!\\)&")
_BRACE = regex(r"(?<!\\)[{}]")
_LAST = regex(r"(?:\\\\|[,，。.;&]|\s)+\Z")


@dataclass(frozen=True)
class Detail:
    """One thing that a judgement says: `latex` is a formula, otherwise words."""

    label: str
    text: str
    latex: bool = False

    def said(self, say: Callable[[str], str]) -> Detail:
        """The same in another language."""
        return Detail(say(self.label), self.text if self.latex else say(self.text), self.latex)


def headline(judgement: Judgement) -> str:
    """What a judgement says, in one line."""
    if judgement.word is Word.HOLDS_IF:
        return "; ".join(judgement.assumptions)
    if judgement.mistakes:
        return "; ".join(_flat(str(mistake)) for mistake in judgement.mistakes)
    return _flat(judgement.reason)


def details(judgement: Judgement) -> list[Detail]:
    """Everything that a judgement says besides its word and formula."""
    holds = judgement.word is Word.HOLDS_IF
    found = [
        Detail("if" if holds else "assuming", _flat(assumption))
        for assumption in judgement.assumptions
        if holds or assumption not in judgement.reading
    ]
    found += [Detail("mistake", _flat(str(mistake))) for mistake in judgement.mistakes]
    if judgement.correct and judgement.word is not Word.PROVED:
        found.append(Detail("true formula", _flat(judgement.correct), latex=True))
    if judgement.true_when:
        found.append(Detail("true only when", _flat(judgement.true_when)))
    if judgement.reading and _flat(judgement.reading) != headline(judgement):
        found.append(Detail("read as", _flat(judgement.reading)))
    if judgement.reason:
        found.append(Detail("why", _flat(judgement.reason)))
    if judgement.ignored:
        found.append(Detail("ignored", "a comment in the note asks not to count it"))
    case = judgement.counterexample or {}
    if point(case):
        found.append(Detail("counterexample", _flat(point(case))))
    return found


def shown(formula: str) -> str:
    """A formula in one line, without what only aligned it with others."""
    text = _ALIGNED.sub(" = ", formula)
    for environment in {match.group(1) for match in _BEGIN.finditer(text)} | {m.group(1) for m in _END.finditer(text)}:
        begin, end = f"\\begin{{{environment}}}", f"\\end{{{environment}}}"
        if text.count(begin) != text.count(end) or (text.strip().startswith(begin) and environment in LAYOUTS):
            text = text.replace(begin, " ").replace(end, " ")
    if len(_LEFT.findall(text)) != len(_RIGHT.findall(text)):  # one of them stands outside of what was cut out
        text = _RIGHT.sub("", _LEFT.sub("", text))
    if not _BEGIN.search(text):  # what cut lines and aligned them has no meaning outside of an environment
        text = "".join(part if inner else _CUT.sub(" ", part) for part, inner in _by_braces(text))
    return _flat(_LAST.sub("", text))


def _by_braces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it stands in braces: what is cut there belongs to a \\substack."""
    depth = start = 0
    for brace in _BRACE.finditer(text):
        opens = brace.group() == "{"
        if depth == (0 if opens else 1):
            yield text[start : brace.start()], not opens
            start = brace.start()
        depth = max(0, depth + (1 if opens else -1))
    yield text[start:], depth > 0


def split(text: str) -> list[tuple[str, bool]]:
    """Words and the formulas between dollars in them, each with whether it is a formula."""
    return [(part, number % 2 == 1) for number, part in enumerate(text.split("$")) if part]


def _flat(text: str) -> str:
    return " ".join(text.split())
