"""Markdown -> title, source, display formulas and the lines that declare something, each with its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from derive.cell import Guess
from derive.errors import Place
from derive.patterns import regex
from derive.reader.text.fragment import Fragment, Line
from derive.reader.text.named import words_at_the_left
from derive.reader.text.said import activations, function_behind, said
from derive.reader.text.stated import derivative, stated

if TYPE_CHECKING:
    from markdown_it.token import Token

KEYS = {
    "output": "output", "outputs": "output", "input": "input", "inputs": "input", "target": "target",
    "targets": "target", "assume": "assume", "assuming": "assume", "assumption": "assume",
}  # fmt: skip
"""Words that start a declaring line when a colon follows."""

_KEY = regex(r"\s*(?:[*_]{1,2})?([A-Za-z]+)(?:[*_]{1,2})?\s*[:：](?:[*_]{1,2})?")
WHERE = regex(r"\s*(?:where|with|for|here|其中)\b", re.IGNORECASE)
"""Words that start a line of declarations."""
_PUNCTUATION = regex(r"[\s,;.:，。；、()*_-]*(?:(?:and|or|,)[\s,;.]*)*")
_SHAPE = regex(
    r"\A(?:(?!\\partial|\\nabla|=)[\s\S])*(?:\\in|∈)\s*\{?\s*(?:\\mathbb\s*\{?R|\\R(?:e(?![a-z])|(?![A-Za-z]))|ℝ)"
)
"""A shape said in running text: letters, ∈, and a space of real numbers."""
_DEFINES = regex(r"\A\s*\\?[A-Za-z]+(?:_(?:\w|\{\w+\}))?\s*\(\s*[a-sv-z]\s*\)\s*=(?P<of>[^=\\]+(?:\\[a-z]+[^=\\]*)*)\Z")
"""A function by an expression, said in running text: we set φ(x) = x."""
_MATH = regex(r"[\\^_]")
_RELATION = regex(
    r"[=≔≡∝≈∈←<>≤≥]|\\(?:in|approx|propto|coloneqq|equiv|gets|leftarrow|to|rightarrow|triangleq|le|leq|ge|geq|sim|"
    r"lesssim|leqslant|geqslant)"
    r"(?![A-Za-z])"
)
_SIGN_ALONE = regex(
    r"\A(?:\s*\\(?:sum|prod)(?:(?:no)?limits)?(?![A-Za-z])(?:\s*\\(?:no)?limits)?"
    r"(?:\s*[_^]\s*(?:\{[^{}]*\}|\\[A-Za-z]+|\w))*)+[\s.,]*\Z"
)
"""The sign of a sum that is spoken of."""
_ARROW = regex(r"\A\s*\\(?:to|rightarrow)(?![A-Za-z])(?=\s*\\[dt]?frac\s*\{\s*\\partial)")
"""→ ∂L/∂h, as what is computed next."""
_GRADIENT = regex(r"\s*(?:d[A-Z]\w*|d[a-z](?:_(?:\w+|\{[^{}]*\}))?|delta_\w+)\s*(?:\+=|:?=(?!=)|←|<-)")
"""A gradient as programs call it, and what it is: dW_hh += dz_t @ h_{t-1}^T."""
_DEEPEST_HEADING = 6
_CLOSING = regex(r"\s*(?:\$\$?|\\[)\]])")
_LATEX_FENCES = {"math", "latex", "tex"}
_PLAIN_FENCES = {"equations", "text"}
_OPEN_FENCES = {"text", "txt", "plaintext", "plain", "none"}
"""What a fence of plain text may be called, beside nothing."""


@dataclass(frozen=True)
class Declaration:
    """A line that declares: its key (`where`, `output`, ...), its formulas and its words."""

    key: str
    formulas: tuple[Fragment, ...]
    words: str


@dataclass
class Note:
    """What a note says."""

    file: str
    title: str = ""
    source: str = ""
    formulas: list[Fragment] = field(default_factory=list)
    declarations: list[Declaration] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)


def note(text: str, file: str) -> Note:
    """Find the formulas of a Markdown text."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = Note(file)
    heading = False
    for token in _markdown().parse("\n".join(lines)):
        if token.type == "heading_open":
            heading = True
        elif token.type == "heading_close":
            heading = False
        elif token.type in ("math_block", "math_block_eqno", "math_block_label", "amsmath"):
            found.formulas.append(_block(token, lines, file))
            _, letter, kind = function_behind(token.content)
            if letter:
                named = replace(found.formulas[-1], text=letter)
                found.declarations.append(Declaration(kind, (named,), ""))
        elif token.type == "fence":
            info = token.info.strip().split()[:1]
            if info and info[0] in _LATEX_FENCES | _PLAIN_FENCES:
                found.formulas.append(_block(token, lines, file, plain=info[0] in _PLAIN_FENCES, fence=True))
        elif token.type == "inline":
            if heading:
                found.title = found.title or token.content.strip()
            else:
                _paragraph(token, lines, found)
    return found


_BRACED = regex(r"(?<=[A-Za-z}])\{([_^](?:\w|\{[^{}]*\}))\}")
"""A script with a brace around it."""
_GATE = regex(r"\\Gamma\{([A-Za-z])\}")
"""A gate whose label has lost its sign: \\Gamma{f} is \\Gamma_f, as no matrix is called so."""
_SPOKEN = regex(r"(?P<font>\\(?:text(?:rm|it|bf|normal)?|mbox)\s*\{)(?P<words>(?:[^{}$]|\{[^{}$]*\})*\})")
_ALIKE_OR_NOT = r"(?:=|≠|\\neq?(?![A-Za-z]))"
_INDICES_AS_TEXT = regex(
    rf"\\(?:text(?:rm|normal)?|mbox)\s*\{{\s*(?P<maths>\$?[a-z]\s*\$?\s*{_ALIKE_OR_NOT}\s*\$?\s*[a-z]\s*\$?)\s*\}}"
)
"""\\text{p $\\ne$ i}, in which nothing is a word."""
_ENDS_IN_MATHS = regex(
    r"(?P<words>\\(?:text(?:rm|normal)?|mbox)\s*\{\s*[A-Za-z][A-Za-z ]*)\$(?P<maths>[^${}]*(?:\{[^{}$]*\}[^${}]*)*)\$\}"
)
"""\\text{if $p = i$}"""
_FONT = regex(r"\\(?:text(?:rm|it|bf|sf|tt|sc|normal)|emph|underline|mathrm|mathbf)\s*\{([^{}]*)\}")
"""A font within words: \\text{\\textbf{forget} gate}."""
_ESCAPED = regex(r"(?<!\\)\\_\s*\{")
_ESCAPED_ANGLES = regex(r"(?:\\<|(?<=[{^_])\\lt(?![A-Za-z]))(?P<inside>[^<>{}\\]{1,12})(?:\\>|\\gt(?![A-Za-z]))")
_ESCAPED_SIGN = regex(r"(?<!\\)\\(?=[-+=])")
_DOUBLED = regex(r"(?<!\\)\\\\(?=(?:d?frac|partial|sum|tanh|sigma|odot|cdot|delta|text|math[a-z]+)(?![A-Za-z]))")
_PAIRS = regex(r"(?:\\\\)+")
_SINGLE_COMMAND = regex(r"(?<!\\)(?:\\\\)*\\[A-Za-z]")
_ESCAPED_LETTER = regex(r"(?<!\\)\\_(?=(?:\\?[A-Za-z]|\d)(?![A-Za-z0-9]))(?![^{}]*\\_[A-Za-z]{2})")


_BOLD = regex(r"\s*(\*\*|__)[^*_\n]+\1\s*")


@cache
def _model_title() -> re.Pattern[str]:
    """A text that only names a kind of model, which is a heading of what follows."""
    known = tomllib.loads((Path(__file__).parents[2] / "languages" / "titles.toml").read_text(encoding="utf-8"))
    models, before, behind = ("|".join(known[key]) for key in ("models", "before", "behind"))
    kind = rf"(?:(?:{before})[\s-]*)?(?:{models})(?:[\s-]*(?:{behind}))?"
    return re.compile(rf"[\W\d_]*{kind}(?:\s*[(（]{kind}[)）])?[\W_]*", re.IGNORECASE)


def titles_a_model(text: str) -> bool:
    """Whether a text only names a kind of model."""
    return _model_title().fullmatch(text) is not None


def _title(paragraph: str) -> str:
    """The kind of model that a paragraph only names, or its first line, which stands apart in bold or with a colon."""
    first, *others = paragraph.split("\n")
    apart = _BOLD.fullmatch(first) or first.rstrip(" *_").endswith((":", "："))
    named = first if others and apart else paragraph
    return named.strip() if titles_a_model(named) else ""


@cache
def _markdown() -> Any:
    """The Markdown parser, made once."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin
    from mdit_py_plugins.texmath import texmath_plugin

    markdown = MarkdownIt("commonmark", {"html": False}).disable(["code", "lheading"])
    markdown.use(front_matter_plugin)
    markdown.use(texmath_plugin, delimiters="brackets")
    markdown.use(dollarmath_plugin, double_inline=True, allow_blank_lines=True)
    markdown.use(amsmath_plugin)
    for rule in markdown.block.ruler.__rules__:
        # The brackets and the dollars each bring a rule of this name: all end the paragraph before them, so that the
        # lines of a formula are not read as text or lists.
        if rule.name.startswith("math_block"):
            rule.fn = _interrupting(rule.fn)
            rule.alt = ["paragraph", "reference", "blockquote", "list"]
        elif rule.name == "list":
            rule.fn = _outside_formulas(rule.fn)
    markdown.block.ruler.__cache__ = None
    return markdown


def _interrupting(rule: Any) -> Any:
    """The same rule, leaving nothing behind when it is only asked, and leaving lines with several formulas alone."""

    def found(state: Any, first: int, last: int, silent: bool) -> bool:
        written = state.src[state.bMarks[first] + state.tShift[first] : state.eMarks[first]].strip()
        if written.startswith("$$") and "$$" in written[2:].removesuffix("$$"):
            return False
        count, line = len(state.tokens), state.line
        matches = bool(rule(state, first, last, silent))
        ended = not any("$$" in token.content for token in state.tokens[count:])  # else text behind it was taken in
        if silent or not ended:
            del state.tokens[count:]
            state.line = line
        return matches and ended

    return found


LONGEST_FORMULA = 30
"""Lines over which a formula in a text may run."""
_SINGLE = regex(r"(?<![\\$])\$(?!\$)")


def _outside_formulas(rule: Any) -> Any:
    """The same rule, for which a line that goes on with a formula, - h_t^2) W$, is no item of a list."""

    def found(state: Any, first: int, last: int, silent: bool) -> bool:
        if silent:

            def line(n: int) -> str:
                return str(state.src[state.bMarks[n] : state.eMarks[n]]).strip()

            above = list(takewhile(str.strip, map(line, range(first - 1, max(first - LONGEST_FORMULA, 0) - 1, -1))))
            below = takewhile(str.strip, map(line, range(first, min(first + LONGEST_FORMULA, last))))
            before, behind = _SINGLE.split("\n".join(reversed(above))), _SINGLE.split("\n".join(below))
            if len(before) % 2 == 0 and len(behind) > 1 and _MATH.search(before[-1] + behind[0]):
                return False
        return bool(rule(state, first, last, silent))

    return found


@dataclass(frozen=True)
class Found:
    """Any formula of a text: displayed or inline; `section` are the headings above it."""

    fragment: Fragment
    displayed: bool
    section: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.fragment.text

    @cached_property
    def place(self) -> Place:
        """Where it starts and ends, without the space around it."""
        text = self.fragment.text
        return self.fragment.place(len(text) - len(text.lstrip()), len(text.rstrip()))

    @property
    def claims(self) -> bool:
        """Whether it says anything: a letter on its own is a mention, behind an arrow too."""
        return _RELATION.search(_SIGN_ALONE.sub("", _ARROW.sub("", self.fragment.text))) is not None


_F = TypeVar("_F", bound="Found")


def worded(found: Sequence[_F]) -> list[_F]:
    """The formulas of a document with the words that stand left of its equations as letters in all of them."""
    words = frozenset(word for one in found for word in words_at_the_left(one.fragment))
    return [replace(one, fragment=replace(one.fragment, words=words)) for one in found] if words else list(found)


def every_formula(text: str, file: str, headings: tuple[str, ...] = ()) -> tuple[list[Found], tuple[str, ...]]:
    """All formulas of a Markdown text in their order, those that declare nothing too, and the headings at its end."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: list[Found] = []
    open_: list[Found] = []
    path = list(headings)
    level = 0
    for token in _markdown().parse("\n".join(lines)):
        if token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "heading_close":
            level = 0
        elif token.type in ("math_block", "math_block_eqno", "math_block_label", "amsmath"):
            found.append(Found(_block(token, lines, file), True, tuple(path)))
        elif token.type == "fence":
            info = token.info.strip().split()[:1]
            if info and info[0] in _LATEX_FENCES | {"equations"}:
                fragment = _block(token, lines, file, plain=info[0] in _PLAIN_FENCES, fence=True)
                found.append(Found(fragment, True, tuple(path)))
            elif (not info or info[0].lower() in _OPEN_FENCES) and token.map:
                inside = list(enumerate(lines, 1))[token.map[0] + 1 : token.map[1] - 1]
                open_ += [Found(one, True, tuple(path)) for one in stated(inside, file)]
        elif token.type == "inline":
            if title := token.content.strip() if level else _title(token.content):
                depth = level or _DEEPEST_HEADING + 1
                path[depth - 1 :] = [*[""] * (depth - 1 - len(path)), title]
            first, last = token.map or [0, len(lines)]
            number, column = first, 0
            for kind, content in (piece for pieces in _lines(token) for piece in pieces if piece[0] != "text"):
                if kind == "code":
                    number, column = _after(content, lines, number, last, column)
                    continue
                fragment, number, column = _inline(content, lines, number, last, column, file)
                found.append(Found(fragment, kind == "display", tuple(path)))
    named = [each for each in open_ if _GRADIENT.match(each.text)]
    gradients = [each for each in open_ if derivative(each.fragment) or (len(named) > 1 and each in named)]
    if open_ and (found or gradients):
        # Beside equations with marks, those without may be other models: only what they say of derivatives counts.
        marked = any(each.displayed and each.claims and not derivative(each.fragment) for each in found)
        found += gradients if marked else open_
        found.sort(key=lambda each: (each.place.line, each.place.column))
    return found, tuple(path)


def _block(token: Token, lines: list[str], file: str, *, plain: bool = False, fence: bool = False) -> Fragment:
    """A formula on lines of its own."""
    first, last = token.map or [0, len(lines)]
    last += token.type == "amsmath"  # whose map ends before its last line
    return _located(function_behind(token.content)[0], lines, first + fence, last, file, plain=plain)


def _located(content: str, lines: list[str], first: int, last: int, file: str, *, plain: bool = False) -> Fragment:
    """Find the lines of a formula in the file, where quotes and lists put something before them."""
    read, content = _unescaped(content.rstrip()), content.rstrip()
    marks: list[Line] = []
    offset, number, column = 0, first, 0
    for piece in content.split("\n"):
        stripped = piece.strip()
        lead = len(piece) - len(piece.lstrip())
        if stripped:
            for candidate in range(number, min(last, len(lines))):
                at = lines[candidate].find(stripped, column if candidate == number else 0)
                if at >= 0:
                    number, column = candidate, at + len(stripped)
                    marks.append(Line(offset + lead, candidate + 1, at + 1, lines[candidate]))
                    break
            number, column = number + 1, 0
        offset += len(piece) + 1
    if not marks:
        marks.append(Line(0, first + 1, 1, lines[first] if first < len(lines) else ""))
    written = content if _INDICES_AS_TEXT.search(content) or _ENDS_IN_MATHS.search(content) else ""
    return Fragment(read, file, tuple(marks), plain, as_written=written)


def _unescaped(content: str) -> str:
    """A formula without the escapes that some sites want, `\\nabla\\_{h}` and `a^{\\<t\\>}`, and `W{_x}` as `W _x`."""
    content = _GATE.sub(r"\\Gamma_\1 ", _BRACED.sub(r" \1 ", content))
    content = _INDICES_AS_TEXT.sub(_without_text, content)
    content = _ENDS_IN_MATHS.sub(lambda said: f"{said['words']}}}{said['maths']}  ", content)
    content = _SPOKEN.sub(lambda said: said["font"] + _FONT.sub(_in_place, said["words"]), content)
    if _DOUBLED.search(content) and not _SINGLE_COMMAND.search(content):
        content = _PAIRS.sub(lambda run: run.group()[len(run.group()) // 2 :].rjust(len(run.group())), content)
    content = _ESCAPED_SIGN.sub(" ", content).replace("&lt;", "   <").replace("&gt;", ">   ")
    content = _ESCAPED_ANGLES.sub(lambda said: f"<{said['inside']}>".rjust(len(said.group())), content)
    content = _ESCAPED_LETTER.sub(" _", content)
    if not _ESCAPED.search(content):
        return content
    return content.replace(r"\_", " _").replace(r"\{}", "   ")


def _without_text(said: re.Match[str]) -> str:
    """Mathematics typed as text where it stands, so that all behind it keeps its place."""
    maths = said["maths"].replace("$", " ")
    return maths.rjust(said.end("maths") - said.start()).ljust(said.end() - said.start())


def _in_place(font: re.Match[str]) -> str:
    """The words of a font command where they stand, so that all behind them keeps its place."""
    return font[1].rjust(font.end(1) - font.start()) + " "


def _paragraph(token: Token, lines: list[str], found: Note) -> None:
    """Formulas inside a paragraph: displayed ones, and those of declaring lines."""
    first, last = token.map or [0, len(lines)]
    number = first
    key = ""
    column = 0
    whole: str = ""
    everything: list[Fragment] = []
    for pieces in _lines(token):
        formulas: list[Fragment] = []
        words = ""
        for kind, content in pieces:
            if kind in ("text", "code"):
                words += content
                continue
            fragment, number, column = _inline(content, lines, number, last, column, found.file)
            if kind == "display":
                words += " "
                if "=" in content or len(pieces) == 1:
                    found.formulas.append(fragment)  # anything else is a mention
            else:
                words += "\0"
                formulas.append(fragment)
        whole, everything = f"{whole} {words}", everything + formulas
        plain_words = words.replace("\0", " ")
        opening = _KEY.match(words)
        name = opening.group(1).lower() if opening else ""
        if opening and name == "source":
            found.source = found.source or _written(token, words, opening.end())
            key = ""
        elif name in KEYS:
            key = ""
            found.declarations.append(Declaration(KEYS[name], tuple(formulas), plain_words))
        elif formulas and (WHERE.match(words) or _PUNCTUATION.fullmatch(plain_words)):
            key = "for" if words.lstrip().lower().startswith("for") else "where"
            found.declarations.append(Declaration(key, tuple(formulas), plain_words))
        elif formulas and key:
            found.declarations.append(Declaration(key, tuple(formulas), plain_words))
        elif shapes := tuple(one for one in formulas if _SHAPE.search(one.text) or _DEFINES.match(one.text)):
            found.declarations.append(Declaration("said", shapes, plain_words))
    for kind, numbers in said(whole) if everything else ():
        found.declarations.append(Declaration(kind, tuple(everything[n] for n in numbers), ""))
    found.declarations += [Declaration(kind, (), "") for kind in activations(whole)]


def _written(token: Token, words: str, start: int) -> str:
    """The line of the source as typed, with its formulas."""
    prefix = words[:start].strip()
    for line in token.content.split("\n"):
        if line.strip().startswith(prefix):
            return line.strip()[len(prefix) :].strip()
    return words[start:].strip()


def _lines(token: Token) -> Iterator[list[tuple[str, str]]]:
    """The lines of a paragraph as texts and formulas."""
    pieces: list[tuple[str, str]] = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            yield pieces
            pieces = []
        elif child.type == "math_inline":
            pieces.append(("inline", child.content))
        elif child.type in ("math_inline_double", "math_single", "math_block"):
            pieces.append(("display", child.content))
        elif child.content:
            pieces.append(("code" if child.type == "code_inline" else "text", child.content))
    yield pieces


def _inline(
    content: str, lines: list[str], number: int, last: int, column: int, file: str
) -> tuple[Fragment, int, int]:
    """A formula inside a paragraph, found from a line and column on."""
    start = content.strip().split("\n")[0]
    for candidate in range(number, min(last, len(lines))):
        begin = column if candidate == number else 0
        at = lines[candidate].find(start, begin)
        # what stands before must be a delimiter: the same letter may occur in the words before it
        while at > 0 and lines[candidate][begin:at].rstrip()[-1:] not in ("$", "(", "["):
            at = lines[candidate].find(start, at + 1)
        if at >= 0:
            fragment = _located(content, lines[:], candidate, last, file)
            mark = Line(len(content) - len(content.lstrip()), candidate + 1, at + 1, lines[candidate])
            found = Fragment(fragment.written, file, (mark, *fragment.lines[1:]))
            extra = content.strip().count("\n")
            if extra:
                return found, candidate + extra, 0
            closing = _CLOSING.match(lines[candidate], at + len(start))
            return found, candidate, closing.end() if closing else at + len(start)
    return _located(content, lines, number, last, file), number, column


def _after(content: str, lines: list[str], number: int, last: int, column: int) -> tuple[int, int]:
    """Where the text goes on after a piece of code, whose dollars are none."""
    for candidate in range(number, min(last, len(lines))):
        at = lines[candidate].find(content, column if candidate == number else 0)
        if at >= 0:
            return candidate, at + len(content)
    return number, column
