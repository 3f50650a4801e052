"""Commands that a document defines: `\\newcommand{\\pd}[2]{...}`, `\\def\\x#1{...}`, `\\DeclareMathOperator`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from derive.cell import Guess
from derive.patterns import regex
from derive.reader.text.fragment import Fragment, Line

_DEFINITION = regex(
    r"\\(?:(?:(?:re)?new|provide)command\*?\s*\{?\s*\\(?P<command>[A-Za-z]+)\s*\}?\s*"
    r"(?:\[\s*(?P<count>\d)\s*\]\s*(?:\[(?P<default>[^\[\]]*)\])?)?"
    r"|[gex]?def\s*\\(?P<defined>[A-Za-z]+)\s*(?P<signs>(?:#\d\s*)*)"
    r"|DeclareMathOperator(?P<star>\*?)\s*\{?\s*\\(?P<operator>[A-Za-z]+)\s*\}?)\s*(?=\{)"
)
_OTHER = regex(r"\\(?:(?:(?:re)?new|provide)command|[gex]?def|DeclareMathOperator)(?![A-Za-z])[^\n]*")
_GONE = "\0"
_ONLY = rf"\s*{_GONE}[\s{_GONE}]*"
_EMPTY = regex(rf"\$\$?{_ONLY}\$\$?|\\\[{_ONLY}\\\]|\\\({_ONLY}\\\)")
"""A formula that only defines."""
_ARGUMENT = regex(r"#(\d)")
MACRO = regex(r"(?:(?<!\\)|(?<=(?<!\\)\\\\))\\([A-Za-z]+)")
"""A command; what stands behind \\\\ is the first word of a row."""
_COMMAND_BEFORE = regex(r"\\[A-Za-z]+\Z")
DEEPEST = 8
"""Macros within macros."""
LONGEST = 5_000
"""Characters that a formula may grow to."""


@dataclass(frozen=True)
class Macro:
    """The body of a command with `#1`, how many arguments it has, and what the first is where it is left out; `guess`
    says what it is where the document does not define it.
    """

    body: str
    count: int = 0
    default: str | None = None
    guess: str = ""


USUAL = {"pdv": Macro(r"\frac{\partial #1}{\partial #2}", 2), "dv": Macro(r"\frac{d #1}{d #2}", 2)}
"""Commands of the package physics, which pages have without a definition."""


def macros(text: str) -> tuple[str, dict[str, Macro]]:
    """The text with its definitions blanked out, and the commands that they define."""
    found = dict(USUAL)
    position = 0
    while definition := _DEFINITION.search(text, position):
        body, end = group(text, definition.end())
        name = definition.group("command") or definition.group("defined") or definition.group("operator")
        if definition.group("operator"):
            found[name] = Macro(rf"\operatorname{{{body}}}")
        elif definition.group("defined"):
            found[name] = Macro(body, definition.group("signs").count("#"))
        else:
            found[name] = Macro(body, int(definition.group("count") or 0), definition.group("default"))
        text = text[: definition.start()] + _gone(text[definition.start() : end]) + text[end:]
        position = end
    text = _EMPTY.sub(lambda match: _gone(match.group()), _OTHER.sub(lambda match: _gone(match.group()), text))
    return text.replace(_GONE, " "), found


def _gone(text: str) -> str:
    return re.sub(r"[^\n]", _GONE, text)


def group(text: str, start: int) -> tuple[str, int]:
    """The content of the braces that open at `start`, and where the text goes on."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] in "{}" and text[i - 1 : i] != "\\":
            depth += 1 if text[i] == "{" else -1
            if depth == 0:
                return text[start + 1 : i], i + 1
    return text[start + 1 :], len(text)


def expanded(text: str, match: re.Match[str], known: Mapping[str, Macro], end: int, depth: int = 1) -> tuple[str, int]:
    """What a command with its arguments stands for, and where the text goes on.

    A space stands between it and a letter behind it, or a command's name before it. Raises OverflowError where it
    grows too large, and LookupError where an argument is missing.
    """
    if depth > DEEPEST:
        raise OverflowError
    macro = known[match.group(1)]
    given: list[str] = []
    position = match.end()
    if macro.default is not None and macro.count:
        optional = re.compile(r"\s*\[([^\[\]]*)\]").match(text, position, end)
        given.append(optional.group(1) if optional else macro.default)
        position = optional.end() if optional else position
    while len(given) < macro.count:
        argument, position = _argument(text, position, end)
        given.append(argument)
    body = _ARGUMENT.sub(lambda sign: _put(given, int(sign.group(1))), macro.body)
    body = put_in(body, known, depth + 1)
    if "_" in body or "^" in body:
        return f"{{{body}}}", position
    before = " " if body[:1].isalpha() and _COMMAND_BEFORE.search(text, 0, match.start()) else ""
    behind = " " if text[position : position + 1].isalpha() else ""
    return f"{before}{body}{behind}", position


def with_macros(fragment: Fragment, known: Mapping[str, Macro]) -> Fragment:
    """The formula with its macros put in; every piece that was typed starts a new mark, so that places stay exact."""
    text = fragment.text
    used = known.keys() & set(MACRO.findall(text))
    if not used:
        return fragment
    guessed = any(known[name].guess for name in used)
    assumed = (*fragment.assumed, *([by_name(known)] if guessed else ()))
    written: list[str] = []
    marks: list[Line] = []
    length = 0

    def add(piece: str, offset: int, typed: bool) -> None:
        nonlocal length
        for row in piece.splitlines(keepends=True) if typed else [piece]:
            place = fragment.place(offset)
            marks.append(Line(length, place.line, place.column, place.text))
            written.append(row)
            length += len(row)
            offset += len(row)

    position = 0
    while macro := MACRO.search(text, position):
        if macro.group(1) not in known:
            add(text[position : macro.end()], position, True)
            position = macro.end()
            continue
        add(text[position : macro.start()], position, True)
        try:
            body, position = expanded(text, macro, known, len(text))
        except (OverflowError, LookupError):  # the command stays as it is, and cannot be read
            body, position = macro.group(), macro.end()
        add(body, macro.start(), False)
    add(text[position:], position, True)
    return replace(fragment, text="".join(written), lines=tuple(marks), as_written="", assumed=assumed)


def by_name(known: Mapping[str, Macro]) -> Guess:
    """The guess about the commands that a document uses and does not define, one for all of them."""
    read = ", ".join(macro.guess for macro in known.values() if macro.guess)
    taken = f"commands are read by their names: {read}"
    return Guess(taken, "they stand for something else", "the document does not define them")


def put_in(text: str, known: Mapping[str, Macro], depth: int = 1) -> str:
    """A text with the commands in it put in."""
    written: list[str] = []
    position = length = 0
    while match := MACRO.search(text, position):
        written.append(text[position : match.start()])
        if match.group(1) in known:
            body, position = expanded(text, match, known, len(text), depth)
        else:
            body, position = match.group(), match.end()
        written.append(body)
        length += len(written[-1]) + len(written[-2])
        if length > LONGEST:
            raise OverflowError
    return "".join(written) + text[position:]


def _put(given: list[str], number: int) -> str:
    return given[number - 1]


def _argument(text: str, start: int, end: int) -> tuple[str, int]:
    """The argument at a place: what stands in braces, a command, or one character."""
    found = re.compile(r"\s*(\\[A-Za-z]+|\\.|[^\s{}])").match(text, start, end)
    if found is not None:
        return found.group(1), found.end()
    brace = re.compile(r"\s*(?=\{)").match(text, start, end)
    if brace is None:
        raise LookupError
    return group(text, brace.end())
