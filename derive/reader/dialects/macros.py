"""Commands that a LaTeX document defines: `\\newcommand{\\pd}[2]{...}`, `\\def\\x#1{...}`, `\\DeclareMathOperator`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DEFINITION = re.compile(
    r"\\(?:(?:(?:re)?new|provide)command\*?\s*\{?\s*\\(?P<command>[A-Za-z]+)\s*\}?\s*"
    r"(?:\[\s*(?P<count>\d)\s*\]\s*(?:\[(?P<default>[^\[\]]*)\])?)?"
    r"|[gex]?def\s*\\(?P<defined>[A-Za-z]+)\s*(?P<signs>(?:#\d\s*)*)"
    r"|DeclareMathOperator(?P<star>\*?)\s*\{?\s*\\(?P<operator>[A-Za-z]+)\s*\}?)\s*(?=\{)"
)
_OTHER = re.compile(r"\\(?:(?:(?:re)?new|provide)command|[gex]?def|DeclareMathOperator)(?![A-Za-z])[^\n]*")
_ARGUMENT = re.compile(r"#(\d)")
MACRO = re.compile(r"\\([A-Za-z]+)")
DEEPEST = 8
"""Macros within macros."""
LONGEST = 5_000
"""Characters that a formula may grow to."""


@dataclass(frozen=True)
class Macro:
    """The body of a command with `#1`, how many arguments it has, and what the first is where it is left out."""

    body: str
    count: int = 0
    default: str | None = None


def macros(text: str) -> tuple[str, dict[str, Macro]]:
    """The text with its definitions blanked out, and the commands that they define."""
    found: dict[str, Macro] = {}
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
        text = text[: definition.start()] + re.sub(r"[^\n]", " ", text[definition.start() : end]) + text[end:]
        position = end
    return _OTHER.sub(lambda match: " " * len(match.group()), text), found


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

    It is followed by a space, as a letter may come next. Raises OverflowError where it grows too large, and
    LookupError where an argument is missing.
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
    return (f"{{{body}}}" if "_" in body or "^" in body else f"{body} "), position


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
