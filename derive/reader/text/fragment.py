"""A piece of mathematics cut out of a file, with the way back from its characters to lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import lru_cache

from derive.cell import Guess
from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.text.lexing.colours import uncoloured

LONGEST = 20_000
"""Characters a formula may have."""
DEEPEST = 50
"""Levels of brackets a formula may have."""
LONGEST_NUMBER = 40
"""Digits a number may have."""
LONGEST_NAME = 80
"""Letters a name may have."""
_SIGNS = str.maketrans("−＝＋", "-=+")
"""Signs typed as other characters, as those on every keyboard."""
_THOUSANDS = regex(r"(?P<before>(?:[=≈~<>]|\\approx)[\s&]*)(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?)(?![\d,])")
"""A number whose thousands are set apart by commas, alone behind a relation: = 13,780.6."""
_LEFT_OUT = regex(r"(?<=[A-Za-z'}])\(\.\)")
"""The argument of a function left out: tanh'(.)."""
_TYPED = regex(r"\\(?:text|mathrm|mbox)\{([-+=])\}")
"""Signs typed as words: \\text{-}1."""

_RULED = regex(r"={3,}|^[ \t]*(?:-{3,}|={2,})[ \t]*$", re.MULTILINE)
"""A sign alone in its line, which programs that take a formula for Markdown make a rule below a title."""
_STARRED = regex(
    r"(?<=\})\*(?=\{\s*\\(?:text|mathrm|mbox)(?![A-Za-z]))|(?<=[A-Za-z}])\*(?=\{\s*[tTk]\s*[-+]\s*\d\s*\})"
)
"""The mark of a script that such programs take for emphasis: \\underbrace{a}*{\\text{b}} and h*{t+1}."""

_STEP = r"(?:[tTk]|\\tau)\s*(?:[-+]\s*\d\s*)?"
_TURNED = regex(
    rf"\^\s*\{{\s*(?P<step>\(\s*{_STEP}\)|\[\s*{_STEP}\]|\{{\s*[(\[]\s*{_STEP}[)\]]\s*\}}|t)"
    r"\s*\^\s*(?P<sign>T|\{\s*(?:T|\\top)\s*\})\s*\}"
)
"""The sign of a transpose above a step, which stands for that of the quantity: h^{(t-1)^{T}}."""

_AT_MOST = r"\s*(?:\\leq?(?:slant)?(?![A-Za-z])|≤|⩽|<=)\s*"
_BETWEEN = regex(
    rf"_\s*\{{\s*(?P<first>\d){_AT_MOST}(?P<letter>\\?[A-Za-z]+'?){_AT_MOST}(?P<last>\\?[A-Za-z]+(?:_\w)?)\s*\}}"
)
"""Limits below a sum: 1 ≤ c ≤ C."""
_COLUMNS = regex(r"(?P<begin>\\begin\s*\{(?:aligned|align|gathered|split)\*?\}\s*)(?P<number>\{\s*\d\s*\})(?=[\s&]*\\)")
"""The number of columns of an alignat, behind another environment."""
_UP_TO = regex(
    r"(?P<from>_\s*\{\s*(?P<letter>\\?[A-Za-z]+)\s*=[^{}=]*\}\s*\^\s*\{\s*)(?P<again>(?P=letter)\s*=)(?=[^{}=]*\})"
)
"""The limits of a sum with its letter in both: Σ_{t=1}^{t=T}."""
_BEFORE = regex(
    r"(?:(?<=[\s=+\-(\[{&,|])|(?<=\{d)|\A)\{\}_(?P<label>[A-Za-z]|\{[A-Za-z]+\})"
    r"(?P<letter>[A-Za-z]|\\(?:mathbf|boldsymbol|bm|mathcal|mathrm)\s*\{[^{}]*\}|\\[A-Za-z]+(?!\s*\{))"
)
"""A label before its letter: {}_S W."""
_SPELLED = regex(r"\\(?P<font>mathbf|mathrm|mathit|boldsymbol|bm)\s*\{\s*(?P<word>(?:[A-Za-z]\s+){2,}[A-Za-z])\s*\}")
"""A word typed letter by letter, between which formulas show no spaces: \\mathbf{n e t}."""
_NET = regex(
    r"(?<![A-Za-z\\])(?=\\mathbf|n\s*\\mathbf|n\s*e\s*\\mathbf)"
    + r"\s*".join(rf"(?:{each}|\\mathbf\s*\{{\s*{each}\s*\}})" for each in "net")
    + r"(?=\s*_)"
)
"""net with a typeface for each letter."""
_SCRIPT = regex(r"_\s*\{(?:[^{}]|\{[^{}]*\})*\}")
_FACED = regex(r"\\math(?:bf|rm|it)\s*\{\s*(?P<sign>[tTk]|\d)\s*\}")
"""A step or a number in a typeface, which in a script says nothing: h_{\\mathbf{t}-\\mathbf{1}}."""


@dataclass(frozen=True)
class Line:
    """A line of a fragment: where it starts in the fragment, and the line and column of that start in the file."""

    offset: int
    number: int
    column: int
    text: str


@lru_cache(4096)
def _usual(text: str, plain: bool) -> str:
    """The text in the usual marks, as long as it is; one formula is made into many fragments."""
    text = _paired(_TYPED.sub(lambda m: m.group(1).ljust(len(m.group())), text.translate(_SIGNS)))
    text = _LEFT_OUT.sub("(·)", _THOUSANDS.sub(_in_one, text))
    if not plain:
        text = _STARRED.sub("_", _RULED.sub(_sign, text))
        text = _TURNED.sub(lambda m: f"^{{{m['step']}}}^{m['sign']}".ljust(len(m.group())), text)
        text = _NET.sub(lambda m: r"\mathbf{net}".ljust(len(m.group())), _SPELLED.sub(_joined, uncoloured(text)))
        text = _SCRIPT.sub(_unfaced, text)
        text = _BEFORE.sub(_behind, _BETWEEN.sub(_from_to, text))
        text = _COLUMNS.sub(lambda m: m["begin"] + " " * len(m["number"]), text)
        text = _UP_TO.sub(lambda m: m["from"] + " " * len(m["again"]), text)
    return text


@dataclass(frozen=True)
class Fragment:
    """One formula as written; `plain` is text such as `h_t = tanh(W @ x_t)`, otherwise LaTeX."""

    text: str
    file: str
    lines: tuple[Line, ...]
    plain: bool = False
    words: frozenset[str] = frozenset()
    """Words of several letters that the document defines as functions, as in LN(v) = ..."""
    times: tuple[tuple[str, str], ...] = ()
    """The document's letters for t and T, each with the usual one: (("k", "t"), ("tau", "T"))."""
    assumed: tuple[Guess, ...] = ()
    """What was guessed to read the text: what commands are that the document does not define, and slips."""
    layered: frozenset[str] = frozenset()
    """Letters whose raised numbers are labels, h^1_t, h_t^1 and W^1, as "h^", "h_" and "W"."""
    as_written: str = ""
    """The text as it stands in the document, where another letter of the same length was put into this one."""
    given: str = ""
    """What was taken for granted when this text was made of that one."""
    behind: frozenset[str] = frozenset()
    """Letters whose steps are one more in this text than in the document, which counts them from 0."""

    def __post_init__(self) -> None:
        text = _usual(self.text, self.plain)
        written = self.as_written if len(self.as_written) == len(text) else ""
        object.__setattr__(self, "as_written", written or (self.text if text != self.text else ""))
        object.__setattr__(self, "text", text)

    def quoted(self, start: int, end: int) -> str:
        """text[start:end] as it stands in the document."""
        return self.written[start : self.through(end)]

    def through(self, end: int) -> int:
        """Where what ends here ends in the document: a shorter text was put into the place of a longer one."""
        behind = len(self.text[end:]) - len(self.text[end:].lstrip(" "))
        more = self.as_written[end : end + behind].rstrip()
        return end + len(more)

    @property
    def written(self) -> str:
        """The text as it stands in the document."""
        return self.as_written or self.text

    @classmethod
    def of(cls, text: str, file: str = "<text>", *, line: int = 1, plain: bool = False) -> Fragment:
        """A fragment that is a whole text, starting at the beginning of a line."""
        lines = []
        offset = 0
        for number, content in enumerate(text.split("\n"), line):
            lines.append(Line(offset, number, 1, content))
            offset += len(content) + 1
        return cls(text, file, tuple(lines), plain)

    def place(self, start: int, end: int | None = None) -> Place:
        """The place of text[start:end]; the caret covers what stands on the first line of it."""
        end = start + 1 if end is None else self.through(max(end, start + 1))
        first = self._line(start)
        last = self._line(max(start, end - 1))
        column = first.column + start - first.offset
        length = end - start if last is first else max(1, len(first.text.rstrip()) - column + 1)
        return Place(self.file, first.number, column, last.number, first.text, length)

    def error(self, message: str, start: int, end: int | None = None, hint: str = "") -> InputError:
        """An error at text[start:end]."""
        return InputError(message, self.place(start, end), hint)

    def _line(self, offset: int) -> Line:
        index = bisect_right(self.lines, offset, key=lambda line: line.offset) - 1
        return self.lines[max(index, 0)]


def _sign(rule: re.Match[str]) -> str:
    sign = rule.group().strip()[0]
    return rule.group().replace(sign, " ").replace(" ", sign, 1)


def _from_to(limits: re.Match[str]) -> str:
    return f"_{{{limits['letter']}={limits['first']}}}^{{{limits['last']}}}".ljust(len(limits.group()))


def _joined(spelled: re.Match[str]) -> str:
    word = "".join(spelled["word"].split())
    return f"\\{spelled['font']}{{{word}}}".ljust(len(spelled.group()))


def _unfaced(script: re.Match[str]) -> str:
    return _FACED.sub(lambda m: m["sign"].ljust(len(m.group())), script.group())


def _in_one(match: re.Match[str]) -> str:
    return f"{match['before']}{match['number'].replace(',', '')}".ljust(len(match.group()))


def _behind(match: re.Match[str]) -> str:
    label = match["label"].strip("{}")
    return f"{match['letter']}_{{{label}}}".ljust(len(match.group()))


def _paired(text: str) -> str:
    """The text with brackets of one width where a wide one stands beside a narrow one: f(z）as f(z)."""
    if "（" not in text and "）" not in text:
        return text
    signs, open_ = list(text), list[int]()
    for at, sign in enumerate(text):
        if sign in "(（":
            open_.append(at)
        elif sign in ")）" and open_:
            start = open_.pop()
            if (signs[start], sign) in (("(", "）"), ("（", ")")):
                signs[start], signs[at] = "()"
    return "".join(signs)


def matching_braces(fragment: Fragment) -> dict[int, int]:
    """For every opening brace its closing one; unbalanced or too deep braces are refused before anything else."""
    text = fragment.text
    pairs: dict[int, int] = {}
    open_: list[int] = []
    i = 0
    while i < len(text):
        c = text[i]
        if c == "\\":
            i += 2
            continue
        if c == "{":
            open_.append(i)
            if len(open_) > DEEPEST:
                raise fragment.error(f"brackets are nested more than {DEEPEST} deep", i)
        elif c == "}":
            if not open_:
                raise fragment.error("'}' closes nothing", i, i + 1, "remove it, or open it before")
            pairs[open_.pop()] = i
        i += 1
    if open_:
        raise fragment.error("'{' is never closed", open_[-1], open_[-1] + 1, "add the closing brace")
    return pairs


def piece(fragment: Fragment, start: int, end: int) -> Fragment:
    """A part of a fragment that still knows its place."""
    before = [line for line in fragment.lines if line.offset <= start][-1:] or [fragment.lines[0]]
    first = before[0]
    marks = [Line(0, first.number, first.column + start - first.offset, first.text)]
    marks += [replace(line, offset=line.offset - start) for line in fragment.lines if start < line.offset < end]
    end = fragment.through(end)
    written = fragment.as_written[start:end]
    return replace(fragment, text=fragment.text[start:end], lines=tuple(marks), as_written=written)
